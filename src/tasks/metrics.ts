import { MedTextError } from '../base/errors';

/**
 * Evaluation metrics, equal to scikit-learn's and SciPy's. A division by zero (a label that was never predicted or never
 * occurs) counts as 0, as with scikit-learn's `zero_division=0`.
 */

export interface ClassScores {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Rows whose true label this is. */
  readonly support: number;
}

/** Index of the largest of each row of [rows, columns], the first on a tie. */
export function argmaxRows(values: ArrayLike<number>, columns: number): Int32Array {
  const result = new Int32Array(values.length / columns);
  for (let row = 0; row < result.length; row++) {
    let best = 0;
    for (let column = 1; column < columns; column++) {
      if (values[row * columns + column] > values[row * columns + best]) best = column;
    }
    result[row] = best;
  }
  return result;
}

/** Counts [true id][predicted id]. */
export function confusionMatrix(
  targets: ArrayLike<number>,
  predictions: ArrayLike<number>,
  labelCount: number,
): number[][] {
  const matrix = Array.from({ length: labelCount }, () => new Array<number>(labelCount).fill(0));
  for (let row = 0; row < targets.length; row++) {
    const [target, prediction] = [targets[row], predictions[row]];
    if (!(target in matrix) || !(prediction in matrix)) {
      throw new MedTextError('INTERNAL', `Row ${row}: label id ${target} or ${prediction} is not below ${labelCount}.`);
    }
    matrix[target][prediction]++;
  }
  return matrix;
}

/** Precision, recall, F1 and support of each label. */
export function classScores(matrix: readonly (readonly number[])[]): ClassScores[] {
  return matrix.map((row, id) => {
    const support = sum(row);
    const predicted = sum(matrix.map((other) => other[id]));
    return {
      precision: ratio(row[id], predicted),
      recall: ratio(row[id], support),
      f1: ratio(2 * row[id], predicted + support),
      support,
    };
  });
}

/** With one label a row every error is one false positive and one false negative, so this equals the accuracy. */
export function microF1(matrix: readonly (readonly number[])[]): number {
  return ratio(correctCount(matrix), sum(matrix.map(sum)));
}

/** Mean F1 of the labels that occur as true or as predicted. */
export function macroF1(matrix: readonly (readonly number[])[]): number {
  let total = 0;
  let present = 0;
  for (let id = 0; id < matrix.length; id++) {
    let occurrences = 0;
    for (let other = 0; other < matrix.length; other++) occurrences += matrix[id][other] + matrix[other][id];
    if (occurrences === 0) continue;
    total += (2 * matrix[id][id]) / occurrences;
    present++;
  }
  return ratio(total, present);
}

/** What is counted of the entities of one type. */
export interface SpanCounts {
  /** Found with the right type and the right edges. */
  readonly hits: number;
  readonly predicted: number;
  /** The number of true occurrences. */
  readonly support: number;
}

/** F1 of all entities together, as seqeval's `average='micro'`. */
export function microSpanF1(types: readonly SpanCounts[]): number {
  const total = (of: (counts: SpanCounts) => number) => types.reduce((all, counts) => all + of(counts), 0);
  return ratio(2 * total(({ hits }) => hits), total(({ predicted, support }) => predicted + support)); // prettier-ignore
}

/** Mean F1 of the types that occur among the entities that are there or were found, as seqeval's `average='macro'`. */
export function macroSpanF1(types: readonly SpanCounts[]): number {
  const present = types.filter(({ predicted, support }) => predicted + support > 0);
  return ratio(sum(present.map(({ hits, predicted, support }) => (2 * hits) / (predicted + support))), present.length);
}

/** Mean negative log-likelihood in nats of the true labels under softmax(logits). */
export function crossEntropy(targets: ArrayLike<number>, logits: ArrayLike<number>, labelCount: number): number {
  let total = 0;
  for (let row = 0; row < targets.length; row++) {
    const start = row * labelCount;
    let largest = -Infinity;
    for (let id = 0; id < labelCount; id++) largest = Math.max(largest, logits[start + id]);
    let normaliser = 0;
    for (let id = 0; id < labelCount; id++) normaliser += Math.exp(logits[start + id] - largest);
    total += Math.log(normaliser) + largest - logits[start + targets[row]];
  }
  return total / targets.length;
}

export function meanSquaredError(targets: ArrayLike<number>, predictions: ArrayLike<number>): number {
  let total = 0;
  for (let row = 0; row < targets.length; row++) total += (targets[row] - predictions[row]) ** 2;
  return total / targets.length;
}

export function meanAbsoluteError(targets: ArrayLike<number>, predictions: ArrayLike<number>): number {
  let total = 0;
  for (let row = 0; row < targets.length; row++) total += Math.abs(targets[row] - predictions[row]);
  return total / targets.length;
}

/** Pearson's r; NaN below two rows or where a side never varies, as SciPy's `pearsonr`. */
export function pearsonCorrelation(x: ArrayLike<number>, y: ArrayLike<number>): number {
  if (x.length < 2 || isConstant(x) || isConstant(y)) return NaN;
  const meanX = mean(x);
  const meanY = mean(y);
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < x.length; i++) {
    const dx = x[i] - meanX;
    const dy = y[i] - meanY;
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return Math.min(1, Math.max(-1, xy / Math.sqrt(xx) / Math.sqrt(yy)));
}

/** Spearman's rho: Pearson's r of the ranks, ties sharing their mean rank, as SciPy's `spearmanr`. */
export function spearmanCorrelation(x: ArrayLike<number>, y: ArrayLike<number>): number {
  return pearsonCorrelation(ranks(x), ranks(y));
}

/** Ranks from 1, equal values sharing the mean of theirs. A NaN makes all of them NaN: there is no order. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const result = new Float64Array(values.length);
  const order = Uint32Array.from({ length: values.length }, (_, index) => index);
  if (Array.from(values).some(Number.isNaN)) return result.fill(NaN);
  order.sort((a, b) => values[a] - values[b]);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end]] === values[order[start]]) end++;
    for (let i = start; i < end; i++) result[order[i]] = (start + 1 + end) / 2;
    start = end;
  }
  return result;
}

function isConstant(values: ArrayLike<number>): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
}

export function mean(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Rows answered rightly. */
export function correctCount(matrix: readonly (readonly number[])[]): number {
  return sum(matrix.map((row, id) => row[id]));
}

export function ratio(numerator: number, denominator: number): number {
  return denominator === 0 ? 0 : numerator / denominator;
}
