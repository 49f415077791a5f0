import { count, flag, listOf, nothing, nullable, number, object, oneOf, text, type Checked } from './check';
import { defineContract } from './contract';
import { ANSWER_KINDS } from './tasks';
import { shownRun } from './trainingView';
import { webviewStart } from './webviewStart';

const value = nullable(number);

/** What a run logs at each step besides its loss, in the order shown. */
export const seriesNames = ['learningRate', 'gradientNorm', 'examplesPerSecond', 'memoryBytes'] as const;
export type SeriesName = (typeof seriesNames)[number];

/** One curve, thinned to what a screen shows. */
const series = object({ name: oneOf(...seriesNames), steps: listOf(count), values: listOf(value) });
export type ShownSeries = Checked<typeof series>;

/** Numbers by name, as a report has them of each class, label or type. */
const table = object({
  columns: listOf(text),
  rows: listOf(object({ name: text, values: listOf(value) })),
});

/** A model on one file: whatever its task reports, as numbers and tables. */
const measurement = object({
  /** `validation`, `test`, or empty for a file that somebody chose. */
  split: text,
  /** The file's name; empty where it is not known. */
  file: text,
  rows: count,
  /** What kind of answers were measured; null for a report of none that is known. */
  answer: nullable(oneOf(...ANSWER_KINDS)),
  /** The task's metrics in their order; the interval is that of 95 %, null where there is none. */
  metrics: listOf(object({ name: text, value, low: value, high: value })),
  /** What a constant answer would reach: of the metric `name`. */
  baseline: nullable(object({ name: text, value: number })),
  table: nullable(table),
  /**
   * Rows: label given; columns: label predicted. `canOpen`: the rows of a cell can be shown. `hasNone`: one more row counts what was
   * predicted and is not given, and one more column what is given and was not predicted.
   */
  matrix: nullable(object({ labels: listOf(text), counts: listOf(listOf(count)), canOpen: flag, hasNone: flag })),
});
export type Measurement = Checked<typeof measurement>;

const setting = object({
  name: text,
  value: text,
  /** Where nobody says otherwise; null for what has no default. */
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

/** Everything the page shows: a run, or a model's evaluation on a file; always complete. */
export const runPageSnapshot = object({
  kind: oneOf('run', 'evaluation', 'none'),
  /** The run's folder, or the model's; sent back with what is asked, never opened. */
  id: text,
  title: text,
  /** Null for an evaluation. */
  run: nullable(shownRun),
  series: listOf(series),
  measurements: listOf(measurement),
  /** Evaluations without a gain, of a run that stopped early for them. */
  stoppedAfter: nullable(count),
  /** Sentences on what came of the run: no best model, test data that were not answered. */
  remarks: listOf(text),
  /** The name of the file with predictions of test data without labels; empty where there is none. */
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
    /** @throws NOT_FOUND when another run is shown by now */
    act: { params: object({ id: text, action: oneOf(...runPageActions) }), result: nothing },
    /** Shows the rows of a cell of a confusion matrix. @throws NOT_FOUND as `act`, or when their file is gone */
    openRows: { params: object({ id: text, measurement: count, given: count, predicted: count }), result: nothing },
    /** Keeps what the person writes of the run, beside it. @throws NOT_FOUND as `act` · IO */
    annotate: { params: object({ id: text, note: text, tags: listOf(text) }), result: nothing },
  },
  events: { snapshot: runPageSnapshot },
});
export type RunPageContract = typeof runPageContract;
