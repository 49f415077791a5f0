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

/** The most rows one `rows`, `predict` or selection of `copy` may ask for. */
export const maxRowsPerRequest = 500;
/** A cell longer than this comes cut, with its `length`; `cell` brings the whole. */
export const maxCellCharacters = 2000;
/** Of one text; more are not marked. */
export const maxShownEntities = 500;

/** A sentence, or an error: English, with the words that `wordedState` translates. */
const told = object({ message: text }, { words: anything });
const error = object({ code: text, message: text }, { words: anything });

// ── Rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a column or cell holds. `json`: a nested list or object, as JSON text. */
const cellKinds = ['text', 'number', 'boolean', 'json'] as const;
const cell = object({ kind: oneOf(...cellKinds), text }, { length: count });
export type Cell = Checked<typeof cell>;

/** What the active model says of a row. A probability is of the label named; null for a regression. */
export const prediction = object({
  label: nullable(text),
  probability: nullable(number),
  similarity: nullable(number),
});
export type Prediction = Checked<typeof prediction>;

export const shownRow = object(
  {
    /** The record's number in its file, from 0, bad ones counted; stays the same in every view. */
    row: count,
    /** The line of the file on which it begins, from 1; null where a format has no lines (XLSX: the sheet's row). */
    line: nullable(count),
    /** In the order of `columns` of the snapshot; null: missing. Empty for a bad row. */
    cells: listOf(nullable(cell)),
    /** Why the row cannot be read, and how it begins; null for a good one. */
    bad: nullable(object({ message: text, excerpt: text }, { words: anything })),
    /** In a view of a finding: rows of one group (one pair repeated, one contradiction) carry one number, and stand together. */
    group: nullable(count),
    prediction: nullable(prediction),
  },
  {
    /** Of the column `first_sequence`, in the order of the text: half-open, in UTF-16 units of the cell's text. */
    entities: listOf(object({ start: count, end: count, type: text })),
  },
);
export type ShownRow = Checked<typeof shownRow>;

// ── Views: what is shown of the file, in which order ─────────────────────────────────────────────────────────────

const measures = ['value', 'characters', 'tokens'] as const;
export type Measure = (typeof measures)[number];

/** Filters hold together (and). */
const filter = variant({
  /** The cell's text is one of these; `missing` lets missing cells pass too; `exclude` turns it round. */
  value: object({ kind: oneOf('value'), column: text, values: listOf(text), missing: flag, exclude: flag }),
  /** from <= measure < to, or <= to with `closed` (the last bar of a histogram). Column null: tokens of the whole example. */
  range: object({
    kind: oneOf('range'),
    column: nullable(text),
    measure: oneOf(...measures),
    from: number,
    to: number,
    closed: flag,
  }),
  /** Rows of a finding of the snapshot; they stand in groups unless the view is sorted. */
  finding: object({ kind: oneOf('finding'), id: text }),
  /** Rows that cannot be read. */
  bad: object({ kind: oneOf('bad') }),
  /** Rows whose prediction is known and differs from the label given. */
  disagreement: object({ kind: oneOf('disagreement') }),
  /** These rows, by their places among the readable ones, ascending; `title` says which they are. */
  rows: object({ kind: oneOf('rows'), title: text, rows: listOf(count) }),
  /** Rows predicted to be of this class. */
  predicted: object({ kind: oneOf('predicted'), label: text }),
});
export type RowFilter = Checked<typeof filter>;

const sort = variant({
  /** Numbers by value, then texts in the order of their code points; missing last. `measure` sorts by length instead. */
  column: object({ kind: oneOf('column'), column: text, measure: oneOf(...measures), descending: flag }),
  similarity: object({ kind: oneOf('similarity'), descending: flag }),
  probability: object({ kind: oneOf('probability'), descending: flag }),
  /** Disagreements with the label given first, the surest first; then the rest; rows without prediction last. */
  disagreement: object({ kind: oneOf('disagreement') }),
});
export type RowSort = Checked<typeof sort>;

const search = object({
  text,
  regex: flag,
  caseSensitive: flag,
  /** Names of the columns to look in; empty: all. */
  columns: listOf(text),
});
export type RowSearch = Checked<typeof search>;

