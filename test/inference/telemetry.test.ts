/** What is read and trained stays on the machine: the runtime's own usage reports are off. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The runtime sends nothing under these anyway; without them a person's machine is what is tested. */
const SUPPRESSING = /^(CI|ORT_.*|GITHUB_ACTIONS|TF_BUILD|XDG_.*)$/;

describe('ONNX Runtime', () => {
  it('makes no device id and no queue of usage reports', function () {
    // The Windows build reports to the system's own tracing, which no file shows.
    if (process.platform === 'win32') this.skip();
    const home = mkdtempSync(join(tmpdir(), 'medtext-home-'));
    try {
      const inherited = Object.entries(process.env).filter(([name]) => !SUPPRESSING.test(name));
      const entry = join(__dirname, 'support/createSession.ts');
      const text = execFileSync(process.execPath, ['-r', 'tsx/cjs', entry], {
        cwd: join(__dirname, '../..'),
        env: { ...Object.fromEntries(inherited), HOME: home },
        encoding: 'utf8',
      });
      assert.match(text, /^ONNX Runtime refused a graph/); // so it was loaded
      assert.deepEqual(readdirSync(home, { recursive: true }), []);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
