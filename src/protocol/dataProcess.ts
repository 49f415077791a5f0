import { count, flag, listOf, nothing, nullable, number, object, oneOf, recordOf, text, type Checked } from './check';
import { DATA_FORMATS } from './dataFormat';
import { defineContract, handshake, workerEvents } from './contract';
import {
  previewRecipe,
  exportFormats,
  findings,
  insights,
  mapping,
  prediction,
  previewState,
  shownRow,
  splitOptions,
  splitPlan,
  valueCount,
  viewQuery,
} from './datasetPreview';

/** A file of the preview, with what its recipe says of it. */
const source = object(
  { name: text, file: text },
  {
    format: oneOf(...DATA_FORMATS),
    encoding: text,
    header: flag,
    /** Between the labels of a row; null: a text is one label. Absent: recognised. */
    label_separator: nullable(text),
  },
);
export type PreviewSource = Checked<typeof source>;

/** A model whose tokenizer counts; its weights are not read here. */
const model = object({ name: text, description: text, folder: text });
export type PreviewModel = Checked<typeof model>;

const settings = {
  maxLength: nullable(count),
  /** Null: guess. */
  mapping: nullable(mapping),
  mappingSource: oneOf('guess', 'recipe', 'person'),
  recipe: nullable(previewRecipe),
  model: nullable(model),
};

const opening = object(
  {
    splits: listOf(source),
    /** The name of the split to begin with. */
    shown: text,
    ...settings,
  },
  {
    /** The class of each raw label where the recipe maps them: predictions are compared with classes. */
    labelNames: recordOf(text),
    /** The first view's id; larger than any a panel has seen, when a panel is opened once more. */
    firstView: count,
    query: viewQuery,
  },
);
export type PreviewOpening = Checked<typeof opening>;

const overview = object({ state: previewState, insights, findings });
export type PreviewOverview = Checked<typeof overview>;

/** The texts a model reads of a row, and its label as it stands in the file. */
const inputs = object({ first: text, second: nullable(text), label: nullable(text) });
export type RowInputs = Checked<typeof inputs>;

const predictionCounts = object({
  done: count,
  compared: count,
  disagreements: count,
  counts: listOf(valueCount),
});
export type PredictionCounts = Checked<typeof predictionCounts>;

const of = { session: count };
const inView = { ...of, view: count };

/**
 * The process that reads data for previews: a session is one panel. It holds the index, the views and the statistics;
 * its states, insights and findings are complete and go to the page once they are worded. What a view's requests mean
 * stands in `datasetPreview.ts`; a session that is not open is NOT_FOUND.
 */
export const dataProcessContract = defineContract({
  name: 'data',
  version: 2,
  requests: {
    initialize: handshake,
    /**
     * Opens a session under a number of the caller's; answers when the first rows can be read. A file that cannot be
     * opened is told in `state.error`.
     */
    open: { params: object({ ...of, opening }), result: overview },
    close: { params: object(of), result: nothing },

    rows: {
      params: object({ ...inView, start: count, count }),
      result: object({ rows: listOf(shownRow), total: count }),
    },
    cell: { params: object({ ...inView, row: count, column: text }), result: object({ text, isWhole: flag }) },
    setView: { params: object({ ...of, query: viewQuery }), result: object({ view: count }) },
    position: { params: object({ ...inView, row: count }), result: object({ index: nullable(count) }) },
    /** The line on which a row begins. @throws NOT_FOUND */
    line: { params: object({ ...inView, row: count }), result: object({ line: nullable(count) }) },

    /** Shows a split; the one shown already is read anew. */
    showSplit: { params: object({ ...of, name: text }), result: nothing },
    /** Other files to choose from and compare with; the one shown stays if it is among them. */
    setSplits: { params: object({ ...of, splits: listOf(source) }), result: nothing },
    /** Null guesses. Predictions are forgotten. */
    setMapping: {
      params: object({ ...of, mapping: nullable(mapping), source: oneOf('guess', 'recipe', 'person') }, { labelNames: recordOf(text) }), // prettier-ignore
      result: nothing,
    },
    setMaxLength: { params: object({ ...of, maxLength: nullable(count) }), result: nothing },
    /** Predictions are forgotten. */
    setModel: { params: object({ ...of, model: nullable(model) }), result: nothing },
    setRecipe: { params: object({ ...of, recipe: nullable(previewRecipe) }), result: nothing },

    start: { params: object({ ...of, task: oneOf('insights', 'findings') }), result: nothing },
    cancel: { params: object({ ...of, task: oneOf('view', 'insights', 'findings') }), result: nothing },

    /** For the scorer: at most `maxRowsPerRequest` rows of the split shown; null for those without a first text. */
    inputs: { params: object({ ...of, rows: listOf(count) }), result: listOf(nullable(inputs)) },
    /** What the scorer said of these rows; kept for rows, filters and sorting. */
    predicted: {
      params: object({ ...of, rows: listOf(count), predictions: listOf(nullable(prediction)) }),
      result: predictionCounts,
    },
    forgetPredictions: { params: object(of), result: nothing },

    copy: {
      params: object({
        ...inView,
        ranges: listOf(object({ start: count, count })),
        columns: listOf(text),
        format: oneOf('json', 'tsv'),
      }),
      result: object({ text, rows: count }),
    },
    /** Writes all rows of the view to the file; tells `exportProgress`. */
    export: {
      params: object({ ...inView, columns: listOf(text), format: oneOf(...exportFormats), predictions: flag, file: text }), // prettier-ignore
      result: object({ rows: count }),
    },
    planSplit: { params: object({ ...of, options: splitOptions }), result: splitPlan },
    /** Writes the parts above 0 to these files, in the source's format (JSON Lines for workbooks and Parquet). */
    writeSplit: {
      params: object({ ...of, options: splitOptions, files: recordOf(text) }),
      result: splitPlan,
    },
  },
  events: {
    ...workerEvents,
    state: object({ ...of, state: previewState }),
    insights: object({ ...of, insights }),
    findings: object({ ...of, findings }),
    exportProgress: object({ ...of, done: number, total: number }),
  },
});
export type DataProcessContract = typeof dataProcessContract;
