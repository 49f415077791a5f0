/**
 * Normal noise as arithmetic on a counter, like dropout masks: element i is a function of (key, first + i) alone, whether
 * the host fills it or a graph computes it. The uniform bits are those of dropoutMasks.ts; Box and Muller (1958) make two
 * normal numbers of two uniform ones. A device's logarithm and cosine may differ from the host's in their last digits.
 */
import { elementCount } from '../onnx/dataType';
import type { Value } from '../onnx/graphBuilder';
import type { Operators } from '../onnx/operators';
import { bitsAt, buildBits, countersOf } from './dropoutMasks';

/** An angle's uniform number is that of another key than its radius's. */
const ANGLE_KEY = 0x2545f491;
/** Half of the least step between two uniform numbers of 32 bits: neither 0 nor 1 is drawn. */
const HALF_STEP = 2 ** -33;

/** Uniform in (0, 1) of 32 signed bits. */
const uniform = (bits: number): number => bits * 2 ** -32 + 0.5 + HALF_STEP;

/**
 * @param noise N(0, deviation^2)
 * @param first the place of the noise's first element in that of the whole batch
 */
export function fillNormalNoise(noise: Float32Array, deviation: number, key: number, first = 0): void {
  const end = first + noise.length;
  for (let place = first; place < end; place = 2 * (place >> 1) + 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(uniform(bitsAt(place >> 1, key | 0))));
    const angle = 2 * Math.PI * uniform(bitsAt(place >> 1, (key + ANGLE_KEY) | 0));
    // Both elements of a pair, but for one of which the other lies outside.
    if (place % 2 === 0) noise[place - first] = radius * Math.cos(angle);
    if ((place | 1) < end) noise[(place | 1) - first] = radius * Math.sin(angle);
  }
}

/**
 * The noise that {@link fillNormalNoise} fills, as a graph: float32 [keys, ...shape].
 * @param keys int32 [keys, 1], each as `key | 0`
 * @param first as {@link fillNormalNoise}'s, int32, a scalar
 */
export function buildNormalNoise(
  g: Operators,
  shape: readonly number[],
  deviation: number,
  keys: Value,
  first: Value,
): Value {
  const places = g.add(g.range(elementCount(shape)), first);
  const pairs = g.div(places, 2);
  const counters = countersOf(g, pairs);
  const isSecond = g.cast(g.sub(places, g.add(pairs, pairs)), 'float32');
  const uniformOf = (key: Value): Value => {
    const bits = g.cast(buildBits(g, counters, key), 'float32');
    // Half precision of neither: float32 rounds the largest to 1, whose logarithm is 0.
    return g.add(g.mul(bits, 2 ** -32), 0.5 + HALF_STEP);
  };
  const radius = g.mul(g.sqrt(g.mul(g.log(g.clip(uniformOf(keys), HALF_STEP, 1)), -2)), deviation);
  // sin(a) = cos(a - pi/2)
  const angle = g.sub(g.mul(uniformOf(g.add(keys, ANGLE_KEY)), 2 * Math.PI), g.mul(isSecond, Math.PI / 2));
  return g.reshape(g.mul(radius, g.cos(angle)), [keys.shape[0], ...shape]);
}
