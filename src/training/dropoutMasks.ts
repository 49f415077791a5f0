/**
 * Dropout masks as arithmetic on a counter: the same on every device and after every resume, whether the host fills
 * them or a graph computes them where they are used.
 *
 * The generator has nothing but wrapping 32-bit products and sums, and quotients that round towards zero, since
 * WebGPU's provider has no operators on bits: two rounds of h (2h + 1), the bijective quadratic of RC6 (Rivest et al.,
 * 1998), each followed by an exchange of the halves. test/training/dropoutMasks.test.ts holds it to its statistics.
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

/**
 * The same mask as a graph: float32 of `shape`.
 * @param key int32, a scalar, as `key | 0`.
 * @param counters int32 [at least half the elements, rounded up]: {@link maskCounters}, which masks can share.
 */
export function buildDropoutMask(
  g: Operators,
  shape: readonly number[],
  probability: number,
  key: Value,
  counters: Value,
): Value {
  const { threshold, kept } = thresholdOf(probability);
  const elements = elementCount(shape);
  const pairs = Math.ceil(elements / 2);
  const own = counters.shape[0] === pairs ? counters : g.slice(counters, [0], [pairs], [0]);
  const round = (h: Value): Value => {
    const product = g.mul(h, g.add(g.add(h, h), 1));
    return g.add(g.mul(product, HALF), g.div(product, HALF));
  };
  const bits = round(g.add(round(g.add(own, key)), key));
  const both = g.concat([g.reshape(bits, [pairs, 1]), g.reshape(g.mul(bits, HALF), [pairs, 1])], 1);
  const flat = g.reshape(both, [2 * pairs]);
  const used = 2 * pairs === elements ? flat : g.slice(flat, [0], [elements], [0]);
  const keep = g.cast(g.greaterOrEqual(g.reshape(used, shape), threshold), 'float32');
  return g.mul(keep, kept);
}

/**
 * The counters of `pairs` pairs of elements: int32 [pairs].
 * @param first as {@link fillDropoutMask}'s, int32, a scalar; even. Absent: 0.
 */
export function maskCounters(g: Operators, pairs: number, first?: Value): Value {
  const places = g.range(pairs);
  return g.mul(first ? g.add(places, g.div(first, 2)) : places, STRIDE);
}

/** Elements whose bits, as a signed integer, lie below are dropped. */
function thresholdOf(probability: number): { threshold: number; kept: number } {
  const dropped = Math.round(probability * HALF);
  return { threshold: dropped * HALF - 2 ** 31, kept: HALF / (HALF - dropped) };
}
