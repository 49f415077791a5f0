import { anything, count, flag, listOf, nullable, number, object, oneOf, recordOf, text } from './check';
import type { Checked } from './check';
import { DATA_FORMATS } from './dataFormat';
import { defineContract, handshake, workerEvents } from './contract';
import { columnKinds } from './fieldGuess';
import { exportCheck } from './exportCheck';
import { modelFormats } from './modelFormat';
import { precisionCheck } from './precisionCheck';

/** Two texts, or the one that a model of single texts reads. */
const textPair = object({ first: text }, { second: text });
export type TextPair = Checked<typeof textPair>;

/** Shares of pairs whose cosine is lower: of random pairs of texts, and of pairs that mean the same. */
const cosinePlace = object({ random: number, same: number });
export type CosinePlace = Checked<typeof cosinePlace>;

/** As `medtext score --json`: `logits` in label order, `similarity` in [0, 1] (a cosine in [-1, 1]), null where no scale is known. */
export const pairScore = object(
  {
    similarity: nullable(number),
    measure: oneOf('label-scale', 'classes', 'sigmoid', 'regression', 'labels', 'cosine'),
    probabilities: recordOf(number),
    logits: listOf(number),
  },
  {
    /** Of several labels: those whose probability reaches their threshold. */
    chosen: listOf(text),
    place: cosinePlace,
  },
);
export type PairScore = Checked<typeof pairScore>;

/**
 * What pairs are ranked by, greater being more alike: the similarity of labels, else the logit; classes without a scale, and several
 * labels, rank nothing. (A similarity is cut at 0
 * and 1, and a sigmoid has no digits left near 1: pairs that the model tells apart would tie.)
 */
export function rankOf({ measure, similarity, logits }: PairScore): number {
  if (measure === 'classes' || measure === 'labels') return 0;
  return (measure === 'label-scale' || measure === 'cosine') && similarity !== null ? similarity : logits[0];
}

/** A stretch of a text: half-open, in UTF-16 units; `probability` as the model says. */
export const markedEntity = object({ start: count, end: count, type: text, probability: number });
export type MarkedEntity = Checked<typeof markedEntity>;

const loadedModel = object({ folder: text, labels: listOf(text), device: text }, { precision: text });
export type LoadedModel = Checked<typeof loadedModel>;

/** As {@link ColumnFacts} of src/data/columns.ts. */
const columnFacts = object({
  name: text,
  kind: oneOf(...columnKinds),
  values: count,
  distinct: count,
  canBeText: flag,
  canBeLabel: flag,
});
export type ShownColumn = Checked<typeof columnFacts>;

/** What a data file is, with the guess which columns hold the texts and the label. Rows are counted. */
const dataInfo = object(
  {
    file: text,
    format: oneOf(...DATA_FORMATS),
    /** Delimited files: whether the first row names the columns. */
    header: flag,
    columns: listOf(text),
    rows: count,
    badRows: count,
  },
  {
    delimiter: text,
    /** Delimited files: records above the header that are no part of the table. */
    skipped: count,
    first: text,
    second: text,
    label: text,
    /** Values of the label column, "" where it is missing, most frequent first, at most 100. */
    labels: listOf(object({ value: text, count })),
    /** The label column has entities; whether the file tells what their ends mean, which a recipe must say otherwise. */
    entities: object({ endsAreTold: flag }),
    /** Two values of each column, from the first rows. */
    examples: recordOf(listOf(text)),
    /** What each column can be, by its name and the first rows; as {@link ColumnFacts} of src/data/columns.ts. */
    facts: listOf(columnFacts),
  },
);
export type DataInfo = Checked<typeof dataInfo>;

