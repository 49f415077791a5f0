import { count, fieldsOf, flag, listOf, nullable, number, object, recordOf, text, withParts, type Check, type Checked } from './check'; // prettier-ignore
import { TASKS, type AnswerKind, type MetricName } from './tasks';

/** What `medtext evaluate --json` prints, a run's record keeps and panels show: a contract. */

const interval: Check<readonly [number, number]> = (value, path = 'message') => {
  const [low, high] = listOf(number)(value, path);
  return [number(low, `${path}[0]`), number(high, `${path}[1]`)];
};

/** A number, or what JSON makes of one that is not finite: null. */
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
    /** Accuracy of always answering the most frequent label of these rows. */
    majorityBaseline: number,
    microF1: number,
    /** Mean over the labels that occur in the rows or in the predictions, scikit-learn's default. */
    macroF1: number,
    /** Percentile bootstrap over rows, 95 %. */
    macroF1Interval: interval,
    perClass: recordOf(classScores),
    /** Rows: true label; columns: predicted label; both in the order of `labels`. */
    confusionMatrix: listOf(listOf(count)),
    labels: listOf(text),
  },
  {
    /** F1 of the second label; with exactly two labels only. */
    binaryF1: number,
  },
);

const regressionReport = object({
  rows: count,
  /** The training objective: mean squared error. */
  loss: measure,
  mse: measure,
  mae: measure,
  /** null where undefined: fewer than two rows, or a side that never varies. */
  pearson: nullable(number),
  /** By Fisher's z, 95 %; null below four rows. */
  pearsonInterval: nullable(interval),
  spearman: nullable(number),
  spearmanInterval: nullable(interval),
  /** Mean squared error of always answering the mean of these rows. */
  meanBaseline: number,
});

const typeScores = object({ precision: number, recall: number, f1: number, support: count, predicted: count });

const spanReport = object({
  rows: count,
  /** Mean cross-entropy of a token's tag in nats. */
  loss: measure,
  entities: count,
  predicted: count,
  /** Strict: an entity is found if its type and both its edges are. */
  microF1: number,
  /** Percentile bootstrap over rows, 95 %. */
  microF1Interval: interval,
  microPrecision: number,
  microRecall: number,
  /** Mean over the types that occur in the rows or in the predictions. */
  macroF1: number,
  macroF1Interval: interval,
  perType: recordOf(typeScores),
  /** Rows: true type; columns: predicted type of the same stretch. The last row is what is no entity, the last column what was not found. */
  confusionMatrix: listOf(listOf(count)),
  labels: listOf(text),
});

const pretrainingReport = object(
  {
    /** Sequences. */
    rows: count,
    /** Masked tokens, with one fixed mask. */
    tokens: count,
    /** Mean cross-entropy of the masked tokens, in nats. */
    loss: measure,
    /** exp(loss). */
    perplexity: measure,
    /** The share of masked tokens that are the likeliest. */
    maskedAccuracy: number,
  },
  {
    /** StructBERT's objectives, as the masked tokens'. */
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
  /** Rows whose labels are exactly the right ones. */
  subsetAccuracy: number,
  /** Wilson score interval, 95 %. */
  subsetAccuracyInterval: interval,
  /** Subset accuracy of always answering the most frequent combination of these rows. */
  majorityBaseline: number,
  microF1: number,
  /** Percentile bootstraps over rows, 95 %. */
  microF1Interval: interval,
  /** Mean over all labels, scikit-learn's default with zero_division=0. */
  macroF1: number,
  macroF1Interval: interval,
  /** Mean over labels, weighted by their rows. */
  weightedF1: number,
  /** Area under precision over recall by steps, the mean over labels that some row has; null where no row has any. */
  averagePrecision: nullable(number),
  perLabel: recordOf(
    object({
      precision: number,
      recall: number,
      f1: number,
      support: count,
      /** null where no row has the label. */
      averagePrecision: nullable(number),
      /** The probability from which the label is given. */
      threshold: number,
    }),
  ),
  /** Rows without any label, by the data and by the model. */
  withoutLabel: count,
  predictedWithoutLabel: count,
  /** Whether the thresholds were chosen on these very rows: then the F1s are at their best, not what new rows give. */
  thresholdsChosenHere: flag,
  labels: listOf(text),
});

export type ClassificationReport = Checked<typeof classificationReport>;
export type RegressionReport = Checked<typeof regressionReport>;
export type SpanReport = Checked<typeof spanReport>;
export type MultiLabelReport = Checked<typeof multiLabelReport>;
export type PretrainingReport = Checked<typeof pretrainingReport>;
export type EvaluationMetrics =
  ClassificationReport | RegressionReport | MultiLabelReport | SpanReport | PretrainingReport;

const REPORTS = {
  class: classificationReport,
  number: regressionReport,
  labels: multiLabelReport,
  spans: spanReport,
  fill: pretrainingReport,
} satisfies Record<AnswerKind, Check<object>>;

/**
 * The task whose reports `report` is one of: it has the task's first metric and, where several tasks' are there (`microF1`
 * is in four kinds of report), the most of the fields of their kind. The order of `tasks` decides nothing between kinds.
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

/** What kind of answer a report measures. */
export const answerMeasured = (report: object): AnswerKind | undefined => measuredBy(report)?.answer;

/** The metric that chooses the best of such reports where nothing else says one. */
export const metricMeasured = (report: object): MetricName | undefined => measuredBy(report)?.metrics[0].name;

/** One metric of a report; undefined where it has none of that name, null where the metric is undefined for these rows. */
export function metricOf(report: EvaluationMetrics, name: string): number | null | undefined {
  const value = (report as unknown as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'number' || value === null ? value : undefined;
}

/** @throws PROTOCOL naming the field that is missing or of another type */
export const evaluationMetrics: Check<EvaluationMetrics> = withParts(
  (value: unknown, path = 'message') => {
    const kind = answerMeasured(recordOf((field) => field)(value, path));
    return REPORTS[kind ?? 'class'](value, path);
  },
  { fields: Object.assign({}, ...Object.values(REPORTS).map(fieldsOf)) },
);
