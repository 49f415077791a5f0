/**
 * The training step on devices whose tensors the binding cannot keep (CUDA, DirectML, CoreML): several steps a run of
 * {@link buildLoopGraph}'s graph. Parameters and moments come back with each run, and are the next one's input as they are.
 */
import { keyOf } from '../base/random';
import { Session, type Feed, type Output } from '../inference/session';
import { Parameters } from '../models/parameters';
import { elementCount } from '../onnx/dataType';
import type { Axis, Objective } from '../tasks/objective';
import { adamWRates, type Moments } from './adamW';
import { collectGarbage } from './collectGarbage';
import { productStyle } from '../inference/productStyle';
import { buildLoopGraph, rowsOfGroup, stateNames, type LoopGraphOptions } from './loopGraph';
import { LossScale } from './lossScale';
import { gather, layoutOf, scatter, stackedShape, type ParameterLayout } from './parameterGroups';
import { StepsAtOnce } from './stepsAtOnce';
import { batchFeeds, halved, partsOf, requireFinite } from './stepInputs';
import { ENCODER_AXES, partOutput } from './trainingGraph';
import { filledIds, int32Feed, TOKEN_SLOTS, tokenRows } from './tokenRows';
import type { Batch, PlannedStep, StepResult, TrainerOptions, TrainingSteps } from './trainingSteps';

/** A part of a batch as the graph takes it. */
interface Part {
  readonly feeds: Readonly<Record<string, Feed>>;
  /** The ids of its tokens, each once. */
  readonly ids: Int32Array;
  readonly length: number;
  readonly firstRow: number;
  readonly keys: Int32Array;
}

export class LoopTrainer implements TrainingSteps {
  readonly moments: Moments;
  private readonly graphOptions: LoopGraphOptions;
  private readonly layout: ParameterLayout;
  private readonly lossScale: LossScale;
  private readonly pace = new StepsAtOnce();
  private lengths: readonly number[];
  private session: { readonly session: Session; readonly accumulates: boolean } | undefined;
  /** By the graph's names. Empty until the first run after the host's arrays were changed. */
  private state: Readonly<Record<string, Feed>> | undefined;
  /** Whether the host's arrays hold what {@link state} does. */
  private isSynchronous = true;
  /** The axes of a part's inputs. */
  private readonly axes: ReadonlyMap<string, readonly Axis[]>;
  /** Examples computed at a time. */
  private rows: number;

  constructor(private readonly options: TrainerOptions) {
    const { parameters, trained, network, objective, dropout, adamW, maxGradientNorm, session, precision } = options;
    const products = productStyle(session.device, precision);
    const specs = parameters.specs.filter((spec) => trained.has(spec.name));
    this.moments = { firstMoments: new Parameters(specs), secondMoments: new Parameters(specs) };
    this.graphOptions = { network, specs: parameters.specs, trained, objective, dropout, adamW, maxGradientNorm, products }; // prettier-ignore
    this.layout = layoutOf(this.graphOptions, adamW);
    this.axes = new Map([...ENCODER_AXES, ...objective.inputs.map(({ name, axes }): [string, readonly Axis[]] => [name, axes])]); // prettier-ignore
    this.lossScale = new LossScale(products.factors === 'float16');
    this.rows = options.microBatchSize ?? options.batchSize;
    this.lengths = [...(options.lengths ?? [])].sort((a, b) => a - b);
  }

  /** The number of steps that take about two seconds, so that progress and Stop do not wait long. */
  get stepsAtOnce(): number {
    return this.pace.count;
  }

  async step(batches: readonly Batch[], step: number, learningRate: number): Promise<StepResult> {
    return (await this.steps([{ batches, step, learningRate }]))[0];
  }

  async steps(planned: readonly PlannedStep[]): Promise<StepResult[]> {
    const parts = planned.map((each) => this.partsOf(each));
    const { session, isFirstRun } = await this.sessionFor(parts.flat(), parts.some(({ length }) => length > 1)); // prettier-ignore
    const state = (this.state ??= this.gathered());
    const feeds = { ...this.fixed(), ...this.feeds(planned, parts) };
    const started = performance.now();
    let outputs = await this.run(session, { ...state, ...feeds });
    while (!isFinished(outputs, planned.length) && this.lossScale.shrink()) {
      outputs = await this.run(session, { ...state, ...feeds });
    }
    this.pace.ran(planned.length, performance.now() - started, isFirstRun);
    const results = resultsOf(outputs, this.options.objective);
    results.forEach((result, i) => requireFinite(result, planned[i].step, planned[i].learningRate));
    this.state = Object.fromEntries(
      stateNames(this.layout.groups).map((name): [string, Feed] => [name, feedOf(outputs[`new.${name}`])]),
    );
    this.isSynchronous = false;
    // The state before is of no use any more, and as large as three models.
    collectGarbage();
    return results;
  }

