/**
 * The training step with parameters, moments and gradients in the device's memory (WebGPU): of a step only its tokens go
 * there, and its loss and the gradients' norm come back.
 */
import { keyOf } from '../base/random';
import { DeviceMemory, disposeAll } from '../inference/deviceMemory';
import { productStyle } from '../inference/productStyle';
import { Session, type DeviceTensor, type Feed } from '../inference/session';
import type { Model } from '../onnx/model';
import { elementCount } from '../onnx/dataType';
import { Parameters } from '../models/parameters';
import { adamWRates, type AdamWRates, type Moments } from './adamW';
import { buildAdamWGraph, buildDenseGraph, buildGradientSumGraph, type UpdatedParameter } from './adamWGraph';
import { LossScale } from './lossScale';
import { buildMaskGraph } from './maskGraph';
import { gather, layoutOf, scatter, stackedShape, type ParameterGroup, type ParameterLayout } from './parameterGroups';
import { buildResidentGraph, type ResidentGraph } from './residentGraph';
import { addParts, batchFeeds, clippingScale, halved, lossesOf, partsOf, requireFinite, type Part } from './stepInputs';
import { filledIds, int32Feed, TOKEN_SLOTS, tokenRows } from './tokenRows';
import type { Batch, StepResult, TrainerOptions, TrainingSteps } from './trainingSteps';
import type { TrainingGraphOptions } from './trainingGraph';

type Value = Feed | DeviceTensor;

/** Elements of a group: no buffer is larger than the 128 MB that every WebGPU device takes, unless a parameter is. */
const GROUP_ELEMENTS = 32 << 20;
/** Elements that are updated in one run. New state lies beside the old for that many only. */
const UPDATE_ELEMENTS = 8 << 20;

/** The state of group k is at k. */
interface State {
  readonly p: Value[];
  readonly m: Value[];
  readonly v: Value[];
  /** Parameters that are read, but not trained, by name. */
  readonly fixed: Readonly<Record<string, Value>>;
}

/** The gradient of a group, of its shape, or rows of it with their places. */
interface Gradient {
  readonly value: Value;
  readonly ids?: Feed;
}

const valuesOf = (gradients: readonly Gradient[]): Value[] => gradients.map(({ value }) => value);

interface LengthGraphs {
  readonly training: Session;
  readonly masks: Session | undefined;
  readonly stacks: ResidentGraph['masks'];
}

export class ResidentTrainer implements TrainingSteps {
  readonly moments: Moments;
  private readonly graphOptions: TrainingGraphOptions;
  private readonly layout: ParameterLayout;
  /** Groups, by their places, that are updated in one run. */
  private readonly updates: readonly (readonly number[])[];
  private readonly lossScale: LossScale;
  private readonly graphs = new Map<number, LengthGraphs>();
  private readonly sessions = new Map<string, Session>();
  private readonly memory: DeviceMemory;
  /** Absent until the first step after the host's arrays were changed. */
  private state: State | undefined;
  /** Whether the host's arrays hold what the device's do. */
  private isSynchronous = true;
  /** Examples computed at a time. */
  private rows: number;
  /** Some parameters are of this step already, others of the one before. */
  private isHalfUpdated = false;

  constructor(private readonly options: TrainerOptions) {
    const { parameters, trained, network, objective, dropout, session, precision, adamW } = options;
    const specs = parameters.specs.filter((spec) => trained.has(spec.name));
    this.moments = { firstMoments: new Parameters(specs), secondMoments: new Parameters(specs) };
    const products = productStyle(session.device, precision);
    this.graphOptions = { network, specs: parameters.specs, trained, objective, dropout, products, logits: false }; // prettier-ignore
    this.layout = layoutOf(this.graphOptions, adamW, GROUP_ELEMENTS);
    this.updates = inRuns(this.layout.groups);
    this.lossScale = new LossScale(products.factors === 'float16');
    this.memory = new DeviceMemory(session);
    this.rows = options.microBatchSize ?? options.batchSize;
  }

  async step(batches: readonly Batch[], step: number, learningRate: number): Promise<StepResult> {
    const state = (this.state ??= await this.upload());
    for (;;) {
      const { squares, gradients, ...losses } = await this.gradientsOf(state, batches, step);
      const scale = this.lossScale.value;
      const result = { ...losses, gradientNorm: Math.sqrt(squares) / scale };
      try {
        requireFinite(result, step, learningRate);
      } catch (error) {
        disposeAll(valuesOf(gradients));
        if (this.lossScale.shrink()) continue;
        throw error;
      }
      const gradientScale = clippingScale(result.gradientNorm, this.options.maxGradientNorm) / scale;
      await this.update(state, gradients, adamWRates(this.options.adamW, { step, learningRate, gradientScale }));
      return result;
    }
  }

