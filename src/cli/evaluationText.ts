/** An evaluation as text for people. */
import {
  answerMeasured,
  type ClassificationReport,
  type EvaluationMetrics,
  type MultiLabelReport,
  type PretrainingReport,
  type RankingReport,
  type RegressionReport,
  type SpanReport,
} from '../protocol/evaluation';
import type { AnswerKind } from '../protocol/tasks';
import type { Interval } from '../tasks/intervals';
import { bar, clip, decimal, integer, oneLine, percent, table } from './terminal';

/** How a kind of report becomes text: in full, and the main metrics on one line. */
interface ReportText<Report> {
  lines(report: Report): string[];
  line(report: Report): string;
}

const TEXTS: Readonly<Record<AnswerKind, ReportText<never>>> = {
  class: { lines: classificationText, line: classificationLine },
  number: { lines: regressionText, line: regressionLine },
  labels: { lines: multiLabelText, line: multiLabelLine },
  rank: { lines: rankingText, line: rankingLine },
  spans: { lines: spanText, line: spanLine },
  fill: { lines: pretrainingText, line: pretrainingLine },
};

const textOf = (metrics: EvaluationMetrics) =>
  TEXTS[answerMeasured(metrics) ?? 'class'] as ReportText<EvaluationMetrics>;

/** The whole report: metrics with intervals, each label, the confusion matrix. */
export function evaluationText(metrics: EvaluationMetrics): string[] {
  return textOf(metrics).lines(metrics);
}

/** The main metrics on one line, for reports during a training. */
export function evaluationLine(metrics: EvaluationMetrics): string {
  return textOf(metrics).line(metrics);
}

function classificationLine(report: ClassificationReport): string {
  const { accuracy, accuracyInterval, majorityBaseline, macroF1, loss } = report;
  const interval = shareInterval(accuracyInterval);
  return `accuracy ${percent(accuracy)} (${interval}; majority ${percent(majorityBaseline)})   macro F1 ${decimal(macroF1)}   loss ${decimal(loss)}`;
}

function regressionLine({ pearson, spearman, mse, meanBaseline }: RegressionReport): string {
  return `Pearson ${orDash(pearson)}   Spearman ${orDash(spearman)}   MSE ${decimal(mse)} (mean baseline ${decimal(meanBaseline)})`;
}

function pretrainingLine({ perplexity, maskedAccuracy, loss }: PretrainingReport): string {
  return `perplexity ${decimal(perplexity)}   masked accuracy ${percent(maskedAccuracy)}   loss ${decimal(loss)}`;
}

function spanLine({ microF1, microF1Interval, microPrecision, microRecall, loss }: SpanReport): string {
  return `F1 ${percent(microF1)} (${shareInterval(microF1Interval)})   precision ${percent(microPrecision)}   recall ${percent(microRecall)}   loss ${decimal(loss)}`;
}

function spanText(report: SpanReport): string[] {
  const { rows, entities, predicted, microF1, microF1Interval, microPrecision, microRecall, macroF1, macroF1Interval } = report; // prettier-ignore
  const ends = ([low, high]: Interval) => `95 % interval ${decimal(low)} to ${decimal(high)}`;
  const measures = [
    ['rows', integer(rows), ''],
    ['entities', integer(entities), `${integer(predicted)} predicted`],
    ['micro F1', decimal(microF1), ends(microF1Interval)],
    ['precision', decimal(microPrecision), ''],
    ['recall', decimal(microRecall), ''],
    ['macro F1', decimal(macroF1), ends(macroF1Interval)],
    ['loss', decimal(report.loss), ''],
  ];
  return [
    ...table(measures, [1]),
    '',
    ...scoreTable(report.perType, 'type', 'entities'),
    '',
    ...spanConfusionText(report),
  ];
}

/** @param named what the first column names @param counted what the support counts */
function scoreTable(scores: ClassificationReport['perClass'], named: string, counted: string): string[] {
  const lines = Object.entries(scores).map(([name, { precision, recall, f1, support }]) => [
    nameOf(name),
    ...[precision, recall, f1].map((value) => decimal(value)),
    integer(support),
    bar(f1, 20),
  ]);
  return table([[named, 'precision', 'recall', 'F1', counted, ''], ...lines], [1, 2, 3, 4]);
}