  async synchronize(): Promise<void> {
    if (!this.state || this.isSynchronous) return;
    for (const [kind, host] of this.hostState()) {
      this.layout.groups.forEach((group, k) => scatter(group, this.state![`${kind}.${k}`].data as Float32Array, host));
    }
    this.isSynchronous = true;
  }

  async halve(): Promise<number | undefined> {
    const half = halved(this.rows, this.options.objective);
    if (half === undefined) return undefined;
    await this.releaseSession();
    this.pace.startOver();
    return (this.rows = half);
  }

  async close(): Promise<void> {
    await this.releaseSession();
    this.state = undefined;
  }

  private async releaseSession(): Promise<void> {
    await this.session?.session.release();
    this.session = undefined;
  }

  /** One session for all lengths, made anew when a length comes that was not announced. */
  private async sessionFor(
    parts: readonly Part[],
    accumulates: boolean,
  ): Promise<{ session: Session; isFirstRun: boolean }> {
    const unknown = parts.map(({ length }) => length).filter((length) => !this.lengths.includes(length));
    if (this.session && unknown.length === 0 && (this.session.accumulates || !accumulates)) {
      return { session: this.session.session, isFirstRun: false };
    }
    await this.releaseSession();
    this.lengths = [...new Set([...this.lengths, ...unknown])].sort((a, b) => a - b);
    const shape = { rows: this.rows, lengths: this.lengths, accumulates, steps: 2, parts: 2 };
    const model = buildLoopGraph(this.graphOptions, this.layout, shape);
    this.session = { session: await Session.create(model, this.options.session), accumulates };
    return { session: this.session.session, isFirstRun: true };
  }

  private partsOf({ batches, step }: PlannedStep): Part[] {
    return partsOf(batches, this.rows, this.options.objective).map(({ batch, index, firstRow, share }) => {
      const key = keyOf(this.options.seed, 2, step, index);
      const keys = Int32Array.from({ length: this.layout.siteCount }, (_, site) => keyOf(key, site));
      const feeds = batchFeeds(batch, this.rows, share, this.options);
      const { ids, slots } = tokenRows(feeds.inputIds.data as Int32Array);
      const tokenSlots = { [TOKEN_SLOTS]: int32Feed([this.rows, batch.length], slots) };
      return { feeds: { ...feeds, ...tokenSlots }, ids, length: batch.length, firstRow, keys };
    });
  }

  private feeds(planned: readonly PlannedStep[], stepParts: readonly (readonly Part[])[]): Record<string, Feed> {
    const parts = stepParts.flat();
    const rates = new Float32Array(planned.length * 3);
    planned.forEach(({ step, learningRate }, i) => {
      const { shrink, stepSize, rootScale } = adamWRates(this.options.adamW, { step, learningRate, gradientScale: 1 });
      rates.set([shrink, stepSize, rootScale], 3 * i);
    });
    const counts = stepParts.map(({ length }) => length);
    const firsts = counts.map((_, i) => counts.slice(0, i).reduce((sum, count) => sum + count, 0));
    const int64 = (values: readonly number[]): Feed => ({ dataType: 'int64', shape: [values.length], data: BigInt64Array.from(values, BigInt) }); // prettier-ignore
    const int32 = (values: readonly number[]): Feed => ({ dataType: 'int32', shape: [values.length], data: Int32Array.from(values) }); // prettier-ignore
    const keys = new Int32Array(parts.length * this.layout.siteCount);
    parts.forEach((part, i) => keys.set(part.keys, i * this.layout.siteCount));
    return {
      stepCount: { dataType: 'int64', shape: [], data: BigInt64Array.of(BigInt(planned.length)) },
      ...stacked(parts, this.axes, this.lengths.at(-1)!),
      ...this.rowIds(parts),
      rates: { dataType: 'float32', shape: [planned.length, 3], data: rates },
      lengthIndex: int32(parts.map(({ length }) => this.lengths.indexOf(length))),
      firstRow: int32(parts.map(({ firstRow }) => firstRow)),
      keys: { dataType: 'int32', shape: [parts.length, this.layout.siteCount], data: keys },
      firstPart: int64(firsts),
      partCount: int64(counts),
    };
  }

