/** The bundled samples are what their generator makes of the hand-written texts. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const generator = resolve(__dirname, '../../samples/makePairs.mjs');

/** Exit code and everything printed. */
function run(args: readonly string[]): Promise<{ code: number; text: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [generator, ...args], (error, stdout, stderr) => {
      done({ code: error ? Number(error.code ?? 1) : 0, text: stdout + stderr });
    });
  });
}

describe('bundled samples', () => {
  it('are what makePairs.mjs writes', async () => {
    const { code, text } = await run(['--check']);
    assert.equal(code, 0, text);
  });

  it('are all in their README', () => {
    const folder = dirname(generator);
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => name !== 'README.md');
    const names = entries.map((entry) => `\`${entry.name}${entry.isDirectory() ? '/' : ''}\``);
    assert.deepEqual(names.filter((name) => !new RegExp(`^\\| [^|]*${name}`, 'm').test(readme)), []); // prettier-ignore
  });
});
