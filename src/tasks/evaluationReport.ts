import { MedTextError, words } from '../base/errors';
import { metricOf, metricsMeasured, type ClassificationReport, type EvaluationMetrics, type RegressionReport } from '../protocol/evaluation'; // prettier-ignore
import { isLowerBetter, type MetricName } from '../protocol/tasks';
import { bootstrapMacroF1Interval, pearsonInterval, spearmanInterval, wilsonInterval } from './intervals';
import {
  argmaxRows,
  classScores,
  confusionMatrix,
  correctCount,
  crossEntropy,
  macroF1,
  mean,
  meanAbsoluteError,
  meanSquaredError,
  microF1,
  pearsonCorrelation,
  spearmanCorrelation,
} from './metrics';

/** What an evaluation says, and how its metrics choose the best checkpoint. */

/**
 * The report on a classifier's logits; the predicted label is the one with the largest logit, the first on a tie.
 * @param labels names in the order of the ids, at least two
 * @param targets label id of each row, [rows]
 * @param logits row after row, [rows, labels]
 * @throws DATA_FORMAT when there are no rows
 */
export function classificationReport(input: {
  labels: readonly string[];
  targets: ArrayLike<number>;
  logits: ArrayLike<number>;
  /** Seed of the bootstrap. */
  seed?: number;
}): ClassificationReport {
  const { labels, targets, logits, seed = 0 } = input;
  const rows = targets.length;
  if (rows === 0) throw nothingToEvaluate();
  if (logits.length !== rows * labels.length) {
    throw new MedTextError('INTERNAL', `${logits.length} logits for ${rows} rows of ${labels.length} labels.`);
  }
  const predictions = argmaxRows(logits, labels.length);
  const matrix = confusionMatrix(targets, predictions, labels.length);
  const scores = classScores(matrix);
  const correct = correctCount(matrix);
  return {
    rows,
    loss: crossEntropy(targets, logits, labels.length),
    accuracy: correct / rows,
    accuracyInterval: wilsonInterval(correct, rows),
    majorityBaseline: Math.max(...scores.map(({ support }) => support)) / rows,
    microF1: microF1(matrix),
    macroF1: macroF1(matrix),
    macroF1Interval: bootstrapMacroF1Interval(matrix, { seed }),
    ...(labels.length === 2 && { binaryF1: scores[1].f1 }),
    perClass: Object.fromEntries(labels.map((label, id) => [label, scores[id]])),
    confusionMatrix: matrix,
    labels,
  };
}

/**
 * The report on a regression's predictions, both [rows].
 * @throws DATA_FORMAT when there are no rows
 */
export function regressionReport(input: {
  targets: ArrayLike<number>;
  predictions: ArrayLike<number>;
}): RegressionReport {
  const { targets, predictions } = input;
  const rows = targets.length;
  if (rows === 0) throw nothingToEvaluate();
  if (predictions.length !== rows) {
    throw new MedTextError('INTERNAL', `${predictions.length} predictions for ${rows} rows.`);
  }
  const mse = meanSquaredError(targets, predictions);
  const pearson = pearsonCorrelation(targets, predictions);
  const spearman = spearmanCorrelation(targets, predictions);
  const meanTarget = mean(targets);
  return {
    rows,
    loss: mse,
    mse,
    mae: meanAbsoluteError(targets, predictions),
    pearson: numberOrNull(pearson),
    pearsonInterval: pearsonInterval(pearson, rows),
    spearman: numberOrNull(spearman),
    spearmanInterval: spearmanInterval(spearman, rows),
    meanBaseline: meanSquaredError(
      targets,
      Array.from(targets, () => meanTarget),
    ),
  };
}

function nothingToEvaluate(): MedTextError {
  return new MedTextError('DATA_FORMAT', words`There are no labelled rows to evaluate.`);
}

function numberOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** The value of one metric of a report, NaN where it is undefined (a constant regression, a diverged loss). */
export function metricValue(report: EvaluationMetrics, name: MetricName): number {
  const value = metricOf(report, name);
  if (value !== undefined) return value ?? NaN;
  const there = metricsMeasured(report).join(', ');
  throw new MedTextError('RECIPE', words`This evaluation has no "${name}"; it has ${there}.`, { metric: name });
}

/**
 * Whether `value` beats the best so far by more than `minDelta`. The first defined value always does; an undefined one
 * (NaN) never does.
 */
export function improves(name: MetricName, value: number, best: number | undefined, minDelta = 0): boolean {
  if (Number.isNaN(value)) return false;
  if (best === undefined || Number.isNaN(best)) return true;
  return isLowerBetter(name) ? value < best - minDelta : value > best + minDelta;
}
