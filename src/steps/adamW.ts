/**
 * AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019), as torch.optim.AdamW computes it:
 *
 *     p <- p (1 - lr decay);  m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2
 *     p <- p - lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
 *
 * On the CPU a WebAssembly kernel (adamW.wat) does it, piece by piece and in place; threadedAdamW.ts does it on several threads.
 * The runtime could not: its binding copies every output, and 1.2 GB of copies a step cost BERT-base more than the arithmetic
 * (bench/README.md).
 */
import { MedTextError } from '../base/errors';
import { Parameters, type ParameterSpec } from '../models/parameters';
import { elementCount } from '../onnx/dataType';
import { ADAM_W_KERNEL } from './adamWKernel';
import type { RowGradient } from './rowGradient';

export interface AdamWOptions {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  /** Whether a parameter decays, by its name. */
  readonly decays: (name: string) => boolean;
}

/** First and second moments of the trained parameters, in the parameters' order. */
export interface Moments {
  readonly firstMoments: Parameters;
  readonly secondMoments: Parameters;
}

/** Those that lie in a kernel's memory, where they need not be copied; without it, in arrays like any other. */
export interface KernelMoments extends Moments {
  readonly memory?: WebAssembly.Memory;
}

/**
 * Moments of zeros in a memory that threads share, behind a scratch for each thread; in arrays of their own where the system gives
 * no such memory, or where they do not fit into the 4 GB that 32 bits address.
 */
export function zeroMoments(specs: readonly ParameterSpec[], threads = 1): KernelMoments {
  // The kernel takes four elements at a time: behind the last of a parameter is room for three more.
  const bytesOf = ({ shape }: ParameterSpec) => 16 * Math.ceil(elementCount(shape) / 4);
  const bytes = specs.reduce((sum, spec) => sum + bytesOf(spec), 0);
  let end = threads * SCRATCH_BYTES;
  try {
    const memory = sharedMemory(end + 2 * bytes);
    const arrayOf = (spec: ParameterSpec): Float32Array => {
      const values = new Float32Array(memory.buffer, end, elementCount(spec.shape));
      end += bytesOf(spec);
      return values;
    };
    return { memory, firstMoments: new Parameters(specs, arrayOf), secondMoments: new Parameters(specs, arrayOf) };
  } catch {
    return { firstMoments: new Parameters(specs), secondMoments: new Parameters(specs) };
  }
}

/** An optimiser step: `step` from 1; `gradientScale` is what gradients are multiplied by first (clipping). */
export interface AdamWStep {
  readonly step: number;
  readonly learningRate: number;
  readonly gradientScale: number;
}

/** What an update multiplies by, the same for every element. */
export interface AdamWRates {
  readonly gradientScale: number;
  /** What decay leaves of a parameter: 1 - learning rate * decay. */
  readonly shrink: number;
  /** The learning rate over the first moment's bias correction. */
  readonly stepSize: number;
  /** One over the root of the second moment's bias correction. */
  readonly rootScale: number;
}

export function adamWRates(
  { betas, weightDecay }: Pick<AdamWOptions, 'betas' | 'weightDecay'>,
  { step, learningRate, gradientScale }: AdamWStep,
): AdamWRates {
  return {
    gradientScale,
    shrink: 1 - learningRate * weightDecay,
    stepSize: learningRate / (1 - betas[0] ** step),
    rootScale: 1 / Math.sqrt(1 - betas[1] ** step),
  };
}

/** Elements a piece: what is copied to the kernel's memory, and back, stays in the first-level or second-level cache. */
export const PIECE = 8192;

/**
 * Elements without a moment that are worth an own call between others that have some: it costs what 6,000 elements do.
 */
const MIN_STILL = 6144;

export class AdamW {
  private readonly kernel: Kernel;
  private readonly stillRows = new Map<string, StillRows>();

  /** @param moments zeros at the start of a training. They are updated in place, as the parameters are. */
  constructor(
    private readonly parameters: Parameters,
    readonly moments: KernelMoments,
    private readonly options: AdamWOptions,
  ) {
    this.kernel = new Kernel(moments.memory);
  }

  /** One update of every parameter that has a gradient. */
  update(gradients: ReadonlyMap<string, Gradient>, step: AdamWStep): void {
    for (const [name, gradient] of gradients) {
      const state = [
        this.parameters.values(name),
        this.moments.firstMoments.values(name),
        this.moments.secondMoments.values(name),
      ];
      if (gradient instanceof Float32Array) requireLength(name, gradient, state[0]);
      const rates = kernelRates(name, this.options, step);
      // Without eps, 0 / 0 is what the formula says of a row without moments.
      const isWhole = gradient instanceof Float32Array || this.options.eps === 0;
      if (isWhole) this.kernel.update(state, gradient, rates, 0, state[0].length);
      else this.updateRows(name, state, gradient, rates);
    }
  }

  /** A row that never had a gradient has no moments either: of the whole update the decay is left, to the bit. */
  private updateRows(name: string, state: readonly Float32Array[], gradient: RowGradient, rates: KernelRates): void {
    const [values, ...moments] = state;
    const [, shrink] = rates;
    const rows = this.parameters.shape(name)[0];
    const still = this.stillRows.get(name) ?? new StillRows(moments, rows);
    this.stillRows.set(name, still);
    still.move(gradient.ids);
    const width = values.length / rows;
    let from = 0;
    for (const [first, end] of still.runs(Math.ceil(MIN_STILL / width))) {
      this.kernel.update(state, gradient, rates, from * width, first * width);
      if (shrink !== 1) this.kernel.decay(values, shrink, first * width, end * width);
      from = end;
    }
    this.kernel.update(state, gradient, rates, from * width, values.length);
  }
}

