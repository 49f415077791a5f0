/**
 * AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019), as torch.optim.AdamW computes it:
 *
 *     p <- p (1 - lr decay);  m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2
 *     p <- p - lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
 *
 * On the CPU a WebAssembly kernel (adamW.wat) does it, piece by piece and in place. The runtime could not: its binding
 * copies every output, and 1.2 GB of copies a step cost BERT-base more than the arithmetic (bench/README.md).
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
const PIECE = 8192;

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
    readonly moments: Moments,
    private readonly options: AdamWOptions,
    memory = kernelMemory(0),
  ) {
    this.kernel = new Kernel(memory);
  }

  /** With moments of zeros for the parameters that `specs` name, in the kernel's own memory, where they need not be copied. */
  static create(parameters: Parameters, specs: readonly ParameterSpec[], options: AdamWOptions): AdamW {
    const elements = specs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
    const memory = kernelMemory(2 * elements * Float32Array.BYTES_PER_ELEMENT);
    const [firstMoments, secondMoments] = [0, 1].map((which) => {
      const offset = SCRATCH_BYTES + which * elements * Float32Array.BYTES_PER_ELEMENT;
      const hasRoom = memory.buffer.byteLength >= offset + elements * Float32Array.BYTES_PER_ELEMENT;
      return new Parameters(specs, hasRoom ? new Float32Array(memory.buffer, offset, elements) : undefined);
    });
    return new AdamW(parameters, { firstMoments, secondMoments }, options, memory);
  }

  /** One update of every parameter that has a gradient. */
  update(gradients: ReadonlyMap<string, Gradient>, step: AdamWStep): void {
    const { betas, eps, decays } = this.options;
    const rates = { ...adamWRates(this.options, step), betas, eps };
    for (const [name, gradient] of gradients) {
      const state = [
        this.parameters.values(name),
        this.moments.firstMoments.values(name),
        this.moments.secondMoments.values(name),
      ];
      if (gradient instanceof Float32Array && gradient.length !== state[0].length) {
        throw new MedTextError('INTERNAL', `The gradient of "${name}" has ${gradient.length} elements.`, { name });
      }
      const own = decays(name) ? rates : { ...rates, shrink: 1 };
      // Without eps, 0 / 0 is what the formula says of a row without moments.
      if (gradient instanceof Float32Array || eps === 0) this.kernel.update(state, gradient, own, 0, state[0].length);
      else this.updateRows(name, state, gradient, own);
    }
  }

  /** A row that never had a gradient has no moments either: of the whole update the decay is left, to the bit. */
  private updateRows(name: string, state: readonly Float32Array[], gradient: RowGradient, rates: KernelRates): void {
    const [values, ...moments] = state;
    const rows = this.parameters.shape(name)[0];
    const still = this.stillRows.get(name) ?? new StillRows(moments, rows);
    this.stillRows.set(name, still);
    still.move(gradient.ids);
    const width = values.length / rows;
    let from = 0;
    for (const [first, end] of still.runs(Math.ceil(MIN_STILL / width))) {
      this.kernel.update(state, gradient, rates, from * width, first * width);
      if (rates.shrink !== 1) this.kernel.decay(values, rates.shrink, first * width, end * width);
      from = end;
    }
    this.kernel.update(state, gradient, rates, from * width, values.length);
  }
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

/** Of the parameter's shape, or rows of it: a row that has none decays its moments and its weights all the same. */
export type Gradient = Float32Array | RowGradient;

interface KernelRates extends AdamWRates {
  readonly betas: readonly [number, number];
  readonly eps: number;
}

const PAGE_BYTES = 65_536;
/** At the memory's beginning: four arrays of a piece. */
const SCRATCH_BYTES = 4 * PIECE * Float32Array.BYTES_PER_ELEMENT;
/** What 32 bits can address. */
const MAX_PAGES = 65_536;

/** The kernel's memory, with room for so many bytes behind its scratch; with none where that cannot be had. */
function kernelMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil((SCRATCH_BYTES + bytes) / PAGE_BYTES);
  try {
    if (pages <= MAX_PAGES) return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch {
    // The system gives no such stretch of addresses: the moments are arrays like any other.
  }
  return new WebAssembly.Memory({ initial: SCRATCH_BYTES / PAGE_BYTES });
}

/** adamW.wat, loaded. Arrays that lie in its memory are updated where they are, others are copied there and back. */
class Kernel {
  private readonly run: (bytes: number, p: number, m: number, v: number, g: number, ...rates: number[]) => void;
  private readonly shrink: (bytes: number, factor: number) => void;
  private readonly scratch: Float32Array;

  constructor(memory: WebAssembly.Memory) {
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
    const { gradientScale, shrink, stepSize, rootScale, betas, eps } = rates;
    const [beta1, beta2] = betas;
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
      this.run(4 * stride, p, m, v, into.byteOffset, gradientScale, shrink, stepSize, rootScale, beta1, 1 - beta1, beta2, 1 - beta2, eps); // prettier-ignore
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