/** Confusions between types, the most frequent first. */
function spanConfusionText({ labels, confusionMatrix }: SpanReport): string[] {
  const named = (id: number, other: string) => (id < labels.length ? nameOf(labels[id]) : other);
  const confusions = confusionMatrix
    .flatMap((row, truth) => row.map((count, answer) => ({ count, truth, answer })))
    .filter(({ count, truth, answer }) => count > 0 && truth !== answer)
    .sort((a, b) => b.count - a.count)
    .slice(0, MAX_MATRIX)
    .map(({ count, truth, answer }) => [named(truth, 'no entity'), '→', named(answer, 'not found'), integer(count)]);
  return confusions.length === 0 ? [] : ['  most frequent errors (true → predicted)', ...table(confusions, [3])];
}

function rankingLine(report: RankingReport): string {
  return `NDCG@10 ${orDash(report['ndcg@10'])} (equal scores: ${orDash(report.constantBaseline)})   MRR ${orDash(report.mrr)}   MAP ${orDash(report.map)}   loss ${decimal(report.loss)}`;
}

function rankingText(report: RankingReport): string[] {
  const { rows, queries, queriesWithoutRelevant, queriesOfOne, loss } = report;
  const interval = report['ndcg@10Interval'];
  const ends = interval ? `95 % interval ${decimal(interval[0])} to ${decimal(interval[1])}` : '';
  const apart = [
    ...(queriesWithoutRelevant > 0 ? [`${integer(queriesWithoutRelevant)} more have no relevant text and are not counted`] : []), // prettier-ignore
    ...(queriesOfOne > 0 ? [`${integer(queriesOfOne)} of them have only one text`] : []),
  ];
  return table(
    [
      ['texts', integer(rows), ''],
      ['queries', integer(queries), apart.join('; ')],
      ['NDCG@10', orDash(report['ndcg@10']), ends],
      ['baseline', orDash(report.constantBaseline), 'NDCG@10 if all texts have equal scores'],
      ['NDCG@1', orDash(report['ndcg@1']), ''],
      ['mean reciprocal rank', orDash(report.mrr), 'a grade above 0 is relevant'],
      ['mean average precision', orDash(report.map), ''],
      ['recall@10', orDash(report['recall@10']), ''],
      ['recall@1', orDash(report['recall@1']), ''],
      ['loss', decimal(loss), ''],
    ],
    [1],
  );
}

function multiLabelLine({ averagePrecision, microF1, microF1Interval, macroF1, loss }: MultiLabelReport): string {
  const [low, high] = microF1Interval.map((value) => decimal(value));
  return `average precision ${orDash(averagePrecision)}   micro F1 ${decimal(microF1)} (${low} to ${high})   macro F1 ${decimal(macroF1)}   loss ${decimal(loss)}`;
}

function multiLabelText(report: MultiLabelReport): string[] {
  const ends = ([low, high]: Interval) => `95 % interval ${decimal(low)} to ${decimal(high)}`;
  const measures = [
    ['rows', integer(report.rows), `${integer(report.withoutLabel)} have no label; the model predicts none for ${integer(report.predictedWithoutLabel)}`], // prettier-ignore
    ['average precision', orDash(report.averagePrecision), 'mean over the labels that occur'],
    ['micro F1', decimal(report.microF1), ends(report.microF1Interval)],
    ['macro F1', decimal(report.macroF1), ends(report.macroF1Interval)],
    ['weighted F1', decimal(report.weightedF1), 'mean weighted by the rows of each label'],
    [
      'subset accuracy',
      percent(report.subsetAccuracy),
      `95 % interval ${shareInterval(report.subsetAccuracyInterval)}`,
    ],
    ['majority baseline', percent(report.majorityBaseline), 'always the most frequent combination'],
    ['loss', decimal(report.loss), 'mean binary cross-entropy'],
  ];
  const labels = report.labels.map((label) => {
    const { precision, recall, f1, averagePrecision, threshold, support } = report.perLabel[label];
    return [
      nameOf(label),
      ...[precision, recall, f1].map((value) => decimal(value)),
      orDash(averagePrecision),
      decimal(threshold),
      integer(support),
      bar(f1, 20),
    ];
  });
  const head = ['label', 'precision', 'recall', 'F1', 'average precision', 'threshold', 'rows', ''];
  return [
    ...table(measures, [1]),
    ...(report.thresholdsChosenHere
      ? ['', '  The thresholds were chosen on these rows. On new rows the F1 is usually lower.']
      : []),
    '',
    ...table([head, ...labels], [1, 2, 3, 4, 5, 6]),
  ];
}

