import { CLEAN_OPERATIONS } from '../base/cleanText';
import {
  anything,
  count,
  flag,
  listOf,
  nothing,
  nullable,
  number,
  object,
  oneOf,
  text,
  variant,
  type Checked,
} from './check';
import { DATA_FORMATS } from './dataFormat';
import { defineContract } from './contract';
import { webviewStart } from './webviewStart';

/** The most rows that one `rows`, `predict` or `copy` request may name. */
export const maxRowsPerRequest = 500;
/** A longer cell is cut to this length and has its full `length`. The request `cell` returns the whole cell. */
export const maxCellCharacters = 2000;
/** The most entities that are marked in one text. */
export const maxShownEntities = 500;

/** An English sentence or error, with the words that `wordedState` translates. */
const told = object({ message: text }, { words: anything });
const error = object({ code: text, message: text }, { words: anything });

// ── Rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The kind of a cell's value. `json`: a nested list or object as JSON text. */
const cellKinds = ['text', 'number', 'boolean', 'json'] as const;
const cell = object({ kind: oneOf(...cellKinds), text }, { length: count });
export type Cell = Checked<typeof cell>;

/** How a predicted entity compares with the file's: in both, only predicted, only in the file; `found` if the file has no entities. */
const entityOutcomes = ['same', 'spurious', 'missed', 'found'] as const;
/** An entity. `start` and `end` are half-open and count UTF-16 units of the whole text. */
export const predictedEntity = object({ start: count, end: count, type: text, outcome: oneOf(...entityOutcomes) });
export type PredictedEntity = Checked<typeof predictedEntity>;

/** The number of a model that gives neither a label nor a similarity from 0 to 1. */
const predictedNumbers = ['prediction', 'score', 'cosine'] as const;
export type PredictedNumber = (typeof predictedNumbers)[number];

/** The active model's prediction for a row. The probability is that of `label`, or of the least sure entity; null for a regression. */
export const prediction = object(
  {
    label: nullable(text),
    probability: nullable(number),
    similarity: nullable(number),
  },
  {
    /** All predicted labels, for a model of several labels. `label` is then their list as a text. */
    labels: listOf(text),
    /** For a model of entities: the entities found and missed, in text order. `label` is then null. */
    entities: listOf(predictedEntity),
    /** What `similarity` holds, where it is no similarity: a regression's prediction, a ranking's score, or a cosine. */
    number: oneOf(...predictedNumbers),
    /** The row has a label or entities, and the prediction differs from them. */
    differs: flag,
  },
);
export type Prediction = Checked<typeof prediction>;

/** Whether the predicted and the given entities differ. */
export const entitiesDiffer = (entities: readonly PredictedEntity[]): boolean =>
  entities.some(({ outcome }) => outcome === 'missed' || outcome === 'spurious');

export const shownRow = object(
  {
    /** The record's 0-based number in its file, bad rows counted. It is the same in every view. */
    row: count,
    /** The 1-based line on which the row begins; the sheet's row for XLSX; null for a format without lines. */
    line: nullable(count),
    /** Cells in the order of the snapshot's `columns`; null: missing. Empty for a bad row. */
    cells: listOf(nullable(cell)),
    /** Why the row cannot be read, and its beginning; null for a good row. */
    bad: nullable(object({ message: text, excerpt: text }, { words: anything })),
    /** In a view of a finding: the number of the row's group (one repeated pair, one contradiction). Rows of a group are adjacent. */
    group: nullable(count),
    prediction: nullable(prediction),
  },
  {
    /** The entities in the column `first_sequence`, in text order. Places are half-open and count UTF-16 units of the cell's text. */
    entities: listOf(object({ start: count, end: count, type: text })),
  },
);
export type ShownRow = Checked<typeof shownRow>;

// ── Views: what is shown of the file, in which order ─────────────────────────────────────────────────────────────

const measures = ['value', 'characters', 'tokens'] as const;
export type Measure = (typeof measures)[number];

