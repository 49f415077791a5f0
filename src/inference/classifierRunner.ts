/** Runs a sequence classifier over encoded examples: sorted by length, batched, one graph per (batch, length). */
import { MedTextError } from '../base/errors';
import { declareInputs, type SequenceClassifier } from '../models/encoder';
import type { Parameters } from '../models/parameters';
import type { Value } from '../onnx/graphBuilder';
import type { Model } from '../onnx/model';
import { Operators } from '../onnx/operators';
import { padBatch, type BatchShape } from '../tokenization/batchEncoding';
import type { EncodedExample } from '../tokenization/tokenizer';
import { bucketLength } from './lengthBuckets';
import { DeviceMemory, disposeAll } from './deviceMemory';
import { keepsTensors, Session, type DeviceTensor, type Feed, type SessionOptions } from './session';

export interface RunnerOptions extends SessionOptions {
  readonly padTokenId: number;
}

export interface RunOptions {
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** The most rows of a batch, and the most tokens: more does not run faster and takes memory. */
const MAX_ROWS = 32;
const MAX_TOKENS = 4096;
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
  private onDevice: Readonly<Record<string, DeviceTensor>> | undefined;

  constructor(
    private readonly classifier: SequenceClassifier,
    parameters: Parameters,
    private readonly options: RunnerOptions,
  ) {
    this.parameterFeeds = parameterFeeds(parameters);
    this.memory = keepsTensors(options.device ?? 'cpu') ? new DeviceMemory(options) : undefined;
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
    const run = (batch: readonly EncodedExample[], shape: BatchShape) => this.runBatch(batch, shape);
    return inBatches(examples, { columns: labelCount, maxPositions: config.maxPositions, run }, options);
  }

  async close(): Promise<void> {
    this.parametersChanged();
    await this.memory?.close();
    for (const session of this.sessions.values()) await session.release();
    this.sessions.clear();
  }

  private async runBatch(examples: readonly EncodedExample[], shape: BatchShape): Promise<Float32Array> {
    const session = await this.sessionFor(shape);
    const batch = padBatch(examples, shape, this.options.padTokenId, 'int32');
    const ids = (data: Int32Array): Feed => ({ dataType: 'int32', shape: [shape.batchSize, shape.length], data });
    const { logits } = await session.run({
      ...(await this.parametersToFeed()),
      inputIds: ids(batch.inputIds),
      tokenTypeIds: ids(batch.tokenTypeIds),
      attentionMask: ids(batch.attentionMask),
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
    session ??= await Session.create(
      buildClassifierGraph(this.classifier, batchSize, length, this.parameterFeeds),
      this.options,
    );
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
 * `run` gets a shape that holds its examples, of few sizes, and gives [batch, columns].
 * @throws MedTextError CANCELLED between batches.
 */
export async function inBatches(
  examples: readonly EncodedExample[],
  options: {
    readonly columns: number;
    readonly maxPositions: number;
    readonly run: (examples: readonly EncodedExample[], shape: BatchShape) => Promise<Float32Array>;
  },
  { onProgress, signal }: RunOptions,
): Promise<Float32Array> {
  const { columns, maxPositions, run } = options;
  const result = new Float32Array(examples.length * columns);
  const order = examples.map((_, i) => i).sort((a, b) => examples[b].length - examples[a].length);
  for (let done = 0; done < order.length;) {
    if (signal?.aborted) throw new MedTextError('CANCELLED', 'Scoring was cancelled.', { done });
    const length = bucketLength(examples[order[done]].length, maxPositions);
    const rows = order.slice(done, done + rowsOf(length, order.length - done));
    const values = await run(
      rows.map((row) => examples[row]),
      { batchSize: roundUpToPowerOfTwo(rows.length), length },
    );
    rows.forEach((row, i) => result.set(values.subarray(i * columns, (i + 1) * columns), row * columns));
    done += rows.length;
    onProgress?.(done, order.length);
  }
  return result;
}

/** The inference graph of one (batch, length): ids and parameters in, `logits` [batch, labels] out. */
export function buildClassifierGraph(
  classifier: SequenceClassifier,
  batch: number,
  length: number,
  shapes: Readonly<Record<string, { readonly shape: readonly number[] }>>,
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
  return g.build('classifier');
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

function rowsOf(length: number, left: number): number {
  const most = Math.max(1, Math.min(MAX_ROWS, Math.floor(MAX_TOKENS / length)));
  return Math.min(left, most);
}

function roundUpToPowerOfTwo(n: number): number {
  return 2 ** Math.ceil(Math.log2(n));
}