  async synchronize(): Promise<void> {
    if (!this.state || this.isSynchronous) return;
    for (const [values, host] of this.pairs(this.state)) {
      for (const [k, group] of this.layout.groups.entries()) {
        const stacked = new Float32Array(elementCount(stackedShape(group)));
        await this.memory.download(values[k] as DeviceTensor, stacked);
        scatter(group, stacked, host);
      }
    }
    this.isSynchronous = true;
  }

  async halve(): Promise<number | undefined> {
    const half = halved(this.rows, this.options.objective);
    if (half === undefined || this.isHalfUpdated) return undefined;
    await this.releaseGraphs();
    return (this.rows = half);
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
    if (this.state) disposeAll([...this.state.p, ...this.state.m, ...this.state.v, ...Object.values(this.state.fixed)]);
    this.state = undefined;
  }

  /** What lies on the device, and where it comes from and goes to. */
  private pairs({ p, m, v }: State): [Value[], Parameters][] {
    const { firstMoments, secondMoments } = this.moments;
    return [[p, this.options.parameters], [m, firstMoments], [v, secondMoments]]; // prettier-ignore
  }

  private async upload(): Promise<State> {
    const { parameters } = this.options;
    const state: State = { p: [], m: [], v: [], fixed: {} };
    const upload = (shape: readonly number[], data: Float32Array) =>
      this.memory.upload({ dataType: 'float32', shape, data });
    for (const [values, host] of this.pairs(state)) {
      for (const group of this.layout.groups) values.push(await upload(stackedShape(group), gather(group, host)));
    }
    const fixed: [string, Value][] = [];
    for (const name of this.layout.fixed)
      fixed.push([name, await upload(parameters.shape(name), parameters.values(name))]);
    return { ...state, fixed: Object.fromEntries(fixed) };
  }

  /** The gradients of a whole step: the loss unscaled, gradients and the sum of their squares scaled. */
  private async gradientsOf(
    state: State,
    batches: readonly Batch[],
    step: number,
  ): Promise<Pick<StepResult, 'loss' | 'parts'> & { squares: number; gradients: Gradient[] }> {
    const { options } = this;
    let gradients: Gradient[] = [];
    let losses: Pick<StepResult, 'loss' | 'parts'> | undefined;
    let squares = 0;
    try {
      for (const each of partsOf(batches, this.rows, options.objective)) {
        const part = await this.partGradients(state, each, keyOf(options.seed, 2, step, each.index));
        losses = losses ? { loss: losses.loss + part.loss, parts: addParts(losses.parts, part.parts) } : { loss: part.loss, parts: part.parts }; // prettier-ignore
        squares = part.squares;
        if (gradients.length > 0) ({ gradients, squares } = await this.sum(gradients, part.gradients));
        else gradients = part.gradients;
      }
    } catch (error) {
      disposeAll(valuesOf(gradients));
      throw error;
    }
    return { ...losses!, squares, gradients };
  }

  private async partGradients(
    { p, fixed }: State,
    { batch, firstRow, share }: Part,
    key: number,
  ): Promise<Pick<StepResult, 'loss' | 'parts'> & { squares: number; gradients: Gradient[] }> {
    const { training, masks, stacks } = await this.graphsFor(batch.length);
    const drawn = masks ? (await masks.runOnDevice(maskFeeds(stacks, key, firstRow))).device : {};
    const parameters = Object.fromEntries(p.map((value, k) => [`p.${k}`, value]));
    const inputs = batchFeeds(batch, this.rows, share, this.options);
    const lossScale = scalar(this.lossScale.value);
    const { ids, slots } = tokenRows(inputs.inputIds.data as Int32Array);
    const tokenSlots = { [TOKEN_SLOTS]: int32Feed([this.rows, batch.length], slots) };
    const { host, device } = await training.runOnDevice({ ...parameters, ...fixed, ...drawn, ...inputs, ...tokenSlots, lossScale }); // prettier-ignore
    disposeAll(Object.values(drawn));
    return {
      ...lossesOf(host, this.options.objective),
      squares: Number(host.gradientSquares.data[0]),
      gradients: this.layout.groups.map(({ isRows }, k): Gradient => {
        const value = device[`grad.${k}`];
        const [rows] = value.shape;
        return isRows ? { value, ids: int32Feed([rows], filledIds(ids, rows)) } : { value };
      }),
    };
  }

  /** Disposes of what it adds up. The sum has no rows: those of two batches are not the same. */
  private async sum(
    a: readonly Gradient[],
    b: readonly Gradient[],
  ): Promise<{ gradients: Gradient[]; squares: number }> {
    const gradients: Gradient[] = [];
    let squares = 0;
    for (const places of this.updates) {
      const session = await this.sessionFor('sum', places, true, buildGradientSumGraph);
      const feeds: [string, Value][] = [];
      for (const [k, place] of places.entries()) {
        const { value, ids } = b[place];
        feeds.push([`a.${k}`, await this.dense(a[place], place)], [`b.${k}`, value]);
        if (ids) feeds.push([`ids.${k}`, ids]);
      }
      const { host, device } = await session.runOnDevice(Object.fromEntries(feeds));
      disposeAll(feeds.map(([, value]) => value));
      squares += Number(host.squares.data[0]);
      places.forEach((place, k) => (gradients[place] = { value: device[`sum.${k}`] }));
    }
    return { gradients, squares };
  }

