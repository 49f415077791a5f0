import { ofOnePass, type OutputObjective } from '../objective';
import { softCrossEntropy } from './crossEntropy';

/**
 * Binary cross-entropy of each text by itself (PyTorch's BCEWithLogitsLoss, reduction='mean'): the probability that the text is relevant
 * is to be its grade over the highest grade. A target is an example's grade. The logit x is the pair [x, 0], as in binaryCrossEntropy.ts.
 */
export function relevanceCrossEntropy(highestGrade: number): OutputObjective<number> {
  return ofOnePass<number>({
    inputs: [{ name: 'targets', dataType: 'float32', axes: ['rows', 2] }],
    weightOf: () => 1,
    feeds: (examples, { total }) => ({
      targets: examples.flatMap(({ target }) => {
        const relevance = target / highestGrade;
        return [relevance / total, (1 - relevance) / total];
      }),
    }),
    lossOf: (g, scores, input) => {
      const [rows] = scores.shape;
      const pairs = g.concat([scores, g.fill(0, [rows, 1])], 1);
      return softCrossEntropy(g, pairs, input('targets'));
    },
  });
}
