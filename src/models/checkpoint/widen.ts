/** Stored element types to float32. */
import { DATA_TYPES, type DataType } from '../../onnx/dataType';
import { widenBrainHalf, widenHalf } from '../../onnx/halfPrecision';

/**
 * `raw` holds little-endian elements of `dataType`; their values go to `into` from `at` on. float64 and integers are
 * rounded to the nearest float32.
 */
export function widenToFloat32(raw: Uint8Array, dataType: DataType, into: Float32Array, at = 0): void {
  const count = raw.byteLength / DATA_TYPES[dataType].bytes;
  // Typed arrays want aligned offsets; a slice of a file seldom is.
  const aligned = raw.byteOffset % DATA_TYPES[dataType].bytes === 0 ? raw : raw.slice();
  const values = new DATA_TYPES[dataType].array(aligned.buffer as ArrayBuffer, aligned.byteOffset, count);
  switch (dataType) {
    case 'float16':
      widenHalf(values as Uint16Array, into, at);
      return;
    case 'bfloat16':
      widenBrainHalf(values as Uint16Array, into, at);
      return;
    case 'bool':
      for (let i = 0; i < count; i++) into[at + i] = values[i] ? 1 : 0;
      return;
    default:
      for (let i = 0; i < count; i++) into[at + i] = Number(values[i]);
  }
}

/** Reads `length` bytes of a stored array at a byte offset. */
export type ReadBytes = (into: Uint8Array, byteOffset: number) => Promise<void>;

const CHUNK_ELEMENTS = 2 ** 18;

/** Contiguous elements from a byte offset on, widened; float32 goes straight to its place, others in 256 Ki pieces. */
export async function readWidened(
  readBytes: ReadBytes,
  byteOffset: number,
  dataType: DataType,
  into: Float32Array,
): Promise<void> {
  if (dataType === 'float32') {
    await readBytes(new Uint8Array(into.buffer, into.byteOffset, into.byteLength), byteOffset);
    return;
  }
  const elementBytes = DATA_TYPES[dataType].bytes;
  const scratch = new Uint8Array(Math.min(CHUNK_ELEMENTS, into.length) * elementBytes);
  for (let at = 0; at < into.length; at += CHUNK_ELEMENTS) {
    const raw = scratch.subarray(0, Math.min(CHUNK_ELEMENTS, into.length - at) * elementBytes);
    await readBytes(raw, byteOffset + at * elementBytes);
    widenToFloat32(raw, dataType, into, at);
  }
}
