import { MedTextError, words } from '../base/errors';
import type { ResolvedHoldOut } from '../protocol/recipe';
import type { Example, Examples } from './examples';
import { splitRows } from './splits';

/**
 * Deals a file's examples into those to learn from and those held out to validate with, as {@link splitRows} does:
 * seeded, by label where `stratify` says so (a regression has none), with what agrees in `group_by` in one part. A column's
 * examples have been read with it as `groupColumn` ({@link groupColumnOf}); one where it says nothing is on its own.
 * @param readText makes of texts to group by what the model reads of them
 * @throws DATA_FORMAT when a part would be empty
 */
export function holdOut<T extends Examples<unknown>>(
  data: T,
  { validation, seed, stratify, group_by: group }: ResolvedHoldOut,
  readText: (text: string) => string = (text) => text,
): { readonly train: T; readonly validation: T } {
  const { examples, labels, idsOf, file } = data;
  const ids = (label: unknown): readonly number[] => (idsOf ? idsOf(label) : [label as number]);
  const stratumOf = (row: number) => [...new Set(ids(examples[row].label))].sort().join(' ');
  const dealt = splitRows(examples.length, {
    shares: { train: 1 - validation, validation },
    seed,
    ...(stratify && labels.length > 0 && { stratifyBy: stratumOf }),
    ...(group && { groupBy: (row: number) => groupOf(examples[row], group, readText) }), // prettier-ignore
  });
  if (dealt.train.length === 0 || dealt.validation.length === 0) {
    throw new MedTextError(
      'DATA_FORMAT',
      words`${file.path} has ${examples.length} examples, too few${group ? words` different values of ${group}` : ''} to hold out ${validation} of them for validation. Name a validation file, or change dataset.split.`,
      { file: file.path, validation },
    );
  }
  return { train: partOf(data, dealt.train), validation: partOf(data, dealt.validation) };
}

/** The data with these of its examples. */
export function partOf<T extends Examples<unknown>>(data: T, places: readonly number[]): T {
  const { labels, idsOf } = data;
  const chosen = places.map((place) => data.examples[place]);
  const ids = chosen.flatMap(({ label }) => (idsOf ? idsOf(label) : [label as number]));
  return { ...data, examples: chosen, counts: countsOf(ids, labels.length) };
}

function countsOf(ids: readonly number[], count: number): number[] {
  const counts = new Array<number>(count).fill(0);
  for (const id of ids) if (id < count) counts[id]++;
  return counts;
}

/** The column that has to be read for it, beside the texts. */
export function groupColumnOf(heldOut: ResolvedHoldOut | undefined): string | undefined {
  const group = heldOut?.group_by ?? undefined;
  return group === 'first_sequence' || group === 'second_sequence' ? undefined : group;
}

function groupOf(
  { first, second, group, row }: Example<unknown>,
  by: string,
  readText: (text: string) => string,
): string {
  if (by === 'first_sequence') return readText(first);
  if (by === 'second_sequence') return readText(second ?? '');
  // No text of a file holds a zero character.
  return group ?? `\0${row}`;
}
