/** How a file's columns are used, and why. The reasons are codes, so that no program depends on a sentence. */
import { words, type Words } from '../base/words';
import { count, listOf, object, oneOf, text, type Checked } from './check';

/** What a column is used for. */
export const fieldRoles = ['firstSequence', 'secondSequence', 'label'] as const;
export type FieldRole = (typeof fieldRoles)[number];

/** The roles' names in recipes and messages. */
export const ROLE_NAMES: Readonly<Record<FieldRole, string>> = {
  firstSequence: 'first_sequence',
  secondSequence: 'second_sequence',
  label: 'label',
};

/** Why a column got its role. */
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
 * The kind of values in a column, by its name and the sample rows: nothing, lists and objects, addresses, times, ids of the
 * rows, who labelled a row and for how long, numbers of many values, few values that repeat, texts.
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

/** A column that a run reads. `reason` is set if the column was recognised, not named. */
export const usedField = object({ role: oneOf(...fieldRoles), column: text }, { reason: oneOf(...guessReasons) });
export type UsedField = Checked<typeof usedField>;

/** The sentence `label: column "gold", by its name`. */
export function fieldWords({ role, column, reason }: UsedField): Words {
  const why = reason === undefined ? words`named by the recipe` : REASON_WORDS[reason];
  return words`${ROLE_NAMES[role]}: column ${JSON.stringify(column)}, ${why}`;
}

/** How a run reads its training data, reported before the first step. */
export const understoodData = object({
  task: text,
  rows: count,
  fields: listOf(usedField),
  /** Labels in the order of their ids, at most 100. Empty for a regression. */
  labels: listOf(object({ name: text, count })),
  labelCount: count,
});
export type UnderstoodData = Checked<typeof understoodData>;
