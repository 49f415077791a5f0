import assert from 'node:assert/strict';
import type { TrainingReport } from '../../../src/protocol/trainer';
import { trainingSnapshot as checkSnapshot } from '../../../src/protocol/trainingView';
import type { RunRecord } from '../../../src/extension/runStore';
import type { TrainingState } from '../../../src/extension/trainingService';
import { bestOf, emptyHistory, historyOf, thinned } from '../../../src/extension/views/runHistory';
import { trainingSnapshot, type TrainingFacts } from '../../../src/extension/views/trainingSnapshot';
import { classificationOf } from '../../support/evaluations';

const report = (step: number, loss = 1 / step): TrainingReport => ({
  runId: 'r',
  step,
  totalSteps: 100,
  epoch: step / 50,
  loss,
  learningRate: 1e-5,
  examplesPerSecond: 20,
  secondsLeft: 100 - step,
  device: 'cpu',
});
const evaluation = (step: number, accuracy: number) => ({
  step,
  epoch: step / 50,
  evaluation: classificationOf({ accuracy, loss: 1 - accuracy }),
});
const idle: TrainingState = { phase: 'idle', history: [], evaluations: [] };
const request = { recipeFile: '/w/a.medtext.json', recipe: {}, name: 'a', onHostGone: 'stop' as const };
const facts: TrainingFacts = {
  recipe: null,
  training: idle,
  others: [],
  hasModels: true,
  trusted: true,
  nowMs: 10_000,
};
const record: RunRecord = {
  runId: 'r',
  folder: '/w/runs/r',
  recipeFile: request.recipeFile,
  name: 'a',
  status: 'stopped',
  pid: 1,
  startedAtMs: 1000,
  endedAtMs: 4000,
  step: 40,
  totalSteps: 100,
};
/** As it arrives in the page: VS Code sends JSON. */
const sent = (all: TrainingFacts) => checkSnapshot(JSON.parse(JSON.stringify(trainingSnapshot(all))));

