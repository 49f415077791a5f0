import { count, flag, listOf, nothing, nullable, number, object, oneOf, text, type Checked } from './check';
import { defineContract } from './contract';
import { columnKinds } from './fieldGuess';
import { webviewStart } from './webviewStart';

/** What a person can choose; each is one field of the page. */
export const draftFields = ['model', 'train', 'validation', 'test', 'first', 'second', 'label', 'task', 'device', 'badRows', 'spanEnd'] as const; // prettier-ignore
export type DraftField = (typeof draftFields)[number];

/** In `validation`: a share of the training data. */
export const HOLD_OUT = 'holdOut';

const choice = object({ id: text, name: text }, { hint: text });
export type Choice = Checked<typeof choice>;

const column = object({
  name: text,
  kind: oneOf(...columnKinds),
  /** Of the first rows: values that are there, and how many of them differ. */
  values: count,
  distinct: count,
  examples: listOf(text),
  canBeText: flag,
  canBeLabel: flag,
});
export type DraftColumn = Checked<typeof column>;

const lengths = object({ rows: count, median: count, p99: count, longest: count }, { positions: count });
export type DraftLengths = Checked<typeof lengths>;

/** Everything the page shows: what was recognised and what the person chose; always complete. */
export const fineTuneSnapshot = object({
  state: oneOf('reading', 'ready', 'asking'),
  /** Why no recipe can be made yet; empty when one can. */
  problem: text,
  models: listOf(choice),
  files: listOf(choice),
  tasks: listOf(choice),
  devices: listOf(text),
  /** By field; an empty text: none. */
  chosen: object(Object.fromEntries(draftFields.map((field) => [field, text])) as Record<DraftField, typeof text>),
  rows: count,
  badRows: count,
  columns: listOf(column),
  labels: listOf(object({ name: text, count, score: nullable(number) })),
  labelCount: count,
  /** The data have entities whose ends nothing in the file explains. */
  asksSpanEnd: flag,
  /** What the labels count for in a similarity matters, and is not known of all. */
  asksScale: flag,
  lengths: nullable(lengths),
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
    /** @throws NOT_FOUND for what is not among the choices */
    choose: { params: object({ field: oneOf(...draftFields), value: text }), result: nothing },
    /** What a label counts for in a similarity, from 0 to 1; null: nobody says. */
    score: { params: object({ label: text, score: nullable(number) }), result: nothing },
    /** Asks for a file that is not listed. */
    browse: { params: object({ field: oneOf('train', 'validation', 'test') }), result: nothing },
    importModel: { params: nothing, result: nothing },
    preview: { params: nothing, result: nothing },
    /** Writes the recipe and opens it; `start` begins its training, too. */
    write: { params: object({ start: flag }), result: nothing },
  },
  events: { snapshot: fineTuneSnapshot },
});
export type FineTuneContract = typeof fineTuneContract;
