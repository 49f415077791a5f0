import type { FieldMapping } from '../protocol/datasetPreview';
import { textOf, valueIn, type DataValue } from '../data/dataRow';
import { isMissing } from './cells';

/** The part of a tokenizer that counts. */
export interface TokenCounter {
  countTokens(text: string): number;
  specialTokenCount(pair: boolean): number;
}

type Values = Readonly<Record<string, DataValue>>;

/** The texts that a model reads of a row; undefined where there is no first one. */
export function inputsOf(values: Values, { first_sequence, second_sequence }: FieldMapping) {
  const first = first_sequence === null ? undefined : valueIn(values, first_sequence);
  if (isMissing(first)) return undefined;
  return { first: textOf(first), second: second_sequence === null ? null : textOf(valueIn(values, second_sequence)) };
}

/** Tokens of a whole example, special ones included; undefined for a row without a first text. */
export function exampleTokens(values: Values, mapping: FieldMapping, counter: TokenCounter): number | undefined {
  const inputs = inputsOf(values, mapping);
  if (!inputs) return undefined;
  const { first, second } = inputs;
  const texts = counter.countTokens(first) + (second === null ? 0 : counter.countTokens(second));
  return texts + counter.specialTokenCount(second !== null);
}