function classificationText(report: ClassificationReport): string[] {
  const { rows, loss, accuracy, accuracyInterval, majorityBaseline, microF1, macroF1, macroF1Interval, binaryF1 } =
    report;
  const measures = [
    ['rows', integer(rows), ''],
    ['accuracy', percent(accuracy), `95 % interval ${shareInterval(accuracyInterval)}`],
    ['majority baseline', percent(majorityBaseline), 'always the most frequent label'],
    ['macro F1', decimal(macroF1), `95 % interval ${decimal(macroF1Interval[0])} to ${decimal(macroF1Interval[1])}`],
    ['micro F1', decimal(microF1), ''],
    ...(binaryF1 === undefined ? [] : [['binary F1', decimal(binaryF1), `of ${nameOf(report.labels[1])}`]]),
    ['loss', decimal(loss), 'mean cross-entropy'],
  ];
  return [...table(measures, [1]), '', ...scoreTable(report.perClass, 'label', 'rows'), '', ...confusionText(report)];
}

/** The most labels of a confusion matrix. With more labels, the most frequent confusions are listed. */
const MAX_MATRIX = 12;

function confusionText({ labels, confusionMatrix }: ClassificationReport): string[] {
  if (labels.length > MAX_MATRIX) {
    const confusions = confusionMatrix
      .flatMap((row, truth) => row.map((count, answer) => ({ count, truth, answer })))
      .filter(({ count, truth, answer }) => count > 0 && truth !== answer)
      .sort((a, b) => b.count - a.count)
      .slice(0, MAX_MATRIX)
      .map(({ count, truth, answer }) => [nameOf(labels[truth]), '→', nameOf(labels[answer]), integer(count)]);
    return ['  most frequent confusions (true → predicted)', ...table(confusions, [3])];
  }
  const numbers = labels.map((_, i) => i + 1);
  const head = ['true \\ predicted', ...labels.map((label) => nameOf(label))];
  const body = confusionMatrix.map((row, truth) => [nameOf(labels[truth]), ...row.map(integer)]);
  return table([head, ...body], numbers);
}

function regressionText(report: RegressionReport): string[] {
  const { rows, pearson, pearsonInterval, spearman, spearmanInterval, mse, mae, meanBaseline } = report;
  const interval = (ends: Interval | null) => (ends ? `95 % interval ${decimal(ends[0])} to ${decimal(ends[1])}` : '');
  return table(
    [
      ['rows', integer(rows), ''],
      ['Pearson', orDash(pearson), interval(pearsonInterval)],
      ['Spearman', orDash(spearman), interval(spearmanInterval)],
      ['mean squared error', decimal(mse), ''],
      ['mean baseline', decimal(meanBaseline), 'squared error if the mean is always predicted'],
      ['mean absolute error', decimal(mae), ''],
    ],
    [1],
  );
}

function pretrainingText(report: PretrainingReport): string[] {
  const { rows, tokens, loss, perplexity, maskedAccuracy } = report;
  const { shuffledLoss, shuffledAccuracy, sentenceLoss, sentenceAccuracy } = report;
  const row = (name: string, value: number | undefined, of: number | undefined) =>
    value === undefined || of === undefined ? [] : [[name, percent(of), `loss ${decimal(value)}`]];
  return table(
    [
      ['sequences', integer(rows), ''],
      ['masked tokens', integer(tokens), 'with a fixed mask'],
      ['perplexity', decimal(perplexity), `loss ${decimal(loss)}`],
      ['masked accuracy', percent(maskedAccuracy), ''],
      ...row('shuffled accuracy', shuffledLoss, shuffledAccuracy),
      ...row('sentence order', sentenceLoss, sentenceAccuracy),
    ],
    [1],
  );
}

function shareInterval([low, high]: Interval): string {
  return `${(100 * low).toFixed(1)} to ${percent(high)}`;
}

function orDash(value: number | null): string {
  return value === null ? '-' : decimal(value);
}

function nameOf(label: string): string {
  return clip(oneLine(label), 24);
}
