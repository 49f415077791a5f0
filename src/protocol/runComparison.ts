import { count, flag, listOf, nothing, nullable, number, object, oneOf, text, type Checked } from './check';
import { defineContract } from './contract';
import { evaluationPoint } from './trainingView';
import { webviewStart } from './webviewStart';

/** More curves than a person tells apart. */
export const maxComparedRuns = 6;

const value = nullable(number);

const comparedRun = object({
  /** Its folder; sent back with a request, looked up among the known runs, never opened as it is. */
  id: text,
  name: text,
  status: oneOf('running', 'finished', 'stopped', 'interrupted', 'failed'),
  step: count,
  totalSteps: count,
  /** From start to end; null while it runs. */
  seconds: value,
  /** The metric that chooses its best checkpoint; empty before the first evaluation. */
  metric: text,
  bestStep: nullable(count),
  /** Training loss by optimiser step, thinned to what a screen shows. */
  steps: listOf(count),
  losses: listOf(value),
  evaluations: listOf(evaluationPoint),
});
export type ComparedRun = Checked<typeof comparedRun>;

/** A metric of each run's best checkpoint; `low` and `high` are the ends of its 95 % interval where the run kept one. */
const comparedMetric = object({
  name: text,
  lowerIsBetter: flag,
  values: listOf(nullable(object({ value: number, low: value, high: value }))),
});
export type ComparedMetric = Checked<typeof comparedMetric>;

/** A field of the recipes, or of the machine, by its path; null where a run's recipe has no such field. */
const comparedSetting = object({ name: text, values: listOf(nullable(text)), differs: flag });
export type ComparedSetting = Checked<typeof comparedSetting>;

/** The file of a split, by content: the same name need not be the same data. */
const comparedData = object({
  split: text,
  values: listOf(nullable(object({ file: text, rows: count, sha256: text }))),
  differs: flag,
});
export type ComparedData = Checked<typeof comparedData>;

/** Everything the panel shows, lists of values in the order of the runs; always complete. */
export const runComparison = object({
  runs: listOf(comparedRun),
  metrics: listOf(comparedMetric),
  /** Of the same checkpoints, on the test data. */
  testMetrics: listOf(comparedMetric),
  settings: listOf(comparedSetting),
  data: listOf(comparedData),
});
export type RunComparison = Checked<typeof runComparison>;

const target = object({ id: text });

export const runComparisonContract = defineContract({
  name: 'run comparison',
  version: 1,
  requests: {
    initialize: { params: nothing, result: webviewStart(runComparison) },
    /** Opens the run in the Training view. @throws NOT_FOUND when the run is gone */
    showRun: { params: target, result: nothing },
    /** Takes the run out of the comparison; the run itself stays. */
    leaveOut: { params: target, result: nothing },
    /** Asks the person which runs to compare. */
    chooseRuns: { params: nothing, result: nothing },
  },
  events: { comparison: runComparison },
});
export type RunComparisonContract = typeof runComparisonContract;