/** As {@link LabelCounts} of src/data/labelCounts.ts. */
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
    /** Of rows that may have several labels, in one cell. */
    several: object(
      {
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

/** The counts as a task of several labels a row takes them: by label, where a cell may hold several. */
export function countsByLabel(counts: LabelCounts): LabelCounts {
  const { several } = counts;
  if (!several) return { ...counts, values: counts.values.filter(({ value }) => value !== '') };
  const rows = several.combinations.reduce((sum, { count: rows }) => sum + rows, 0);
  return { ...counts, values: several.values, rows: Math.max(rows, counts.rows), badRows: several.separator === undefined ? 0 : counts.badRows, otherRows: 0 }; // prettier-ignore
}

/** A row whose label a model contradicts; labels are names. */
export const suspectRow = object(
  {
    row: count,
    line: count,
    first: text,
    given: text,
    suggested: text,
    /** Of the suggested label. */
    probability: number,
    /** Of the given label. */
    selfConfidence: number,
  },
  { second: text },
);

/** As {@link SuspectRows} of src/evaluation/findSuspectLabels.ts. */
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

/** A split of a recipe, valid as the recipe's schema says, its paths absolute. */
const split = recordOf(anything);

const fileOptions = { threads: count, first: text, second: text, label: text };

export const scorerContract = defineContract({
  name: 'scorer',
  version: 1,
  requests: {
    initialize: handshake,
    /**
     * Makes the folder's model the one that scores; loading the loaded one is free. `int8` counts for a model that was
     * measured in it and found sound ({@link precisionCheck}); any other is scored in float32.
     */
    load: {
      params: object({ folder: text, device: text }, { threads: count, precision: oneOf('float32', 'int8') }),
      result: loadedModel,
    },
    /** Scores in the given order. `CANCELLED` between batches. */
    scorePairs: { params: object({ pairs: listOf(textPair) }), result: listOf(pairScore) },
    /** The entities of each text, in its order. `UNSUPPORTED` for a model that marks none; `CANCELLED` between batches. */
    markEntities: { params: object({ texts: listOf(text) }), result: listOf(listOf(markedEntity)) },
    /**
     * The report as `medtext evaluate --json` has it. Of answers with probabilities also, by row, its place among the file's
     * readable rows and the place of the likeliest label.
     */
    evaluate: {
      params: object({ folder: text, file: text, device: text }, fileOptions),
      result: object(
        { report: recordOf(anything) },
        { answers: object({ rows: listOf(count), labels: listOf(count) }) },
      ),
    },
    /** As `medtext predict`: the input's own format with labels filled in. */
    predict: {
      params: object({ folder: text, file: text, output: text, device: text }, fileOptions),
      result: object({ output: text, rows: count }),
    },
    dataInfo: { params: object({ file: text }), result: dataInfo },
    /** How long the first examples of a file are, in tokens of a model, special ones included. */
    exampleLengths: {
      params: object({ folder: text, file: text, first: text }, { second: text }),
      result: object({ rows: count, median: count, p99: count, longest: count }),
    },
    /** Raw values of a split's label column with counts. */
    labelCounts: { params: object({ split }), result: labelCounts },
    /** A split's labels, ranked by how much the model contradicts them. */
    suspectLabels: { params: object({ folder: text, split, device: text }, { threads: count }), result: suspectRows },
    /** As `medtext export`: a model folder for other programs in `output`, which must be new or empty. */
    exportModel: {
      params: object({ folder: text, output: text, format: oneOf(...modelFormats) }, { threads: count }),
      result: object({ output: text, files: listOf(text) }, { largestDifference: number, checked: exportCheck }),
    },
    /** What scoring in int8 changes: measured on rows of the model's run, once. */
    checkPrecision: { params: object({ folder: text }, { threads: count }), result: precisionCheck },
    /** As `medtext doctor --json`: runtime, providers, threads, self-test. */
    doctor: { params: object({ device: text }, { threads: count }), result: recordOf(anything) },
  },
  events: {
    ...workerEvents,
    progress: object({
      request: oneOf('evaluate', 'predict', 'exportModel', 'suspectLabels', 'checkPrecision'),
      done: number,
      total: nullable(number),
    }),
    /** The loaded model, or null; follows `load` and a model that was given up to free memory. */
    modelChanged: nullable(loadedModel),
  },
});
export type ScorerContract = typeof scorerContract;
