/** From which probability a label is given: chosen on validation data. */
import { USUAL_THRESHOLD } from '../../protocol/labelThresholds';
import type { LabelThresholds } from '../../protocol/recipe';
import { eachScore, judgedScores, type JudgedScores } from './judgedScores';

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
  const labels = Array.from({ length: labelCount }, (_, id) => id);
  const scored = rows.map(({ probabilities: scores, given }) => ({ scores, given }));
  if (rule === 'by_label') return labels.map((id) => bestThreshold(judgedScores(scored, [id], 0)));
  const threshold = bestThreshold(judgedScores(scored, labels, 0));
  return labels.map(() => threshold);
}

function bestThreshold(judged: JudgedScores): number {
  const positives = judged.given.length;
  if (positives === 0) return USUAL_THRESHOLD;
  let best = { f1: -1, threshold: USUAL_THRESHOLD };
  // Equal probabilities are given together or not at all.
  eachScore(judged, (probability, next = 0, counted, hits) => {
    // Nothing lies below a probability of 0.
    if (next === probability) return;
    const f1 = (2 * hits) / (counted + positives);
    if (f1 < best.f1) return;
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