  /** `ids.<k>` of every group whose gradient is rows. */
  private rowIds(parts: readonly Part[]): Record<string, Feed> {
    const shape = { rows: this.rows, lengths: this.lengths };
    const feeds = this.layout.groups.flatMap((group, k): [string, Feed][] => {
      if (!group.isRows) return [];
      const count = rowsOfGroup(group, shape);
      const ids = new Int32Array(parts.length * count);
      parts.forEach((part, i) => ids.set(filledIds(part.ids, count), i * count));
      return [[`ids.${k}`, int32Feed([parts.length, count], ids)]];
    });
    return Object.fromEntries(feeds);
  }

  private run(session: Session, feeds: Readonly<Record<string, Feed>>): Promise<Record<string, Output>> {
    return session.run({ ...feeds, lossScale: { dataType: 'float32', shape: [], data: Float32Array.of(this.lossScale.value) } }); // prettier-ignore
  }

  private fixed(): Record<string, Feed> {
    const { parameters } = this.options;
    return Object.fromEntries(
      this.layout.fixed.map((name): [string, Feed] => [
        name,
        { dataType: 'float32', shape: parameters.shape(name), data: parameters.values(name) },
      ]),
    );
  }

  /** The host's parameters and moments, in groups. */
  private gathered(): Readonly<Record<string, Feed>> {
    const feeds = this.hostState().flatMap(([kind, host]) =>
      this.layout.groups.map((group, k): [string, Feed] => [
        `${kind}.${k}`,
        { dataType: 'float32', shape: stackedShape(group), data: gather(group, host) },
      ]),
    );
    return Object.fromEntries(feeds);
  }

  private hostState(): [string, Parameters][] {
    const { firstMoments, secondMoments } = this.moments;
    return Object.entries({ p: this.options.parameters, m: firstMoments, v: secondMoments });
  }
}

const feedOf = ({ shape, data }: Output): Feed => ({ dataType: 'float32', shape, data });

/** The loop ends early with a step that is not finite. */
function isFinished({ losses, gradientSquares }: Record<string, Output>, steps: number): boolean {
  const [loss, squares] = [losses, gradientSquares].map(({ data }) => Number(data.at(-1)));
  return losses.data.length === steps && Number.isFinite(loss) && Number.isFinite(squares);
}

function resultsOf(outputs: Record<string, Output>, { parts }: Objective): StepResult[] {
  const { losses, gradientSquares } = outputs;
  return Array.from(losses.data as Float32Array, (loss, i) => ({
    loss,
    ...(parts.length > 0 && {
      parts: Object.fromEntries(parts.map((name) => [name, Number(outputs[partOutput(name)].data[i])])),
    }),
    gradientNorm: Math.sqrt(Number(gradientSquares.data[i])),
  }));
}

/** The parts' feeds one after the other, with zeros behind what is shorter than the longest: a branch reads only its own. */
function stacked(
  parts: readonly Part[],
  axesOf: ReadonlyMap<string, readonly Axis[]>,
  longest: number,
): Record<string, Feed> {
  return Object.fromEntries(
    Object.entries(parts[0].feeds).map(([name, { dataType, shape: first }]): [string, Feed] => {
      const axes = axesOf.get(name)!;
      const shape = axes.map((axis, i) => (axis === 'length' ? longest : first[i]));
      const size = elementCount(shape);
      const data = dataType === 'int32' ? new Int32Array(parts.length * size) : new Float32Array(parts.length * size);
      parts.forEach(({ feeds }, part) => {
        const own = feeds[name];
        copyInto(data.subarray(part * size, (part + 1) * size), shape, own.data as Int32Array, own.shape);
      });
      return [name, { dataType, shape: [parts.length, ...shape], data }];
    }),
  );
}

/** Copies a tensor into the front corner of one that is as large or larger along each axis. */
function copyInto(
  into: Int32Array | Float32Array,
  [, ...intoRest]: readonly number[],
  from: Int32Array | Float32Array,
  [count, ...fromRest]: readonly number[],
): void {
  if (fromRest.length === 0) return into.set(from);
  const [size, step] = [elementCount(fromRest), elementCount(intoRest)];
  for (let i = 0; i < count; i++) {
    copyInto(into.subarray(i * step, (i + 1) * step), intoRest, from.subarray(i * size, (i + 1) * size), fromRest);
  }
}
