/**
 * Confident learning: which given labels a model contradicts with good reason.
 *
 * Northcutt, Jiang, Chuang: Confident Learning: Estimating Uncertainty in Dataset Labels. JAIR 70 (2021). Numbers equal
 * those of cleanlab 2.9 (`find_label_issues` with `filter_by='confident_learning'`), the authors' implementation.
 */
export interface SuspectLabel {
  /** The example's place. */
  readonly index: number;
  readonly given: number;
  /** The label the model holds most probable. */
  readonly suggested: number;
  /** The probability of the suggested label. */
  readonly probability: number;
  /** The probability of the given label. */
  readonly selfConfidence: number;
  /** p(given) - max p(another), from -1 to 1: the lower, the more suspect. */
  readonly margin: number;
}

export interface ConfidentLearning {
  /** By label: the mean probability of the label over the examples that have it; 2, out of reach, for one without any. */
  readonly thresholds: readonly number[];
  /** `[given][confidently believed]`: examples counted; the diagonal is at least 1. */
  readonly confidentJoint: readonly (readonly number[])[];
  /** The most suspect first. */
  readonly suspects: readonly SuspectLabel[];
}

export type SuspectOrder = 'normalizedMargin' | 'selfConfidence';

/** Probabilities this close to a threshold, or to each other, count as equal. */
const TOLERANCE = 1e-6;
const OUT_OF_REACH = 2;

/**
 * @param labels the given labels' ids, [examples]
 * @param probabilities [examples, classes] row after row; best from a model that did not see these examples in training
 */
export function confidentLearning(
  labels: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  classes: number,
  order: SuspectOrder = 'normalizedMargin',
): ConfidentLearning {
  const at = (example: number, label: number): number => probabilities[example * classes + label];
  const thresholds = confidentThresholds(labels, at, classes);
  const confidentJoint = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const suspects: SuspectLabel[] = [];
  for (let index = 0; index < labels.length; index++) {
    const given = labels[index];
    const believed = confidentBelief(index, at, thresholds);
    if (believed === undefined) continue;
    confidentJoint[given][believed]++;
    if (believed === given) continue;
    const suspect = suspectOf(index, given, at, classes);
    // The model's first choice is the given label after all; only its threshold is harder to reach.
    if (suspect.selfConfidence < suspect.probability - TOLERANCE) suspects.push(suspect);
  }
  for (let label = 0; label < classes; label++) {
    confidentJoint[label][label] = Math.max(1, confidentJoint[label][label]);
  }
  const key = order === 'selfConfidence' ? 'selfConfidence' : 'margin';
  suspects.sort((a, b) => a[key] - b[key] || a.index - b.index);
  return { thresholds, confidentJoint, suspects };
}

type Probability = (example: number, label: number) => number;

function confidentThresholds(labels: ArrayLike<number>, at: Probability, classes: number): number[] {
  const sums = new Array<number>(classes).fill(0);
  const counts = new Array<number>(classes).fill(0);
  for (let index = 0; index < labels.length; index++) {
    sums[labels[index]] += at(index, labels[index]);
    counts[labels[index]]++;
  }
  return sums.map((sum, label) => (counts[label] === 0 ? OUT_OF_REACH : Math.max(2 * TOLERANCE, sum / counts[label])));
}

/** The label whose threshold the example reaches; of several the most probable of all; undefined if it reaches none. */
function confidentBelief(index: number, at: Probability, thresholds: readonly number[]): number | undefined {
  let reached: number | undefined;
  let several = false;
  let best = 0;
  for (let label = 0; label < thresholds.length; label++) {
    if (at(index, label) > at(index, best)) best = label;
    if (at(index, label) < thresholds[label] - TOLERANCE) continue;
    several = reached !== undefined;
    reached ??= label;
  }
  return several ? best : reached;
}

function suspectOf(index: number, given: number, at: Probability, classes: number): SuspectLabel {
  let suggested = 0;
  let other = -Infinity;
  for (let label = 0; label < classes; label++) {
    if (at(index, label) > at(index, suggested)) suggested = label;
    if (label !== given) other = Math.max(other, at(index, label));
  }
  const selfConfidence = at(index, given);
  return { index, given, suggested, probability: at(index, suggested), selfConfidence, margin: selfConfidence - other };
}
