import { addGradients } from '../../autodiff/gradients';
import type { Value } from '../../onnx/graphBuilder';
import type { Operators } from '../../onnx/operators';
import type { Objective, ObjectiveInput, OutputObjective } from '../objective';
import { ROW_WEIGHTS, symmetricKl } from './symmetricKl';

/** ModelScope's names and defaults, by config.json of a StructBERT: see {@link adversarial}. */
export interface AdversarialOptions {
  /** How far along the normalised gradient the embeddings are moved. */
  readonly adv_grad_factor: number;
  /** The largest move of an element from the noised embeddings. */
  readonly adv_bound: number;
  /** Standard deviation of the noise. */
  readonly sigma: number;
}

/** Examples' shares in the mean over their own batch: what the disturbance is a gradient of. */
const BATCH_WEIGHTS: ObjectiveInput = { name: 'batchWeights', dataType: 'float32', axes: ['rows', 1] };

/** Added to the norm of a gradient, to avoid a division by zero. */
const NORM_EPSILON = 1e-6;

/**
 * ModelScope's adversarial fine-tuning of StructBERT (modelscope 1.36.3, models/nlp/structbert/adv_utils.py:
 * compute_adv_loss; SMART without its momentum, arXiv 1911.03437). Three forward passes, each with dropout masks of its own:
 *
 *     e1 = e + N(0, sigma^2)                     word embeddings, noised
 *     d  = grad_e1 KL(f(e), f(e1))               a constant from here on
 *     e2 = e1 + clip(adv_grad_factor d / (max |d| + 1e-6), adv_bound)     the maximum is an example's
 *     loss = loss(f(e)) + KL(f(e), f(e2))
 *
 * KL is symmetric, the mean over the batch, divided by the number of labels. Where the disturbance is no number the loss is
 * that of the first pass.
 */
export function adversarial(base: OutputObjective, options: AdversarialOptions, labelCount: number): Objective {
  const divergence = (g: Operators, a: Value, b: Value, weights: Value): Value =>
    g.div(g.reduceSum(g.mul(symmetricKl(g, a, b), weights)), labelCount);
  return {
    inputs: [...base.inputs, ROW_WEIGHTS, BATCH_WEIGHTS],
    weightOf: base.weightOf,
    together: base.together,
    parts: ['plain', 'noise', 'adversarial'],
    feeds: (examples, share) => ({
      ...base.feeds(examples, share),
      rowWeights: examples.map(() => 1 / share.stepExamples),
      batchWeights: examples.map(() => 1 / share.batchExamples),
    }),
    loss(g, { pass, input, noise, part }) {
      const outputs = pass('');
      const plain = g.scope('loss', () => base.lossOf(g, outputs, input));

      // The hook of a pass runs before its outputs are there.
      let drawn!: Value;
      let noisedEmbeddings!: Value;
      const noised = pass('noised', {
        wordEmbeddings: (e) => {
          drawn = noise('noised', e.shape, options.sigma);
          return (noisedEmbeddings = g.add(e, drawn));
        },
      });
      const { ofNoise, move, isNumber } = g.scope('disturbance', () => {
        const ofNoise = divergence(g, outputs, noised, input(BATCH_WEIGHTS.name));
        const gradient = addGradients(g, ofNoise, [noisedEmbeddings]).get(noisedEmbeddings.name)!;
        return { ofNoise, ...disturbance(g, drawn, gradient, options) };
      });
      const disturbed = pass('disturbed', { wordEmbeddings: (e) => g.add(e, move) });
      const ofStep = g.scope('adversarial', () => {
        const loss = divergence(g, outputs, disturbed, input(ROW_WEIGHTS.name));
        return g.where(isNumber, loss, g.scalar(0));
      });
      part('plain', plain);
      part('noise', ofNoise);
      part('adversarial', ofStep);
      return g.add(plain, ofStep);
    },
  };
}

/**
 * The move of the embeddings, [batch, length, width]: the noise and the step along the gradient, a constant to the outer
 * gradient, and zeros where it would be no number.
 */
function disturbance(
  g: Operators,
  noise: Value,
  gradient: Value,
  { adv_grad_factor, adv_bound }: AdversarialOptions,
): { move: Value; isNumber: Value } {
  const largest = g.reduceMax(g.abs(gradient), [1, 2], true); // [batch, 1, 1]
  const all = g.reduceSum(largest);
  const isNumber = g.equal(all, all);
  const step = g.mul(g.div(gradient, g.add(largest, NORM_EPSILON)), adv_grad_factor);
  const move = g.add(noise, g.clip(step, -adv_bound, adv_bound));
  return { move: g.detach(g.where(isNumber, move, g.scalar(0))), isNumber };
}
