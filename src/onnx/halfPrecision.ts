/** float16 and bfloat16 tensors as float32: exact, since float32 holds every value of both. */
import type { Tensor } from './model';

/** The tensor itself unless it is of half precision. */
export function widenTensor(tensor: Tensor): Tensor {
  if (tensor.dataType !== 'float16' && tensor.dataType !== 'bfloat16') return tensor;
  const bits = tensor.data as Uint16Array;
  const data = new Float32Array(bits.length);
  if (tensor.dataType === 'float16') {
    for (let i = 0; i < bits.length; i++) data[i] = halfToNumber(bits[i]);
  } else {
    // bfloat16 is the upper half of a float32.
    const wide = new Uint32Array(data.buffer);
    for (let i = 0; i < bits.length; i++) wide[i] = bits[i] << 16;
  }
  return { dataType: 'float32', shape: tensor.shape, data };
}

/** IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
