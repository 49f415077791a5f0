import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { MedTextError } from '../../src/base/errors';
import { WorkerProcess } from '../../src/worker/workerProcess';
import { isAlive, launchOf, until } from './support/launch';
import { testContract } from './support/testContract';

const withCode = (code: string) => (error: MedTextError) => error instanceof MedTextError && error.code === code;

describe('a forked worker', () => {
  const lines: string[] = [];
  let worker: WorkerProcess<typeof testContract>;

  beforeEach(async () => {
    lines.length = 0;
    worker = await WorkerProcess.start(testContract, launchOf('testWorker.ts', lines));
  });
  afterEach(async () => {
    worker.kill();
    await worker.exited;
  });

  it('answers, with typed arrays as they are', async () => {
    const sent = new Float32Array([0.1, -2, Number.NaN]);
    const got = await worker.channel.request('echo', { sent, big: 12345678901234567890n });
    assert.deepEqual(got, { sent, big: 12345678901234567890n });
    assert.equal(worker.identity.pid, worker.pid);
  });

  it('delivers events before the answer that followed them, and forwards its log', async () => {
    const ticks: number[] = [];
    worker.channel.on('tick', ({ n }) => ticks.push(n));
    await worker.channel.request('emitThree', undefined);
    assert.deepEqual(ticks, [0, 1, 2]);
    assert.ok(lines.includes('warn [test worker] three ticks'), lines.join('\n'));
  });

  it('carries coded errors', async () => {
    await assert.rejects(worker.channel.request('fail', undefined), (error: MedTextError) => {
      assert.deepEqual([error.code, error.message, error.detail], ['DATA_FORMAT', 'row 3 is broken', { row: 3 }]);
      return true;
    });
  });

  it('cancels at both ends', async () => {
    const ticks: number[] = [];
    worker.channel.on('tick', ({ n }) => ticks.push(n));
    const abort = new AbortController();
    const waiting = worker.channel.request('wait', undefined, abort.signal);
    await worker.channel.request('echo', 1);
    abort.abort();
    await assert.rejects(waiting, withCode('CANCELLED'));
    await worker.channel.request('echo', 1);
    assert.deepEqual(ticks, [99]);
  });

  it('ends itself for a file that takes more time or memory than its budget, and says for which', async () => {
    const env = { MEDTEXT_READ_BUDGET: '0.05' };
    for (const [asked, what] of [
      [{ ms: 60_000, megabytes: 0 }, 'time'],
      [{ ms: 60_000, megabytes: 400 }, 'memory'],
    ] as const) {
      const reader = await WorkerProcess.start(testContract, launchOf('testWorker.ts', lines, env));
      const started = Date.now();
      await assert.rejects(reader.channel.request('read', asked), (error: MedTextError) => {
        assert.equal(error.code, 'BUDGET', error.message);
        assert.deepEqual(error.detail, { file: '/strangers/file.csv', what, seconds: 1, megabytes: 75 });
        return true;
      });
      assert.ok(Date.now() - started < 30_000);
      assert.equal((await reader.exit()).overrun?.code, 'BUDGET');
    }
    // Other work has no budget, and a file has one for all its calls.
    const reader = await WorkerProcess.start(testContract, launchOf('testWorker.ts', lines, env));
    await reader.channel.request('block', { ms: 1500 });
    await reader.channel.request('read', { ms: 100, megabytes: 1 });
    await reader.end(1000);
  });

  it('outlives what a library leaves unhandled, and logs it', async () => {
    await worker.channel.request('leaveBehind', undefined);
    await worker.channel.request('echo', 1);
    await until(() => lines.some((line) => line.includes('nobody waits for this')), 'the log');
  });

  it('that is killed during a request fails it at once, with the signal', async () => {
    const waiting = worker.channel.request('wait', undefined);
    await worker.channel.request('echo', 1);
    const before = Date.now();
    process.kill(worker.pid, 'SIGKILL');
    await assert.rejects(waiting, (error: MedTextError) => {
      assert.equal(error.code, 'CLOSED');
      assert.equal(error.detail.signal, 'SIGKILL');
      return true;
    });
    assert.ok(Date.now() - before < 2000);
    await assert.rejects(worker.channel.request('echo', 1), withCode('CLOSED'));
    assert.deepEqual(await worker.exit(), { exitCode: null, signal: 'SIGKILL', expected: false });
  });

  it('that exits by itself delivers its last message first', async () => {
    const ticks: number[] = [];
    worker.channel.on('tick', ({ n }) => ticks.push(n));
    await worker.channel.request('quit', undefined);
    assert.deepEqual(await worker.exit(), { exitCode: 3, signal: null, expected: false });
    assert.deepEqual(ticks, [7]);
  });

  it('ends in an orderly way when asked, and says that this was expected', async () => {
    await worker.end(10_000);
    assert.deepEqual(await worker.exit(), { exitCode: 0, signal: null, expected: true });
  });

  it('that is busy is killed when its time is over', async () => {
    void worker.channel.request('block', { ms: 60_000 }).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await worker.end(200);
    assert.equal(isAlive(worker.pid), false);
  });
});

describe('starting a worker', () => {
  it('fails with CLOSED and its last words when the entry does not load', async () => {
    await assert.rejects(WorkerProcess.start(testContract, launchOf('absent.ts')), (error: MedTextError) => {
      assert.equal(error.code, 'CLOSED');
      assert.match((error.detail.lastErrors as string[]).join('\n'), /absent\.ts/);
      return true;
    });
  });

  it('fails with CLOSED when the runtime does not exist', async () => {
    const launch = { ...launchOf('testWorker.ts'), runtime: { path: '/nowhere/node', env: {} } };
    await assert.rejects(WorkerProcess.start(testContract, launch), withCode('CLOSED'));
  });

  it('fails with PROTOCOL when the child speaks another version', async () => {
    const newer = { ...testContract, version: 2 };
    await assert.rejects(WorkerProcess.start(newer, launchOf('testWorker.ts')), withCode('PROTOCOL'));
  });
});

describe('no child outlives its host', () => {
  for (const state of ['idle', 'busy']) {
    it(`when the host is killed while the child is ${state}`, async () => {
      const host = spawn(process.execPath, ['--require', 'tsx/cjs', join(__dirname, 'support/hostMain.ts'), state], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [chunk] = await once(host.stdout, 'data');
      const pid = Number(String(chunk).trim());
      assert.ok(isAlive(pid));
      host.kill('SIGKILL');
      await until(() => !isAlive(pid), `child ${pid} still lives`);
    });
  }
});