export const viewQuery = object({ search: nullable(search), filters: listOf(filter), sort: nullable(sort) });
export type ViewQuery = Checked<typeof viewQuery>;

/** The whole file in its own order. */
export const wholeFile: ViewQuery = { search: null, filters: [], sort: null };

const view = object({
  /** Never used twice in a panel, so that an answer to an old view cannot be taken for the new one's. */
  id: count,
  query: viewQuery,
  /** Rows found so far; grows while `working`. A sorted view has none before it is done. */
  rows: count,
  working: flag,
  /** Of the work, 0 to 1. */
  fraction: number,
  /** Cancelled before the end: what was found is shown, and is not all. */
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
  /** Exact, as numpy's (between the two middle ones for an even number). */
  median: number,
  /** Sample standard deviation (n - 1), as pandas'; 0 for one value. */
  std: number,
  /** Equal widths; every bin is from <= x < to, but the last one <= to. */
  bins: listOf(bin),
});
export type Distribution = Checked<typeof distribution>;

const tokenLengths = object({
  distribution,
  maxLength: count,
  /** Values longer than `maxLength`. */
  over: count,
  count,
});
export type TokenLengths = Checked<typeof tokenLengths>;

export const valueCount = object({ text, count });
export type ValueCount = Checked<typeof valueCount>;

/** `category`: few distinct texts (labels); `mixed`: more than one kind of value; `empty`: nothing but missing cells. */
const columnTypes = ['text', 'category', 'number', 'boolean', 'json', 'mixed', 'empty'] as const;
export type ColumnType = (typeof columnTypes)[number];

const columnInsight = object({
  column: text,
  type: oneOf(...columnTypes),
  /** Rows counted, missing ones included. */
  count,
  /** Absent, null or empty. */
  missing: count,
  distinct: count,
  /** False: there are at least `distinct`; counting more would have taken too much memory. */
  distinctIsExact: flag,
  /** The most frequent values, most frequent first; equal counts in the order of first appearance. */
  top: listOf(valueCount),
  /** Lengths in characters (Unicode code points) of texts. */
  characters: nullable(distribution),
  /** Values of a numeric column. */
  numbers: nullable(distribution),
  /** Lengths in tokens of the active model's tokenizer, without special tokens; null without a model or for other columns. */
  tokens: nullable(tokenLengths),
});
export type ColumnInsight = Checked<typeof columnInsight>;

const work = object({
  working: flag,
  fraction: number,
  /** Stopped by the person; what is shown covers the rows seen until then. */
  cancelled: flag,
  error: nullable(error),
});
export type WorkState = Checked<typeof work>;

/** Of the split shown; the labels of all splits. */
export const insights = object({
  work,
  /** Rows seen so far. */
  rows: count,
  columns: listOf(columnInsight),
  /** Labels as they stand in the files, by split; most frequent first. Empty without a label column. */
  /**
   * `areEntities`: the labels are types, and `rows` counts entities. `combinations`: a row may have several labels; those that stand
   * together most often, and how many combinations there are, null where not all were counted.
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
  /** Whole examples as the model reads them, special tokens included; null without a model or mapping. */
  examples: nullable(tokenLengths),
});
export type Insights = Checked<typeof insights>;

// ── Findings ─────────────────────────────────────────────────────────────────────────────────────────────────────

const findingKinds = [
  /** Rows that cannot be read. */
  'badRows',
  /** Rows without label, in a file that has labels. */
  'missingLabels',
  /** An input without text. */
  'emptyInputs',
  /** The same example (inputs and label) more than once. */
  'duplicates',
  /** As duplicates, but only after normalisation (NFKC, case, white space, punctuation); exact ones are not counted again. */
  'nearDuplicates',
  /** Pairs whose sides are the same text. */
  'equalSides',
  /** The same pair both ways round, after normalisation. */
  'swappedPairs',
  /** The same inputs with different labels. */
  'contradictions',
  /** Inputs of the split shown that are in another split too: `splits` names it. */
  'overlap',
  /** The same after normalisation only. */
  'nearOverlap',
  /** No problem but a yardstick: what always saying the most frequent label would score. */
  'majorityBaseline',
  /** Examples longer than max_length: they are cut. */
  'overlong',
  /** Texts with entities that are not where they say, or cannot be read. */
  'misplacedEntities',
  /** Texts with entities that share characters. */
  'overlappingEntities',
  /** Texts with a stretch that has several types. */
  'contradictoryEntities',
] as const;
export type FindingKind = (typeof findingKinds)[number];

