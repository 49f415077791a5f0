/**
 * Scrolling by rows instead of by pixels of one tall element: a browser's elements end at about 33 million pixels, and
 * rows of wrapped text have heights that are known only once they have been drawn.
 */

/** Where the table stands: the row at the upper edge, and how many pixels of it are above that edge. */
export interface ScrollPosition {
  readonly index: number;
  readonly hiddenPx: number;
}

/** What scrolling has to know of the table. */
export interface ScrollFrame {
  readonly rows: number;
  readonly viewportPx: number;
  readonly heightOf: (index: number) => number;
}

export const top: ScrollPosition = { index: 0, hiddenPx: 0 };

// One step of a wheel or key; longer ways go by fraction or by row.
const maxStepPx = 100_000;

/** The position that has the last row at the lower edge; the top when all rows fit. */
export function bottomOf({ rows, viewportPx, heightOf }: ScrollFrame): ScrollPosition {
  let left = viewportPx;
  for (let index = rows - 1; index >= 0; index--) {
    left -= heightOf(index);
    if (left <= 0) return { index, hiddenPx: -left };
  }
  return top;
}

/** The position within what can be scrolled to. */
export function settled(position: ScrollPosition, frame: ScrollFrame): ScrollPosition {
  if (position.index < 0) return top;
  const bottom = bottomOf(frame);
  const isBelow =
    position.index > bottom.index || (position.index === bottom.index && position.hiddenPx > bottom.hiddenPx);
  return isBelow ? bottom : position;
}

/** Down by so many pixels, up for a negative number. */
export function movedBy(position: ScrollPosition, deltaPx: number, frame: ScrollFrame): ScrollPosition {
  let { index } = position;
  let hiddenPx = position.hiddenPx + Math.max(-maxStepPx, Math.min(maxStepPx, deltaPx));
  while (hiddenPx < 0 && index > 0) hiddenPx += frame.heightOf(--index);
  while (index < frame.rows - 1 && hiddenPx >= frame.heightOf(index)) hiddenPx -= frame.heightOf(index++);
  return settled({ index, hiddenPx: Math.max(0, hiddenPx) }, frame);
}

/** The position so far down the file: 0 is the top, 1 the bottom. */
export function positionAt(fraction: number, frame: ScrollFrame): ScrollPosition {
  if (fraction >= 1) return bottomOf(frame);
  const exact = Math.max(0, fraction) * rowsAbove(bottomOf(frame), frame);
  const index = Math.floor(exact);
  return settled({ index, hiddenPx: (exact - index) * frame.heightOf(index) }, frame);
}

/** The inverse of `positionAt`; 0 when nothing can be scrolled. */
export function fractionOf(position: ScrollPosition, frame: ScrollFrame): number {
  const all = rowsAbove(bottomOf(frame), frame);
  return all === 0 ? 0 : Math.min(1, rowsAbove(position, frame) / all);
}

/** The least movement after which the row can be seen. */
export function revealing(index: number, position: ScrollPosition, frame: ScrollFrame): ScrollPosition {
  if (index <= position.index) return settled({ index: Math.max(0, index), hiddenPx: 0 }, frame);
  const atLowerEdge = bottomOf({ ...frame, rows: Math.min(index, frame.rows - 1) + 1 });
  const isVisible =
    position.index > atLowerEdge.index ||
    (position.index === atLowerEdge.index && position.hiddenPx >= atLowerEdge.hiddenPx);
  // A row taller than the view shows its beginning.
  if (frame.heightOf(index) > frame.viewportPx) return { index, hiddenPx: 0 };
  return isVisible ? position : atLowerEdge;
}

/** The rows to draw: from the first (partly) visible one to the one before `end`. */
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
