/** The training step: batches in, new parameters out. Knows no files, no reports and no clock. */
import { keyOf } from '../base/random';
import { parameterFeeds } from '../inference/fedNetwork';
import { Session, type Feed } from '../inference/session';
import { elementCount } from '../onnx/dataType';
import type { Gradient, Moments } from './adamW';
import { collectGarbage } from './collectGarbage';
import { RowGradient } from './rowGradient';
import { fillRandom } from './randomSites';
import { addParts, batchFeeds, clippingScale, halved, lossesOf, partsOf, requireFinite, type Part } from './stepInputs';
import { ThreadedAdamW } from './threadedAdamW';
import { int32Feed, TOKEN_SLOTS, tokenRows } from './tokenRows';
import { buildTrainingGraph, type TrainingGraph } from './trainingGraph';
import type { Batch, StepResult, TrainerOptions, TrainingSteps } from './trainingSteps';

/** The step on the CPU: parameters are the host's own arrays, updated in place. */
export class Trainer implements TrainingSteps {
  private readonly graphs = new Map<number, { graph: TrainingGraph; session: Session }>();
  private readonly feeds: Readonly<Record<string, Feed>>;
  /** Masks and noise of the step that is computed: of every length's graph, whose own would be gigabytes together. */
  private randomValues = new Float32Array(0);
  /** Examples computed at a time. */
  private rows: number;

  private constructor(
    private readonly options: TrainerOptions,
    private readonly optimizer: ThreadedAdamW,
  ) {
    this.feeds = parameterFeeds(options.parameters);
    this.rows = options.microBatchSize ?? options.batchSize;
  }

  static async create(options: TrainerOptions): Promise<Trainer> {
    const { parameters, trained, session, optimizerThreads: threads } = options;
    const specs = parameters.specs.filter((spec) => trained.has(spec.name));
    // Which gradients are rows depends on no shape.
    const { rowParameters } = graphOf(options, 1, 2);
    const on = { threads, cores: session.threads, rowParameters };
    return new Trainer(options, await ThreadedAdamW.create(parameters, specs, options.adamW, on));
  }

  async step(batches: readonly Batch[], step: number, learningRate: number): Promise<StepResult> {
    const result = await this.update(batches, step, learningRate);
    // In a function of its own, whose end lets go of the gradients. Of a small model they are not worth a collection.
    if (this.moments.firstMoments.elementCount > LARGE) collectGarbage();
    return result;
  }

  private async update(batches: readonly Batch[], step: number, learningRate: number): Promise<StepResult> {
    const { gradients, ...result } = await this.sumOfGradients(batches, step);
    requireFinite(result, step, learningRate);
    await this.optimizer.update(gradients, {
      step,
      learningRate,
      gradientScale: clippingScale(result.gradientNorm, this.options.maxGradientNorm),
    });
    return result;
  }

  private async sumOfGradients(
    batches: readonly Batch[],
    step: number,
  ): Promise<StepResult & { gradients: Map<string, Gradient> }> {
    const parts = partsOf(batches, this.rows, this.options.objective).map(
      (part) => () => this.gradients(part, keyOf(this.options.seed, 2, step, part.index)),
    );
    let { loss, parts: lossParts, gradientSquares, gradients } = await parts[0]();
    for (const gradientsOf of parts.slice(1)) {
      const part = await gradientsOf();
      loss += part.loss;
      lossParts = addParts(lossParts, part.parts);
      addInPlace(gradients, part.gradients);
    }
    if (parts.length > 1) gradientSquares = sumOfSquares(gradients);
    return { loss, ...(lossParts && { parts: lossParts }), gradientNorm: Math.sqrt(gradientSquares), gradients };
  }

