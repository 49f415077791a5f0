import { count, flag, listOf, nothing, nullable, number, object, oneOf, text, type Checked } from './check';
import { defineContract } from './contract';
import { evaluationPoint } from './trainingView';
import { webviewStart } from './webviewStart';

/** The most runs that are compared: a person cannot tell more curves apart. */
export const maxComparedRuns = 6;

const value = nullable(number);

const comparedRun = object({
  /** The run's folder. The host looks it up among the known runs and never opens it unchecked. */
  id: text,
  name: text,
  status: oneOf('running', 'finished', 'stopped', 'interrupted', 'failed'),
  step: count,
  totalSteps: count,
  /** Seconds from the run's start to its end; null while it runs. */
  seconds: value,
  /** The metric that chooses the run's best checkpoint; empty before the first evaluation. */
  metric: text,
  bestStep: nullable(count),
  /** The training loss by optimiser step, thinned to the points that a screen can show. */
  steps: listOf(count),
  losses: listOf(value),
  evaluations: listOf(evaluationPoint),
});
export type ComparedRun = Checked<typeof comparedRun>;

/** A metric of each run's best checkpoint. `low` and `high` are the ends of its 95 % interval; null where the run kept none. */
const comparedMetric = object({
  name: text,
  lowerIsBetter: flag,
  values: listOf(nullable(object({ value: number, low: value, high: value }))),
});
export type ComparedMetric = Checked<typeof comparedMetric>;

/** A field of the recipes or of the machine, named by its path. A value is null where a run's recipe has no such field. */
const comparedSetting = object({ name: text, values: listOf(nullable(text)), differs: flag });
export type ComparedSetting = Checked<typeof comparedSetting>;

/** The file of a split, compared by content because files with one name may differ. */
const comparedData = object({
  split: text,
  values: listOf(nullable(object({ file: text, rows: count, sha256: text }))),
  differs: flag,
});
export type ComparedData = Checked<typeof comparedData>;

/** Everything the panel shows. Lists of values are in the order of `runs`. Each snapshot is complete. */
export const runComparison = object({
  runs: listOf(comparedRun),
  metrics: listOf(comparedMetric),
  /** Metrics of the same checkpoints on the test data. */
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
    /** Removes the run from the comparison. The run folder stays. */
    leaveOut: { params: target, result: nothing },
    /** Asks the person which runs to compare. */
    chooseRuns: { params: nothing, result: nothing },
  },
  events: { comparison: runComparison },
});
export type RunComparisonContract = typeof runComparisonContract;
