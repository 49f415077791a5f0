import { count, flag, listOf, nothing, nullable, number, object, oneOf, recordOf, text, type Checked } from './check';
import { DATA_FORMATS } from './dataFormat';
import { defineContract, handshake, workerEvents } from './contract';
import {
  cleanOptions,
  cleanPlan,
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

/** A file of the preview, with the recipe's settings for it. */
const source = object(
  { name: text, file: text },
  {
    format: oneOf(...DATA_FORMATS),
    encoding: text,
    header: flag,
    sheet: text,
    /** The separator between the labels of a row; null: a cell is one label; absent: recognised. */
    label_separator: nullable(text),
  },
);
export type PreviewSource = Checked<typeof source>;

/** A model whose tokenizer counts tokens. Its weights are not read. */
const model = object({ name: text, description: text, folder: text });
export type PreviewModel = Checked<typeof model>;

const settings = {
  maxLength: nullable(count),
  /** The roles of the columns; null: recognised. */
  mapping: nullable(mapping),
  mappingSource: oneOf('guess', 'recipe', 'person'),
  recipe: nullable(previewRecipe),
  model: nullable(model),
};

const opening = object(
  {
    splits: listOf(source),
    /** The name of the split that is shown first. */
    shown: text,
    ...settings,
  },
  {
    /** The class of each raw label, if the recipe maps labels. Predictions are compared with classes. */
    labelNames: recordOf(text),
    /** The first view's id. It is larger than any earlier id of the panel, if the process was restarted. */
    firstView: count,
    query: viewQuery,
  },
);
export type PreviewOpening = Checked<typeof opening>;

const overview = object({ state: previewState, insights, findings });
export type PreviewOverview = Checked<typeof overview>;

/** The texts that a model reads from a row, and the row's label in the file. For a file of entities: the entities, with the recipe's types. */
const inputs = object(
  { first: text, second: nullable(text), label: nullable(text) },
  { entities: listOf(object({ start: count, end: count, type: text })) },
);
export type RowInputs = Checked<typeof inputs>;

const predictionCounts = object({
  /** For each requested row: whether the given label differs from the prediction. */
  differs: listOf(flag),
  done: count,
  compared: count,
  disagreements: count,
  counts: listOf(valueCount),
});
export type PredictionCounts = Checked<typeof predictionCounts>;

const of = { session: count };
const inView = { ...of, view: count };

/**
 * The process that reads data for previews. A session belongs to one panel and holds its index, views and statistics.
 * States, insights and findings are complete snapshots, which the host translates before it passes them to the page.
 * `datasetPreview.ts` documents the requests on views. A request for a session that is not open throws NOT_FOUND.
 */
export const dataProcessContract = defineContract({
  name: 'data',
  version: 2,
  requests: {
    initialize: handshake,
    /**
     * Opens a session under a number that the caller chooses, and returns when the first rows can be read. `state.error`
     * reports a file that cannot be opened.
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
    /** Returns the line on which a row begins. @throws NOT_FOUND */
    line: { params: object({ ...inView, row: count }), result: object({ line: nullable(count) }) },

    /** Shows a split. The split that is already shown is read again. */
    showSplit: { params: object({ ...of, name: text }), result: nothing },
    /** Sets the files to choose from and compare with. The split shown stays if it is among them. */
    setSplits: { params: object({ ...of, splits: listOf(source) }), result: nothing },
    /** Sets the roles of the columns; null recognises them. Discards the predictions. */
    setMapping: {
      params: object({ ...of, mapping: nullable(mapping), source: oneOf('guess', 'recipe', 'person') }, { labelNames: recordOf(text) }), // prettier-ignore
      result: nothing,
    },
    setMaxLength: { params: object({ ...of, maxLength: nullable(count) }), result: nothing },
    /** Sets the model whose tokenizer counts tokens. Discards the predictions. */
    setModel: { params: object({ ...of, model: nullable(model) }), result: nothing },
    setRecipe: { params: object({ ...of, recipe: nullable(previewRecipe) }), result: nothing },

    start: { params: object({ ...of, task: oneOf('insights', 'findings') }), result: nothing },
    cancel: { params: object({ ...of, task: oneOf('view', 'insights', 'findings') }), result: nothing },

    /** Returns the scorer's inputs for at most `maxRowsPerRequest` rows of the split shown; null for a row without a first text. */
    inputs: { params: object({ ...of, rows: listOf(count) }), result: listOf(nullable(inputs)) },
    /** Stores the scorer's predictions for these rows, for display, filters and sorting. */
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
    /** Writes all rows of the view to the file and reports `exportProgress`. */
    export: {
      params: object({ ...inView, columns: listOf(text), format: oneOf(...exportFormats), predictions: flag, file: text }), // prettier-ignore
      result: object({ rows: count }),
    },
    planClean: { params: object({ ...of, options: cleanOptions }), result: cleanPlan },
    writeClean: {
      params: object({ ...of, options: cleanOptions, file: text }),
      result: object({ rows: count, dropped: count, badRows: count }),
    },
    planSplit: { params: object({ ...of, options: splitOptions }), result: splitPlan },
    /** Writes the parts with a share above 0 to these files, in the source's format (JSON Lines for Parquet and files of tokens). */
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