describe('training snapshot', () => {
  it('of a run under way has its newest numbers and its whole course', () => {
    const reports = [1, 2, 3].map((step) => report(step));
    const training: TrainingState = { phase: 'running', request, runFolder: '/w/runs/r', report: reports[2], history: reports, evaluations: [evaluation(2, 0.6), evaluation(3, 0.5)] }; // prettier-ignore
    const { run, busy } = sent({ ...facts, training });
    assert.ok(busy && run);
    assert.deepEqual(run.steps, [1, 2, 3]);
    assert.deepEqual([run.phase, run.step, run.totalEpochs, run.secondsLeft], ['running', 3, 2, 97]);
    assert.deepEqual(run.best, { step: 2, value: 0.6 });
    assert.deepEqual(run.evaluations[0].metrics, { accuracy: 0.6, macroF1: 1, microF1: 1, loss: 0.4 });
  });

  it('has F1 by name of the best evaluation, highest first, of many the two ends, and of names that rows have', () => {
    const scoresOf = (f1s: readonly number[], supports = f1s.map(() => 2)) =>
      Object.fromEntries(f1s.map((f1, i) => [`c${i}`, { precision: 1, recall: 1, f1, support: supports[i] }]));
    const at = (step: number, accuracy: number, perClass: ReturnType<typeof scoresOf>) => ({
      ...evaluation(step, accuracy),
      evaluation: classificationOf({ accuracy, perClass }),
    });
    const runOf = (...evaluations: ReturnType<typeof at>[]) => {
      const training: TrainingState = { ...idle, phase: 'running', request, history: [report(9)], evaluations };
      return sent({ ...facts, training }).run!;
    };
    const few = runOf(at(2, 0.9, scoresOf([0.2, 0.8, 0], [2, 3, 0])), at(3, 0.5, scoresOf([1])));
    assert.deepEqual(few.scores, {
      step: 2,
      answer: 'class',
      highest: [{ name: 'c1', f1: 0.8, support: 3 }, { name: 'c0', f1: 0.2, support: 2 }], // prettier-ignore
      leftOut: 0,
      lowest: [],
    });
    const { highest, leftOut, lowest } = runOf(at(1, 1, scoresOf([5, 1, 9, 2, 3, 6, 4, 8, 7, 0].map((n) => n / 10)))).scores!; // prettier-ignore
    const f1s = [highest, lowest].map((list) => list.map(({ f1 }) => f1));
    assert.deepEqual([...f1s, leftOut], [[0.9, 0.8, 0.7, 0.6], [0.3, 0.2, 0.1, 0], 2]); // prettier-ignore
    assert.equal(runOf(at(1, 1, {})).scores, undefined);
  });

  it('of a run whose process is silent says so, and no longer when it answers', () => {
    const silent: TrainingState = { ...idle, phase: 'running', request, silence: { kind: 'frozen', seconds: 16 } };
    assert.deepEqual(sent({ ...facts, training: silent }).run!.silence, { kind: 'frozen', seconds: 16 });
    assert.equal(sent({ ...facts, training: { ...silent, silence: undefined } }).run!.silence, undefined);
  });

  it('of a run that starts says what it is expected to take', () => {
    const memoryPlan = { estimatedBytes: 5e9, availableBytes: 4e9, batchSize: 16, microBatchSize: 1 };
    const starting: TrainingState = { ...idle, phase: 'starting', request, memoryPlan };
    assert.deepEqual(sent({ ...facts, training: starting }).run!.memoryPlan, memoryPlan);
  });

  it('says what the run learns from, before its first step and when it has ended', () => {
    const understoodData = {
      task: 'text-classification',
      rows: 12,
      fields: [{ role: 'label' as const, column: 'sentiment', reason: 'labelStudio' as const }],
      labels: [{ name: '呼吸科', count: 12 }],
      labelCount: 1,
    };
    const starting: TrainingState = { ...idle, phase: 'starting', request, understoodData };
    assert.deepEqual(sent({ ...facts, training: starting }).run!.understoodData, understoodData);
    const ended = { record: { ...record, understoodData }, history: historyOf([], []) };
    assert.deepEqual(sent({ ...facts, stored: ended }).run!.understoodData, understoodData);
  });

  it('says what computes, in which precision, why, and what was lost', () => {
    const chosenDevice = { device: 'webgpu', trials: [{ device: 'cuda', passed: false, fault: { code: 'failed' as const, detail: 'x' } }] }; // prettier-ignore
    const training: TrainingState = { ...idle, phase: 'running', request: { ...request, recipe: { train: { precision: 'tf32' } } }, chosenDevice, lostDevice: 'webgpu', report: report(1) }; // prettier-ignore
    const run = sent({ ...facts, training }).run!;
    assert.deepEqual([run.chosenDevice, run.lostDevice, run.precision, run.device], [chosenDevice, 'webgpu', 'tf32', 'cpu']); // prettier-ignore
    const plain = sent({ ...facts, training: { ...idle, phase: 'running', request } }).run!;
    assert.deepEqual([plain.chosenDevice, plain.lostDevice, plain.precision], [undefined, undefined, undefined]);
  });

  it('passes a diverged loss through JSON', () => {
    const reports = [report(1), report(2, NaN), report(3, Infinity)];
    const training: TrainingState = {
      phase: 'running',
      request,
      report: reports[2],
      history: reports,
      evaluations: [],
    };
    const { run } = sent({ ...facts, training });
    assert.deepEqual(run!.losses, [1, null, null]);
    assert.equal(run!.loss, null);
  });

  it('of a resumed run joins its folder’s course up to where the new one begins', () => {
    const stored = {
      record,
      history: historyOf(
        [1, 2, 3, 4].map((step) => report(step)),
        [evaluation(4, 0.9)],
      ),
    };
    const live = [report(3, 9)];
    const training: TrainingState = { phase: 'running', request: { ...request, resumeFrom: record.folder }, runFolder: record.folder, report: live[0], history: live, evaluations: [] }; // prettier-ignore
    const { run } = sent({ ...facts, training, stored });
    assert.deepEqual(run!.steps, [1, 2, 3]);
    assert.equal(run!.losses[2], 9);
    assert.deepEqual(run!.evaluations, []);
  });

  it('of an ended run says how long it took and no longer what it was doing', () => {
    const stored = { record, history: historyOf([report(40)], []) };
    const { run, busy } = sent({ ...facts, stored });
    assert.ok(!busy);
    assert.deepEqual([run!.phase, run!.resumable, run!.elapsedSeconds], ['stopped', true, 3]);
    assert.equal(run!.secondsLeft, undefined);
    assert.equal(run!.device, 'cpu');
  });

  it('of a run that goes on without its window', () => {
    const running = {
      ...record,
      status: 'running' as const,
      endedAtMs: undefined,
      place: { program: 'terminal' as const },
    };
    const { run } = sent({ ...facts, stored: { record: running, history: historyOf([report(60)], []) } });
    assert.deepEqual(
      [run!.place, run!.step, run!.secondsLeft, run!.elapsedSeconds],
      [{ program: 'terminal' }, 60, 40, 9],
    );
  });

  it('of a run that was asked to stop says so, until it has stopped', () => {
    const asked = { ...record, status: 'running' as const, stopAsked: true };
    assert.equal(sent({ ...facts, stored: { record: asked, history: emptyHistory } }).run!.phase, 'stopping');
  });

  it('names the runs that train elsewhere, and not the shown one twice', () => {
    const other = (id: string) => ({ id, name: id, place: { program: 'window' as const }, step: 3, totalSteps: 9 });
    const stored = { record: { ...record, status: 'running' as const }, history: emptyHistory };
    const { others } = sent({ ...facts, stored, others: [other(record.folder), other('/w/runs/b')] });
    assert.deepEqual(others.map(({ id }) => id), ['/w/runs/b']); // prettier-ignore
  });

  it('of a run that failed before it had a folder, and of nothing', () => {
    const { run } = sent({ ...facts, failure: { name: 'a', code: 'NOT_FOUND', message: 'no such file' } });
    assert.deepEqual([run!.phase, run!.error?.code, run!.resumable], ['failed', 'NOT_FOUND', false]);
    assert.equal(sent(facts).run, null);
    assert.deepEqual(emptyHistory.steps, []);
  });
});

describe('run history', () => {
  it('thins a long curve and keeps its ends and spikes', () => {
    const steps = Array.from({ length: 10_000 }, (_, i) => i + 1);
    const losses = steps.map((step) => (step === 5001 ? 99 : step === 7003 ? -99 : Math.sin(step)));
    const thin = thinned(steps, losses, 500);
    assert.ok(thin.steps.length <= 510 && thin.steps.length === thin.losses.length);
    assert.deepEqual([thin.steps[0], thin.steps.at(-1)], [1, 10_000]);
    assert.ok(thin.steps.includes(5001) && thin.steps.includes(7003));
    assert.ok(thin.steps.every((step, i) => i === 0 || step > thin.steps[i - 1]));
  });

  it('finds the best evaluation, by the metric’s own direction, the first of equals', () => {
    const points = [0.5, 0.7, 0.7].map((accuracy, i) => ({
      step: i,
      epoch: i,
      metrics: { accuracy, loss: [3, 1, 2][i] },
    }));
    assert.deepEqual(bestOf(points, 'accuracy'), { step: 1, value: 0.7 });
    assert.deepEqual(bestOf(points, 'loss'), { step: 1, value: 1 });
    assert.equal(bestOf(points, 'pearson'), null);
  });
});
