import { ofOnePass, type OutputObjective } from '../objective';
import { softCrossEntropy } from './crossEntropy';

export interface BinaryCrossEntropyOptions {
  readonly labelCount: number;
  /** PyTorch's pos_weight, in label order; absent: all 1. */
  readonly positiveWeights?: readonly number[];
}

/**
 * PyTorch's BCEWithLogitsLoss(pos_weight, reduction='mean') over rows and labels; a target is the ids of the labels of a row.
 *
 * Each logit x is the pair [x, 0], whose log softmax is [log sigmoid(x), log sigmoid(-x)]: that is stable at any x, and its gradient at
 * 0 is right, which is not so of max(x, 0) + log(1 + exp(-|x|)).
 */
export function binaryCrossEntropy({
  labelCount,
  positiveWeights,
}: BinaryCrossEntropyOptions): OutputObjective<readonly number[]> {
  return ofOnePass<readonly number[]>({
    inputs: [{ name: 'targets', dataType: 'float32', axes: ['rows', labelCount, 2] }],
    weightOf: () => 1,
    feeds: (examples, { total }) => {
      const targets = new Float32Array(examples.length * labelCount * 2);
      const share = 1 / (total * labelCount);
      examples.forEach(({ target }, row) => {
        for (let id = 0; id < labelCount; id++) targets[(row * labelCount + id) * 2 + 1] = share;
        for (const id of target) {
          const at = (row * labelCount + id) * 2;
          targets[at] = (positiveWeights?.[id] ?? 1) * share;
          targets[at + 1] = 0;
        }
      });
      return { targets };
    },
    lossOf: (g, logits, input) => {
      const targets = input('targets');
      const [rows] = logits.shape;
      const pairs = g.mul(g.reshape(logits, [rows, labelCount, 1]), g.constant({ dataType: 'float32', shape: [2], data: Float32Array.of(1, 0) })); // prettier-ignore
      return softCrossEntropy(g, pairs, targets);
    },
  });
}
