/**
 * Dropout masks as arithmetic on a counter: the same on every device and after every resume, whether the host fills
 * them or a graph computes them where they are used.
 *
 * The generator has nothing but wrapping 32-bit products and sums, and quotients that round towards zero, since
 * WebGPU's provider has no operators on bits: two rounds of h (2h + 1), the bijective quadratic of RC6 (Rivest et al.,
 * 1998), each followed by an exchange of the halves. test/steps/dropoutMasks.test.ts holds it to its statistics.
 */
import type { Value } from '../onnx/graphBuilder';
import type { Operators } from '../onnx/operators';
import { elementCount } from '../onnx/dataType';
import { DROPOUT_MASK_KERNEL } from './dropoutMaskKernel';

/** 2^32 over the golden ratio: neighbouring counters lie far apart. */
const STRIDE = 0x9e3779b1 | 0;
const HALF = 65536;
/** Elements a call of the kernel: 16 KB. */
const PIECE = 4096;

/**
 * Fills a mask for inverted dropout: 0 with the probability, else 1 / (1 - probability). Element i is a function of
 * (key, first + i) alone. Sixteen random bits an element: the probability is met to 1 / 65536, and the scale is that of
 * the probability so met, so the mask's mean is exactly 1.
 * @param first the place of the mask's first element in the mask of the whole batch.
 */
export function fillDropoutMask(mask: Float32Array, probability: number, key: number, first = 0): void {
  const { threshold, kept } = thresholdOf(probability);
  const { fill, memory } = (kernel ??= loadKernel());
  const end = first + mask.length;
  for (let place = first; place < end;) {
    // The kernel writes whole pairs, four at a time; what lies outside is computed and not used.
    const pair = place >> 1;
    const count = Math.min(memory.length, end - 2 * pair);
    const bytes = Math.ceil(count / 8) * 32;
    fill(bytes, Math.imul(pair, STRIDE), STRIDE, key | 0, threshold, kept);
    mask.set(memory.subarray(place & 1, count), place - first);
    place = 2 * pair + count;
  }
}

let kernel: Kernel | undefined;

/** dropoutMask.wat, loaded. */
interface Kernel {
  readonly fill: (bytes: number, counter: number, stride: number, key: number, threshold: number, kept: number) => void;
  readonly memory: Float32Array;
}

function loadKernel(): Kernel {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(DROPOUT_MASK_KERNEL, 'base64')));
  return {
    fill: exports.fill as Kernel['fill'],
    // A piece of this size is still in the first-level cache when it is copied.
    memory: new Float32Array((exports.memory as WebAssembly.Memory).buffer, 0, PIECE),
  };
}

/** Where the elements of a mask lie, as a graph; masks of like shape share it. */
export interface MaskPlaces {
  /** int32: a counter for each pair of elements, or, with `factors`, for each element. */
  readonly counters: Value;
  /** int32, for each element: brings its half of the pair's bits to the front. Absent: pairs lie side by side. */
  readonly factors?: Value;
}

/**
 * @param first as {@link fillDropoutMask}'s, int32, a scalar; absent: 0.
 * @param beginsAPair whether `first` is known to be even.
 */
export function maskPlaces(g: Operators, elements: number, first?: Value, beginsAPair = true): MaskPlaces {
  if (!first || beginsAPair) {
    const pairs = g.range(Math.ceil(elements / 2));
    return { counters: g.mul(first ? g.add(pairs, g.div(first, 2)) : pairs, STRIDE) };
  }
  const places = g.add(g.range(elements), first);
  const pairs = g.div(places, 2);
  const isSecond = g.sub(places, g.add(pairs, pairs));
  return { counters: g.mul(pairs, STRIDE), factors: g.add(g.mul(isSecond, HALF - 1), 1) };
}

/**
 * The masks that {@link fillDropoutMask} fills, as a graph: float32 [keys, ...shape].
 * @param keys int32 [keys, 1], each as `key | 0`.
 */
export function buildDropoutMasks(
  g: Operators,
  shape: readonly number[],
  probability: number,
  keys: Value,
  { counters, factors }: MaskPlaces,
): Value {
  const count = keys.shape[0];
  const { threshold, kept } = thresholdOf(probability);
  const bits = buildBits(g, counters, keys); // [keys, pairs]
  const ofElements = factors ? g.mul(bits, factors) : sideBySide(g, bits, elementCount(shape));
  const keep = g.cast(g.greaterOrEqual(g.reshape(ofElements, [count, ...shape]), threshold), 'float32');
  return g.mul(keep, kept);
}

/** 32 random bits of a counter's place, as a signed integer: what the graph of {@link buildBits} gives. */
export function bitsAt(place: number, key: number): number {
  const round = (h: number): number => {
    const product = Math.imul(h, 2 * h + 1);
    return (Math.imul(product, HALF) + Math.trunc(product / HALF)) | 0;
  };
  return round((round((Math.imul(place, STRIDE) + key) | 0) + key) | 0);
}

/** The counters of places, int32. */
export const countersOf = (g: Operators, places: Value): Value => g.mul(places, STRIDE);

/** 32 random bits of each counter and key: int32 [keys, counters]. @param keys int32 [keys, 1] */
export function buildBits(g: Operators, counters: Value, keys: Value): Value {
  const round = (h: Value): Value => {
    const product = g.mul(h, g.add(g.add(h, h), 1));
    return g.add(g.mul(product, HALF), g.div(product, HALF));
  };
  return round(g.add(round(g.add(counters, keys)), keys));
}

/** The bits of both elements of each pair, the second's moved to the front: int32 [keys, elements]. */
function sideBySide(g: Operators, bits: Value, elements: number): Value {
  const [count, pairs] = bits.shape;
  const apart = [count, pairs, 1];
  const both = g.concat([g.reshape(bits, apart), g.reshape(g.mul(bits, HALF), apart)], 2);
  const flat = g.reshape(both, [count, 2 * pairs]);
  return 2 * pairs === elements ? flat : g.slice(flat, [0], [elements], [1]);
}

/** Elements whose bits, as a signed integer, lie below are dropped. */
function thresholdOf(probability: number): { threshold: number; kept: number } {
  const dropped = Math.round(probability * HALF);
  return { threshold: dropped * HALF - 2 ** 31, kept: HALF / (HALF - dropped) };
}
