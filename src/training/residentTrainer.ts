/**
 * The training step with parameters, moments and gradients in the device's memory (WebGPU): of a step only its tokens go
 * there, and its loss and the gradients' norm come back.
 */
import { keyOf } from '../base/random';
import { DeviceMemory, disposeAll } from '../inference/deviceMemory';
import { DeviceTensor, Session, type Feed } from '../inference/session';
import { elementCount } from '../onnx/dataType';
import { Parameters } from '../models/parameters';
import { adamWRates, type AdamWRates, type Moments } from './adamW';
import { buildAdamWGraph, buildGradientSumGraph, type UpdatedParameter } from './adamWGraph';
import { buildMaskGraph } from './maskGraph';
import { batchFeeds, clippingScale, microBatches, requireFinite, totalWeight } from './stepInputs';
import type { MicroBatch, StepResult, TrainerOptions, TrainingSteps } from './trainingSteps';
import { buildTrainingGraph, type DropoutSite } from './trainingGraph';

type Value = Feed | DeviceTensor;

/** Elements that are updated in one run: about a layer of BERT-base. New state lies beside the old for that many only. */
const GROUP_ELEMENTS = 8 << 20;

/** Parameters that are updated together. */
interface Group {
  readonly names: readonly string[];
  readonly parameters: readonly UpdatedParameter[];
}

interface LengthGraphs {
  readonly training: Session;
  readonly masks: Session | undefined;
  readonly sites: readonly DropoutSite[];
}

export class ResidentTrainer implements TrainingSteps {
  readonly moments: Moments;
  private readonly graphs = new Map<number, LengthGraphs>();
  private readonly sessions = new Map<string, Session>();
  private readonly memory: DeviceMemory;
  /** By name: parameters, first and second moments. Empty until the first step after the host's arrays were changed. */
  private state: { p: Map<string, Value>; m: Map<string, Value>; v: Map<string, Value> } | undefined;
  /** Whether the host's arrays hold what the device's do. */
  private isSynchronous = true;
  private groups: readonly Group[] | undefined;
  /** Examples computed at a time. */
  private rows: number;
  /** Some parameters are of this step already, others of the one before. */
  private isHalfUpdated = false;

  constructor(private readonly options: TrainerOptions) {
    const { parameters, trained } = options;
    const specs = parameters.specs.filter((spec) => trained.has(spec.name));
    this.moments = { firstMoments: new Parameters(specs), secondMoments: new Parameters(specs) };
    this.memory = new DeviceMemory(options.session);
    this.rows = options.microBatchSize ?? options.batchSize;
  }

  /** @throws MedTextError DIVERGED; parameters and moments are then as they were. */
  async step(batches: readonly MicroBatch[], step: number, learningRate: number): Promise<StepResult> {
    const { options } = this;
    const total = totalWeight(batches, options.objective);
    const state = (this.state ??= await this.upload());
    let gradients: Map<string, Value> | undefined;
    let loss = 0;
    let squares = 0;
    try {
      for (const { batch, index, firstRow } of microBatches(batches, this.rows)) {
        const part = await this.gradients(state.p, batch, total, keyOf(options.seed, 2, step, index), firstRow);
        loss += part.loss;
        squares = part.squares;
        if (gradients) {
          ({ gradients, squares } = await this.sum(gradients, part.gradients));
        } else gradients = part.gradients;
      }
    } catch (error) {
      if (gradients) disposeAll(gradients.values());
      throw error;
    }
    const result = { loss, gradientNorm: Math.sqrt(squares) };
    try {
      requireFinite(result, step, learningRate);
    } catch (error) {
      disposeAll(gradients!.values());
      throw error;
    }
    const gradientScale = clippingScale(result.gradientNorm, options.maxGradientNorm);
    await this.update(state, gradients!, adamWRates(options.adamW, { step, learningRate, gradientScale }));
    return result;
  }

