import { softmax } from '../base/softmax';
import { words, type Words } from '../base/words';
import { listOf, nullable, number, object, oneOf, recordOf, text, type Checked } from './check';
import { labelsAbove, probabilityOf } from './labelThresholds';
import type { AnswerKind } from './tasks';

/**
 * The meaning of a score of one text or of a pair. A measure is a way to read a model's outputs, and each has one row here.
 * The engine computes scores by this table. The terminal, hovers, the preview and the panel show scores by it and never
 * branch on a measure.
 */

/** Names of measures, as `medtext score --json` prints them: a contract. */
const MEASURE_NAMES = ['label-scale', 'classes', 'sigmoid', 'regression', 'labels', 'relevance', 'cosine'] as const;
export type Measure = (typeof MEASURE_NAMES)[number];
/** The measures of a model with a head. */
export type HeadMeasure = Exclude<Measure, 'cosine'>;

/** The shares of random pairs and of pairs with the same meaning whose cosine is lower than this one. */
const cosinePlace = object({ random: number, same: number });
export type CosinePlace = Checked<typeof cosinePlace>;

/** A score as `medtext score --json` prints it: a contract. */
export const pairScore = object(
  {
    /** The similarity in [0, 1], or a cosine in [-1, 1]; null if no scale is known. {@link rankOf} ranks pairs. */
    similarity: nullable(number),
    measure: oneOf(...MEASURE_NAMES),
    /** The probability of each label; empty if the model gives one number. */
    probabilities: recordOf(number),
    /** The logits in label order. A model with one output has one entry: a regression's prediction, or the logit. */
    logits: listOf(number),
  },
  {
    /** For a model of several labels: the labels whose probability reaches their threshold. */
    chosen: listOf(text),
    /** For a cosine, if the model's folder has a reference distribution. */
    place: cosinePlace,
  },
);
export type PairScore = Checked<typeof pairScore>;

export type LabelRange = readonly [least: number, greatest: number];

/** Facts about a model that are needed to read its logits. */
export interface LogitFacts {
  readonly labels: readonly string[];
  /** Similarity scores in label order; undefined if they are unknown. */
  readonly labelScores: readonly number[] | undefined;
  /** The least and the greatest training label of a regression, which are the similarities 0 and 1. Undefined if unknown. */
  readonly labelRange: LabelRange | undefined;
  /** For a model of several labels: the thresholds in label order. */
  readonly thresholds?: readonly number[];
}

/** A number's name within a sentence and as a heading. */
interface Named {
  readonly name: Words;
  readonly heading: Words;
}

export interface ScoreMeasure {
  /** The kind of label that the model predicts; null for an encoder without a head. */
  readonly answer: AnswerKind | null;
  /** The measure applies to every model of a task with this kind of label, whatever its head. */
  readonly isOfTask?: true;
  /** Computes the score of one row of logits; absent if the score is not made of logits. */
  read?(logits: readonly number[], facts: LogitFacts): Pick<PairScore, 'similarity' | 'probabilities' | 'chosen'>;
  /** The name of the similarity; absent if there is none. */
  readonly similarity?: Named & {
    /** Unlike texts also have high values, so a bar shows a value relative to the others shown. */
    readonly isRelative?: true;
  };
  /** The name of the model's one number; absent if the model gives labels or only a similarity. */
  readonly number?: Named & {
    /** Converts a logit to the predicted number. */
    of(logit: number): number;
    /** The number is on the scale of the labels, so it is shown beside the similarity. */
    readonly isPrediction?: true;
  };
  /** The first text is a query, so the score of the reverse order is not used. */
  readonly isDirected?: true;
  /** The name of the probabilities; absent if there are none. */
  readonly probabilities?: Words;
  /** The model predicts any number of labels, not the likeliest one. */
  readonly saysSeveral?: true;
  /** `by`: the value that ranks pairs, where greater means more alike. `whyNot`: why pairs cannot be ranked. */
  readonly order: { by(score: PairScore): number } | { whyNot(labels: readonly string[]): Words };
  /** The measure lacks similarity scores for the labels, which a person can give. */
  readonly lacksScale?: true;
  /** How the numbers are computed; see {@link explanationOf}. */
  readonly explanation: Words;
  /** The explanation if there is no similarity because the scale is unknown. */
  readonly unscaled?: Words;
}

const SIMILARITY: Named = { name: words`similarity`, heading: words`Similarity` };
const bySimilarity = { by: ({ similarity }: PairScore) => similarity! };
/** Ranks by the logit. A similarity is cut at 0 and 1, and a sigmoid loses digits near 1, so distinct pairs would tie. */
const byLogit = { by: ({ logits }: PairScore) => logits[0] };

