/** The text that an annotation has of its own beside the text at its place. */

/** `normalized`: they differ by letter case or character width alone, as programs write that normalise what they annotate. */
export type Likeness = 'same' | 'normalized' | 'other';

/** How `there`, which stands at an annotation's place, is like `said`, which the annotation has. */
export function likenessOf(there: string, said: string): Likeness {
  if (there === said) return 'same';
  const [left, right] = [spaced(there), spaced(said)];
  if (left === right) return 'same';
  return folded(left) === folded(right) ? 'normalized' : 'other';
}

/** Whether it is the same text without regard to case and width; white space counts, since it tells where a mention ends. */
export const isWrittenAs = (there: string, said: string): boolean => there === said || folded(there) === folded(said);

/** Line breaks are spaces to some programs, and white space at the ends is nothing. */
const spaced = (text: string): string => text.trim().replace(/\s+/g, ' ');

const folded = (text: string): string => text.normalize('NFKC').toLowerCase();

/** Where a text stands that begins nearest to a place; undefined where it does not stand. */
export function nearestPlace(text: string, said: string, place: number): number | undefined {
  const before = text.lastIndexOf(said, place);
  const behind = text.indexOf(said, place);
  const found = [before, behind].filter((at) => at >= 0);
  return found.sort((a, b) => Math.abs(a - place) - Math.abs(b - place))[0];
}
