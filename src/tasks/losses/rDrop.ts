import type { Objective, OutputObjective } from '../objective';
import { ROW_WEIGHTS, symmetricKl } from './symmetricKl';

/**
 * R-Drop (Liang et al., 2021, arXiv 2106.14448): two forward passes that differ by their dropout masks. The loss is the
 * mean of both passes' losses plus alpha times half the symmetric KL between their answers, which is summed over labels
 * and the mean over the batch's rows.
 */
export function rDrop(base: OutputObjective, { alpha }: { readonly alpha: number }): Objective {
  return {
    inputs: [...base.inputs, ROW_WEIGHTS],
    weightOf: base.weightOf,
    together: base.together,
    parts: ['plain', 'divergence'],
    feeds: (examples, share) => ({
      ...base.feeds(examples, share),
      rowWeights: examples.map(() => 1 / share.stepExamples),
    }),
    loss(g, { pass, input, part }) {
      const outputs = pass('');
      const second = pass('second');
      const plain = g.scope('loss', () =>
        g.mul(g.add(base.lossOf(g, outputs, input), base.lossOf(g, second, input)), 0.5),
      );
      const divergence = g.scope('divergence', () =>
        g.mul(g.reduceSum(g.mul(symmetricKl(g, outputs, second), input(ROW_WEIGHTS.name))), 0.5),
      );
      part('plain', plain);
      part('divergence', divergence);
      return g.add(plain, g.mul(divergence, alpha));
    },
  };
}
