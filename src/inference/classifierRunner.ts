/** Runs a sequence classifier over encoded examples: sorted by length, batched, one graph per (batch, length). */
import { MedTextError, words } from '../base/errors';
import { firstNonFinite } from '../models/checkpoint/finite';
import { declareInputs, type SequenceClassifier } from '../models/encoder';
import type { Parameters } from '../models/parameters';
import type { Value } from '../onnx/graphBuilder';
import type { Model } from '../onnx/model';
import { withOpenAxis } from '../onnx/openAxis';
import { Operators } from '../onnx/operators';
import { padBatch, type BatchShape } from '../tokenization/batchEncoding';
import type { EncodedExample } from '../tokenization/tokenizer';
import { bucketLength } from './lengthBuckets';
import { DeviceMemory, disposeAll } from './deviceMemory';
import { inStyle, productStyle } from './productStyle';
import {
  keepsTensors,
  Session,
  type DeviceTensor,
  type ExecutionDevice,
  type Feed,
  type SessionOptions,
} from './session';

export interface RunnerOptions extends SessionOptions {
  readonly padTokenId: number;
  /** Many batches a run; absent: as suits the device. */
  readonly isLooped?: boolean;
}

export interface RunOptions {
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** The most rows of a batch, and the most tokens: more does not run faster and takes memory. */
const MAX_ROWS = 32;
const MAX_TOKENS = 4096;
/** Batches of one run, where a run may have several: seconds on a slow card. */
const MAX_AT_ONCE = 32;
/** Graphs kept ready. A session without weights of its own is small; this bounds what an editor keeps for weeks. */
const MAX_SESSIONS = 64;

/**
 * Reads the parameters where they are: after a training step it computes with the new values. One call at a time. A device
 * that keeps tensors gets a copy of them with the first batch; see {@link parametersChanged}.
 */
export class ClassifierRunner {
  private readonly sessions = new Map<string, Session>();
  private readonly parameterFeeds: Readonly<Record<string, Feed>>;
  private readonly memory: DeviceMemory | undefined;
  /** Where the binding cannot keep the parameters on the device they go there with each run: hence few runs, of many batches. */
  private readonly isLooped: boolean;
  private onDevice: Readonly<Record<string, DeviceTensor>> | undefined;

  constructor(
    private readonly classifier: SequenceClassifier,
    parameters: Parameters,
    private readonly options: RunnerOptions,
  ) {
    this.parameterFeeds = parameterFeeds(parameters);
    const device = options.device ?? 'cpu';
    this.memory = keepsTensors(device) ? new DeviceMemory(options) : undefined;
    this.isLooped = options.isLooped ?? (device !== 'cpu' && !keepsTensors(device));
  }

  /** To be called after the parameters' values have changed: a device's copy of them is given up. */
  parametersChanged(): void {
    disposeAll(Object.values(this.onDevice ?? {}));
    this.onDevice = undefined;
  }

  /**
   * The logits, [examples, labels] row after row in the given order.
   * @throws MedTextError CANCELLED between batches; RUNTIME or OUT_OF_MEMORY from the runtime.
   */
  async logits(examples: readonly EncodedExample[], options: RunOptions = {}): Promise<Float32Array> {
    const { labelCount, config } = this.classifier;
    const run = (batches: readonly (readonly EncodedExample[])[], shape: BatchShape) => this.runBatches(batches, shape);
    const layout = { columns: labelCount, maxPositions: config.maxPositions, atOnce: this.isLooped ? MAX_AT_ONCE : 1 };
    return inBatches(examples, { ...layout, run }, options);
  }

  async close(): Promise<void> {
    this.parametersChanged();
    await this.memory?.close();
    for (const session of this.sessions.values()) await session.release();
    this.sessions.clear();
  }

