/** Which of a file's examples a training learns from: without duplicates, and without those that are held out. */
import { cleanText, type CleanOperation } from '../base/cleanText';
import type { RecipeCleaning, ResolvedHoldOut } from '../protocol/recipe';
import type { Example, Examples } from './examples';
import { holdOut, partOf } from './holdOut';
import { pairKey } from './statistics';

export interface TrainingRows<Data> {
  readonly train: Data;
  /** Absent: nothing is held out. */
  readonly validation?: Data;
  /** Rows that were left out, for an earlier one has their texts and their label. */
  readonly duplicates: number;
}

/**
 * Texts are compared as the model reads them, after `clean`.
 * @throws DATA_FORMAT as {@link holdOut}
 */
export function trainingRows<T extends Examples<unknown>>(
  data: T,
  { split, drop_duplicates: drops, clean = [] }: RecipeCleaning & { readonly split?: ResolvedHoldOut },
): TrainingRows<T> {
  const distinct = drops ? partOf(data, distinctPlaces(data.examples, clean)) : data;
  const duplicates = data.examples.length - distinct.examples.length;
  if (!split) return { train: distinct, duplicates };
  return { ...holdOut(distinct, split, (text) => cleanText(text, clean)), duplicates };
}

function distinctPlaces(examples: readonly Example<unknown>[], clean: readonly CleanOperation[]): number[] {
  const known = new Set<string>();
  return examples.flatMap(({ first, second, label }, place) => {
    const texts = { first: cleanText(first, clean), ...(second !== undefined && { second: cleanText(second, clean) }) };
    const key = `${JSON.stringify(label)} ${pairKey(texts)}`;
    if (known.has(key)) return [];
    known.add(key);
    return [place];
  });
}