export const MEASURES: Readonly<Record<Measure, ScoreMeasure>> = {
  'label-scale': {
    answer: 'class',
    read(logits, facts) {
      const probabilities = softmax(logits);
      const similarity = probabilities.reduce((sum, probability, id) => sum + probability * facts.labelScores![id], 0);
      return { similarity: cut(similarity), probabilities: named(facts.labels, probabilities) };
    },
    similarity: SIMILARITY,
    probabilities: words`class probabilities`,
    order: bySimilarity,
    explanation: words`Similarity: the mean of the labels’ scores, weighted by their probabilities, from 0 (different) to 1 (the same); averaged over both orders of the texts.`,
  },
  classes: {
    answer: 'class',
    read: (logits, { labels }) => ({ similarity: null, probabilities: named(labels, softmax(logits)) }),
    probabilities: words`class probabilities`,
    order: {
      whyNot: (labels) =>
        words`The label names ${labels.join(', ')} do not show which label means that two texts are similar, so the texts cannot be ranked. Write the score of each label into the model's config.json, under medtext: "label_scores": ${JSON.stringify(Object.fromEntries(labels.map((label, id) => [label, Number(id === 0)])))}.`,
    },
    lacksScale: true,
    explanation: words`The label names do not show which label means that two texts are similar. There is no similarity, only the most probable class.`,
  },
  sigmoid: {
    answer: 'number',
    read: ([logit]) => ({ similarity: probabilityOf(logit), probabilities: {} }),
    similarity: SIMILARITY,
    number: { name: words`logit`, heading: words`Logit`, of: probabilityOf },
    order: byLogit,
    explanation: words`Similarity: the sigmoid of the model’s logit; averaged over both orders of the texts, ranked by the logit.`,
  },
  regression: {
    answer: 'number',
    isOfTask: true,
    read: ([value], { labelRange: range }) => ({
      similarity: range ? cut((value - range[0]) / (range[1] - range[0])) : null,
      probabilities: {},
    }),
    similarity: SIMILARITY,
    number: { name: words`prediction`, heading: words`Prediction`, of: (value) => value, isPrediction: true },
    order: byLogit,
    explanation: words`Similarity: the predicted number, on a scale from 0 (smallest training label) to 1 (largest); averaged over both orders of the texts, ranked by the number.`,
    unscaled: words`The predicted number, averaged over both orders of the texts. The model does not record its scale.`,
  },
  labels: {
    answer: 'labels',
    isOfTask: true,
    read(logits, { labels, thresholds }) {
      const each = logits.map(probabilityOf);
      return {
        similarity: null,
        probabilities: named(labels, each),
        chosen: labelsAbove(each, thresholds!).map((id) => labels[id]),
      };
    },
    probabilities: words`probability of each label`,
    saysSeveral: true,
    order: {
      whyNot: () => words`The model gives several labels a text and no similarity, so the texts cannot be ranked.`,
    },
    explanation: words`Each label has its own probability, so there is no similarity. The labels that reach their threshold are shown.`,
  },
  relevance: {
    answer: 'rank',
    isOfTask: true,
    read: () => ({ similarity: null, probabilities: {} }),
    number: { name: words`score`, heading: words`Score`, of: (value) => value, isPrediction: true },
    isDirected: true,
    order: byLogit,
    explanation: words`The score of the second text for the first text, the query. Only the order of scores within one query has a meaning.`,
  },
  cosine: {
    answer: null,
    similarity: { name: words`cosine`, heading: words`Cosine`, isRelative: true },
    order: bySimilarity,
    explanation: words`The cosine of the texts’ vectors, from an encoder without a head. It is not a probability: texts with different meanings can also have a high cosine. The bars cover the range from the lowest to the highest cosine shown. A model fine-tuned on pairs is more accurate. Fine-Tune Encoder… trains one.`,
  },
};

/** The measure of a head: by the task's kind of label, otherwise by the number of logits and whether the labels have a scale. */
export function headMeasure(task: AnswerKind | undefined, columns: number, hasScale: boolean): HeadMeasure {
  const ofTask = MEASURE_NAMES.find((name) => MEASURES[name].isOfTask && MEASURES[name].answer === task);
  if (ofTask) return ofTask as HeadMeasure;
  if (columns === 1) return 'sigmoid';
  return hasScale ? 'label-scale' : 'classes';
}

/** The score of one row of logits. */
export function scoreOf(logits: ArrayLike<number>, measure: HeadMeasure, facts: LogitFacts): PairScore {
  const row = Array.from(logits);
  const { similarity, probabilities, ...rest } = MEASURES[measure].read!(row, facts);
  return { similarity, measure, probabilities, logits: row, ...rest };
}

/** Whether pairs can be ranked by such scores. */
export const ranksPairs = ({ measure }: Pick<PairScore, 'measure'>): boolean => 'by' in MEASURES[measure].order;

/** The value that ranks pairs, where greater means more alike; 0 if pairs cannot be ranked. */
export function rankOf(score: PairScore): number {
  const { order } = MEASURES[score.measure];
  return 'by' in order ? order.by(score) : 0;
}

/** How the numbers of a score are computed. */
export function explanationOf({ measure, similarity }: PairScore): Words {
  const { explanation, unscaled = explanation } = MEASURES[measure];
  return similarity === null ? unscaled : explanation;
}

/** The one number that represents a score: the similarity, otherwise the model's number, otherwise the largest probability. */
export function shownNumber(score: PairScore): number {
  return score.similarity ?? (MEASURES[score.measure].number ? score.logits[0] : largestProbability(score));
}

export const largestProbability = ({ probabilities }: PairScore): number => Math.max(...Object.values(probabilities));

/** The predicted labels: the likeliest one, or all that reach their thresholds. Undefined for a model without labels. */
export function saidLabels({ probabilities, chosen }: PairScore): readonly string[] | undefined {
  if (chosen) return chosen;
  const [first, ...others] = Object.entries(probabilities);
  return first && [others.reduce((best, entry) => (entry[1] > best[1] ? entry : best), first)[0]];
}

function named(labels: readonly string[], values: ArrayLike<number>): Record<string, number> {
  return Object.fromEntries(labels.map((label, id) => [label, values[id]]));
}

/** Cuts a value to [0, 1]: a regression may predict beyond its labels, and a sum of probabilities may exceed 1 by rounding. */
function cut(share: number): number {
  return Math.min(1, Math.max(0, share));
}
