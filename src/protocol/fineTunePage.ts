import { count, flag, listOf, nothing, nullable, number, object, oneOf, text, type Checked } from './check';
import { defineContract } from './contract';
import { columnKinds } from './fieldGuess';
import { trainingForecast } from './trainingForecast';
import { webviewStart } from './webviewStart';

/** The choices of a person; each is one field of the page. */
export const draftFields = ['model', 'train', 'sheet', 'validation', 'validationSheet', 'test', 'testSheet', 'first', 'second', 'label', 'task', 'device', 'badRows', 'spanEnd'] as const; // prettier-ignore
export type DraftField = (typeof draftFields)[number];

/** The value of `validation` that holds out a share of the training data. */
export const HOLD_OUT = 'holdOut';

const choice = object({ id: text, name: text }, { hint: text });
export type Choice = Checked<typeof choice>;

const column = object({
  name: text,
  kind: oneOf(...columnKinds),
  /** In the first rows: the number of non-empty values, and of distinct values. */
  values: count,
  distinct: count,
  examples: listOf(text),
  canBeText: flag,
  canBeLabel: flag,
});
export type DraftColumn = Checked<typeof column>;

const lengths = object({ rows: count, median: count, p99: count, longest: count }, { positions: count });
export type DraftLengths = Checked<typeof lengths>;

/** Everything the page shows: what was recognised and what the person chose. Each snapshot is complete. */
export const fineTuneSnapshot = object({
  state: oneOf('reading', 'ready', 'asking'),
  /** Why no recipe can be written yet; empty if one can be written. */
  problem: text,
  models: listOf(choice),
  files: listOf(choice),
  /** The names of a workbook's sheets; empty for other files and for a workbook with one sheet. */
  sheets: object({ train: listOf(text), validation: listOf(text), test: listOf(text) }),
  tasks: listOf(choice),
  devices: listOf(text),
  /** The chosen value of each field; an empty text if nothing is chosen. */
  chosen: object(Object.fromEntries(draftFields.map((field) => [field, text])) as Record<DraftField, typeof text>),
  rows: count,
  badRows: count,
  columns: listOf(column),
  labels: listOf(object({ name: text, count, score: nullable(number) })),
  labelCount: count,
  /** The data have entities, and the file does not show whether their ends are inclusive. */
  asksSpanEnd: flag,
  /** The similarity scores of the labels matter, and some are unknown. */
  asksScale: flag,
  lengths: nullable(lengths),
  /** The training's estimate; null if there is none, for the reason in `forecastNote`. */
  forecast: nullable(trainingForecast),
  forecastNote: text,
  warnings: listOf(text),
  recipeName: text,
  recipe: text,
});
export type FineTuneSnapshot = Checked<typeof fineTuneSnapshot>;

export const fineTuneContract = defineContract({
  name: 'fine-tune page',
  version: 1,
  requests: {
    initialize: { params: nothing, result: webviewStart(fineTuneSnapshot) },
    /** @throws NOT_FOUND for a value that is not among the choices */
    choose: { params: object({ field: oneOf(...draftFields), value: text }), result: nothing },
    /** Sets a label's similarity score, from 0 to 1; null removes it. */
    score: { params: object({ label: text, score: nullable(number) }), result: nothing },
    /** Asks the person for a file that is not listed. */
    browse: { params: object({ field: oneOf('train', 'validation', 'test') }), result: nothing },
    importModel: { params: nothing, result: nothing },
    preview: { params: nothing, result: nothing },
    /** Shows in the preview the rows whose labels contradict one another. @throws NOT_FOUND */
    showContradictions: { params: nothing, result: nothing },
    /** Computes a few training steps to estimate the time. */
    measureTime: { params: nothing, result: nothing },
    /** Writes the recipe and opens it. `start` also begins its training. */
    write: { params: object({ start: flag }), result: nothing },
  },
  events: { snapshot: fineTuneSnapshot },
});
export type FineTuneContract = typeof fineTuneContract;
