import { MedTextError } from '../base/errors';
import type { ResolvedHoldOut } from '../protocol/recipe';
import type { Examples } from './examples';
import { splitRows } from './splits';

/**
 * Deals a file's examples into those to learn from and those held out to validate with, as {@link splitRows} does:
 * seeded, by label where `stratify` says so (a regression has none), with equal texts of `group_by` in one part.
 * @throws DATA_FORMAT when a part would be empty
 */
export function holdOut<T extends Examples>(
  data: T,
  { validation, seed, stratify, group_by: group }: ResolvedHoldOut,
): { readonly train: T; readonly validation: T } {
  const { examples, labels, file } = data;
  const dealt = splitRows(examples.length, {
    shares: { train: 1 - validation, validation },
    seed,
    ...(stratify && labels.length > 0 && { stratifyBy: (row: number) => examples[row].label }),
    ...(group && { groupBy: (row: number) => (group === 'first_sequence' ? examples[row].first : (examples[row].second ?? '')) }), // prettier-ignore
  });
  if (dealt.train.length === 0 || dealt.validation.length === 0) {
    throw new MedTextError(
      'DATA_FORMAT',
      `${file.path} has ${examples.length} examples, too few${group ? ' different texts' : ''} to hold out ${validation} of them for validation. Name a validation file, or change dataset.split.`,
      { file: file.path, validation },
    );
  }
  const part = (rows: readonly number[]): T => {
    const chosen = rows.map((row) => examples[row]);
    return {
      ...data,
      examples: chosen,
      counts: labels.map((_, id) => chosen.filter(({ label }) => label === id).length),
    };
  };
  return { train: part(dealt.train), validation: part(dealt.validation) };
}
