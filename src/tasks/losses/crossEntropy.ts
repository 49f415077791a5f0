import type { Value } from '../../onnx/graphBuilder';
import type { Operators } from '../../onnx/operators';
import { ofOnePass, type OutputObjective } from '../objective';

export interface CrossEntropyOptions {
  readonly labelCount: number;
  /** In label order; absent: all 1. */
  readonly classWeights?: readonly number[];
  /** PyTorch's label_smoothing, in [0, 1). */
  readonly labelSmoothing: number;
}

/**
 * PyTorch's CrossEntropyLoss(weight, label_smoothing, reduction='mean'). All weighting (class weights, smoothing, the mean
 * over the step) is in the targets, so one graph serves every setting, and parts of a batch add up exactly.
 */
export function crossEntropy(options: CrossEntropyOptions): OutputObjective<number> {
  const { labelCount } = options;
  return ofOnePass<number>({
    inputs: [{ name: 'targets', dataType: 'float32', axes: ['rows', labelCount] }],
    weightOf: ({ target }) => options.classWeights?.[target] ?? 1,
    feeds: (examples, { total }) => {
      const targets = new Float32Array(examples.length * labelCount);
      examples.forEach(({ target }, row) =>
        softTargets(target, total, options, targets.subarray(row * labelCount, (row + 1) * labelCount)),
      );
      return { targets };
    },
    lossOf: (g, logits, input) => softCrossEntropy(g, logits, input('targets')),
  });
}

/** -sum(targets * log softmax(logits)): a scalar. `targets` [batch, labels] holds the weights {@link softTargets} makes. */
export function softCrossEntropy(g: Operators, logits: Value, targets: Value): Value {
  return g.neg(g.reduceSum(g.mul(g.logSoftmax(logits), targets)));
}

/**
 * One row of targets: w_y (1 - s) on the label and w_c s / C on every class, over the step's total weight; as
 * PyTorch's CrossEntropyLoss(weight, label_smoothing, reduction='mean') weighs them.
 */
function softTargets(label: number, total: number, options: CrossEntropyOptions, into: Float32Array): void {
  const { labelCount, classWeights, labelSmoothing } = options;
  for (let c = 0; c < labelCount; c++) {
    const weight = classWeights?.[c] ?? 1;
    into[c] = (weight * (labelSmoothing / labelCount + (c === label ? 1 - labelSmoothing : 0))) / total;
  }
}