/** A filter. A row must pass all filters of a view. */
const filter = variant({
  /** Passes cells whose text is one of `values`. `missing` also passes missing cells. `exclude` inverts the filter. */
  value: object({ kind: oneOf('value'), column: text, values: listOf(text), missing: flag, exclude: flag }),
  /** Passes from <= measure < to, or <= to with `closed` (the last bar of a histogram). Column null: tokens of the whole example. */
  range: object({
    kind: oneOf('range'),
    column: nullable(text),
    measure: oneOf(...measures),
    from: number,
    to: number,
    closed: flag,
  }),
  /** Passes the rows of a finding of the snapshot. Rows of a group are adjacent unless the view is sorted. */
  finding: object({ kind: oneOf('finding'), id: text }),
  /** Passes rows that cannot be read. */
  bad: object({ kind: oneOf('bad') }),
  /** Passes rows whose prediction differs from the given label. */
  disagreement: object({ kind: oneOf('disagreement') }),
  /** Passes these rows, given as ascending places among the readable rows. `title` describes them. */
  rows: object({ kind: oneOf('rows'), title: text, rows: listOf(count) }),
  /** Passes rows whose prediction is this class. */
  predicted: object({ kind: oneOf('predicted'), label: text }),
});
export type RowFilter = Checked<typeof filter>;

const sort = variant({
  /** Sorts numbers by value, then texts by code point, missing cells last. `measure` sorts by length instead. */
  column: object({ kind: oneOf('column'), column: text, measure: oneOf(...measures), descending: flag }),
  similarity: object({ kind: oneOf('similarity'), descending: flag }),
  probability: object({ kind: oneOf('probability'), descending: flag }),
  /** Sorts disagreements with the given label first, the surest first; then agreements; rows without a prediction last. */
  disagreement: object({ kind: oneOf('disagreement') }),
});
export type RowSort = Checked<typeof sort>;

const search = object({
  text,
  regex: flag,
  caseSensitive: flag,
  /** Names of the columns to search; empty: all. */
  columns: listOf(text),
});
export type RowSearch = Checked<typeof search>;

export const viewQuery = object({ search: nullable(search), filters: listOf(filter), sort: nullable(sort) });
export type ViewQuery = Checked<typeof viewQuery>;

/** The whole file in its own order. */
export const wholeFile: ViewQuery = { search: null, filters: [], sort: null };

const view = object({
  /** The view's id, unique in a panel, so that a response for an old view is not taken for one of the new view. */
  id: count,
  query: viewQuery,
  /** The number of rows found so far, which grows while `working`. A sorted view has none until it is done. */
  rows: count,
  working: flag,
  /** The share of the work that is done, from 0 to 1. */
  fraction: number,
  /** The search was cancelled, so the view shows only a part of its rows. */
  partial: flag,
  error: nullable(error),
});
export type ShownView = Checked<typeof view>;

// ── Insights: what the columns hold ──────────────────────────────────────────────────────────────────────────────

const bin = object({ from: number, to: number, count });
const distribution = object({
  min: number,
  max: number,
  mean: number,
  /** The exact median, as numpy's: the mean of the two middle values for an even number. */
  median: number,
  /** The sample standard deviation (n - 1), as pandas'; 0 for one value. */
  std: number,
  /** Bins of equal width. A bin holds from <= x < to; the last bin includes `to`. */
  bins: listOf(bin),
});
export type Distribution = Checked<typeof distribution>;

const tokenLengths = object({
  distribution,
  maxLength: count,
  /** The number of values longer than `maxLength`. */
  over: count,
  count,
});
export type TokenLengths = Checked<typeof tokenLengths>;

export const valueCount = object({ text, count });
export type ValueCount = Checked<typeof valueCount>;

/** A column's type. `category`: few distinct texts, such as labels. `mixed`: several kinds of values. `empty`: only missing cells. */
const columnTypes = ['text', 'category', 'number', 'boolean', 'json', 'mixed', 'empty'] as const;
export type ColumnType = (typeof columnTypes)[number];

const columnInsight = object({
  column: text,
  type: oneOf(...columnTypes),
  /** The number of rows counted, missing cells included. */
  count,
  /** The number of cells that are absent, null or empty. */
  missing: count,
  distinct: count,
  /** False if there are more than `distinct` values; the memory for counting them was used up. */
  distinctIsExact: flag,
  /** The most frequent values, most frequent first; equal counts in the order of first appearance. */
  top: listOf(valueCount),
  /** Lengths in characters (Unicode code points) of texts. */
  characters: nullable(distribution),
  /** Values of a numeric column. */
  numbers: nullable(distribution),
  /** Lengths in tokens of the active model's tokenizer, without special tokens. Null without a model, and for columns without texts. */
  tokens: nullable(tokenLengths),
});
export type ColumnInsight = Checked<typeof columnInsight>;

const work = object({
  working: flag,
  fraction: number,
  /** The person stopped the work. The results cover the rows read until then. */
  cancelled: flag,
  error: nullable(error),
});
export type WorkState = Checked<typeof work>;

