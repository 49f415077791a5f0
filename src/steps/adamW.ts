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
import type { Parameters } from '../models/parameters';
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
  private readonly kernel = new Kernel();
  private readonly stillRows = new Map<string, StillRows>();

  /** @param moments zeros at the start of a training. They are updated in place, as the parameters are. */
  constructor(
    private readonly parameters: Parameters,
    readonly moments: Moments,
    private readonly options: AdamWOptions,
  ) {}

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

/** adamW.wat, loaded. */
class Kernel {
  private readonly run: (bytes: number, ...rates: number[]) => void;
  private readonly shrink: (bytes: number, factor: number) => void;
  private readonly memory: Float32Array;

  constructor() {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(ADAM_W_KERNEL, 'base64')));
    this.run = exports.update as typeof this.run;
    this.shrink = exports.decay as typeof this.shrink;
    this.memory = new Float32Array((exports.memory as WebAssembly.Memory).buffer);
  }

  /**
   * The elements from `first` to `last`, which is left out.
   * @param state parameters, first and second moments: updated in place
   */
  update(state: readonly Float32Array[], gradient: Gradient, rates: KernelRates, first: number, last: number): void {
    const { gradientScale, shrink, stepSize, rootScale, betas, eps } = rates;
    for (let start = first; start < last; start += PIECE) {
      const end = Math.min(start + PIECE, last);
      // The kernel takes four elements at a time; what lies behind the last one is computed and not used.
      const stride = Math.ceil((end - start) / 4) * 4;
      state.forEach((array, row) => this.memory.set(array.subarray(start, end), row * stride));
      const into = this.memory.subarray(state.length * stride, state.length * stride + end - start);
      if (gradient instanceof Float32Array) into.set(gradient.subarray(start, end));
      else gradient.copy(start, into);
      const [beta1, beta2] = betas;
      this.run(stride * 4, gradientScale, shrink, stepSize, rootScale, beta1, 1 - beta1, beta2, 1 - beta2, eps);
      state.forEach((array, row) => array.set(this.memory.subarray(row * stride, row * stride + end - start), start));
    }
  }

  decay(values: Float32Array, factor: number, first: number, last: number): void {
    for (let start = first; start < last; start += 4 * PIECE) {
      const end = Math.min(start + 4 * PIECE, last);
      this.memory.set(values.subarray(start, end));
      this.shrink(Math.ceil((end - start) / 4) * 16, factor);
      values.set(this.memory.subarray(0, end - start), start);
    }
  }
}
