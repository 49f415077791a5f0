import { count, fieldsOf, flag, listOf, nullable, number, object, recordOf, text, withParts, type Check, type Checked } from './check'; // prettier-ignore
import { METRIC_NAMES, TASKS, type AnswerKind, type MetricName } from './tasks';

/** The contract of evaluation reports: `medtext evaluate --json` prints them, run records keep them, panels show them. */

const interval: Check<readonly [number, number]> = (value, path = 'message') => {
  const [low, high] = listOf(number)(value, path);
  return [number(low, `${path}[0]`), number(high, `${path}[1]`)];
};

/** A number. NaN and infinities are null, because JSON cannot hold them. */
const measure = nullable(number) as Check<number>;

const classScores = object({ precision: number, recall: number, f1: number, support: count });

const classificationReport = object(
  {
    rows: count,
    /** Mean cross-entropy in nats, unweighted and without label smoothing. */
    loss: measure,
    accuracy: number,
    /** Wilson score interval, 95 %. */
    accuracyInterval: interval,
    /** Accuracy of always predicting the most frequent label of these rows. */
    majorityBaseline: number,
    microF1: number,
    /** Mean F1 over the labels that occur in the rows or in the predictions, as scikit-learn's default. */
    macroF1: number,
    /** Percentile bootstrap over rows, 95 %. */
    macroF1Interval: interval,
    perClass: recordOf(classScores),
    /** Rows: true label; columns: predicted label; both in the order of `labels`. */
    confusionMatrix: listOf(listOf(count)),
    labels: listOf(text),
  },
  {
    /** F1 of the second label, if there are exactly two labels. */
    binaryF1: number,
  },
);

const regressionReport = object({
  rows: count,
  /** The training objective: mean squared error. */
  loss: measure,
  mse: measure,
  mae: measure,
  /** Null if undefined: with fewer than two rows, or if labels or predictions are constant. */
  pearson: nullable(number),
  /** 95 % interval by Fisher's z; null with fewer than four rows. */
  pearsonInterval: nullable(interval),
  spearman: nullable(number),
  spearmanInterval: nullable(interval),
  /** Mean squared error if the mean of these rows is always predicted. */
  meanBaseline: number,
});

const typeScores = object({ precision: number, recall: number, f1: number, support: count, predicted: count });

const spanReport = object({
  rows: count,
  /** Mean cross-entropy of a token's tag in nats. */
  loss: measure,
  entities: count,
  predicted: count,
  /** Strict F1: an entity counts as found if its type and both ends are right. */
  microF1: number,
  /** Percentile bootstrap over rows, 95 %. */
  microF1Interval: interval,
  microPrecision: number,
  microRecall: number,
  /** Mean F1 over the types that occur in the rows or in the predictions. */
  macroF1: number,
  macroF1Interval: interval,
  perType: recordOf(typeScores),
  /** Rows: true type; columns: type predicted for the same span. The last row counts spans that are no entity, the last column entities that were not found. */
  confusionMatrix: listOf(listOf(count)),
  labels: listOf(text),
});

const pretrainingReport = object(
  {
    /** The number of sequences. */
    rows: count,
    /** The number of masked tokens. The mask is the same at every evaluation. */
    tokens: count,
    /** Mean cross-entropy of the masked tokens, in nats. */
    loss: measure,
    /** exp(loss). */
    perplexity: measure,
    /** The share of masked tokens whose true token is the likeliest. */
    maskedAccuracy: number,
  },
  {
    /** Loss and accuracy of StructBERT's two objectives. */
    shuffledLoss: measure,
    shuffledAccuracy: number,
    sentenceLoss: measure,
    sentenceAccuracy: number,
  },
);

const multiLabelReport = object({
  rows: count,
  /** Mean binary cross-entropy in nats over rows and labels, unweighted. */
  loss: measure,
  /** The share of rows whose predicted labels are exactly the given ones. */
  subsetAccuracy: number,
  /** Wilson score interval, 95 %. */
  subsetAccuracyInterval: interval,
  /** Subset accuracy of always predicting the most frequent combination of these rows. */
  majorityBaseline: number,
  microF1: number,
  /** Percentile bootstraps over rows, 95 %. */
  microF1Interval: interval,
  /** Mean F1 over all labels, as scikit-learn's default with zero_division=0. */
  macroF1: number,
  macroF1Interval: interval,
  /** Mean F1 over labels, weighted by their rows. */
  weightedF1: number,
  /** Area under the stepwise precision-recall curve, as the mean over labels that occur in the rows; null if none occurs. */
  averagePrecision: nullable(number),
  perLabel: recordOf(
    object({
      precision: number,
      recall: number,
      f1: number,
      support: count,
      /** Null if no row has the label. */
      averagePrecision: nullable(number),
      /** The lowest probability at which the label is predicted. */
      threshold: number,
    }),
  ),
  /** Rows without a label in the data, and rows for which the model predicts none. */
  withoutLabel: count,
  predictedWithoutLabel: count,
  /** Whether the thresholds were chosen on these rows. New rows then give lower F1. */
  thresholdsChosenHere: flag,
  labels: listOf(text),
});

