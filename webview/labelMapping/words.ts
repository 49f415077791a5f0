/** Counts with separators. */
export const countText = (count: number): string => count.toLocaleString('en-US');

/** A count that changes: both ends. */
export const changeText = (before: number, after: number): string =>
  before === after ? countText(after) : `${countText(before)} → ${countText(after)}`;

/** An empty value, and white space at the ends, can be seen. */
export const valueShown = (value: string): string => (value === '' ? '""' : value);

export const scoreText = (score: number): string => String(Number(score.toFixed(3)));
