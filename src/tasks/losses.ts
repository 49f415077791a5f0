/**
 * Losses as graphs. All weighting (class weights, label smoothing, the mean over the batch, micro-batches) is in the
 * targets, which are computed outside: one graph serves every setting, and parts of a batch add up exactly.
 */
import type { Value } from '../onnx/graphBuilder';
import type { Operators } from '../onnx/operators';

/** -sum(targets * log softmax(logits)): a scalar. `targets` [batch, labels] holds the weights {@link softTargets} makes. */
export function softCrossEntropy(g: Operators, logits: Value, targets: Value): Value {
  return g.neg(g.reduceSum(g.mul(g.logSoftmax(logits), targets)));
}

/** sum(weights * (prediction - target)^2): a scalar. All [batch, 1]. */
export function weightedSquaredError(g: Operators, predictions: Value, targets: Value, weights: Value): Value {
  const error = g.sub(predictions, targets);
  return g.reduceSum(g.mul(weights, g.mul(error, error)));
}

export interface CrossEntropyOptions {
  readonly labelCount: number;
  /** In label order; absent: all 1. */
  readonly classWeights?: readonly number[];
  /** PyTorch's label_smoothing, in [0, 1). */
  readonly labelSmoothing: number;
}

/** The weight that a label has in the mean over a batch. */
export function exampleWeight(label: number, options: CrossEntropyOptions): number {
  return options.classWeights?.[label] ?? 1;
}

/**
 * One row of targets: w_y (1 - s) on the label and w_c s / C on every class, over the batch's total weight; as
 * PyTorch's CrossEntropyLoss(weight, label_smoothing, reduction='mean') weighs them.
 * @param total the sum of {@link exampleWeight} over the whole batch, all its micro-batches included.
 */
export function softTargets(label: number, total: number, options: CrossEntropyOptions, into: Float32Array): void {
  const { labelCount, classWeights, labelSmoothing } = options;
  for (let c = 0; c < labelCount; c++) {
    const weight = classWeights?.[c] ?? 1;
    into[c] = (weight * (labelSmoothing / labelCount + (c === label ? 1 - labelSmoothing : 0))) / total;
  }
}
