import { diffArrays } from 'diff';

/** A part of a text. `differs` means that the other text lacks it. */
export interface Stretch {
  readonly text: string;
  readonly differs: boolean;
}

export interface Differences {
  readonly first: readonly Stretch[];
  readonly second: readonly Stretch[];
}

/** Texts that need more insertions and deletions than this are unrelated. Marks would be useless and slow to find. */
const maxEdits = 600;

/**
 * The differences of two texts by a shortest edit script over code points (Myers 1986). Beyond `maxEdits` both texts
 * differ as a whole.
 */
export function differences(first: string, second: string): Differences {
  const changes = diffArrays([...first], [...second], { maxEditLength: maxEdits });
  if (!changes) return { first: whole(first), second: whole(second) };
  const sides = { first: [] as Stretch[], second: [] as Stretch[] };
  for (const { value, added, removed } of changes) {
    const text = value.join('');
    if (!added) sides.first.push({ text, differs: removed });
    if (!removed) sides.second.push({ text, differs: added });
  }
  return sides;
}

const whole = (text: string): readonly Stretch[] => (text === '' ? [] : [{ text, differs: true }]);

/** Whether marks would cover most of both texts. */
export function sharesLittle({ first, second }: Differences): boolean {
  const length = (stretches: readonly Stretch[]): number =>
    stretches.reduce((sum, { text }) => sum + [...text].length, 0);
  const shared = length(first.filter(({ differs }) => !differs));
  return shared < 0.3 * Math.min(length(first), length(second));
}

export const plain = (text: string): readonly Stretch[] => [{ text, differs: false }];
