/** The outputs of an ONNX file's own graph, which may be in half or double precision. */
import type { DataType, TypedArray } from '../onnx/dataType';
import { widenHalf } from '../onnx/halfPrecision';

/** The numbers in float32. The runtime gives float16 as bits, except where JavaScript has arrays of that type. */
export function inFloat32(data: TypedArray, dataType: DataType): Float32Array {
  if (data instanceof Float32Array) return data;
  const values = new Float32Array(data.length);
  if (dataType === 'float16' && data instanceof Uint16Array) widenHalf(data, values);
  else for (let i = 0; i < values.length; i++) values[i] = Number(data[i]);
  return values;
}
