/** Runs a network over encoded examples: sorted by length, in batches. */
import { MedTextError, words } from '../base/errors';
import { firstNonFinite } from '../models/checkpoint/finite';
import type { Network } from '../models/encoder';
import type { NetworkOutput, OutputAxis } from '../models/heads/head';
import type { BatchShape } from '../tokenization/batchEncoding';
import type { EncodedExample } from '../tokenization/tokenizer';
import { bucketLength } from './lengthBuckets';
import { giveWay, SHORT_REQUEST, withPrecedence } from './precedence';

export interface RunOptions {
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Computes batches. The weights are fed (fedNetwork.ts) or lie in the graph (packedNetwork.ts). */
export interface NetworkSession {
  /** The number of batches of one shape that a run can take. */
  readonly atOnce: number;
  /** Whether a new shape costs nothing. Batches then have exactly the rows and the length that they need. */
  readonly takesAnyShape: boolean;
  /** The outputs of [batches * batch] rows, one after another. */
  run(batches: readonly (readonly EncodedExample[])[], shape: BatchShape): Promise<Float32Array>;
  /** Must be called after the parameters' values have changed. A device's copy of the parameters is given up. */
  parametersChanged(): void;
  close(): Promise<void>;
}

/** The largest number of rows and of tokens in a batch. Larger batches do not run faster and take more memory. */
const MAX_ROWS = 32;
const MAX_TOKENS = 4096;
/**
 * The limit where every shape is cheap: an editor holds the memory for weeks, and a hover waits for the running batch.
 */
const MAX_TOKENS_ANY_SHAPE = 1024;

/** Runs one call at a time, unless {@link callsMayOverlap}. */
export class ClassifierRunner {
  constructor(
    private readonly classifier: Pick<Network, 'config' | 'columns' | 'output'>,
    private readonly network: NetworkSession,
  ) {}

  /**
   * Whether calls may overlap. They may where a batch is one run of one session: batches of several calls then take
   * turns.
   */
  get callsMayOverlap(): boolean {
    return this.network.takesAnyShape;
  }

  parametersChanged(): void {
    this.network.parametersChanged();
  }

  /**
   * Gives each example's output, without its padding, as soon as it is there. The longest examples come first.
   * @throws MedTextError CANCELLED between batches; RUNTIME or OUT_OF_MEMORY from the runtime.
   */
  async outputs(examples: readonly EncodedExample[], each: EachOutput, options: RunOptions = {}): Promise<void> {
    const { output, config } = this.classifier;
    const { atOnce, takesAnyShape } = this.network;
    const run: NetworkSession['run'] = (batches, shape) => this.network.run(batches, shape);
    const layout = { output, maxPositions: config.maxPositions, atOnce, anyShape: takesAnyShape };
    await eachInBatches(examples, { ...layout, run }, each, options);
  }

  /** The outputs of a sequence head: [examples, columns], row after row in the given order. See {@link outputs}. */
  async logits(examples: readonly EncodedExample[], options: RunOptions = {}): Promise<Float32Array> {
    return gathered(examples.length, this.classifier.columns, (each) => this.outputs(examples, each, options));
  }

