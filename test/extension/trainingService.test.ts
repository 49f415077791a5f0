import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MedTextError } from '../../src/base/errors';
import { untranslated } from '../../src/base/translate';
import type { Memory } from '../../src/extension/modelStore';
import { RunStore } from '../../src/extension/runStore';
import type { StartNote } from '../../src/extension/startNotes';
import { statusText, statusTooltip } from '../../src/extension/statusText';
import { TrainingService, type RunRequest, type StartTrainer } from '../../src/extension/trainingService';
import type { TrainingReport, TrainingResult } from '../../src/protocol/trainer';
import { classificationOf } from '../support/evaluations';

export function memory(): Memory {
  const values = new Map<string, unknown>();
  return {
    get: <T>(key: string) => structuredClone(values.get(key)) as T | undefined,
    update: async (key, value) => void values.set(key, structuredClone(value)),
  };
}

const request: RunRequest = { recipeFile: '/w/a.medtext.json', recipe: {}, name: 'a', onHostGone: 'stop' };
const report = (step: number): TrainingReport => ({
  ...{ runId: 'r1', step, totalSteps: 10, epoch: 0, loss: 1, learningRate: 0, examplesPerSecond: 1, secondsLeft: 1 },
});

function setUp() {
  const runs = new RunStore(memory());
  let settle!: { resolve(result: TrainingResult): void; reject(error: Error): void };
  let listeners!: Parameters<StartTrainer>[1];
  const calls: string[] = [];
  const starts = {
    add: (note: StartNote) => calls.push(`note ${note.pid} ${note.workDir}`),
    remove: (pid: number) => calls.push(`forget ${pid}`),
  };
  const training = new TrainingService(
    async (params, given) => {
      listeners = given;
      calls.push(`start ${params.baseFolder} ${params.resumeFrom ?? ''}`.trim());
      const result = new Promise<TrainingResult>((resolve, reject) => (settle = { resolve, reject }));
      const stop = async () => void calls.push('stop');
      return { pid: 7, result, stop, kill: () => calls.push('kill'), release: () => calls.push('release') };
    },
    runs,
    starts,
  );
  return { runs, training, calls, listeners: () => listeners, settle: () => settle };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));
const end: TrainingResult = {
  run: '/w/runs/r1',
  model: '/w/runs/r1/model',
  best: { step: 5, metric: 'macroF1', value: 0.5 },
  status: 'finished',
};

