/** The training step: batches in, new parameters out. Knows no files, no reports and no clock. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MedTextError } from '../base/errors';
import { keyOf } from '../base/random';
import { parameterFeeds } from '../inference/classifierRunner';
import { Session, type Feed, type SessionOptions } from '../inference/session';
import type { SequenceClassifier } from '../models/encoder';
import { Parameters } from '../models/parameters';
import { padBatch } from '../tokenization/batchEncoding';
import type { EncodedExample } from '../tokenization/tokenizer';
import { AdamW, type AdamWOptions } from './adamW';
import { fillDropoutMask } from './dropoutMasks';
import { exampleWeight, softTargets, type CrossEntropyOptions } from './losses';
import { buildTrainingGraph, type TrainingGraph } from './trainingGraph';

export interface TrainingExample {
  readonly encoded: EncodedExample;
  /** A label id or, for regression, the number. */
  readonly label: number;
}

export interface MicroBatch {
  readonly examples: readonly TrainingExample[];
  /** Tokens that every example is padded to. */
  readonly length: number;
}

export interface TrainerOptions {
  readonly classifier: SequenceClassifier;
  readonly parameters: Parameters;
  /** Names of the parameters that are trained. */
  readonly trained: ReadonlySet<string>;
  readonly objective: ({ readonly loss: 'crossEntropy' } & CrossEntropyOptions) | { readonly loss: 'squaredError' };
  readonly adamW: AdamWOptions;
  /** null: no clipping. */
  readonly maxGradientNorm: number | null;
  /** Rows of the graphs; a shorter batch is filled with rows of no weight. */
  readonly batchSize: number;
  /** undefined: the configuration's probabilities. */
  readonly dropout?: number;
  readonly seed: number;
  readonly padTokenId: number;
  readonly session: SessionOptions;
}

export interface StepResult {
  /** The objective's mean over the step's examples. */
  readonly loss: number;
  /** Before clipping. */
  readonly gradientNorm: number;
}

export class Trainer {
  private readonly graphs = new Map<number, { graph: TrainingGraph; session: Session; masks: Record<string, Feed> }>();
  private readonly feeds: Readonly<Record<string, Feed>>;

  private constructor(
    private readonly options: TrainerOptions,
    readonly optimizer: AdamW,
  ) {
    this.feeds = parameterFeeds(options.parameters);
  }

  static async create(options: TrainerOptions): Promise<Trainer> {
    const { parameters, trained } = options;
    const specs = parameters.specs.filter((spec) => trained.has(spec.name));
    const moments = { firstMoments: new Parameters(specs), secondMoments: new Parameters(specs) };
    return new Trainer(options, new AdamW(parameters, moments, options.adamW));
  }

  /**
   * One optimiser step over one batch, or over several whose gradients add up to those of one.
   * @param step the number of this update, from 1: the key of its randomness and of the bias correction.
   * @throws MedTextError DIVERGED when loss or gradient are no longer finite; the parameters are then as they were.
   */
  async step(batches: readonly MicroBatch[], step: number, learningRate: number): Promise<StepResult> {
    const { loss, gradientNorm } = await this.update(batches, step, learningRate);
    // In a function of its own, whose end lets go of the gradients.
    collectGarbage();
    return { loss, gradientNorm };
  }