const rankingReport = object({
  /** The number of candidates. */
  rows: count,
  /** The number of queries with a relevant candidate. Only these are measured. */
  queries: count,
  /** The number of queries without a relevant candidate, for which no metric is defined. */
  queriesWithoutRelevant: count,
  /** The number of measured queries with a single candidate, whose ranking is always right. */
  queriesOfOne: count,
  /** The training loss over all queries. */
  loss: measure,
  /** Mean NDCG@10 over the measured queries, as scikit-learn's ndcg_score: linear gain, ties averaged. Null if no query is measured. */
  'ndcg@10': nullable(number),
  /** Percentile bootstrap over queries, 95 %. */
  'ndcg@10Interval': nullable(interval),
  'ndcg@1': nullable(number),
  /** Mean reciprocal rank. A grade above 0 is relevant; ties are averaged. */
  mrr: nullable(number),
  map: nullable(number),
  'recall@10': nullable(number),
  'recall@1': nullable(number),
  /** NDCG@10 of a model that gives all candidates the same score. */
  constantBaseline: nullable(number),
});

export type ClassificationReport = Checked<typeof classificationReport>;
export type RegressionReport = Checked<typeof regressionReport>;
export type SpanReport = Checked<typeof spanReport>;
export type MultiLabelReport = Checked<typeof multiLabelReport>;
export type RankingReport = Checked<typeof rankingReport>;
export type PretrainingReport = Checked<typeof pretrainingReport>;
export type EvaluationMetrics =
  ClassificationReport | RegressionReport | MultiLabelReport | RankingReport | SpanReport | PretrainingReport;

const REPORTS = {
  class: classificationReport,
  number: regressionReport,
  labels: multiLabelReport,
  rank: rankingReport,
  spans: spanReport,
  fill: pretrainingReport,
} satisfies Record<AnswerKind, Check<object>>;

/**
 * The task that a report belongs to. The report has the task's first metric. Where several tasks share that metric (`microF1`
 * is in four kinds of report), the kind with the most of its fields present counts, not the order of `tasks`.
 */
export function taskMeasured<T extends Pick<(typeof TASKS)[number], 'metrics' | 'answer'>>(
  report: object,
  tasks: readonly T[],
): T | undefined {
  const shared = ({ answer }: T) => Object.keys(fieldsOf(REPORTS[answer])).filter((field) => field in report).length;
  const candidates = tasks.filter(({ metrics }) => metrics[0].name in report);
  return candidates.reduce<T | undefined>(
    (best, task) => (best && shared(best) >= shared(task) ? best : task),
    undefined,
  );
}

const measuredBy = (report: object) => taskMeasured(report, TASKS);

/** The kind of label that a report measures. */
export const answerMeasured = (report: object): AnswerKind | undefined => measuredBy(report)?.answer;

/** The metric that by default chooses the best of such reports. */
export const metricMeasured = (report: object): MetricName | undefined => measuredBy(report)?.metrics[0].name;

/** The metrics that a report has, in the order of its task's metrics. */
export function metricsMeasured(report: object): readonly MetricName[] {
  const own = measuredBy(report)?.metrics.map(({ name }) => name) ?? [];
  return [...new Set<MetricName>([...own, ...METRIC_NAMES])].filter((name) => name in report);
}

/** One metric of a report; undefined if the report lacks it, null if it is undefined for these rows. */
export function metricOf(report: EvaluationMetrics, name: string): number | null | undefined {
  const value = (report as unknown as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'number' || value === null ? value : undefined;
}

/** @throws PROTOCOL with the field that is missing or has another type */
export const evaluationMetrics: Check<EvaluationMetrics> = withParts(
  (value: unknown, path = 'message') => {
    const kind = answerMeasured(recordOf((field) => field)(value, path));
    return REPORTS[kind ?? 'class'](value, path);
  },
  { fields: Object.assign({}, ...Object.values(REPORTS).map(fieldsOf)) },
);