/** Statistics of the split shown, and the labels of all splits. */
export const insights = object({
  work,
  /** The number of rows read so far. */
  rows: count,
  columns: listOf(columnInsight),
  /**
   * Labels in the files, by split, most frequent first. Empty without a label column. `areEntities`: the labels are types, and
   * `rows` counts entities. `combinations`, for rows with several labels: the most frequent combinations and their number,
   * null if not all were counted.
   */
  labels: listOf(
    object(
      { split: text, rows: count, missing: count, counts: listOf(valueCount) },
      {
        areEntities: flag,
        combinations: object({ most: listOf(object({ labels: listOf(text), count })), total: nullable(count) }),
      },
    ),
  ),
  /** Token lengths of whole examples as the model reads them, special tokens included. Null without a model or a mapping. */
  examples: nullable(tokenLengths),
});
export type Insights = Checked<typeof insights>;

// ── Findings ─────────────────────────────────────────────────────────────────────────────────────────────────────

const findingKinds = [
  /** Rows that cannot be read. */
  'badRows',
  /** Rows without a label, in a file with labels. */
  'missingLabels',
  /** Rows with an empty text. */
  'emptyInputs',
  /** Examples (inputs and label) that occur more than once. */
  'duplicates',
  /** Examples that are duplicates only after normalisation (NFKC, case, white space, punctuation). */
  'nearDuplicates',
  /** Pairs whose sides are the same text. */
  'equalSides',
  /** Pairs that occur in both orders, after normalisation. */
  'swappedPairs',
  /** Equal inputs with different labels. */
  'contradictions',
  /** Inputs that occur in both the split shown and another split, which `split` names. */
  'overlap',
  /** Inputs that occur in both splits only after normalisation. */
  'nearOverlap',
  /** A yardstick, not a problem: the score of always predicting the most frequent label. */
  'majorityBaseline',
  /** Examples longer than max_length, which are cut. */
  'overlong',
  /** Texts with entities whose place is wrong or that cannot be read. */
  'misplacedEntities',
  /** Texts with entities whose text differs from the text at their place only by case or width. */
  'normalizedEntities',
  /** Texts with entities that share characters. */
  'overlappingEntities',
  /** Texts with a span that has several types. */
  'contradictoryEntities',
] as const;
export type FindingKind = (typeof findingKinds)[number];

const finding = object(
  {
    /** The id for the filter `finding`. */
    id: text,
    kind: oneOf(...findingKinds),
    /** The number of rows of the split shown in this finding; 0 for `majorityBaseline`. */
    rows: count,
    /** The number of groups that these rows form; each group is one duplicate, contradiction, … */
    groups: count,
    /** A few texts or reasons as examples. `other`: the text that a near duplicate resembles. */
    examples: listOf(object({ message: text }, { words: anything, other: text })),
  },
  {
    /** For `overlap` and `nearOverlap`: the name of the other split. */
    split: text,
    /** For `majorityBaseline`: the label, and the accuracy (0 to 1) and macro F1 of always predicting it. */
    label: text,
    accuracy: number,
    macroF1: number,
  },
);
export type Finding = Checked<typeof finding>;

export const findings = object({
  work,
  findings: listOf(finding),
  /** Only the first `coveredRows` rows of the split were compared if the memory for the search was used up; `isComplete` is then false. */
  coveredRows: count,
  isComplete: flag,
});
export type Findings = Checked<typeof findings>;

// ── Predictions for all rows ─────────────────────────────────────────────────────────────────────────────────────

const predictions = object({
  work,
  done: count,
  total: count,
  /** `compared`: rows with both a given label and a prediction. `disagreements`: rows among them where the two differ. */
  compared: count,
  disagreements: count,
  counts: listOf(valueCount),
});
export type Predictions = Checked<typeof predictions>;

// ── The whole ────────────────────────────────────────────────────────────────────────────────────────────────────

export const mapping = object({
  first_sequence: nullable(text),
  second_sequence: nullable(text),
  label: nullable(text),
});
export type FieldMapping = Checked<typeof mapping>;

const splitFile = object({
  /** The split's name, unique in the panel: train, validation, test, or the file's name. */
  name: text,
  /** The name of the file. */
  fileName: text,
  /** Why the file could not be opened; null if it was opened. */
  problem: nullable(error),
});

const cleanOperation = oneOf(...CLEAN_OPERATIONS);