const finding = object(
  {
    /** For the filter `finding`. */
    id: text,
    kind: oneOf(...findingKinds),
    /** Rows of the split shown that it speaks of; 0 for `majorityBaseline`. */
    rows: count,
    /** Groups these rows form; each is one duplicate, contradiction, … */
    groups: count,
    /** A few of the texts or reasons, to show what is meant; `other`: what a text is nearly the same as. */
    examples: listOf(object({ message: text }, { words: anything, other: text })),
  },
  {
    /** `overlap`, `nearOverlap`: the name of the other split. */
    split: text,
    /** `majorityBaseline`: the label, the accuracy (its share, 0 to 1) and the macro F1 over the labels of always saying it. */
    label: text,
    accuracy: number,
    macroF1: number,
  },
);
export type Finding = Checked<typeof finding>;

export const findings = object({
  work,
  findings: listOf(finding),
  /** The memory set aside for the search was used up: only the first `coveredRows` rows of the split were compared. */
  coveredRows: count,
  isComplete: flag,
});
export type Findings = Checked<typeof findings>;

// ── Predictions for all rows ─────────────────────────────────────────────────────────────────────────────────────

const predictions = object({
  work,
  done: count,
  total: count,
  /** Rows with a label given and a prediction; of them, those where the two differ. */
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
  /** Unique in the panel: train, validation, test, or the file's name. */
  name: text,
  /** Of the file. */
  fileName: text,
  /** Why it could not be opened; null when it could. */
  problem: nullable(error),
});

/** What a preview knows of the recipe that it belongs to. */
export const previewRecipe = object({ name: text, onBadRow: oneOf('stop', 'skip') });

/** Everything but rows; insights, findings and predictions have events of their own because they grow. */
export const previewState = object({
  /** Names of the splits known: the file's own, a recipe's, added ones. */
  splits: listOf(splitFile),
  /** The name of the one shown. */
  shown: text,
  file: nullable(
    object({
      name: text,
      format: oneOf(...DATA_FORMATS),
      encoding: text,
      sizeBytes: number,
      /** What a person should know of how the file was understood: renamed columns, formulas without value, … */
      warnings: listOf(told),
      /** Lines can be jumped to (not for XLSX and Parquet). */
      hasLines: flag,
    }),
  ),
  columns: listOf(text),
  index: object({
    rows: count,
    /** Rows that cannot be read among them. */
    bad: count,
    /** The first bad rows. `line` as in a row. */
    badRows: listOf(object({ row: count, line: nullable(count), message: text }, { words: anything })),
    working: flag,
    fraction: number,
    /** The rest could not be read. */
    error: nullable(error),
  }),
  /** The file cannot be shown at all. `line` where one is known. */
  error: nullable(object({ code: text, message: text, line: nullable(count) }, { words: anything })),
  mapping,
  /** As recognised; a person's choice or a recipe's otherwise. */
  mappingSource: oneOf('guess', 'recipe', 'person'),
  /** The recipe it was opened from, or one of the workspace that names the file; null: none. */
  recipe: nullable(previewRecipe),
  /** Longest example in tokens: the recipe's, else the model's. */
  maxLength: nullable(count),
  model: nullable(object({ name: text, description: text })),
  view,
});
export type PreviewState = Checked<typeof previewState>;

const previewSnapshot = object({ state: previewState, insights, findings, predictions });
export type PreviewSnapshot = Checked<typeof previewSnapshot>;

const backgroundTasks = ['view', 'insights', 'findings', 'predictions'] as const;
export type BackgroundTask = (typeof backgroundTasks)[number];

export const exportFormats = ['jsonl', 'json', 'csv', 'tsv'] as const;

export const splitOptions = object({
  /** Shares of the rows; together 1 (but for rounding), train above 0. The parts with 0 are not written. */
  train: number,
  validation: number,
  test: number,
  seed: count,
  /** Column whose values are spread evenly over the parts; null: none. */
  stratify: nullable(text),
  /** Column whose equal values stay in one part; null: none. With both, groups are spread by their most frequent label. */
  group: nullable(text),
});
export type SplitOptions = Checked<typeof splitOptions>;