  async synchronize(): Promise<void> {
    if (!this.state || this.isSynchronous) return;
    const { firstMoments, secondMoments } = this.moments;
    const copy = async (values: ReadonlyMap<string, Value>, into: Parameters) => {
      for (const [name, value] of values) {
        if (value instanceof DeviceTensor && firstMoments.has(name)) {
          await this.memory.download(value, into.values(name));
        }
      }
    };
    await copy(this.state.p, this.options.parameters);
    await copy(this.state.m, firstMoments);
    await copy(this.state.v, secondMoments);
    this.isSynchronous = true;
  }

  async halve(): Promise<number | undefined> {
    if (this.rows === 1 || this.isHalfUpdated) return undefined;
    await this.releaseGraphs();
    return (this.rows = Math.ceil(this.rows / 2));
  }

  private async releaseGraphs(): Promise<void> {
    for (const { training, masks } of this.graphs.values()) {
      await training.release();
      await masks?.release();
    }
    this.graphs.clear();
  }

  async close(): Promise<void> {
    this.discard();
    await this.releaseGraphs();
    for (const session of this.sessions.values()) await session.release();
    this.sessions.clear();
    await this.memory.close();
  }

  private discard(): void {
    if (this.state) for (const values of Object.values(this.state)) disposeAll(values.values());
    this.state = undefined;
  }

  private async upload() {
    const { parameters } = this.options;
    const { firstMoments, secondMoments } = this.moments;
    const all = async (source: Parameters) => {
      const values = new Map<string, Value>();
      for (const name of source.names) {
        values.set(
          name,
          await this.memory.upload({ dataType: 'float32', shape: source.shape(name), data: source.values(name) }),
        );
      }
      return values;
    };
    return { p: await all(parameters), m: await all(firstMoments), v: await all(secondMoments) };
  }

  private async gradients(
    parameters: ReadonlyMap<string, Value>,
    batch: MicroBatch,
    total: number,
    key: number,
    firstRow: number,
  ): Promise<{ loss: number; squares: number; gradients: Map<string, Value> }> {
    const { training, masks, sites } = await this.graphsFor(batch.length);
    const drawn = masks ? (await masks.runOnDevice(maskFeeds(sites, key, firstRow))).device : {};
    const inputs = batchFeeds(batch, this.rows, total, this.options);
    const { host, device } = await training.runOnDevice({ ...Object.fromEntries(parameters), ...drawn, ...inputs });
    disposeAll(Object.values(drawn));
    return {
      loss: Number(host.loss.data[0]),
      squares: Number(host.gradientSquares?.data[0] ?? 0),
      gradients: new Map(Object.entries(device).map(([name, value]) => [name.slice('grad.'.length), value])),
    };
  }

  /** Disposes of what it adds up. */
  private async sum(
    a: ReadonlyMap<string, Value>,
    b: ReadonlyMap<string, Value>,
  ): Promise<{ gradients: Map<string, Value>; squares: number }> {
    const gradients = new Map<string, Value>();
    let squares = 0;
    for (const group of this.groupsOf(a)) {
      const session = await this.sessionFor('sum', group, (parameters) => buildGradientSumGraph(parameters));
      const feeds = group.names.flatMap((name, k): [string, Value][] => [[`a.${k}`, a.get(name)!], [`b.${k}`, b.get(name)!]]); // prettier-ignore
      const { host, device } = await session.runOnDevice(Object.fromEntries(feeds));
      disposeAll(feeds.map(([, value]) => value));
      squares += Number(host.squares.data[0]);
      group.names.forEach((name, k) => gradients.set(name, device[`sum.${k}`]));
    }
    return { gradients, squares };
  }