/** The settings of the preview's recipe. */
export const previewRecipe = object(
  { name: text, onBadRow: oneOf('stop', 'skip') },
  /** The recipe's settings for cleaning. */
  { clean: listOf(cleanOperation), dropDuplicates: flag },
);

/** Everything but rows. Insights, findings and predictions have their own events, because they grow. */
export const previewState = object({
  /** The known splits: the file's own, a recipe's and added ones. */
  splits: listOf(splitFile),
  /** The name of the split shown. */
  shown: text,
  file: nullable(
    object({
      name: text,
      format: oneOf(...DATA_FORMATS),
      encoding: text,
      sizeBytes: number,
      /** Remarks on how the file was read: renamed columns, formulas without a value, … */
      warnings: listOf(told),
      /** The editor can open the file at a line (not for XLSX and Parquet). */
      hasLines: flag,
    }),
  ),
  /** For a workbook: the requested sheet and the names of all sheets. Null and empty for other files. */
  sheet: nullable(text),
  sheets: listOf(text),
  columns: listOf(text),
  index: object({
    rows: count,
    /** The number of rows among them that cannot be read. */
    bad: count,
    /** The first bad rows, with `line` as in a row. */
    badRows: listOf(object({ row: count, line: nullable(count), message: text }, { words: anything })),
    working: flag,
    fraction: number,
    /** Why the rest of the file could not be read; null otherwise. */
    error: nullable(error),
  }),
  /** Why the file cannot be shown at all, with the line if it is known. */
  error: nullable(object({ code: text, message: text, line: nullable(count) }, { words: anything })),
  mapping,
  /** The source of the mapping: recognised, the recipe's, or a person's choice. */
  mappingSource: oneOf('guess', 'recipe', 'person'),
  /** The recipe that the preview was opened from, or a recipe of the workspace that names the file; null: none. */
  recipe: nullable(previewRecipe),
  /** The longest allowed example in tokens: the recipe's limit, otherwise the model's. */
  maxLength: nullable(count),
  model: nullable(object({ name: text, description: text })),
  view,
});
export type PreviewState = Checked<typeof previewState>;

const previewSnapshot = object({ state: previewState, insights, findings, predictions });
export type PreviewSnapshot = Checked<typeof previewSnapshot>;

const backgroundTasks = ['view', 'insights', 'findings', 'predictions'] as const;
export type BackgroundTask = (typeof backgroundTasks)[number];

export const exportFormats = ['jsonl', 'json', 'csv', 'tsv', 'xlsx'] as const;

export const splitOptions = object({
  /** Shares of the rows, whose sum is 1 up to rounding. `train` is above 0. Parts with share 0 are not written. */
  train: number,
  validation: number,
  test: number,
  seed: count,
  /** The column whose values are spread evenly over the parts; null: none. */
  stratify: nullable(text),
  /** The column whose equal values stay in one part; null: none. With both columns, groups are spread by their most frequent label. */
  group: nullable(text),
});
export type SplitOptions = Checked<typeof splitOptions>;

export const splitPlan = object({
  /** The parts with a share above 0, in the order train, validation, test. */
  parts: listOf(object({ name: text, rows: count, groups: nullable(count), labels: listOf(valueCount) })),
  /** The number of rows left out because they cannot be read. */
  leftOut: count,
});
export type SplitPlan = Checked<typeof splitPlan>;

export const cleanOptions = object({
  /** The operations, in the order in which they are applied. */
  operations: listOf(cleanOperation),
  /** Whether only the first of several rows with the same texts and label is kept. */
  dropDuplicates: flag,
});
export type CleanOptions = Checked<typeof cleanOptions>;

export const cleanPlan = object({
  /** The number of rows with texts. */
  rows: count,
  /** For every known operation: what it changes if it is the only one. */
  operations: listOf(
    object({ operation: cleanOperation, rows: count, examples: listOf(object({ before: text, after: text })) }),
  ),
  /** The number of rows that the chosen operations change together. */
  changed: count,
  /** The number of rows with the texts and label of an earlier row, before and after the chosen operations. */
  duplicates: object({ before: count, after: count }),
});
export type CleanPlan = Checked<typeof cleanPlan>;

const inView = { view: count };

/**
 * The dataset preview: the page holds the rows on screen, and the host holds an index of the file.
 * Every `view` in a request is the `id` of a view. A request for a view that is gone throws NOT_FOUND. Column names are those
 * of the state. Long requests (`export`, `predict`, `cell`) can be cancelled through the channel.
 */
