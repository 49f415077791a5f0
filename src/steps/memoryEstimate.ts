/** What a training step will take of the memory, before it takes it. */
import type { ExecutionDevice } from '../inference/session';
import { elementCount } from '../onnx/dataType';
import { memoryOfValues } from '../onnx/valueLifetimes';
import { buildTrainingGraph, type TrainingGraphOptions } from './trainingGraph';

/** In bytes. */
export interface MemoryEstimate {
  readonly parameters: number;
  /** AdamW's two, of what is trained. */
  readonly moments: number;
  readonly gradients: number;
  /** What lies between forward and backward pass, dropout masks included. */
  readonly activations: number;
  /** On a device: new state beside the old, parameters cut out of their stacks and gradients put together. */
  readonly copies: number;
  /** Node, the runtime and the tokenizer. */
  readonly process: number;
  readonly total: number;
}

/**
 * Fragments and the kernels' scratch space, as a share of what the graph's values take. With it the estimate is within
 * 3 % of the peaks measured for BERT-base at 16 rows of 32, 64 and 128 tokens on the processor (bench/README.md).
 */
const scratchFactor = 1.3;
const processBytes = 200e6;
/**
 * What a device holds besides, in sizes of what is trained: the estimate is within 2 % of the peaks measured for BERT-base on
 * WebGPU at three sizes (bench/README.md). CUDA's allocator takes its memory in ever larger blocks, up to half as much again.
 */
const copiesOnDevice = 5.4;

/** The peak of a step over `rows` examples of `length` tokens, which only builds the graph and runs nothing. */
export function estimateMemory(
  options: TrainingGraphOptions,
  rows: number,
  length: number,
  device: ExecutionDevice = 'cpu',
): MemoryEstimate {
  const { model, randomSites } = buildTrainingGraph({ ...options, logits: false }, rows, length);
  const float32 = (shapes: Iterable<readonly number[]>): number => {
    let bytes = 0;
    for (const shape of shapes) bytes += 4 * elementCount(shape);
    return bytes;
  };
  const parameters = float32(options.specs.map(({ shape }) => shape));
  const trained = float32(options.specs.filter(({ name }) => options.trained.has(name)).map(({ shape }) => shape));
  const { peakBytes, outputBytes } = memoryOfValues(model.graph);
  const masks = float32(randomSites.map(({ shape }) => shape));
  const activations = Math.round(scratchFactor * (peakBytes + masks));
  const copies = device === 'cpu' ? 0 : Math.round(copiesOnDevice * trained);
  const parts = {
    parameters,
    moments: 2 * trained,
    gradients: outputBytes,
    activations,
    copies,
    process: processBytes,
  };
  return { ...parts, total: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) };
}

/** Of a graphics card of 8 GB, which others use too. */
const usualBytes = 6e9;

/**
 * Whether the buffers of the graphs of all lengths are few enough to be kept, each graph's beside the others'.
 * @param cardBytes the graphics card's memory, where it is known
 */
export function buffersAreFew(
  options: TrainingGraphOptions,
  rows: number,
  lengths: readonly number[],
  cardBytes?: number,
): boolean {
  const estimates = lengths.map((length) => estimateMemory(options, rows, length, 'webgpu'));
  const once = estimates.reduce((most, { total, activations }) => Math.max(most, total - activations), 0);
  const all = estimates.reduce((sum, { activations }) => sum + activations, once);
  return all <= (cardBytes ? 0.6 * cardBytes : usualBytes);
}