  private async runBatches(batches: readonly (readonly EncodedExample[])[], shape: BatchShape): Promise<Float32Array> {
    const session = await this.sessionFor(shape);
    const padded = batches.map((batch) => padBatch(batch, shape, this.options.padTokenId, 'int32'));
    const ids = (kind: 'inputIds' | 'tokenTypeIds' | 'attentionMask'): Feed => {
      const one = [shape.batchSize, shape.length];
      if (!this.isLooped) return { dataType: 'int32', shape: one, data: padded[0][kind] };
      const data = new Int32Array(batches.length * shape.batchSize * shape.length);
      padded.forEach((batch, i) => data.set(batch[kind] as Int32Array, i * shape.batchSize * shape.length));
      return { dataType: 'int32', shape: [batches.length, ...one], data };
    };
    const count: Feed = { dataType: 'int64', shape: [], data: BigInt64Array.of(BigInt(batches.length)) };
    const { logits } = await session.run({
      ...(await this.parametersToFeed()),
      ...(this.isLooped && { count }),
      inputIds: ids('inputIds'),
      tokenTypeIds: ids('tokenTypeIds'),
      attentionMask: ids('attentionMask'),
    });
    return logits.data as Float32Array;
  }

  private async parametersToFeed(): Promise<Readonly<Record<string, Feed | DeviceTensor>>> {
    const { memory } = this;
    if (!memory) return this.parameterFeeds;
    if (this.onDevice) return this.onDevice;
    const copies: Record<string, DeviceTensor> = {};
    this.onDevice = copies;
    for (const [name, feed] of Object.entries(this.parameterFeeds)) copies[name] = await memory.upload(feed);
    return copies;
  }

