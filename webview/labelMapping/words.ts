export const countText = (count: number): string => count.toLocaleString('en-US');

/** A count, or the counts before and after a change. */
export const changeText = (before: number, after: number): string =>
  before === after ? countText(after) : `${countText(before)} → ${countText(after)}`;

/** The value, or two quotation marks for an empty one, which would be invisible. */
export const valueShown = (value: string): string => (value === '' ? '""' : value);

export const scoreText = (score: number): string => String(Number(score.toFixed(3)));