export const splitPlan = object({
  /** In the order train, validation, test; only parts above 0. */
  parts: listOf(object({ name: text, rows: count, groups: nullable(count), labels: listOf(valueCount) })),
  /** Rows left out because they cannot be read. */
  leftOut: count,
});
export type SplitPlan = Checked<typeof splitPlan>;

const inView = { view: count };

/**
 * The dataset preview: a page that holds the rows on screen, and a host that holds an index of the file.
 * Every `view` in a request is the `id` of a view; of one that is gone, NOT_FOUND. Column names are those of the state.
 * Long requests (`export`, `predict`, `cell`) can be cancelled through the channel.
 */
export const datasetPreviewContract = defineContract({
  name: 'dataset preview',
  version: 2,
  requests: {
    initialize: { params: nothing, result: webviewStart(previewSnapshot) },

    // What is shown.
    /** Rows [start, start + count) of a view, fewer at its end (or where it has not come yet). */
    rows: {
      params: object({ ...inView, start: count, count }),
      result: object({ rows: listOf(shownRow), total: count }),
    },
    /** A whole cell, up to 1 Mi characters. @throws NOT_FOUND */
    cell: { params: object({ ...inView, row: count, column: text }), result: object({ text, isWhole: flag }) },
    /**
     * Another view of the split shown; it grows in the events `state`.
     * @throws USAGE for a regular expression that is none, an unknown column or finding
     */
    setView: { params: viewQuery, result: object({ ...inView }) },
    /** Where a row stands in a view, to scroll to it; null: it does not. */
    position: { params: object({ ...inView, row: count }), result: object({ index: nullable(count) }) },
    showSplit: { params: object({ name: text }), result: nothing },
    /** Asks the person for files to compare with (train, validation, test). */
    addSplit: { params: nothing, result: nothing },
    setMapping: { params: mapping, result: nothing },
    setMaxLength: { params: object({ maxLength: count }), result: nothing },
    chooseModel: { params: nothing, result: nothing },

    // Background work. Insights and findings start by themselves, predictions do not.
    start: { params: object({ task: oneOf('insights', 'findings', 'predictions') }), result: nothing },
    cancel: { params: object({ task: oneOf(...backgroundTasks) }), result: nothing },
    /** Predictions for rows on the screen, in the order asked; null for rows without inputs. @throws NOT_FOUND without a model */
    predict: {
      params: object({ ...inView, rows: listOf(count) }),
      result: object({ predictions: listOf(nullable(prediction)) }),
    },

    // What a person does with it.
    /** Shows the row's line in the text editor. @throws UNSUPPORTED for a format without lines */
    jump: { params: object({ ...inView, row: count }), result: nothing },
    /** Rows at these places of the view onto the clipboard, with these columns in this order. `rows`: how many were copied. */
    copy: {
      params: object({
        ...inView,
        ranges: listOf(object({ start: count, count })),
        columns: listOf(text),
        format: oneOf('json', 'tsv'),
      }),
      result: object({ rows: count }),
    },
    /** Asks where, and writes all rows of the view. Null: the person thought better of it. */
    export: {
      params: object({ ...inView, columns: listOf(text), format: oneOf(...exportFormats), predictions: flag }),
      result: nullable(object({ fileName: text, rows: count })),
    },
    /** Writes the mapping into a recipe (asks which, or creates one). Null: the person thought better of it. */
    /** Writes into a recipe that rows which cannot be read are left out. */
    skipBadRows: { params: nothing, result: nullable(object({ recipe: text })) },
    writeMapping: { params: nothing, result: nullable(object({ recipe: text })) },
    /** What a split would give. @throws USAGE for shares or columns that make no sense */
    planSplit: { params: splitOptions, result: splitPlan },
    /** Writes it: `files` beside the source (asks where), or `recipe`: as a setting. Null: the person thought better of it. */
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
    /** Somebody else asks to see these rows. */
    query: viewQuery,
    /** While an export is written: rows of all. */
    exportProgress: object({ done: count, total: count }),
  },
});
export type DatasetPreviewContract = typeof datasetPreviewContract;
