/** From a model's logits to probabilities, and to one number for how alike two texts are. */
import { MedTextError, words } from '../base/errors';
import { softmax } from '../base/softmax';
import { labelsAbove } from '../protocol/labelThresholds';
import { impliedScores } from '../protocol/labelScheme';
import type { CosinePlace } from '../models/similarityReference';

/** What is scored: two texts, or one where the model reads one. */
export interface ScoredPair {
  readonly first: string;
  readonly second?: string;
}

/**
 * How a similarity comes about: the expected score of the labels (`classes`: nobody knows their scale, there is none); the sigmoid of one logit (a cross-encoder's relevance);
 * a regression's prediction on the scale of its training labels. `labels`: each has a probability of its own, there is none.
 */
export type HeadMeasure = 'label-scale' | 'classes' | 'sigmoid' | 'regression' | 'labels';

/** `cosine`: of the vectors of an encoder without a head. */
export type Measure = HeadMeasure | 'cosine';

/** `medtext score --json` prints this: a contract. */
export interface PairScore {
  /** In [0, 1], a cosine in [-1, 1]; null where the labels' scale is not known. Pairs are ranked by `rankOf` of protocol/scorer.ts. */
  readonly similarity: number | null;
  readonly measure: Measure;
  /** By label; empty where the model gives one number. */
  readonly probabilities: Readonly<Record<string, number>>;
  /** In label order; of a model that gives one number, that number: a regression's prediction, or the logit. */
  readonly logits: readonly number[];
  /** Of several labels: those whose probability reaches their threshold. */
  readonly chosen?: readonly string[];
  /** Of a cosine, where the model's folder has a reference distribution: shares of its pairs with a lower cosine. */
  readonly place?: CosinePlace;
}

/** How a model's logits are read. */
export interface Reading {
  readonly measure: HeadMeasure;
  readonly labels: readonly string[];
  /** In label order; undefined where nobody knows what the labels say of likeness. */
  readonly labelScores: readonly number[] | undefined;
  /** A regression's labels in training, least and greatest: similarities 0 and 1. Undefined where nobody knows. */
  readonly labelRange: LabelRange | undefined;
  /** Of several labels, in label order. */
  readonly thresholds?: readonly number[];
}

export type LabelRange = readonly [least: number, greatest: number];

/**
 * The score of each label, in label order: `stored` where the model has them, else what the labels' names say; undefined
 * where they say nothing.
 * @throws MedTextError MODEL_CONFIG when `stored` leaves a label out or is outside [0, 1].
 */
export function labelScores(labels: readonly string[], stored: unknown, where: string): readonly number[] | undefined {
  if (stored === undefined || stored === null) return impliedScores(labels);
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

export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/** What training kept of a regression's labels. @throws MedTextError MODEL_CONFIG when it is no range. */
export function labelRange(stored: unknown, where: string): LabelRange | undefined {
  if (stored === undefined || stored === null) return undefined;
  const [least, greatest] = Array.isArray(stored) ? (stored as unknown[]) : [];
  if (Number.isFinite(least) && Number.isFinite(greatest) && (least as number) < (greatest as number)) {
    return [least as number, greatest as number];
  }
  throw new MedTextError(
    'MODEL_CONFIG',
    words`${where}: medtext.label_range is not a least and a greatest label, as in [0, 5].`,
    { found: stored },
  );
}

/** The score of one row of logits. */
export function pairScore(logits: ArrayLike<number>, reading: Reading): PairScore {
  const { measure, labels, labelScores: scores } = reading;
  const row = Array.from(logits);
  if (measure === 'sigmoid' || measure === 'regression') return { similarity: similarityOf(row[0], reading), measure, probabilities: {}, logits: row }; // prettier-ignore
  const named = (probabilities: readonly number[]) => Object.fromEntries(labels.map((label, id) => [label, probabilities[id]])); // prettier-ignore
  if (measure === 'labels') {
    const each = row.map(sigmoid);
    const chosen = labelsAbove(each, reading.thresholds!).map((id) => labels[id]);
    return { similarity: null, measure, probabilities: named(each), logits: row, chosen };
  }
  const probabilities = softmax(row);
  return {
    similarity: scores ? cut(probabilities.reduce((sum, probability, id) => sum + probability * scores[id], 0)) : null,
    measure: scores ? 'label-scale' : 'classes',
    probabilities: named(probabilities),
    logits: row,
  };
}

/** Of a model that gives one number. */
function similarityOf(value: number, { measure, labelRange: range }: Reading): number | null {
  if (measure === 'sigmoid') return sigmoid(value);
  return range ? cut((value - range[0]) / (range[1] - range[0])) : null;
}

/** A prediction may lie beyond the labels, and the sum of rounded probabilities beyond 1 by the last bit. */
function cut(share: number): number {
  return Math.min(1, Math.max(0, share));
}
