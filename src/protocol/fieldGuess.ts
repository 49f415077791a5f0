/** What a file's columns were taken for, and why: codes, so that no program hangs on a sentence. */
import { words, type Words } from '../base/words';
import { count, listOf, object, oneOf, text, type Checked } from './check';

/** What a column is used for. */
export const fieldRoles = ['firstSequence', 'secondSequence', 'label'] as const;
export type FieldRole = (typeof fieldRoles)[number];

/** How the fields are called in recipes and messages. */
export const ROLE_NAMES: Readonly<Record<FieldRole, string>> = {
  firstSequence: 'first_sequence',
  secondSequence: 'second_sequence',
  label: 'label',
};

/** Why a column was taken for what it is. */
const guessReasons = ['name', 'firstText', 'nextText', 'repeatedValues', 'labelStudio'] as const;
export type GuessReason = (typeof guessReasons)[number];

const REASON_WORDS: Readonly<Record<GuessReason, Words>> = {
  name: words`by its name`,
  firstText: words`the first one that holds texts`,
  nextText: words`the next one that holds texts`,
  repeatedValues: words`few short values, often repeated`,
  labelStudio: words`what Label Studio’s annotators chose`,
};

/**
 * What the values of a column are, by its name and the sample rows: nothing, lists and objects, addresses, times, what numbers
 * or names the rows, who labelled a row and for how long, numbers of many values, few values that repeat, texts.
 */
export const columnKinds = [
  'empty',
  'nested',
  'link',
  'time',
  'identifier',
  'bookkeeping',
  'number',
  'class',
  'text',
] as const;
export type ColumnKind = (typeof columnKinds)[number];

/** A column that a run reads; with a reason where nobody named it. */
export const usedField = object({ role: oneOf(...fieldRoles), column: text }, { reason: oneOf(...guessReasons) });
export type UsedField = Checked<typeof usedField>;

/** `label: column "gold", by its name`. */
export function fieldWords({ role, column, reason }: UsedField): Words {
  const why = reason === undefined ? words`as the recipe says` : REASON_WORDS[reason];
  return words`${ROLE_NAMES[role]}: column ${JSON.stringify(column)}, ${why}`;
}

/** What a run learns from, as it was understood, before the first step. */
export const understoodData = object({
  task: text,
  rows: count,
  fields: listOf(usedField),
  /** In the order of their ids, at most 100; none for a regression. */
  labels: listOf(object({ name: text, count })),
  labelCount: count,
});
export type UnderstoodData = Checked<typeof understoodData>;
