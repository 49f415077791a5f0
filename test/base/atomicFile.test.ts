import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomically } from '../../src/base/atomicFile';
import { replaceFolder } from '../../src/models/checkpoint/replaceFolder';

const isPosix = process.platform !== 'win32';
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('writeFileAtomically', () => {
  let folder: string;
  const at = (name: string): string => join(folder, name);
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'medtext-atomic-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('replaces a file as a whole, and leaves it alone when the content fails', async () => {
    await writeFileAtomically(at('new/a'), 'one');
    await assert.rejects(
      writeFileAtomically(
        at('new/a'),
        (async function* () {
          yield 'two';
          throw new Error('no more');
        })(),
      ),
    );
    assert.equal(readFileSync(at('new/a'), 'utf8'), 'one');
    assert.deepEqual(readdirSync(at('new')), ['a']);
  });

  if (!isPosix) return;

  it('keeps the permissions of what it replaces, and gives no more than those of the source', async () => {
    const usual = (0o666 & ~process.umask()).toString(8);
    writeFileSync(at('own'), 'x');
    chmodSync(at('own'), 0o640);
    for (const [name, noWiderThan, mode] of [
      ['own', undefined, '640'],
      ['own', 0o600, '600'],
      ['plain', undefined, usual],
      ['private', 0o600, '600'],
      ['readOnly', 0o400, '600'],
      ['open', 0o777, usual],
    ] as const) {
      await writeFileAtomically(at(name), 'text', { noWiderThan });
      assert.equal(modeOf(at(name)), mode, name);
    }
  });

  it('writes through a pipe, into what a link points at, and onto nothing else', async () => {
    execFileSync('mkfifo', [at('pipe')]);
    symlinkSync('pipe', at('stdout'));
    const reading = import('node:fs/promises').then(({ readFile }) => readFile(at('pipe'), 'utf8'));
    await writeFileAtomically(at('stdout'), 'through');
    assert.equal(await reading, 'through');
    assert.ok(lstatSync(at('stdout')).isSymbolicLink() && statSync(at('pipe')).isFIFO());

    writeFileSync(at('real'), 'old');
    symlinkSync('real', at('link'));
    await writeFileAtomically(at('link'), 'new');
    assert.ok(lstatSync(at('link')).isSymbolicLink());
    assert.equal(readFileSync(at('real'), 'utf8'), 'new');

    const server = createServer().listen(at('socket'));
    await new Promise((listening) => server.once('listening', listening));
    await assert.rejects(writeFileAtomically(at('socket'), 'x'), { code: 'IO' });
    await assert.rejects(
      replaceFolder(at('socket'), async () => undefined),
      { code: 'IO' },
    );
    await assert.rejects(
      replaceFolder(at('pipe'), async () => undefined),
      { code: 'IO' },
    );
    assert.ok(statSync(at('socket')).isSocket() && statSync(at('pipe')).isFIFO());
    server.close();
    await assert.rejects(writeFileAtomically(folder, 'x'), { code: 'IO' });
    assert.deepEqual(readdirSync(folder).sort(), ['link', 'pipe', 'real', 'stdout']);
  });
});
