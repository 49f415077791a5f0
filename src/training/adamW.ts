/**
 * AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019), as torch.optim.AdamW computes it:
 *
 *     p <- p (1 - lr decay);  m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2
 *     p <- p - lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
 *
 * A small graph, run over the state in pieces that fit the processor's cache and written in place.
 */
import { MedTextError } from '../base/errors';
import { Session, type Feed, type SessionOptions } from '../inference/session';
import type { Parameters } from '../models/parameters';
import type { Model } from '../onnx/model';
import { Operators } from '../onnx/operators';

export interface AdamWOptions {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  /** Whether a parameter decays, by its name. */
  readonly decays: (name: string) => boolean;
}

/** Elements a run: four arrays of this size fit the second-level cache; measured in bench/README.md. */
const CHUNK = 1 << 18;

export class AdamW {
  /** First and second moments of the trained parameters, in the parameters' order. */
  readonly firstMoments: Parameters;
  readonly secondMoments: Parameters;

  private constructor(
    private readonly parameters: Parameters,
    state: { firstMoments: Parameters; secondMoments: Parameters },
    private readonly options: AdamWOptions,
    private readonly session: Session,
  ) {
    this.firstMoments = state.firstMoments;
    this.secondMoments = state.secondMoments;
  }

  /** @param state the moments, zeros at the start of a training. They are updated in place, as the parameters are. */
  static async create(
    parameters: Parameters,
    state: { firstMoments: Parameters; secondMoments: Parameters },
    options: AdamWOptions,
    session: SessionOptions,
  ): Promise<AdamW> {
    return new AdamW(
      parameters,
      state,
      options,
      await Session.create(buildAdamWGraph(options), { ...session, arena: true }),
    );
  }

  /**
   * One update of every parameter that has a gradient.
   * @param step the number of this update, from 1.
   * @param gradientScale what gradients are multiplied by first (clipping).
   */
  async update(
    gradients: ReadonlyMap<string, Float32Array>,
    { step, learningRate, gradientScale }: { step: number; learningRate: number; gradientScale: number },
  ): Promise<void> {
    const [beta1, beta2] = this.options.betas;
    const scalars = {
      gradientScale: scalar(gradientScale),
      stepSize: scalar(learningRate / (1 - beta1 ** step)),
      rootScale: scalar(1 / Math.sqrt(1 - beta2 ** step)),
    };
    const decaying = scalar(1 - learningRate * this.options.weightDecay);
    const constant = scalar(1);
    for (const [name, gradient] of gradients) {
      if (gradient.length !== this.parameters.values(name).length) {
        throw new MedTextError('INTERNAL', `The gradient of "${name}" has ${gradient.length} elements.`, { name });
      }
      const arrays = [
        this.parameters.values(name),
        this.firstMoments.values(name),
        this.secondMoments.values(name),
        gradient,
      ];
      const shrink = this.options.decays(name) ? decaying : constant;
      for (let start = 0; start < gradient.length; start += CHUNK) {
        const [p, m, v, g] = arrays.map((array) => vector(array.subarray(start, start + CHUNK)));
        await this.session.run({ p, m, v, g, shrink, ...scalars }, { newP: p, newM: m, newV: v });
      }
    }
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}

/**
 * Over vectors of any length. p, m and v are read by exactly one node each, on which the new value depends: so the new
 * value may be written over the old one, in whatever order the runtime takes the nodes.
 */
function buildAdamWGraph({ betas: [beta1, beta2], eps }: AdamWOptions): Model {
  const g = new Operators();
  const [p, m, v, gradient] = ['p', 'm', 'v', 'g'].map((name) => g.input(name, 'float32', [1]));
  const [gradientScale, shrink, stepSize, rootScale] = ['gradientScale', 'shrink', 'stepSize', 'rootScale'].map(
    (name) => g.input(name, 'float32', []),
  );
  const scaled = g.mul(gradient, gradientScale);
  const newM = g.add(g.mul(m, beta1), g.mul(scaled, 1 - beta1));
  const newV = g.add(g.mul(v, beta2), g.mul(g.mul(scaled, scaled), 1 - beta2));
  const denominator = g.add(g.mul(g.sqrt(newV), rootScale), eps);
  g.output(g.sub(g.mul(p, shrink), g.div(g.mul(newM, stepSize), denominator)), 'newP');
  g.output(newM, 'newM');
  g.output(newV, 'newV');
  return withAnyLength(g.build('adamW'));
}

/** Elementwise graphs are built on vectors of one element; the same nodes serve vectors of any length. */
function withAnyLength(model: Model): Model {
  const anyLength = (info: Model['graph']['inputs'][number]) =>
    info.shape.length === 1 ? { ...info, shape: ['length'] } : info;
  const { graph } = model;
  return { ...model, graph: { ...graph, inputs: graph.inputs.map(anyLength), outputs: graph.outputs.map(anyLength) } };
}

function scalar(value: number): Feed {
  return { dataType: 'float32', shape: [], data: Float32Array.of(value) };
}

function vector(data: Float32Array): Feed {
  return { dataType: 'float32', shape: [data.length], data };
}
