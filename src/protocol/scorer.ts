import { anything, count, flag, listOf, nullable, number, object, oneOf, recordOf, text } from './check';
import type { Checked } from './check';
import { DATA_FORMATS } from './dataFormat';
import { defineContract, handshake, workerEvents } from './contract';
import { columnKinds } from './fieldGuess';
import { exportCheck } from './exportCheck';
import { modelFormats } from './modelFormat';
import { precisionCheck } from './precisionCheck';
import { pairScore } from './scores';
import { trainingForecast } from './trainingForecast';

/** Two texts, or one text for a model of single texts. */
const textPair = object({ first: text }, { second: text });
export type TextPair = Checked<typeof textPair>;

/** An entity in a text: `start` and `end` are half-open and count UTF-16 units; `probability` is the model's. */
export const markedEntity = object({ start: count, end: count, type: text, probability: number });
export type MarkedEntity = Checked<typeof markedEntity>;

/** The model that scores. `memoryBytes` is the memory of the whole scorer process after opening the model. */
const loadedModel = object(
  { folder: text, labels: listOf(text), device: text, memoryBytes: count },
  { precision: text },
);
export type LoadedModel = Checked<typeof loadedModel>;

/** The shape of {@link ColumnFacts} in src/data/columns.ts. */
const columnFacts = object({
  name: text,
  kind: oneOf(...columnKinds),
  values: count,
  distinct: count,
  canBeText: flag,
  canBeLabel: flag,
});
export type ShownColumn = Checked<typeof columnFacts>;

/** A description of a data file, with its number of rows and a guess which columns hold the texts and the label. */
const dataInfo = object(
  {
    file: text,
    format: oneOf(...DATA_FORMATS),
    /** For delimited files: whether the first row names the columns. */
    header: flag,
    columns: listOf(text),
    rows: count,
    badRows: count,
  },
  {
    delimiter: text,
    /** For delimited files: whether `"` quotes fields. */
    quoted: flag,
    /** For a workbook: the sheet that was read, and the names of all sheets. */
    sheet: text,
    sheets: listOf(text),
    /** For delimited files: records above the header that do not belong to the table. */
    skipped: count,
    first: text,
    second: text,
    label: text,
    /** Values of the label column, most frequent first, at most 100. "" stands for a missing value. */
    labels: listOf(object({ value: text, count })),
    /** Set if the label column has entities. `endsAreTold`: the file shows what their ends mean; otherwise the recipe must say it. */
    entities: object({ endsAreTold: flag }),
    /** Two values of each column, from the first rows. */
    examples: recordOf(listOf(text)),
    /** The possible uses of each column, by its name and the first rows. */
    facts: listOf(columnFacts),
  },
);
export type DataInfo = Checked<typeof dataInfo>;

/** The shape of {@link LabelCounts} in src/data/labelCounts.ts. */
const labelCounts = object(
  {
    column: text,
    rows: count,
    badRows: count,
    values: listOf(object({ value: text, count, firstLine: count })),
    otherRows: count,
  },
  {
    declared: listOf(text),
    /** The file holds lists of texts for each query; a row is one text with its query. */
    ofQueries: flag,
    /** Counts for rows that may have several labels in one cell. */
    several: object(
      {
        rows: count,
        values: listOf(object({ value: text, count, firstLine: count })),
        withoutLabel: count,
        combinations: listOf(object({ labels: listOf(text), count })),
        combinationCount: count,
      },
      { separator: text },
    ),
  },
);
export type LabelCounts = Checked<typeof labelCounts>;

/** A row whose label a model contradicts. Labels are names. */
export const suspectRow = object(
  {
    row: count,
    line: count,
    first: text,
    given: text,
    suggested: text,
    /** The probability of the suggested label. */
    probability: number,
    /** The probability of the given label. */
    selfConfidence: number,
  },
  { second: text },
);

/** The shape of {@link SuspectRows} in src/evaluation/findSuspectLabels.ts. */
const suspectRows = object({
  rows: count,
  labels: listOf(text),
  thresholds: listOf(number),
  confidentJoint: listOf(listOf(count)),
  total: count,
  suspects: listOf(suspectRow),
  seenInTraining: flag,
  outOfFold: count,
});
export type SuspectRows = Checked<typeof suspectRows>;

