import assert from 'node:assert/strict';
import type { ComparedMetric, ComparedRun, RunComparison } from '../../src/protocol/runComparison';
import {
  bestTwoOverlap,
  intervalScale,
  isBest,
  lossCurves,
  metricCurves,
  ranking,
  reduce,
  remembered,
  restored,
  shownMetric,
} from '../../webview/runComparison/state';

const run = (id: string, more: Partial<ComparedRun> = {}): ComparedRun => ({
  id,
  name: id,
  status: 'finished',
  step: 4,
  totalSteps: 4,
  seconds: 1,
  metric: 'accuracy',
  bestStep: 4,
  steps: [],
  losses: [],
  evaluations: [],
  ...more,
});
const metric = (name: string, values: readonly (readonly [number, number?, number?] | null)[]): ComparedMetric => ({
  name,
  lowerIsBetter: name === 'loss',
  values: values.map((value) => value && { value: value[0], low: value[1] ?? null, high: value[2] ?? null }),
});
const comparison = (metrics: readonly ComparedMetric[], data: RunComparison['data'] = []): RunComparison => ({
  runs: [run('a'), run('b'), run('c')],
  metrics,
  testMetrics: [],
  settings: [],
  data,
});

describe('comparison of runs: what it says', () => {
  it('ranks by the metric, losses the other way round, equals together', () => {
    const accuracy = metric('accuracy', [[0.5], null, [0.7]]);
    assert.deepEqual(ranking(accuracy), [2, 0]);
    assert.deepEqual([0, 1, 2].map((index) => isBest(accuracy, index)), [false, false, true]); // prettier-ignore
    assert.deepEqual(ranking(metric('loss', [[0.5], [0.2], [0.7]])), [1, 0, 2]);
    const shared = metric('accuracy', [[0.7], [0.5], [0.7]]);
    assert.deepEqual([0, 1, 2].map((index) => isBest(shared, index)), [true, false, true]); // prettier-ignore
    assert.ok(!isBest(metric('accuracy', [[0.7], null, [0.7]]), 0), 'none is better than its equal');
  });

  it('compares the intervals of the two best, on the same data only', () => {
    const apart = metric('accuracy', [[0.9, 0.85, 0.95], [0.2, 0.1, 0.3], [0.7, 0.6, 0.8]]); // prettier-ignore
    assert.equal(bestTwoOverlap(comparison([apart]), apart), false);
    const near = metric('accuracy', [[0.9, 0.75, 0.95], null, [0.7, 0.6, 0.8]]);
    assert.equal(bestTwoOverlap(comparison([near]), near), true);
    const other = [{ split: 'validation', values: [null, null, null], differs: true }];
    assert.equal(bestTwoOverlap(comparison([near], other), near), undefined);
    const bare = metric('loss', [[1], [2], [3]]);
    assert.equal(bestTwoOverlap(comparison([bare]), bare), undefined);
  });

  it('places values and intervals inside the scale, a single value too', () => {
    const at = intervalScale(metric('accuracy', [[0.5, 0.4, 0.6], [0.9], null]));
    for (const value of [0.4, 0.5, 0.9]) assert.ok(at(value) > 0 && at(value) < 1);
    assert.ok(at(0.4) < at(0.5));
    assert.equal(intervalScale(metric('accuracy', [[0.5]]))(0.5), 0.5);
  });

  it('draws each run over the steps of all', () => {
    const runs = [
      run('a', { steps: [1, 3], losses: [4, 2], evaluations: [{ step: 3, epoch: 1, metrics: { accuracy: 0.5 } }] }),
      run('b', { steps: [2], losses: [null], evaluations: [{ step: 2, epoch: 1, metrics: { loss: 1 } }] }),
    ];
    const { steps, series } = lossCurves({ ...comparison([]), runs });
    assert.deepEqual(steps, [1, 2, 3]);
    assert.equal(series[0][0], 4);
    assert.equal(series[0][1], null);
    assert.deepEqual(series[1], [null, null, null]);
    assert.deepEqual(metricCurves({ ...comparison([]), runs }, 'accuracy').series, [[null, 0.5], [null, null]]); // prettier-ignore
  });

  it('comes back after a reload with its runs, metric and settings, and survives any memory', () => {
    const metrics = [metric('accuracy', [[1]]), metric('loss', [[1]])];
    let state = reduce(restored(null), { type: 'comparison', comparison: comparison(metrics) });
    assert.equal(shownMetric(state.comparison!, state.metric)?.name, 'accuracy');
    state = reduce(reduce(state, { type: 'metric', metric: 'loss' }), { type: 'all', on: true });
    const memory = JSON.parse(JSON.stringify(remembered(state)));
    assert.deepEqual(memory.folders, ['a', 'b', 'c']);
    const again = restored(memory);
    assert.deepEqual([again.metric, again.showsAll], ['loss', true]);
    assert.equal(shownMetric(comparison([metrics[0]]), 'loss')?.name, 'accuracy');
    for (const odd of [undefined, 3, [], { metric: 4, showsAll: 'x' }]) assert.equal(restored(odd).showsAll, false);
  });
});
