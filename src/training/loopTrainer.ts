/**
 * The training step on devices whose tensors the binding cannot keep (CUDA, DirectML, CoreML): several steps a run of
 * {@link buildLoopGraph}'s graph. Parameters and moments come back with each run, and are the next one's input as they are.
 */
import { keyOf } from '../base/random';
import { Session, type Feed, type Output } from '../inference/session';
import { Parameters } from '../models/parameters';
import { elementCount } from '../onnx/dataType';
import { adamWRates, type Moments } from './adamW';
import { collectGarbage } from './collectGarbage';
import { buildLoopGraph, loopLayout, stateNames, type LoopGraphOptions, type ParameterGroup } from './loopGraph';
import { StepsAtOnce } from './stepsAtOnce';
import { batchFeeds, microBatches, requireFinite, totalWeight } from './stepInputs';
import type { MicroBatch, PlannedStep, StepResult, TrainerOptions, TrainingSteps } from './trainingSteps';

/** A micro-batch as the graph takes it. */
interface Part {
  readonly feeds: Readonly<Record<string, Feed>>;
  readonly length: number;
  readonly firstRow: number;
  readonly keys: Int32Array;
}

export class LoopTrainer implements TrainingSteps {
  readonly moments: Moments;
  private readonly graphOptions: LoopGraphOptions;
  private readonly groups: readonly ParameterGroup[];
  private readonly siteCount: number;
  private readonly pace = new StepsAtOnce();
  private lengths: readonly number[];
  private session: { readonly session: Session; readonly accumulates: boolean } | undefined;
  /** By the graph's names. Empty until the first run after the host's arrays were changed. */
  private state: Readonly<Record<string, Feed>> | undefined;
  /** Whether the host's arrays hold what {@link state} does. */
  private isSynchronous = true;
  /** Examples computed at a time. */
  private rows: number;

  constructor(private readonly options: TrainerOptions) {
    const { parameters, trained, classifier, objective, dropout, adamW, maxGradientNorm } = options;
    const specs = parameters.specs.filter((spec) => trained.has(spec.name));
    this.moments = { firstMoments: new Parameters(specs), secondMoments: new Parameters(specs) };
    this.graphOptions = { classifier, specs: parameters.specs, trained, loss: objective.loss, dropout, adamW, maxGradientNorm }; // prettier-ignore
    ({ groups: this.groups, siteCount: this.siteCount } = loopLayout(this.graphOptions));
    this.rows = options.microBatchSize ?? options.batchSize;
    this.lengths = [...(options.lengths ?? [])].sort((a, b) => a - b);
  }

  /** As many as take about two seconds, so that progress and Stop stay near. */
  get stepsAtOnce(): number {
    return this.pace.count;
  }

  async step(batches: readonly MicroBatch[], step: number, learningRate: number): Promise<StepResult> {
    return (await this.steps([{ batches, step, learningRate }]))[0];
  }

  async steps(planned: readonly PlannedStep[]): Promise<StepResult[]> {
    const parts = planned.map((each) => this.partsOf(each));
    const { session, isFirstRun } = await this.sessionFor(parts.flat(), parts.some(({ length }) => length > 1)); // prettier-ignore
    const state = (this.state ??= this.gathered());
    const started = performance.now();
    const outputs = await session.run({ ...state, ...this.untrained(), ...this.feeds(planned, parts) });
    this.pace.ran(planned.length, performance.now() - started, isFirstRun);
    const results = Array.from(outputs.losses.data as Float32Array, (loss, i) => ({
      loss,
      gradientNorm: Math.sqrt(Number(outputs.gradientSquares.data[i])),
    }));
    results.forEach((result, i) => requireFinite(result, planned[i].step, planned[i].learningRate));
    this.state = Object.fromEntries(
      stateNames(this.groups).map((name): [string, Feed] => [name, feedOf(outputs[`new.${name}`])]),
    );
    this.isSynchronous = false;
    // The state before is of no use any more, and as large as three models.
    collectGarbage();
    return results;
  }

  async synchronize(): Promise<void> {
    if (!this.state || this.isSynchronous) return;
    this.eachParameter((host, inState) => host.set(inState));
    this.isSynchronous = true;
  }

