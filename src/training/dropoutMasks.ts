/** Dropout masks as arithmetic on a counter: the same on every device and after every resume. */
import { hash32 } from '../base/random';

/**
 * Fills a mask for inverted dropout: 0 with the probability, else 1 / (1 - probability). Element i is a function of
 * (key, i) alone. Sixteen random bits an element: the probability is met to 1 / 65536, and the scale is that of the
 * probability so met, so the mask's mean is exactly 1.
 */
export function fillDropoutMask(mask: Float32Array, probability: number, key: number): void {
  const dropped = Math.round(probability * 65536);
  const kept = 65536 / (65536 - dropped);
  const even = mask.length & ~1;
  for (let i = 0; i < even; i += 2) {
    const bits = hash32(key ^ Math.imul(i + 1, 0x9e3779b1));
    mask[i] = (bits & 0xffff) < dropped ? 0 : kept;
    mask[i + 1] = bits >>> 16 < dropped ? 0 : kept;
  }
  if (even < mask.length) mask[even] = (hash32(key ^ Math.imul(even + 1, 0x9e3779b1)) & 0xffff) < dropped ? 0 : kept;
}
