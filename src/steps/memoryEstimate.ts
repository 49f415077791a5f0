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

/** Fragments and the kernels' scratch space on a device, as a share of what the graph's values take. */
const scratchFactor = 1.3;
const processBytes = 200e6;
/**
 * What a device holds besides, in sizes of what is trained: the estimate is within 2 % of the peaks measured for BERT-base on
 * WebGPU at three sizes (bench/README.md). CUDA's allocator takes its memory in ever larger blocks, up to half as much again.
 */
const copiesOnDevice = 5.4;

/**
 * The peak of a step over `rows` examples of `length` tokens, which only builds the graph and runs nothing. On the CPU
 * it is within 10 % of the peaks measured for BERT-base at three lengths and for a vocabulary of 250,037 (bench/README.md): the
 * holes that activations leave rarely fit the gradients, which are copied out at the end.
 * @param accumulates whether the gradients of several such parts are added up
 */
export function estimateMemory(
  options: TrainingGraphOptions,
  rows: number,
  length: number,
  { device = 'cpu', accumulates = false }: { device?: ExecutionDevice; accumulates?: boolean } = {},
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
  const isOnProcessor = device === 'cpu';
  const activations = Math.round((isOnProcessor ? 1 : scratchFactor) * (peakBytes + masks));
  const copies = isOnProcessor ? 0 : Math.round(copiesOnDevice * trained);
  const sums = isOnProcessor && accumulates ? outputBytes : 0;
  const parts = {
    parameters,
    moments: 2 * trained,
    gradients: outputBytes + sums,
    activations,
    copies,
    process: processBytes,
  };
  return { ...parts, total: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) };
}

/** The free memory that is assumed of a GPU: 8 GB, of which other programs use a part. */
const usualBytes = 6e9;

/**
 * Whether the buffers of the graphs of all lengths are few enough to be kept, each graph's beside the others'.
 * @param cardBytes the GPU's memory, where it is known
 */
export function buffersAreFew(
  options: TrainingGraphOptions,
  rows: number,
  lengths: readonly number[],
  cardBytes?: number,
): boolean {
  const estimates = lengths.map((length) => estimateMemory(options, rows, length, { device: 'webgpu' }));
  const once = estimates.reduce((most, { total, activations }) => Math.max(most, total - activations), 0);
  const all = estimates.reduce((sum, { activations }) => sum + activations, once);
  return all <= (cardBytes ? 0.6 * cardBytes : usualBytes);
}