describe('training service', () => {
  it('keeps the record of a run from its first report to its end', async () => {
    const { runs, training, calls, listeners, settle } = setUp();
    const running = training.run(request);
    await tick();
    assert.deepEqual(calls, ['start /w']);
    listeners().onReport(report(1));
    await tick();
    assert.deepEqual([runs.list()[0].status, runs.list()[0].folder, runs.list()[0].pid], ['running', '/w/runs/r1', 7]);
    listeners().onReport(report(10));
    listeners().onEvaluation({ step: 10, epoch: 1, evaluation: classificationOf() });
    assert.deepEqual([training.state.history.length, training.state.evaluations.length], [2, 1]);
    settle().resolve(end);
    assert.equal((await running).status, 'finished');
    const [run] = runs.list();
    assert.deepEqual(
      [run.status, run.step, run.metric, run.modelFolder],
      ['finished', 10, { name: 'macroF1', value: 0.5 }, end.model],
    );
    assert.equal(training.isActive, false);
  });

  it('forgets the steps that a run does again, which lost its device', async () => {
    const { training, listeners, runs } = setUp();
    void training.run(request);
    await tick();
    for (const step of [1, 2, 3, 4]) listeners().onReport(report(step));
    listeners().onEvaluation({ step: 2, epoch: 1, evaluation: classificationOf() });
    listeners().onEvaluation({ step: 4, epoch: 2, evaluation: classificationOf() });
    listeners().onReport(report(3));
    const { state } = training;
    assert.deepEqual([state.history, state.evaluations].map((list) => list.map(({ step }) => step)), [[1, 2, 3], [2]]); // prettier-ignore
    listeners().onReport(report(1));
    await tick();
    assert.deepEqual([training.state.history.length, training.state.evaluations.length], [1, 0]);
    assert.equal(runs.list().length, 1);
  });

  it('tells how far the texts are prepared, until the first step is planned', async () => {
    const { training, listeners, settle } = setUp();
    const running = training.run(request);
    await tick();
    listeners().onPreparation({ doneBytes: 300, totalBytes: 1000, secondsLeft: 30 });
    assert.equal(statusText(training.state, untranslated), 'Preparing the texts: 30 %, 30 s left');
    listeners().onMemoryPlan({ estimatedBytes: 5, batchSize: 16, microBatchSize: 16 });
    assert.equal(training.state.preparing, undefined);
    assert.equal(statusText(training.state, untranslated), 'Training starts…');
    settle().resolve(end);
    await running;
  });

  it('tells how far the evaluation is that the run waits for, until that is over', async () => {
    const { training, listeners, runs, settle } = setUp();
    const running = training.run(request);
    await tick();
    listeners().onReport(report(1));
    const progress = { split: 'validation', done: 64, total: 1600, secondsLeft: 30 } as const;
    listeners().onEvaluationProgress(progress);
    assert.equal(statusText(training.state, untranslated), 'Evaluating: 64 of 1600 rows, 30 s left');
    listeners().onEvaluation({ step: 1, epoch: 1, evaluation: classificationOf() });
    assert.equal(training.state.evaluating, undefined);
    listeners().onEvaluationProgress({ ...progress, split: 'test' });
    assert.equal(statusText(training.state, untranslated), 'Testing: 64 of 1600 rows, 30 s left');
    listeners().onReport(report(2));
    assert.equal(training.state.evaluating, undefined);
    settle().resolve({ ...end, test: classificationOf({ macroF1: 0.25, accuracy: 0.5 }) });
    await running;
    assert.deepEqual(runs.list()[0].test, { name: 'macroF1', value: 0.25 });
  });

  it('knows what the run is expected to take before its first step', async () => {
    const { training, listeners } = setUp();
    void training.run(request);
    await tick();
    listeners().onMemoryPlan({ estimatedBytes: 5, batchSize: 16, microBatchSize: 16 });
    assert.equal(training.state.memoryPlan?.estimatedBytes, 5);
  });

  it('says interrupted when the process died and failed when the engine refused', async () => {
    for (const [code, status] of [
      ['CLOSED', 'interrupted'],
      ['DATA_FORMAT', 'failed'],
    ] as const) {
      const { runs, training, listeners, settle } = setUp();
      const running = training.run(request);
      await tick();
      listeners().onReport(report(3));
      settle().reject(new MedTextError(code, 'why'));
      const outcome = await running;
      assert.deepEqual([outcome.status, outcome.error?.code, runs.list()[0].status], [status, code, status]);
    }
  });

  it('tells a stop by the person from a death of the process', async () => {
    for (const byPerson of [true, false]) {
      const { training, listeners, settle } = setUp();
      const running = training.run(request);
      await tick();
      listeners().onReport(report(3));
      if (byPerson) training.stopNow();
      settle().reject(new MedTextError('CLOSED', 'gone'));
      const { status, stoppedNow } = await running;
      assert.deepEqual([status, stoppedNow], ['interrupted', byPerson]);
    }
  });

  it('notes its process before the run has a folder, until it has seen it ending', async () => {
    const { training, calls, listeners, settle } = setUp();
    const running = training.run({ ...request, recipe: { work_dir: '../out' } });
    await tick();
    listeners().onProcess(7);
    assert.deepEqual([calls.at(-1), training.pid], ['note 7 /out', 7]);
    settle().resolve(end);
    await running;
    assert.deepEqual([calls.at(-1), training.pid], ['forget 7', undefined]);
  });

  it('says in the status bar what it computes on, and why on nothing else', async () => {
    const { training, listeners } = setUp();
    void training.run({ ...request, recipe: { train: { precision: 'float16' } } });
    await tick();
    const trials = [
      { device: 'cpu', passed: true, stepMilliseconds: 12 },
      { device: 'webgpu', passed: true, stepMilliseconds: 2.5 },
      { device: 'cuda', passed: false, fault: { code: 'noLibraries' as const } },
    ];
    listeners().onChosenDevice({ device: 'webgpu', trials });
    assert.match(statusTooltip(training.state, untranslated), /\nDevice: WebGPU, float16\n/);
    listeners().onReport({ ...report(5), device: 'webgpu' });
    assert.equal(statusText(training.state, untranslated), '50 % · loss 1.000 · 1 s · WebGPU');
    assert.deepEqual(statusTooltip(training.state, untranslated).split('\n').slice(3), [
      'Device: WebGPU, float16',
      '',
      'Self-test of this machine’s devices:',
      'CPU: works, but is slower (12 ms for a step of a small encoder)',
      'WebGPU: chosen (2.5 ms for a step of a small encoder)',
      'CUDA: left out, its libraries are not installed',
    ]);
    const bundle = JSON.parse(readFileSync(join(__dirname, '../../l10n/bundle.l10n.zh-cn.json'), 'utf8')) as Record<string, string>; // prettier-ignore
    const tooltip = statusTooltip(training.state, (message, ...values) => untranslated(bundle[message], ...values));
    assert.match(tooltip, /设备：WebGPU，float16\n\n本机各设备的自检：\nCPU：可用，但更慢/);
    assert.match(tooltip, /CUDA：未采用，所需的库没有安装$/);
  });

  it('tells once that a run has lost its device, and goes on saying so', async () => {
    const { training, listeners } = setUp();
    const told: (string | undefined)[][] = [];
    training.onDidLoseDevice(({ lostDevice, report }) => told.push([lostDevice, report?.device]));
    void training.run(request);
    await tick();
    listeners().onReport({ ...report(1), device: 'webgpu' });
    listeners().onReport({ ...report(2), device: 'webgpu' });
    assert.deepEqual([told, training.state.lostDevice], [[], undefined]);
    listeners().onReport({ ...report(1), device: 'cpu' });
    listeners().onReport({ ...report(2), device: 'cpu' });
    assert.deepEqual([told, training.state.lostDevice], [[['webgpu', 'cpu']], 'webgpu']);
    assert.match(statusTooltip(training.state, untranslated), /WebGPU failed during the run: .* Device now: CPU\./);
  });

  it('knows a device that was lost before its first step', async () => {
    const { training, listeners } = setUp();
    void training.run(request);
    await tick();
    listeners().onChosenDevice({ device: 'cuda', trials: [] });
    listeners().onReport({ ...report(1), device: 'cpu' });
    assert.equal(training.state.lostDevice, 'cuda');
  });

  it('says when its process gives no sign of life, and when it does again', async () => {
    const { training, listeners } = setUp();
    void training.run(request);
    await tick();
    listeners().onSilence({ kind: 'frozen', seconds: 15 });
    assert.match(statusText(training.state, untranslated)!, /does not respond/);
    listeners().onSilence(undefined);
    assert.match(statusText(training.state, untranslated)!, /starts/);
  });

  it('runs one at a time, and stops even while starting', async () => {
    const { training, calls, settle } = setUp();
    const running = training.run(request);
    await training.stop();
    await assert.rejects(training.run(request), (error: MedTextError) => error.code === 'USAGE');
    await tick();
    assert.deepEqual(calls, ['start /w', 'stop']);
    settle().resolve({ ...end, status: 'stopped' });
    assert.equal((await running).status, 'stopped');
  });

  it('keeps name and start of a resumed run, and lets go of the process with the window', async () => {
    const { runs, training, calls, listeners, settle } = setUp();
    const first = training.run(request);
    await tick();
    listeners().onReport(report(3));
    settle().resolve({ ...end, status: 'stopped' });
    await first;
    await runs.patch('/w/runs/r1', { name: 'mine' });
    const { startedAtMs } = runs.list()[0];
    void training.run({ ...request, resumeFrom: '/w/runs/r1' });
    await tick();
    listeners().onReport(report(4));
    await tick();
    assert.equal(runs.list().length, 1);
    assert.deepEqual(
      [runs.list()[0].name, runs.list()[0].startedAtMs, runs.list()[0].status],
      ['mine', startedAtMs, 'running'],
    );
    training.dispose();
    assert.equal(calls.at(-1), 'release');
  });

  it('leaves a run that could not be resumed as it was', async () => {
    const { runs, training, settle } = setUp();
    const known = { runId: 'r0', folder: '/w/runs/r0', recipeFile: '/w/a.medtext.json', name: 'a', status: 'stopped', pid: 0, startedAtMs: 1, endedAtMs: 2, step: 3, totalSteps: 9 } as const; // prettier-ignore
    await runs.put(known);
    const running = training.run({ ...request, resumeFrom: known.folder });
    await tick();
    settle().reject(new MedTextError('RESUME', 'There is no checkpoint.'));
    assert.equal((await running).status, 'failed');
    const [{ status, endedAtMs, error }] = runs.list();
    assert.notEqual(status, 'failed');
    assert.deepEqual([endedAtMs, error], [2, undefined]);
  });

  it('keeps a long history short and its recent part whole', async () => {
    const { training, listeners } = setUp();
    void training.run(request);
    await tick();
    for (let step = 1; step <= 9000; step++) listeners().onReport(report(step));
    const { history } = training.state;
    assert.ok(history.length <= 4000);
    assert.equal(history[0].step, 1);
    assert.deepEqual(
      history.slice(-100).map(({ step }) => step),
      Array.from({ length: 100 }, (_, index) => 8901 + index),
    );
  });
});