  private async sessionFor({ batchSize, length }: BatchShape): Promise<Session> {
    const key = `${batchSize}x${length}`;
    let session = this.sessions.get(key);
    if (session) this.sessions.delete(key); // put back below, as the newest
    const build = this.isLooped ? buildClassifierLoop : buildClassifierGraph;
    const { device } = this.options;
    session ??= await Session.create(build(this.classifier, batchSize, length, this.parameterFeeds, device), this.options); // prettier-ignore
    this.sessions.set(key, session);
    const [oldestKey, oldest] = this.sessions.entries().next().value!;
    if (this.sessions.size > MAX_SESSIONS) {
      this.sessions.delete(oldestKey);
      await oldest.release();
    }
    return session;
  }
}

/**
 * `run` over everything, longest examples first, in batches of alike lengths: [examples, columns] in the given order.
 * `run` gets up to `atOnce` batches of one shape, of few shapes in all, and gives [batches * batch, columns].
 * @throws MedTextError CANCELLED between runs; DIVERGED for outputs that are no finite numbers.
 */
export async function inBatches(
  examples: readonly EncodedExample[],
  options: {
    readonly columns: number;
    readonly maxPositions: number;
    readonly atOnce?: number;
    /** The most rows of a batch; absent: what is best where answers are awaited. */
    readonly maxRows?: number;
    /** No padding at all: a batch has texts of one length. */
    readonly exactLengths?: boolean;
    readonly run: (batches: readonly (readonly EncodedExample[])[], shape: BatchShape) => Promise<Float32Array>;
  },
  { onProgress, signal }: RunOptions,
): Promise<Float32Array> {
  const { columns, maxPositions, atOnce = 1, maxRows = MAX_ROWS, exactLengths = false, run } = options;
  const result = new Float32Array(examples.length * columns);
  const order = examples.map((_, i) => i).sort((a, b) => examples[b].length - examples[a].length);
  const lengthAt = (at: number) => examples[order[at]].length;
  const rowsAt = (at: number, length: number): number => {
    const most = rowsOf(length, order.length - at, maxRows);
    if (!exactLengths) return most;
    let rows = 1;
    while (rows < most && lengthAt(at + rows) === length) rows++;
    return rows;
  };
  const shapeAt = (at: number): BatchShape => {
    const length = exactLengths ? lengthAt(at) : bucketLength(lengthAt(at), maxPositions);
    return { batchSize: roundUpToPowerOfTwo(rowsAt(at, length)), length };
  };
  for (let done = 0; done < order.length;) {
    if (signal?.aborted) throw new MedTextError('CANCELLED', 'Scoring was cancelled.', { done });
    const shape = shapeAt(done);
    const batches: number[][] = [];
    for (let at = done; at < order.length && batches.length < atOnce; at += batches.at(-1)!.length) {
      const next = shapeAt(at);
      if (next.length !== shape.length || next.batchSize !== shape.batchSize) break;
      batches.push(order.slice(at, at + rowsAt(at, shape.length)));
    }
    const values = await run(
      batches.map((rows) => rows.map((row) => examples[row])),
      shape,
    );
    batches.forEach((rows, batch) =>
      rows.forEach((row, i) => {
        const from = (batch * shape.batchSize + i) * columns;
        const outputs = values.subarray(from, from + columns);
        assertFiniteOutputs(outputs, row);
        result.set(outputs, row * columns);
      }),
    );
    done += batches.reduce((sum, { length }) => sum + length, 0);
    onProgress?.(done, order.length);
  }
  return result;
}

/**
 * No answer can be read from other outputs: a label, a similarity and every metric would be made up.
 * @throws MedTextError DIVERGED
 */
export function assertFiniteOutputs(outputs: Float32Array, row: number): void {
  const at = firstNonFinite(outputs);
  if (at < 0) return;
  const found = String(outputs[at]);
  throw new MedTextError(
    'DIVERGED',
    words`The model's output for row ${row + 1} is ${found}: its values leave the range of the numbers it computes with.`,
    { row, found },
  );
}

/** The inference graph of one (batch, length): ids and parameters in, `logits` [batch, labels] out. */
export function buildClassifierGraph(
  classifier: SequenceClassifier,
  batch: number,
  length: number,
  shapes: Readonly<Record<string, { readonly shape: readonly number[] }>>,
  device?: ExecutionDevice,
): Model {
  const g = new Operators();
  const inputs = declareInputs(g, batch, length);
  const parameters = new Map<string, Value>();
  const parameter = (name: string): Value => {
    const value = parameters.get(name) ?? g.input(name, 'float32', shapes[name].shape);
    parameters.set(name, value);
    return value;
  };
  g.output(classifier.build(g, inputs, { parameter }), 'logits');
  return inStyle(g.build('classifier'), productStyle(device));
}

/**
 * As {@link buildClassifierGraph}'s, over `count` (int64 []) batches: inputs [batches, batch, length], logits [batches,
 * batch, labels].
 */
function buildClassifierLoop(
  classifier: SequenceClassifier,
  batch: number,
  length: number,
  shapes: Readonly<Record<string, { readonly shape: readonly number[] }>>,
): Model {
  const g = new Operators();
  const body = new Operators('batch/');
  const at = body.input('batch.at', 'int64', []);
  const goesOn = body.input('batch.goesOn', 'bool', []);
  const count = g.input('count', 'int64', []);
  const stacked = ['inputIds', 'tokenTypeIds', 'attentionMask'].map((name) =>
    g.input(name, 'int32', [2, batch, length]),
  );
  const [inputIds, tokenTypeIds, attentionMask] = stacked.map((value) => body.gather(body.capture(value), at));
  const parameters = new Map<string, Value>();
  const parameter = (name: string): Value => {
    const value = parameters.get(name) ?? body.capture(g.input(name, 'float32', shapes[name].shape));
    parameters.set(name, value);
    return value;
  };
  const logits = classifier.build(body, { inputIds, tokenTypeIds, attentionMask }, { parameter });
  body.output(goesOn, 'batch.continues');
  body.output(logits, 'batch.logits');
  g.output(g.loop(count, [], body.buildBody('batch'), 2)[0], 'logits');
  return withOpenAxis(g.build('classifier'), [...stacked.map(({ name }) => name), 'logits'], 'batches');
}

/** Every parameter as a feed that reads it in place. */
export function parameterFeeds(parameters: Parameters): Record<string, Feed> {
  return Object.fromEntries(
    parameters.names.map((name) => [
      name,
      { dataType: 'float32' as const, shape: parameters.shape(name), data: parameters.values(name) },
    ]),
  );
}

function rowsOf(length: number, left: number, maxRows: number): number {
  const most = Math.max(1, Math.min(maxRows, Math.floor(MAX_TOKENS / length)));
  return Math.min(left, most);
}

function roundUpToPowerOfTwo(n: number): number {
  return 2 ** Math.ceil(Math.log2(n));
}