  private async update(batches: readonly MicroBatch[], step: number, learningRate: number): Promise<StepResult> {
    const { loss, gradientNorm, gradients } = await this.sumOfGradients(batches, step);
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      throw new MedTextError(
        'DIVERGED',
        `Step ${step}: the loss is ${loss} and the gradient's norm ${gradientNorm}. Lower the learning rate, or clip gradients (max_grad_norm).`,
        { step, loss, gradientNorm, learningRate },
      );
    }
    this.optimizer.update(gradients, { step, learningRate, gradientScale: this.clippingScale(gradientNorm) });
    return { loss, gradientNorm };
  }

  private async sumOfGradients(
    batches: readonly MicroBatch[],
    step: number,
  ): Promise<StepResult & { gradients: Map<string, Float32Array> }> {
    const total = this.totalWeight(batches);
    const key = (index: number) => keyOf(this.options.seed, 2, step, index);
    let { loss, gradientSquares, gradients } = await this.gradients(batches[0], total, key(0));
    for (let index = 1; index < batches.length; index++) {
      const part = await this.gradients(batches[index], total, key(index));
      loss += part.loss;
      addInPlace(gradients, part.gradients);
    }
    if (batches.length > 1) gradientSquares = sumOfSquares(gradients);
    return { loss, gradientNorm: Math.sqrt(gradientSquares), gradients };
  }

  /** Loss and gradients of one batch's share of a step, without an update. */
  async gradients(
    batch: MicroBatch,
    total: number,
    key: number,
  ): Promise<{ loss: number; gradientSquares: number; gradients: Map<string, Float32Array> }> {
    const { graph, session, masks } = await this.graphFor(batch.length);
    graph.dropoutSites.forEach((site, index) =>
      fillDropoutMask(masks[site.name].data as Float32Array, site.probability, keyOf(key, index)),
    );
    const outputs = await session.run({ ...this.feeds, ...masks, ...this.batchFeeds(batch, total) });
    const gradients = new Map<string, Float32Array>();
    for (const [name, output] of Object.entries(outputs)) {
      if (name.startsWith('grad.')) gradients.set(name.slice('grad.'.length), output.data as Float32Array);
    }
    return {
      loss: Number(outputs.loss.data[0]),
      gradientSquares: Number(outputs.gradientSquares?.data[0] ?? 0),
      gradients,
    };
  }

  async close(): Promise<void> {
    for (const { session } of this.graphs.values()) await session.release();
    this.graphs.clear();
  }

  /** The weight of a step's examples, which its mean divides by. */
  private totalWeight(batches: readonly MicroBatch[]): number {
    const { objective } = this.options;
    const weightOf = ({ label }: TrainingExample) =>
      objective.loss === 'crossEntropy' ? exampleWeight(label, objective) : 1;
    return batches.reduce((sum, { examples }) => examples.reduce((s, example) => s + weightOf(example), sum), 0);
  }

  private batchFeeds({ examples, length }: MicroBatch, total: number): Record<string, Feed> {
    const { batchSize, objective, classifier, padTokenId } = this.options;
    const batch = padBatch(
      examples.map((e) => e.encoded),
      { batchSize, length },
      padTokenId,
      'int32',
    );
    const ids = (data: Int32Array): Feed => ({ dataType: 'int32', shape: [batchSize, length], data });
    const inputs = {
      inputIds: ids(batch.inputIds),
      tokenTypeIds: ids(batch.tokenTypeIds),
      attentionMask: ids(batch.attentionMask),
    };
    const { labelCount } = classifier;
    const targets = new Float32Array(batchSize * labelCount);
    if (objective.loss === 'crossEntropy') {
      examples.forEach(({ label }, row) =>
        softTargets(label, total, objective, targets.subarray(row * labelCount, (row + 1) * labelCount)),
      );
      return { ...inputs, targets: { dataType: 'float32', shape: [batchSize, labelCount], data: targets } };
    }
    const weights = new Float32Array(batchSize).fill(1 / total, 0, examples.length);
    examples.forEach(({ label }, row) => (targets[row] = label));
    return {
      ...inputs,
      targets: { dataType: 'float32', shape: [batchSize, 1], data: targets },
      weights: { dataType: 'float32', shape: [batchSize, 1], data: weights },
    };
  }

  private async graphFor(length: number) {
    const known = this.graphs.get(length);
    if (known) return known;
    const { classifier, parameters, trained, objective, dropout, batchSize, session } = this.options;
    const graph = buildTrainingGraph(
      { classifier, specs: parameters.specs, trained, loss: objective.loss, dropout },
      batchSize,
      length,
    );
    const masks = Object.fromEntries(
      graph.dropoutSites.map(({ name, shape }): [string, Feed] => {
        const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
        return [name, { dataType: 'float32', shape, data }];
      }),
    );
    const made = { graph, session: await Session.create(graph.model, session), masks };
    this.graphs.set(length, made);
    return made;
  }

  /** PyTorch's clip_grad_norm_: max / (norm + 1e-6), at most 1. */
  private clippingScale(gradientNorm: number): number {
    const { maxGradientNorm } = this.options;
    return maxGradientNorm === null ? 1 : Math.min(1, maxGradientNorm / (gradientNorm + 1e-6));
  }
}

let gc: (() => void) | undefined;

/**
 * A step leaves gradients of the size of the model behind, in arrays outside the JavaScript heap. Collected at once
 * (a few milliseconds) their memory serves the next step; left to the collector, two or three generations pile up.
 */
function collectGarbage(): void {
  if (!gc) {
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc') as () => void;
  }
  gc();
  gc();
}

function addInPlace(sum: ReadonlyMap<string, Float32Array>, part: ReadonlyMap<string, Float32Array>): void {
  for (const [name, values] of part) {
    const into = sum.get(name)!;
    for (let i = 0; i < into.length; i++) into[i] += values[i];
  }
}

function sumOfSquares(gradients: ReadonlyMap<string, Float32Array>): number {
  let sum = 0;
  for (const values of gradients.values()) for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return sum;
}