/** A recipe's split that passes the recipe's schema, with absolute paths. */
const split = recordOf(anything);

const fileOptions = {
  threads: count,
  first: text,
  second: text,
  label: text,
  sheet: text,
  spanEnd: oneOf('inclusive', 'exclusive'),
};

export const scorerContract = defineContract({
  name: 'scorer',
  version: 1,
  requests: {
    initialize: handshake,
    /**
     * Loads the folder's model for scoring; loading the loaded model again costs nothing. The precision applies to a model that
     * passed its {@link precisionCheck}; any other model is scored in float32.
     */
    load: {
      params: object(
        { folder: text, device: text },
        { threads: count, precision: oneOf('float32', 'int8', 'float16') },
      ),
      result: loadedModel,
    },
    /** Returns the scores in the order of the pairs. @throws CANCELLED between batches */
    scorePairs: { params: object({ pairs: listOf(textPair) }), result: listOf(pairScore) },
    /** Returns the entities of each text in text order. @throws UNSUPPORTED for a model without entities · CANCELLED between batches */
    markEntities: { params: object({ texts: listOf(text) }), result: listOf(listOf(markedEntity)) },
    /**
     * Returns the report of `medtext evaluate --json`. Where the model gives probabilities, it also returns for each row its
     * place among the file's readable rows and the id of the likeliest label.
     */
    evaluate: {
      params: object({ folder: text, file: text, device: text }, fileOptions),
      result: object(
        { report: recordOf(anything) },
        { answers: object({ rows: listOf(count), labels: listOf(count) }) },
      ),
    },
    /** Does what `medtext predict` does: writes the input's own format with the predicted labels. */
    predict: {
      params: object({ folder: text, file: text, output: text, device: text }, fileOptions),
      result: object({ output: text, rows: count }, { leftOut: count }),
    },
    /** @throws NOT_FOUND for a missing sheet, with the names of the sheets */
    dataInfo: { params: object({ file: text }, { sheet: text }), result: dataInfo },
    /** Returns the lengths of a file's first examples in tokens of a model, special tokens included. */
    exampleLengths: {
      params: object({ folder: text, file: text, first: text }, { second: text, sheet: text }),
      result: object({ rows: count, median: count, p99: count, longest: count }),
    },
    /**
     * Estimates what a recipe's training will read and need. Paths are relative to `folder`. With `measures`, a few steps are
     * computed if no earlier run gives a rate. @throws the errors of the training
     */
    forecast: {
      params: object({ recipe: recordOf(anything), folder: text, runFolders: listOf(text) }, { measures: flag }),
      result: trainingForecast,
    },
    /** Counts the raw values of a split's label column. */
    labelCounts: { params: object({ split }), result: labelCounts },
    /** Ranks a split's labels by how much the model contradicts them. */
    suspectLabels: { params: object({ folder: text, split, device: text }, { threads: count }), result: suspectRows },
    /** Does what `medtext export` does: writes a model folder for other programs to `output`, which must be new or empty. */
    exportModel: {
      params: object({ folder: text, output: text, format: oneOf(...modelFormats) }, { threads: count }),
      result: object({ output: text, files: listOf(text) }, { largestDifference: number, checked: exportCheck }),
    },
    /**
     * Measures once, on rows of the model's run, what scoring in a precision changes. `device` applies to float16; int8 is
     * computed on the CPU. @throws USAGE for float16 on the CPU
     */
    checkPrecision: {
      params: object({ folder: text, precision: oneOf('int8', 'float16'), device: text }, { threads: count }),
      result: precisionCheck,
    },
    /** Returns what `medtext doctor --json` prints: runtime, providers, threads, self-test. */
    doctor: { params: object({ device: text }, { threads: count }), result: recordOf(anything) },
  },
  events: {
    ...workerEvents,
    progress: object({
      request: oneOf('evaluate', 'predict', 'exportModel', 'suspectLabels', 'checkPrecision'),
      done: number,
      total: nullable(number),
    }),
    /** The loaded model, or null. Sent after `load`, and after the process has unloaded a model to free memory. */
    modelChanged: nullable(loadedModel),
  },
});
export type ScorerContract = typeof scorerContract;
