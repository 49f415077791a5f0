/** From which probability a label is given: chosen on validation data. */
import { USUAL_THRESHOLD } from '../../protocol/labelThresholds';
import type { LabelThresholds } from '../../protocol/recipe';

/** In label order; or how they are to be chosen on the rows that are measured. */
export type Thresholds = readonly number[] | Exclude<LabelThresholds, number>;

/** One row's probabilities and labels, in label order. */
export interface JudgedRow {
  readonly probabilities: ArrayLike<number>;
  readonly given: readonly number[];
}

/**
 * The thresholds with the best F1 on these rows: micro F1 for all labels at once, or the F1 of each label. Between two probabilities the
 * middle is taken; of equally good ones that which is nearest 0.5. A label that no row has keeps 0.5.
 */
export function chosenThresholds(
  rows: readonly JudgedRow[],
  labelCount: number,
  rule: Exclude<LabelThresholds, number>,
): readonly number[] {
  // prettier-ignore
  const judged = Array.from({ length: labelCount }, (_, id) =>
    rows.map(({ probabilities, given }) => ({ probability: probabilities[id], isGiven: given.includes(id) })),
  );
  if (rule === 'by_label') return judged.map(bestThreshold);
  const threshold = bestThreshold(judged.flat());
  return judged.map(() => threshold);
}

function bestThreshold(judged: readonly { readonly probability: number; readonly isGiven: boolean }[]): number {
  const positives = judged.filter(({ isGiven }) => isGiven).length;
  if (positives === 0) return USUAL_THRESHOLD;
  const descending = [...judged].sort((a, b) => b.probability - a.probability);
  let best = { f1: -1, threshold: USUAL_THRESHOLD };
  let hits = 0;
  descending.forEach(({ probability, isGiven }, at) => {
    if (isGiven) hits++;
    const next = descending[at + 1]?.probability ?? 0;
    // Equal probabilities are given together or not at all.
    if (next === probability) return;
    const f1 = (2 * hits) / (at + 1 + positives);
    const threshold = nearestTo(USUAL_THRESHOLD, next, probability);
    const isNearer = Math.abs(threshold - USUAL_THRESHOLD) < Math.abs(best.threshold - USUAL_THRESHOLD);
    if (f1 > best.f1 || (f1 === best.f1 && isNearer)) best = { f1, threshold };
  });
  return best.threshold;
}

/** The usual threshold where it lies between the two, else their middle, with the digits that a person reads. */
function nearestTo(usual: number, below: number, above: number): number {
  if (below < usual && usual <= above) return usual;
  const middle = (below + above) / 2;
  const short = Number(middle.toPrecision(4));
  return below < short && short <= above ? short : middle;
}
