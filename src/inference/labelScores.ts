/** From a classifier's logits to probabilities, and to one number for how alike two texts are. */
import { MedTextError, words } from '../base/errors';

/** What is scored: two texts, or one where the model reads one. */
export interface ScoredPair {
  readonly first: string;
  readonly second?: string;
}

/** `medtext score --json` prints this: a contract. */
export interface PairScore {
  /** In [0, 1]: the expected score of the label; for a regression its prediction, cut to that range. */
  readonly similarity: number;
  /** By label; empty for a regression. */
  readonly probabilities: Readonly<Record<string, number>>;
  /** In label order; for a regression the prediction alone. */
  readonly logits: readonly number[];
}

/**
 * The score of each label, in label order: `stored` where the model has them, else evenly spaced from 0 to 1. (Labels
 * of similarity data count upwards: KUAKE-QQR's 0, 1, 2 become 0, 0.5, 1.)
 * @throws MedTextError MODEL_CONFIG when `stored` leaves a label out or is outside [0, 1].
 */
export function labelScores(labels: readonly string[], stored: unknown, where: string): readonly number[] {
  if (stored === undefined || stored === null) {
    return labels.map((_, id) => (labels.length > 1 ? id / (labels.length - 1) : 1));
  }
  const given = stored as Readonly<Record<string, unknown>>;
  return labels.map((label) => {
    const score = typeof given === 'object' && Object.hasOwn(given, label) ? given[label] : undefined;
    if (typeof score === 'number' && score >= 0 && score <= 1) return score;
    throw new MedTextError(
      'MODEL_CONFIG',
      words`${where}: medtext.label_scores gives the label "${label}" no score between 0 and 1.`,
      { label, found: score },
    );
  });
}

/** Softmax of one row of logits. */
export function softmax(logits: ArrayLike<number>): number[] {
  const row = Array.from(logits);
  const largest = Math.max(...row);
  const exponentials = row.map((logit) => Math.exp(logit - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}

/** The score of one row of logits. */
export function pairScore(
  logits: ArrayLike<number>,
  labels: readonly string[],
  scores: readonly number[],
  isRegression: boolean,
): PairScore {
  const row = Array.from(logits);
  if (isRegression) return { similarity: Math.min(1, Math.max(0, row[0])), probabilities: {}, logits: row };
  const probabilities = softmax(row);
  const expected = probabilities.reduce((sum, probability, id) => sum + probability * scores[id], 0);
  return {
    // The sum of rounded probabilities may exceed 1 by the last bit.
    similarity: Math.min(1, Math.max(0, expected)),
    probabilities: Object.fromEntries(labels.map((label, id) => [label, probabilities[id]])),
    logits: row,
  };
}
