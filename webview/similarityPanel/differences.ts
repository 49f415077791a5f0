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
