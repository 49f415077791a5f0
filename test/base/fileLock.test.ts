import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { words } from '../../src/base/errors';
import { FileLock, lockHolder, withFileLock } from '../../src/base/fileLock';
import { sweepLeftovers, temporaryFile, temporaryFolder } from '../../src/base/leftovers';
import { isProcessAlive, thisProcess } from '../../src/base/processIdentity';

const busy = words`Something is under way`;

describe('a lock', () => {
  let folder: string;
  let file: string;
  const children: ChildProcess[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-lock-'));
    file = join(folder, '.a.lock');
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  /** What a process of its own says of its attempt. */
  const attempt = (): Promise<{ child: ChildProcess; said: string }> => {
    const child = spawn(process.execPath, ['--require', 'tsx/cjs', join(__dirname, 'lockChild.ts'), file], { stdio: ['pipe', 'pipe', 'inherit'] }); // prettier-ignore
    children.push(child);
    return new Promise((resolve) => child.stdout.on('data', (data: Buffer) => resolve({ child, said: data.toString().trim() }))); // prettier-ignore
  };
  const ended = (child: ChildProcess) => new Promise((resolve) => child.on('exit', resolve));
  const holder = (change: object) => writeFileSync(file, JSON.stringify({ ...thisProcess(), token: 'x', ...change }));

  it('is one process’s, also of many that find a dead one at once', async () => {
    for (let round = 0; round < 3; round++) {
      holder({ start: 'of an earlier boot/1' });
      const attempts = await Promise.all([attempt(), attempt(), attempt()]);
      assert.deepEqual(attempts.map(({ said }) => said).sort(), ['BUSY', 'BUSY', 'taken']);
      const { child } = attempts.find(({ said }) => said === 'taken')!;
      child.stdin!.write('end\n');
      await ended(child);
      assert.deepEqual(readdirSync(folder), []);
    }
  });

  it('is free again when its process is killed, and kept from a second attempt of the same process', async () => {
    const { child } = await attempt();
    await assert.rejects(FileLock.take(file, busy), {
      code: 'BUSY',
      message: `Something is under way (process ${child.pid}). Wait for it, or end it; if it is gone, delete ${file}.`,
    });
    child.kill('SIGKILL');
    await ended(child);
    const lock = await FileLock.take(file, busy);
    await assert.rejects(FileLock.take(file, busy), { code: 'BUSY' });
    await lock.release();
    assert.equal(existsSync(file), false);
  });

  it('of this number but another start is an earlier process’s: number 1 of a container is no other process', async () => {
    holder({ start: `${thisProcess().start}0` });
    if (process.platform === 'linux') await withFileLock(file, busy, async () => undefined);
    holder({});
    await assert.rejects(FileLock.take(file, busy), { code: 'BUSY' });
  });

  it('of another machine or container counts while it gives signs of life', async () => {
    holder({ host: 'elsewhere', pid: 1 });
    await assert.rejects(FileLock.take(file, busy), { code: 'BUSY', message: /process 1 of another machine or container/ }); // prettier-ignore
    const longAgo = new Date(Date.now() - 6 * 60_000);
    utimesSync(file, longAgo, longAgo);
    await withFileLock(file, busy, async () => undefined);
  });

  it('of an earlier version holds a number alone; one of nonsense holds nothing, once it is old', async () => {
    writeFileSync(file, String(process.pid));
    await assert.rejects(FileLock.take(file, busy), { code: 'BUSY' });
    writeFileSync(file, '999999999');
    await withFileLock(file, busy, async () => undefined);
    for (const text of ['', '{', 'null', '{"pid":"x"}', '[]']) {
      writeFileSync(file, text);
      assert.ok(await lockHolder(file), 'its writer may be at it');
      utimesSync(file, new Date(0), new Date(0));
      await withFileLock(file, busy, async () => undefined);
    }
  });

  it('knows when it was taken away, and leaves another’s alone', async () => {
    const lock = await FileLock.take(file, busy);
    assert.equal(lock.isHeld, true);
    rmSync(file);
    assert.equal(lock.isHeld, false);
    holder({ pid: 1, host: 'elsewhere' });
    assert.equal(lock.isHeld, false);
    await lock.release();
    assert.match(readFileSync(file, 'utf8'), /elsewhere/);
  });

  it('a dead process is dead, and what is not known of one alive is no reason against it', async () => {
    const { child } = await attempt();
    const { pid } = child as { pid: number };
    assert.equal(isProcessAlive({ pid }), true);
    assert.equal(isProcessAlive(JSON.parse(readFileSync(file, 'utf8'))), true);
    assert.equal(isProcessAlive({ pid, host: 'elsewhere' }), undefined);
    child.kill('SIGKILL');
    await ended(child);
    assert.equal(isProcessAlive({ pid }), false);
    for (const none of [0, -1, NaN, 1.5]) assert.equal(isProcessAlive({ pid: none }), false);
  });

  it('another process’s attempt is not swept while it lives', async () => {
    const attempts = ['.model.import.lock.0123456789ab.tmp', '.lock.0123456789ab.tmp'];
    for (const name of attempts) writeFileSync(join(folder, name), JSON.stringify({ ...thisProcess(), token: 'x' }));
    await sweepLeftovers(folder, 'model');
    await sweepLeftovers(folder);
    assert.deepEqual(readdirSync(folder).sort(), [...attempts].sort());
    const dead = JSON.stringify({ ...thisProcess(), token: 'x', start: 'dead', pid: 999_999_999 });
    for (const name of attempts) writeFileSync(join(folder, name), dead);
    await sweepLeftovers(folder);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('what interrupted writers left is swept, and nothing else', async () => {
    const kept = ['a.tmp', '.a.tmp', 'b.writing-0123456789ab', '.env', '.b.lock.txt'];
    for (const name of kept) writeFileSync(join(folder, name), '');
    const alive = await FileLock.take(join(folder, '.alive.lock'), busy);
    holder({ start: 'dead', pid: 999_999_999 });
    writeFileSync(temporaryFile(join(folder, 'run.json')), '');
    mkdirSync(`${temporaryFolder(join(folder, 'model'))}.old`);
    mkdirSync(temporaryFolder(join(folder, 'model')));
    await sweepLeftovers(folder, 'model');
    assert.equal(readdirSync(folder).length, kept.length + 3);
    await sweepLeftovers(folder);
    assert.deepEqual(readdirSync(folder).sort(), [...kept, '.alive.lock'].sort());
    await alive.release();
  });
});