export function requireLength(name: string, gradient: Float32Array, values: Float32Array): void {
  if (gradient.length === values.length) return;
  throw new MedTextError('INTERNAL', `The gradient of "${name}" has ${gradient.length} elements.`, { name });
}

/** Rows of a parameter whose moments are all zeros. */
class StillRows {
  private readonly hasMoved: Uint8Array;

  /** @param moments those of a run that is resumed tell which rows had gradients before */
  constructor(moments: readonly Float32Array[], rows: number) {
    this.hasMoved = new Uint8Array(rows);
    const width = moments[0].length / rows;
    for (let row = 0; row < rows; row++) {
      this.hasMoved[row] = Number(moments.some((moment) => moment.subarray(row * width, (row + 1) * width).some((value) => value !== 0))); // prettier-ignore
    }
  }

  move(ids: Int32Array): void {
    for (const id of ids) this.hasMoved[id] = 1;
  }

  /** [first, end) of each stretch of at least so many still rows, in order. */
  *runs(least: number): Generator<readonly [number, number]> {
    const { hasMoved } = this;
    for (let row = 0; row < hasMoved.length;) {
      const end = hasMoved[row] === 1 ? row + 1 : endOf(hasMoved, row);
      if (hasMoved[row] === 0 && end - row >= least) yield [row, end];
      row = end;
    }
  }
}

function endOf(hasMoved: Uint8Array, from: number): number {
  const end = hasMoved.indexOf(1, from);
  return end < 0 ? hasMoved.length : end;
}

/** A gradient of the parameter's shape, or of some of its rows. Moments and weights of the other rows decay all the same. */
export type Gradient = Float32Array | RowGradient;

/** What the kernel takes behind the addresses, in its order. */
export type KernelRates = readonly [gradientScale: number, shrink: number, ...rest: number[]];

export function kernelRates(name: string, options: AdamWOptions, step: AdamWStep): KernelRates {
  const { gradientScale, shrink, stepSize, rootScale } = adamWRates(options, step);
  const [beta1, beta2] = options.betas;
  return [gradientScale, options.decays(name) ? shrink : 1, stepSize, rootScale, beta1, 1 - beta1, beta2, 1 - beta2, options.eps]; // prettier-ignore
}

const PAGE_BYTES = 65_536;
/** A thread's: four arrays of a piece. */
export const SCRATCH_BYTES = 4 * PIECE * Float32Array.BYTES_PER_ELEMENT;

function sharedMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

/** adamW.wat, loaded. Arrays that lie in its memory are updated where they are, others are copied there and back. */
class Kernel {
  private readonly run: (bytes: number, p: number, m: number, v: number, g: number, ...rates: number[]) => void;
  private readonly shrink: (bytes: number, factor: number) => void;
  private readonly scratch: Float32Array;

  constructor(memory = sharedMemory(SCRATCH_BYTES)) {
    const module = new WebAssembly.Module(Buffer.from(ADAM_W_KERNEL, 'base64'));
    const { exports } = new WebAssembly.Instance(module, { host: { memory } });
    this.run = exports.update as typeof this.run;
    this.shrink = exports.decay as typeof this.shrink;
    this.scratch = new Float32Array(memory.buffer, 0, SCRATCH_BYTES / Float32Array.BYTES_PER_ELEMENT);
  }

  /**
   * The elements from `first` to `last`, which is left out.
   * @param state parameters, first and second moments: updated in place
   */
  update(state: readonly Float32Array[], gradient: Gradient, rates: KernelRates, first: number, last: number): void {
    const { scratch } = this;
    for (let start = first, end; start < last; start = end) {
      const count = Math.min(PIECE, last - start);
      // The kernel takes four elements at a time. What is left over has a piece of its own in the scratch, where what lies behind
      // the last element is computed and not used.
      end = start + (count < 4 ? count : count - (count % 4));
      const stride = Math.ceil((end - start) / 4) * 4;
      const isThere = ({ buffer }: Float32Array) => buffer === scratch.buffer && stride === end - start;
      const places = state.map((array, row) => {
        if (isThere(array)) return array.byteOffset + 4 * start;
        scratch.set(array.subarray(start, end), row * stride);
        return 4 * row * stride;
      });
      const into = scratch.subarray(state.length * stride, state.length * stride + end - start);
      if (gradient instanceof Float32Array) into.set(gradient.subarray(start, end));
      else gradient.copy(start, into);
      const [p, m, v] = places;
      this.run(4 * stride, p, m, v, into.byteOffset, ...rates);
      state.forEach((array, row) => {
        if (!isThere(array)) array.set(scratch.subarray(row * stride, row * stride + end - start), start);
      });
    }
  }

  decay(values: Float32Array, factor: number, first: number, last: number): void {
    for (let start = first; start < last; start += this.scratch.length) {
      const end = Math.min(start + this.scratch.length, last);
      this.scratch.set(values.subarray(start, end));
      this.shrink(Math.ceil((end - start) / 4) * 16, factor);
      values.set(this.scratch.subarray(0, end - start), start);
    }
  }
}
