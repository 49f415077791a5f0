import { count, flag, listOf, nothing, nullable, number, object, oneOf, text, type Checked } from './check';
import { defineContract } from './contract';
import { ANSWER_KINDS } from './tasks';
import { shownRun } from './trainingView';
import { webviewStart } from './webviewStart';

const value = nullable(number);

/** The values besides the loss that a run logs at each step, in the order shown. */
export const seriesNames = ['learningRate', 'gradientNorm', 'examplesPerSecond', 'memoryBytes'] as const;
export type SeriesName = (typeof seriesNames)[number];

/** One curve, thinned to the points that a screen can show. */
const series = object({ name: oneOf(...seriesNames), steps: listOf(count), values: listOf(value) });
export type ShownSeries = Checked<typeof series>;

/** A report's numbers for each class, label or type. */
const table = object({
  columns: listOf(text),
  rows: listOf(object({ name: text, values: listOf(value) })),
});

/** An evaluation of a model on one file, as numbers and tables for any task. */
const measurement = object({
  /** `validation`, `test`, or empty for a file that a person chose. */
  split: text,
  /** The file's name; empty if it is unknown. */
  file: text,
  rows: count,
  /** The kind of label that was measured; null for an unknown kind. */
  answer: nullable(oneOf(...ANSWER_KINDS)),
  /** The task's metrics in their order. `low` and `high` are the ends of the 95 % interval; null if there is none. */
  metrics: listOf(object({ name: text, value, low: value, high: value })),
  /** The value of the metric `name` for a constant prediction. */
  baseline: nullable(object({ name: text, value: number })),
  table: nullable(table),
  /**
   * Rows: label given; columns: label predicted. `canOpen`: the rows of a cell can be shown. `hasNone`: an extra row counts
   * predictions without a given label, and an extra column counts given labels without a prediction.
   */
  matrix: nullable(object({ labels: listOf(text), counts: listOf(listOf(count)), canOpen: flag, hasNone: flag })),
});
export type Measurement = Checked<typeof measurement>;

const setting = object({
  name: text,
  value: text,
  /** The field's default; null if it has none. */
  standard: nullable(text),
});
export type ShownSetting = Checked<typeof setting>;

const dataFile = object({ split: text, file: text, rows: count, dropped: count, badRows: count, sha256: text });
export type ShownData = Checked<typeof dataFile>;

export const runPageActions = [
  'stop',
  'stopNow',
  'resume',
  'use',
  'export',
  'evaluate',
  'compare',
  'fineTuneFurther',
  'copyCommand',
  'copyPython',
  'openRecipe',
  'openCard',
  'openPredictions',
  'reveal',
  'openLog',
] as const;
export type RunPageAction = (typeof runPageActions)[number];

/** Everything the page shows: a run, or a model's evaluation on a file. Each snapshot is complete. */
export const runPageSnapshot = object({
  kind: oneOf('run', 'evaluation', 'none'),
  /** The run's or the model's folder. The page sends it back with a request; the host never opens it as a path. */
  id: text,
  title: text,
  /** Null for an evaluation. */
  run: nullable(shownRun),
  series: listOf(series),
  measurements: listOf(measurement),
  /** The number of evaluations without improvement that stopped the run early; null for other runs. */
  stoppedAfter: nullable(count),
  /** Sentences on the run's outcome: no best model, test data that were not evaluated. */
  remarks: listOf(text),
  /** The name of the file with predictions for test data without labels; empty if there is none. */
  predictions: text,
  settings: listOf(setting),
  data: listOf(dataFile),
  environment: listOf(object({ name: text, value: text })),
  deviceChoice: listOf(text),
  note: text,
  tags: listOf(text),
  actions: listOf(oneOf(...runPageActions)),
});
export type RunPageSnapshot = Checked<typeof runPageSnapshot>;

export const runPageContract = defineContract({
  name: 'run page',
  version: 1,
  requests: {
    initialize: { params: nothing, result: webviewStart(runPageSnapshot) },
    /** @throws NOT_FOUND when the page now shows another run */
    act: { params: object({ id: text, action: oneOf(...runPageActions) }), result: nothing },
    /** Shows the rows of a cell of a confusion matrix. @throws NOT_FOUND as `act`, or when their file is gone */
    openRows: { params: object({ id: text, measurement: count, given: count, predicted: count }), result: nothing },
    /** Saves the person's note and tags in the run folder. @throws NOT_FOUND as `act` · IO */
    annotate: { params: object({ id: text, note: text, tags: listOf(text) }), result: nothing },
  },
  events: { snapshot: runPageSnapshot },
});
export type RunPageContract = typeof runPageContract;