export const datasetPreviewContract = defineContract({
  name: 'dataset preview',
  version: 2,
  requests: {
    initialize: { params: nothing, result: webviewStart(previewSnapshot) },

    // Requests for what is shown.
    /** Returns the rows [start, start + count) of a view, fewer at its end and while it grows. */
    rows: {
      params: object({ ...inView, start: count, count }),
      result: object({ rows: listOf(shownRow), total: count }),
    },
    /** Returns a whole cell, up to 1 Mi characters. @throws NOT_FOUND */
    cell: { params: object({ ...inView, row: count, column: text }), result: object({ text, isWhole: flag }) },
    /**
     * Makes another view of the split shown. The events `state` report its growth.
     * @throws USAGE for an invalid regular expression, an unknown column or an unknown finding
     */
    setView: { params: viewQuery, result: object({ ...inView }) },
    /** Returns a row's index in a view, to scroll to it; null if the view does not have the row. */
    position: { params: object({ ...inView, row: count }), result: object({ index: nullable(count) }) },
    showSplit: { params: object({ name: text }), result: nothing },
    /** Shows another sheet of the split's workbook. */
    showSheet: { params: object({ name: text }), result: nothing },
    /** Asks the person for files to compare with (train, validation, test). */
    addSplit: { params: nothing, result: nothing },
    setMapping: { params: mapping, result: nothing },
    setMaxLength: { params: object({ maxLength: count }), result: nothing },
    chooseModel: { params: nothing, result: nothing },

    // Requests for background work. Insights and findings start by themselves, predictions do not.
    start: { params: object({ task: oneOf('insights', 'findings', 'predictions') }), result: nothing },
    cancel: { params: object({ task: oneOf(...backgroundTasks) }), result: nothing },
    /** Returns predictions for rows on the screen, in the requested order; null for a row without inputs. @throws NOT_FOUND without a model */
    predict: {
      params: object({ ...inView, rows: listOf(count) }),
      result: object({ predictions: listOf(nullable(prediction)) }),
    },

    // Requests for a person's actions.
    /** Shows the row's line in the text editor. @throws UNSUPPORTED for a format without lines */
    jump: { params: object({ ...inView, row: count }), result: nothing },
    /** Copies the rows at these places of the view to the clipboard, with these columns in this order. `rows`: how many were copied. */
    copy: {
      params: object({
        ...inView,
        ranges: listOf(object({ start: count, count })),
        columns: listOf(text),
        format: oneOf('json', 'tsv'),
      }),
      result: object({ rows: count }),
    },
    /** Asks the person for a file and writes all rows of the view. Null if the person cancelled. */
    export: {
      params: object({ ...inView, columns: listOf(text), format: oneOf(...exportFormats), predictions: flag }),
      result: nullable(object({ fileName: text, rows: count })),
    },
    /** Writes `on_bad_row: skip` into a recipe, so that bad rows are left out. Null if the person cancelled. */
    skipBadRows: { params: nothing, result: nullable(object({ recipe: text })) },
    /** Writes the mapping into a recipe, which the person chooses or has created. Null if the person cancelled. */
    writeMapping: { params: nothing, result: nullable(object({ recipe: text })) },
    /** Returns what cleaning would change in the mapped texts. */
    planClean: { params: cleanOptions, result: cleanPlan },
    /**
     * Writes the cleaned rows to a new `file`, for which it asks the person, or the settings into a `recipe`. Null if the person
     * cancelled.
     * @throws UNSUPPORTED for a new file of texts with entities
     */
    writeClean: {
      params: object({ options: cleanOptions, target: oneOf('file', 'recipe') }),
      result: nullable(object({ name: text })),
    },
    /** Returns the parts that a split would give. @throws USAGE for impossible shares or columns */
    planSplit: { params: splitOptions, result: splitPlan },
    /** Writes the split as `files` beside the source, for which it asks the person, or as a setting into a `recipe`. Null if the person cancelled. */
    writeSplit: {
      params: object({ options: splitOptions, target: oneOf('files', 'recipe') }),
      result: nullable(object({ names: listOf(text) })),
    },
  },
  events: {
    state: previewState,
    insights,
    findings,
    predictions,
    /** Another view of the editor asks to show these rows. */
    query: viewQuery,
    /** The number of rows written, while an export is written. */
    exportProgress: object({ done: count, total: count }),
  },
});
export type DatasetPreviewContract = typeof datasetPreviewContract;