  async halve(): Promise<number | undefined> {
    if (this.rows === 1) return undefined;
    await this.releaseSession();
    this.pace.startOver();
    return (this.rows = Math.ceil(this.rows / 2));
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
    const model = buildLoopGraph(this.graphOptions, this.groups, this.siteCount, shape);
    this.session = { session: await Session.create(model, this.options.session), accumulates };
    return { session: this.session.session, isFirstRun: true };
  }

  private partsOf({ batches, step }: PlannedStep): Part[] {
    const total = totalWeight(batches, this.options.objective);
    return microBatches(batches, this.rows).map(({ batch, index, firstRow }) => {
      const key = keyOf(this.options.seed, 2, step, index);
      const keys = Int32Array.from({ length: this.siteCount }, (_, site) => keyOf(key, site));
      return { feeds: batchFeeds(batch, this.rows, total, this.options), length: batch.length, firstRow, keys };
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
    const keys = new Int32Array(parts.length * this.siteCount);
    parts.forEach((part, i) => keys.set(part.keys, i * this.siteCount));
    return {
      stepCount: { dataType: 'int64', shape: [], data: BigInt64Array.of(BigInt(planned.length)) },
      ...stacked(parts, this.lengths.at(-1)!),
      rates: { dataType: 'float32', shape: [planned.length, 3], data: rates },
      lengthIndex: int32(parts.map(({ length }) => this.lengths.indexOf(length))),
      firstRow: int32(parts.map(({ firstRow }) => firstRow)),
      keys: { dataType: 'int32', shape: [parts.length, this.siteCount], data: keys },
      firstPart: int64(firsts),
      partCount: int64(counts),
    };
  }

  private untrained(): Record<string, Feed> {
    const { parameters, trained } = this.options;
    return Object.fromEntries(
      parameters.specs
        .filter(({ name }) => !trained.has(name))
        .map(({ name, shape }): [string, Feed] => [name, { dataType: 'float32', shape, data: parameters.values(name) }]),
    );
  }

  /** The host's parameters and moments, in groups. */
  private gathered(): Readonly<Record<string, Feed>> {
    const state = Object.fromEntries(
      stateNames(this.groups).map((name, i): [string, Feed] => {
        const { names, shape } = this.groups[i % this.groups.length];
        const whole = [names.length, ...shape];
        return [name, { dataType: 'float32', shape: whole, data: new Float32Array(elementCount(whole)) }];
      }),
    );
    this.state = state;
    this.eachParameter((host, inState) => inState.set(host));
    return state;
  }

  /** Calls back with each trained parameter's place on the host and in the state, and its moments'. */
  private eachParameter(visit: (host: Float32Array, inState: Float32Array) => void): void {
    const { firstMoments, secondMoments } = this.moments;
    Object.entries({ p: this.options.parameters, m: firstMoments, v: secondMoments }).forEach(([kind, host]) =>
      this.groups.forEach(({ names, shape }, k) => {
        const size = elementCount(shape);
        const data = this.state![`${kind}.${k}`].data as Float32Array;
        names.forEach((name, i) => visit(host.values(name), data.subarray(i * size, (i + 1) * size)));
      }),
    );
  }
}

const feedOf = ({ shape, data }: Output): Feed => ({ dataType: 'float32', shape, data });

/** The micro-batches' feeds one after the other, ids with zeros behind up to the longest: a branch reads only its own. */
function stacked(parts: readonly Part[], longest: number): Record<string, Feed> {
  return Object.fromEntries(
    Object.entries(parts[0].feeds).map(([name, first]): [string, Feed] => {
      const [rows, columns] = name.startsWith('targets') || name === 'weights' ? first.shape : [first.shape[0], longest]; // prettier-ignore
      const size = rows * columns;
      const data = first.dataType === 'int32' ? new Int32Array(parts.length * size) : new Float32Array(parts.length * size); // prettier-ignore
      parts.forEach(({ feeds }, part) => {
        const { data: own, shape } = feeds[name];
        const width = shape[1];
        for (let row = 0; row < rows; row++) {
          data.set((own as Int32Array).subarray(row * width, (row + 1) * width), part * size + row * columns);
        }
      });
      return [name, { dataType: first.dataType, shape: [parts.length, rows, columns], data }];
    }),
  );
}