  async close(): Promise<void> {
    await this.network.close();
  }
}

/** Receives the output of the example at that place. The array is a view that is valid until the next call. */
export type EachOutput = (example: number, output: Float32Array) => void;

/** Collects outputs of `columns` values each, row after row in the given order. */
export async function gathered(
  examples: number,
  columns: number,
  run: (each: EachOutput) => Promise<void>,
): Promise<Float32Array> {
  const result = new Float32Array(examples * columns);
  await run((row, output) => result.set(output, row * columns));
  return result;
}

export interface BatchLayout {
  readonly output: Pick<NetworkOutput, 'axes'>;
  readonly maxPositions: number;
  readonly atOnce?: number;
  /** The largest number of rows in a batch. Absent: the number that suits an interactive request. */
  readonly maxRows?: number;
  /** Whether batches have no padding at all. Each batch then has texts of one length. */
  readonly exactLengths?: boolean;
  /** Whether a batch has exactly as many rows as texts, and the length of the longest text. */
  readonly anyShape?: boolean;
  readonly run: (batches: readonly (readonly EncodedExample[])[], shape: BatchShape) => Promise<Float32Array>;
}

/**
 * Computes all examples, the longest first, in batches of similar lengths. `run` gets up to `atOnce` batches of one
 * shape, and gives the outputs of [batches * batch] rows. There are few different shapes unless `anyShape` is set.
 * Short requests go before long ones.
 * @throws MedTextError CANCELLED between runs; DIVERGED for outputs that are NaN or infinite.
 */
export async function eachInBatches(
  examples: readonly EncodedExample[],
  options: BatchLayout,
  each: EachOutput,
  runOptions: RunOptions,
): Promise<void> {
  if (examples.length > SHORT_REQUEST) return batchByBatch(examples, options, each, runOptions, giveWay);
  return withPrecedence(() => batchByBatch(examples, options, each, runOptions, async () => {}));
}

/** @param before called before each run */
async function batchByBatch(
  examples: readonly EncodedExample[],
  options: BatchLayout,
  each: EachOutput,
  { onProgress, signal }: RunOptions,
  before: () => Promise<void>,
): Promise<void> {
  const { output, maxPositions, atOnce = 1, maxRows = MAX_ROWS, exactLengths = false, anyShape = false, run } = options;
  const [, ...axes] = output.axes;
  const order = examples.map((_, i) => i).sort((a, b) => examples[b].length - examples[a].length);
  const lengthAt = (at: number) => examples[order[at]].length;
  const rowsAt = (at: number, length: number): number => {
    const maxTokens = anyShape ? MAX_TOKENS_ANY_SHAPE : MAX_TOKENS;
    const most = Math.min(order.length - at, Math.max(1, Math.min(maxRows, Math.floor(maxTokens / length))));
    if (!exactLengths) return most;
    let rows = 1;
    while (rows < most && lengthAt(at + rows) === length) rows++;
    return rows;
  };
  const shapeAt = (at: number): BatchShape => {
    const length = exactLengths || anyShape ? lengthAt(at) : bucketLength(lengthAt(at), maxPositions);
    const rows = rowsAt(at, length);
    return { batchSize: anyShape ? rows : roundUpToPowerOfTwo(rows), length };
  };
  for (let done = 0; done < order.length;) {
    await before();
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
        const size = valuesIn(axes, shape.length);
        const from = (batch * shape.batchSize + i) * size;
        const outputs = withoutPadding(values.subarray(from, from + size), axes, shape.length, examples[row].length);
        assertFiniteOutputs(outputs, row);
        each(row, outputs);
      }),
    );
    done += batches.reduce((sum, { length }) => sum + length, 0);
    onProgress?.(done, order.length);
  }
}

function valuesIn(axes: readonly OutputAxis[], length: number): number {
  return axes.reduce<number>((product, axis) => product * (typeof axis === 'number' ? axis : length), 1);
}

/** The output of a row of `length` tokens, without the padding up to `padded` tokens. */
function withoutPadding(
  values: Float32Array,
  axes: readonly OutputAxis[],
  padded: number,
  length: number,
): Float32Array {
  const first = axes.indexOf('length');
  if (first < 0 || length === padded) return values;
  const inner = axes.slice(first + 1);
  const [outerSize, innerSize] = [valuesIn(axes.slice(0, first), padded), valuesIn(inner, padded)];
  const result = new Float32Array(valuesIn(axes, length));
  const ownSize = valuesIn(inner, length);
  for (let outer = 0; outer < outerSize; outer++) {
    for (let at = 0; at < length; at++) {
      const from = (outer * padded + at) * innerSize;
      const own = withoutPadding(values.subarray(from, from + innerSize), inner, padded, length);
      result.set(own, (outer * length + at) * ownSize);
    }
  }
  return result;
}

/**
 * Refuses outputs that are NaN or infinite, because labels, similarities and metrics made from them would mean nothing.
 * @throws MedTextError DIVERGED
 */
export function assertFiniteOutputs(outputs: Float32Array, row: number): void {
  const at = firstNonFinite(outputs);
  if (at < 0) return;
  const found = String(outputs[at]);
  throw new MedTextError(
    'DIVERGED',
    words`The model's output for row ${row + 1} is ${found}: its values exceed the range of the number format.`,
    { row, found },
  );
}

function roundUpToPowerOfTwo(n: number): number {
  return 2 ** Math.ceil(Math.log2(n));
}