  /** Loss and gradients of one batch's share of a step, without an update. */
  async gradients(
    { batch, firstRow, share }: Omit<Part, 'index'>,
    key: number,
  ): Promise<Pick<StepResult, 'loss' | 'parts'> & { gradientSquares: number; gradients: Map<string, Gradient> }> {
    const { graph, session } = await this.graphFor(batch.length);
    const random = this.randomOf(graph);
    graph.randomSites.forEach((site, index) => {
      const values = random[site.name].data as Float32Array;
      fillRandom(values, site.draw, keyOf(key, index), (firstRow * values.length) / this.rows);
    });
    const inputs = batchFeeds(batch, this.rows, share, this.options);
    const { ids, slots } = tokenRows(inputs.inputIds.data as Int32Array);
    const tokenSlots = { [TOKEN_SLOTS]: int32Feed([this.rows, batch.length], slots) };
    const outputs = await session.run({ ...this.feeds, ...random, ...inputs, ...tokenSlots });
    const gradients = new Map<string, Gradient>();
    for (const [output, { data, shape }] of Object.entries(outputs)) {
      if (!output.startsWith('grad.')) continue;
      const name = output.slice('grad.'.length);
      const values = data as Float32Array;
      const ofRows = () => new RowGradient(ids, values.subarray(0, (ids.length * values.length) / shape[0]));
      gradients.set(name, graph.rowParameters.has(name) ? ofRows() : values);
    }
    return {
      ...lossesOf(outputs, this.options.objective),
      gradientSquares: Number(outputs.gradientSquares?.data[0] ?? 0),
      gradients,
    };
  }

  get moments(): Moments {
    return this.optimizer.moments;
  }

  /** They are always up to date. */
  async synchronize(): Promise<void> {}

  async halve(): Promise<number | undefined> {
    const half = halved(this.rows, this.options.objective);
    if (half === undefined) return undefined;
    await this.releaseGraphs();
    return (this.rows = half);
  }

  async close(): Promise<void> {
    await this.optimizer.close();
    await this.releaseGraphs();
  }

  private async releaseGraphs(): Promise<void> {
    for (const { session } of this.graphs.values()) await session.release();
    this.graphs.clear();
  }

  private async graphFor(length: number) {
    const known = this.graphs.get(length);
    if (known) return known;
    const graph = graphOf(this.options, this.rows, length);
    const made = { graph, session: await Session.create(graph.model, this.options.session) };
    this.graphs.set(length, made);
    return made;
  }

  /** To be filled, of every site by its name. */
  private randomOf({ randomSites }: TrainingGraph): Record<string, Feed> {
    const total = randomSites.reduce((sum, { shape }) => sum + elementCount(shape), 0);
    if (this.randomValues.length < total) this.randomValues = new Float32Array(total);
    let end = 0;
    return Object.fromEntries(
      randomSites.map(({ name, shape }): [string, Feed] => {
        const start = end;
        end += elementCount(shape);
        return [name, { dataType: 'float32', shape, data: this.randomValues.subarray(start, end) }];
      }),
    );
  }
}

/** Gradients of more elements are collected at once. */
const LARGE = 16e6;

function graphOf({ network, parameters, trained, objective, dropout }: TrainerOptions, rows: number, length: number) {
  return buildTrainingGraph({ network, specs: parameters.specs, trained, objective, dropout, logits: false }, rows, length); // prettier-ignore
}

function addInPlace(sum: Map<string, Gradient>, part: ReadonlyMap<string, Gradient>): void {
  for (const [name, values] of part) {
    const into = sum.get(name)!;
    if (values instanceof RowGradient) sum.set(name, (into as RowGradient).plus(values));
    else addArrays(into as Float32Array, values);
  }
}

function addArrays(into: Float32Array, values: Float32Array): void {
  for (let i = 0; i < into.length; i++) into[i] += values[i];
}

function sumOfSquares(gradients: ReadonlyMap<string, Gradient>): number {
  let sum = 0;
  for (const gradient of gradients.values()) {
    const values = gradient instanceof RowGradient ? gradient.values : gradient;
    for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  }
  return sum;
}
