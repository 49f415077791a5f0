import { MedTextError, words } from '../../base/errors';
import type { MultiLabelReport } from '../../protocol/evaluation';
import { labelsAbove, probabilityOf } from '../../protocol/labelThresholds';
import { bootstrapSpanF1, wilsonInterval } from '../intervals';
import { microSpanF1, ratio, type SpanCounts } from '../metrics';
import { eachScore, judgedScores, type JudgedScores } from './judgedScores';
import { chosenThresholds, type Thresholds } from './thresholds';

/**
 * The report on logits of several labels a row, equal to scikit-learn's with zero_division=0; average precision by steps, as
 * `average_precision_score`. Its mean leaves out labels that no row has, which scikit-learn counts as 0.
 * @param targets ids of each row's labels
 * @param logits of each row, [labels]
 * @throws DATA_FORMAT when there are no rows
 */
export function multiLabelReport(input: {
  readonly labels: readonly string[];
  readonly targets: readonly (readonly number[])[];
  readonly logits: readonly ArrayLike<number>[];
  readonly thresholds: Thresholds;
  /** Seed of the bootstraps. */
  readonly seed?: number;
}): MultiLabelReport {
  const { labels, targets, logits, thresholds: wanted, seed = 0 } = input;
  const rows = targets.length;
  if (rows === 0) throw new MedTextError('DATA_FORMAT', words`There are no labelled rows to evaluate.`);
  const judged = logits.map((row, at) => ({
    probabilities: Float64Array.from(row, probabilityOf),
    given: targets[at],
  }));
  const isChosenHere = typeof wanted === 'string';
  const thresholds = isChosenHere ? chosenThresholds(judged, labels.length, wanted) : wanted;
  const predicted = judged.map(({ probabilities }) => labelsAbove(probabilities, thresholds));
  const exact = targets.filter((given, row) => keyOf(given) === keyOf(predicted[row])).length;

  const counts = targets.map((given, row) => countsOf(given, predicted[row]));
  const totals = labels.map((): Mutable<SpanCounts> => ({ hits: 0, predicted: 0, support: 0 }));
  for (const { type, hits, predicted, support } of counts.flat()) {
    totals[type].hits += hits;
    totals[type].predicted += predicted;
    totals[type].support += support;
  }
  const intervals = bootstrapSpanF1(counts, labels.length, { seed, macroF1: meanF1 });
  // By logits: probabilities near 1 have no digits left.
  const scored = logits.map((scores, at) => ({ scores, given: targets[at] }));
  const perLabel = labels.map((_, id) => {
    const { hits, predicted, support } = totals[id];
    return {
      precision: ratio(hits, predicted),
      recall: ratio(hits, support),
      f1: f1Of(totals[id]),
      support,
      averagePrecision: averagePrecision(judgedScores(scored, [id], -Infinity)),
      threshold: thresholds[id],
    };
  });
  const precisions = perLabel.flatMap(({ averagePrecision }) => averagePrecision ?? []);
  const support = perLabel.reduce((sum, label) => sum + label.support, 0);
  return {
    rows,
    loss: binaryCrossEntropy(targets, logits),
    subsetAccuracy: exact / rows,
    subsetAccuracyInterval: wilsonInterval(exact, rows),
    majorityBaseline: mostFrequent(targets.map(keyOf)) / rows,
    microF1: microSpanF1(totals),
    microF1Interval: intervals.micro,
    macroF1: meanF1(totals),
    macroF1Interval: intervals.macro,
    weightedF1: ratio(
      perLabel.reduce((sum, label) => sum + label.f1 * label.support, 0),
      support,
    ),
    averagePrecision:
      precisions.length === 0 ? null : precisions.reduce((sum, value) => sum + value, 0) / precisions.length,
    perLabel: Object.fromEntries(labels.map((label, id) => [label, perLabel[id]])),
    withoutLabel: targets.filter(({ length }) => length === 0).length,
    predictedWithoutLabel: predicted.filter(({ length }) => length === 0).length,
    thresholdsChosenHere: isChosenHere,
    labels,
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const keyOf = (ids: readonly number[]): string => ids.join(' ');

function countsOf(given: readonly number[], predicted: readonly number[]): (SpanCounts & { type: number })[] {
  return [...new Set([...given, ...predicted])].map((type) => {
    const [support, found] = [given, predicted].map((ids) => Number(ids.includes(type)));
    return { type, hits: support * found, predicted: found, support };
  });
}

const f1Of = ({ hits, predicted, support }: SpanCounts) => ratio(2 * hits, predicted + support);

function meanF1(totals: readonly SpanCounts[]): number {
  return ratio(
    totals.reduce((sum, counts) => sum + f1Of(counts), 0),
    totals.length,
  );
}

function mostFrequent(keys: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts.values()].reduce((most, count) => Math.max(most, count), 0);
}

/** sum of (recall's gain) * precision over descending scores, equal scores being one step; null without anything relevant. */
function averagePrecision(judged: JudgedScores): number | null {
  const relevant = judged.given.length;
  if (relevant === 0) return null;
  let [before, sum] = [0, 0];
  eachScore(judged, (_score, _next, counted, hits) => {
    sum += ((hits - before) / relevant) * (hits / counted);
    before = hits;
  });
  return sum;
}

/** Mean over rows and labels; stable at any logit. */
function binaryCrossEntropy(targets: readonly (readonly number[])[], logits: readonly ArrayLike<number>[]): number {
  let total = 0;
  let count = 0;
  logits.forEach((row, at) => {
    for (let id = 0; id < row.length; id++) {
      const x = targets[at].includes(id) ? -row[id] : row[id];
      total += Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    }
    count += row.length;
  });
  return total / count;
}
