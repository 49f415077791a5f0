/**
 * Scrolls by rows, not by pixels of one tall element. A browser limits the height of an element to about 33 million
 * pixels. The height of a row of wrapped text is known only after drawing it.
 */

/** The scroll position: the row at the upper edge, and how many of its pixels are hidden above the edge. */
export interface ScrollPosition {
  readonly index: number;
  readonly hiddenPx: number;
}

/** The measures of the table. */
export interface ScrollFrame {
  readonly rows: number;
  readonly viewportPx: number;
  readonly heightOf: (index: number) => number;
}

export const top: ScrollPosition = { index: 0, hiddenPx: 0 };

// A bound on one step of a wheel or a key, because `movedBy` visits every row. Longer jumps use `positionAt` or
// `revealing`.
const maxStepPx = 100_000;

/** The position with the last row at the lower edge. If all rows fit, it is the top. */
export function bottomOf({ rows, viewportPx, heightOf }: ScrollFrame): ScrollPosition {
  let left = viewportPx;
  for (let index = rows - 1; index >= 0; index--) {
    left -= heightOf(index);
    if (left <= 0) return { index, hiddenPx: -left };
  }
  return top;
}

/** The nearest possible position: not above the top and not below the bottom. */
export function settled(position: ScrollPosition, frame: ScrollFrame): ScrollPosition {
  if (position.index < 0) return top;
  const bottom = bottomOf(frame);
  const isBelow =
    position.index > bottom.index || (position.index === bottom.index && position.hiddenPx > bottom.hiddenPx);
  return isBelow ? bottom : position;
}

/** The position after scrolling down by some pixels. A negative number scrolls up. */
export function movedBy(position: ScrollPosition, deltaPx: number, frame: ScrollFrame): ScrollPosition {
  let { index } = position;
  let hiddenPx = position.hiddenPx + Math.max(-maxStepPx, Math.min(maxStepPx, deltaPx));
  while (hiddenPx < 0 && index > 0) hiddenPx += frame.heightOf(--index);
  while (index < frame.rows - 1 && hiddenPx >= frame.heightOf(index)) hiddenPx -= frame.heightOf(index++);
  return settled({ index, hiddenPx: Math.max(0, hiddenPx) }, frame);
}

/** The position at a fraction of the way from the top (0) to the bottom (1). */
export function positionAt(fraction: number, frame: ScrollFrame): ScrollPosition {
  if (fraction >= 1) return bottomOf(frame);
  const exact = Math.max(0, fraction) * rowsAbove(bottomOf(frame), frame);
  const index = Math.floor(exact);
  return settled({ index, hiddenPx: (exact - index) * frame.heightOf(index) }, frame);
}

/** The inverse of `positionAt`. It is 0 if all rows fit. */
export function fractionOf(position: ScrollPosition, frame: ScrollFrame): number {
  const all = rowsAbove(bottomOf(frame), frame);
  return all === 0 ? 0 : Math.min(1, rowsAbove(position, frame) / all);
}

/** The nearest position at which the row is visible. */
export function revealing(index: number, position: ScrollPosition, frame: ScrollFrame): ScrollPosition {
  if (index <= position.index) return settled({ index: Math.max(0, index), hiddenPx: 0 }, frame);
  const atLowerEdge = bottomOf({ ...frame, rows: Math.min(index, frame.rows - 1) + 1 });
  const isVisible =
    position.index > atLowerEdge.index ||
    (position.index === atLowerEdge.index && position.hiddenPx >= atLowerEdge.hiddenPx);
  // A row that is taller than the table shows its beginning.
  if (frame.heightOf(index) > frame.viewportPx) return { index, hiddenPx: 0 };
  return isVisible ? position : atLowerEdge;
}

/** The visible rows, also partly visible ones, as the range [start, end). */
export function visibleRows(
  position: ScrollPosition,
  frame: ScrollFrame,
): { readonly start: number; readonly end: number } {
  let end = position.index;
  for (let filled = -position.hiddenPx; end < frame.rows && filled < frame.viewportPx; end++) {
    filled += frame.heightOf(end);
  }
  return { start: position.index, end };
}

function rowsAbove({ index, hiddenPx }: ScrollPosition, { heightOf }: ScrollFrame): number {
  return index + hiddenPx / heightOf(index);
}