  /** A gradient of the group's shape, in the place of one of rows. */
  private async dense({ value, ids }: Gradient, place: number): Promise<Value> {
    if (!ids) return value;
    const session = await this.sessionFor('dense', [place], true, ([{ shape }]) => buildDenseGraph(shape));
    const { device } = await session.runOnDevice({ rows: value, ids });
    disposeAll([value]);
    return device.dense;
  }

  private async update(state: State, gradients: readonly Gradient[], rates: AdamWRates): Promise<void> {
    const scalars = Object.fromEntries(Object.entries(rates).map(([name, rate]) => [name, scalar(rate)]));
    this.isSynchronous = false;
    this.isHalfUpdated = true;
    for (const places of this.updates) {
      const hasRows = places.some((place) => gradients[place].ids);
      const build = (groups: readonly UpdatedParameter[]) => buildAdamWGraph(groups, this.options.adamW);
      const session = await this.sessionFor('update', places, hasRows, build);
      const feeds = places.flatMap((place, k): [string, Value][] => {
        const { value, ids } = gradients[place];
        return [
          [`p.${k}`, state.p[place]],
          [`m.${k}`, state.m[place]],
          [`v.${k}`, state.v[place]],
          [`g.${k}`, value],
          ...(ids ? [[`ids.${k}`, ids] as [string, Value]] : []),
        ];
      });
      const { device } = await session.runOnDevice({ ...scalars, ...Object.fromEntries(feeds) });
      places.forEach((place, k) => {
        state.p[place] = device[`newP.${k}`];
        state.m[place] = device[`newM.${k}`];
        state.v[place] = device[`newV.${k}`];
      });
      disposeAll(feeds.map(([, value]) => value));
    }
    this.isHalfUpdated = false;
  }

  /** @param hasRows whether gradients of groups that have rows come as rows */
  private async sessionFor(
    kind: 'update' | 'sum' | 'dense',
    places: readonly number[],
    hasRows: boolean,
    build: (parameters: readonly UpdatedParameter[]) => Model,
  ): Promise<Session> {
    const key = `${kind} ${hasRows} ${places.join(' ')}`;
    const known = this.sessions.get(key);
    if (known) return known;
    const groups = places.map((place) => this.layout.groups[place]);
    const parameters = groups.map((group) => ({
      shape: stackedShape(group),
      decays: group.decays,
      isRows: hasRows && group.isRows,
    }));
    const session = await Session.create(build(parameters), { ...this.options.session, staysOnDevice: (name) => name !== 'squares' }); // prettier-ignore
    this.sessions.set(key, session);
    return session;
  }

  private async graphsFor(length: number): Promise<LengthGraphs> {
    const known = this.graphs.get(length);
    if (known) return known;
    const { session } = this.options;
    const { model, masks: stacks } = buildResidentGraph(this.graphOptions, this.layout, this.rows, length);
    const made: LengthGraphs = {
      training: await Session.create(model, { ...session, staysOnDevice: (name) => name.startsWith('grad.') }),
      masks:
        stacks.length > 0
          ? await Session.create(buildMaskGraph(stacks, this.rows), { ...session, staysOnDevice: () => true })
          : undefined,
      stacks,
    };
    this.graphs.set(length, made);
    return made;
  }
}

const scalar = (value: number): Feed => ({ dataType: 'float32', shape: [], data: Float32Array.of(value) });

/** The groups' places, in runs of at most so many elements, or of one group. */
function inRuns(groups: readonly ParameterGroup[]): number[][] {
  const runs: number[][] = [];
  let size = Infinity;
  groups.forEach((group, place) => {
    size += elementCount(stackedShape(group));
    if (size > UPDATE_ELEMENTS) {
      runs.push([]);
      size = elementCount(stackedShape(group));
    }
    runs.at(-1)!.push(place);
  });
  return runs;
}

/** The mask graph's inputs. @param key the batch's */
function maskFeeds(stacks: ResidentGraph['masks'], key: number, firstRow: number): Record<string, Feed> {
  const keys = stacks.map(({ name, places }): [string, Feed] => [
    `keys.${name}`,
    { dataType: 'int32', shape: [places.length, 1], data: Int32Array.from(places, (place) => keyOf(key, place)) },
  ]);
  return { ...Object.fromEntries(keys), firstRow: { dataType: 'int32', shape: [], data: Int32Array.of(firstRow) } };
}
