import { diffArrays } from 'diff';

/** A stretch of a text, as it stands there; `differs` when the other text has nothing that corresponds to it. */
export interface Stretch {
  readonly text: string;
  readonly differs: boolean;
}

export interface Differences {
  readonly first: readonly Stretch[];
  readonly second: readonly Stretch[];
}

/** Beyond this many insertions and deletions the texts have nothing to do with each other, and marks say nothing. */
const maxEdits = 600;

/** Where two texts differ, by a shortest edit script over code points (Myers 1986). Too different: all differs. */
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

/** Whether the texts share so little that marks would cover nearly all of both. */
export function sharesLittle({ first, second }: Differences): boolean {
  const length = (stretches: readonly Stretch[]): number =>
    stretches.reduce((sum, { text }) => sum + [...text].length, 0);
  const shared = length(first.filter(({ differs }) => !differs));
  return shared < 0.3 * Math.min(length(first), length(second));
}

/** The text without marks. */
export const plain = (text: string): readonly Stretch[] => [{ text, differs: false }];
