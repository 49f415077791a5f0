import { addGradients } from '../../autodiff/gradients';
import type { Value } from '../../onnx/graphBuilder';
import type { Objective, OutputObjective } from '../objective';

/**
 * The fast gradient method on word embeddings (Miyato et al., 2017, arXiv 1605.07725, eq. 5 and 6): a second forward pass
 * over e + epsilon g / ||g||, g the gradient of the loss of the first pass and its norm that of one example's embeddings;
 * the losses of both passes are added. The norm being an example's, batches may be computed in parts.
 */
export function fgm(base: OutputObjective, { epsilon }: { readonly epsilon: number }): Objective {
  return {
    inputs: base.inputs,
    weightOf: base.weightOf,
    feeds: base.feeds,
    together: base.together,
    parts: ['plain', 'adversarial'],
    loss(g, { pass, input, part }) {
      let embeddings!: Value;
      const outputs = pass('', { wordEmbeddings: (e) => (embeddings = e) });
      const plain = g.scope('loss', () => base.lossOf(g, outputs, input));
      const step = g.scope('disturbance', () => {
        const gradient = addGradients(g, plain, [embeddings]).get(embeddings.name)!; // [batch, length, width]
        const norm = g.sqrt(g.reduceSum(g.mul(gradient, gradient), [1, 2], true));
        const unit = g.div(gradient, g.where(g.equal(norm, 0), g.scalar(1), norm));
        return g.detach(g.mul(unit, epsilon));
      });
      const disturbed = pass('disturbed', { wordEmbeddings: (e) => g.add(e, step) });
      const ofStep = g.scope('adversarial', () => base.lossOf(g, disturbed, input));
      part('plain', plain);
      part('adversarial', ofStep);
      return g.add(plain, ofStep);
    },
  };
}
