/** A set of code points as sorted ranges, the meaning of a class in a regular expression. */
export type CharacterSet = readonly (readonly [first: number, last: number])[];

const LAST_POINT = 0x10ffff;

/** The union of sets: sorted, without overlap, neighbours joined. */
export function union(...sets: CharacterSet[]): CharacterSet {
  const sorted = sets.flat().sort(([a], [b]) => a - b);
  const merged: [number, number][] = [];
  for (const [first, last] of sorted) {
    const previous = merged.at(-1);
    if (previous && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

export function complement(set: CharacterSet): CharacterSet {
  const gaps: [number, number][] = [];
  let next = 0;
  for (const [first, last] of union(set)) {
    if (first > next) gaps.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST_POINT) gaps.push([next, LAST_POINT]);
  return gaps;
}

export function intersection(a: CharacterSet, b: CharacterSet): CharacterSet {
  return complement(union(complement(a), complement(b)));
}

/**
 * The characters that the runtime's own expression `\p{…}` matches. Undefined where the runtime knows no such property.
 */
export function runtimeProperty(property: string): CharacterSet | undefined {
  let expression: RegExp;
  try {
    expression = new RegExp(`\\p{${property}}`, 'u');
  } catch {
    return undefined;
  }
  const ranges: [number, number][] = [];
  for (let point = 0; point <= LAST_POINT; point++) {
    if (!expression.test(String.fromCodePoint(point))) continue;
    const previous = ranges.at(-1);
    if (previous && previous[1] === point - 1) previous[1] = point;
    else ranges.push([point, point]);
  }
  return ranges;
}