  private async update(
    state: NonNullable<ResidentTrainer['state']>,
    gradients: ReadonlyMap<string, Value>,
    rates: AdamWRates,
  ): Promise<void> {
    const scalars = Object.fromEntries(
      Object.entries(rates).map(([name, rate]): [string, Feed] => [
        name,
        { dataType: 'float32', shape: [], data: Float32Array.of(rate) },
      ]),
    );
    this.isSynchronous = false;
    this.isHalfUpdated = true;
    for (const group of this.groupsOf(gradients)) {
      const session = await this.sessionFor('update', group, (p) => buildAdamWGraph(p, this.options.adamW));
      const feeds = group.names.flatMap((name, k): [string, Value][] => [
        [`p.${k}`, state.p.get(name)!],
        [`m.${k}`, state.m.get(name)!],
        [`v.${k}`, state.v.get(name)!],
        [`g.${k}`, gradients.get(name)!],
      ]);
      const { device } = await session.runOnDevice({ ...scalars, ...Object.fromEntries(feeds) });
      group.names.forEach((name, k) => {
        state.p.set(name, device[`newP.${k}`]);
        state.m.set(name, device[`newM.${k}`]);
        state.v.set(name, device[`newV.${k}`]);
      });
      disposeAll(feeds.map(([, value]) => value));
    }
    this.isHalfUpdated = false;
  }

  /** Every length's graph gives gradients of the same parameters: those that the loss depends on. */
  private groupsOf(gradients: ReadonlyMap<string, Value>): readonly Group[] {
    if (this.groups) return this.groups;
    const { parameters, adamW } = this.options;
    const groups: { names: string[]; parameters: UpdatedParameter[] }[] = [];
    let size = Infinity;
    for (const name of gradients.keys()) {
      const shape = parameters.shape(name);
      size += elementCount(shape);
      if (size > GROUP_ELEMENTS) {
        groups.push({ names: [], parameters: [] });
        size = elementCount(shape);
      }
      groups.at(-1)!.names.push(name);
      groups.at(-1)!.parameters.push({ shape, decays: adamW.decays(name) && adamW.weightDecay !== 0 });
    }
    return (this.groups = groups);
  }

  private async sessionFor(
    kind: string,
    { parameters }: Group,
    build: (parameters: readonly UpdatedParameter[]) => ReturnType<typeof buildAdamWGraph>,
  ): Promise<Session> {
    const key = `${kind} ${parameters.map(({ shape, decays }) => `${shape}${kind === 'update' && decays ? 'd' : ''}`).join(' ')}`; // prettier-ignore
    const session =
      this.sessions.get(key) ??
      (await Session.create(build(parameters), { ...this.options.session, staysOnDevice: (name) => name !== 'squares' })); // prettier-ignore
    this.sessions.set(key, session);
    return session;
  }

  private async graphsFor(length: number): Promise<LengthGraphs> {
    const known = this.graphs.get(length);
    if (known) return known;
    const { classifier, parameters, trained, objective, dropout, session } = this.options;
    const graph = buildTrainingGraph(
      { classifier, specs: parameters.specs, trained, loss: objective.loss, dropout, logits: false },
      this.rows,
      length,
    );
    const made: LengthGraphs = {
      training: await Session.create(graph.model, { ...session, staysOnDevice: (name) => name.startsWith('grad.') }),
      masks:
        graph.dropoutSites.length > 0
          ? await Session.create(buildMaskGraph(graph.dropoutSites, this.rows), { ...session, staysOnDevice: () => true }) // prettier-ignore
          : undefined,
      sites: graph.dropoutSites,
    };
    this.graphs.set(length, made);
    return made;
  }
}

/** The mask graph's inputs. @param key the micro-batch's */
function maskFeeds(sites: readonly DropoutSite[], key: number, firstRow: number): Record<string, Feed> {
  const scalar = (value: number): Feed => ({ dataType: 'int32', shape: [], data: Int32Array.of(value) });
  const keys = sites.map(({ name }, i): [string, Feed] => [`key.${name}`, scalar(keyOf(key, i))]);
  return { ...Object.fromEntries(keys), firstRow: scalar(firstRow) };
}
