/** Weights that are no numbers: a training that diverged, a file that was damaged, a number too large for float32. */
import { MedTextError, words } from '../../base/errors';

/** The place of the first value that is NaN or infinite; -1 where all are finite. */
export function firstNonFinite(values: Float32Array): number {
  // The exponent of NaN and infinity is all ones. Reading bits is several times as fast as Number.isFinite.
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) if ((bits[i] & 0x7f800000) === 0x7f800000) return i;
  return -1;
}

/** @throws MedTextError CHECKPOINT_FORMAT naming file and tensor. */
export function assertFinite(values: Float32Array, tensor: string, file: string): void {
  const at = firstNonFinite(values);
  if (at < 0) return;
  throw notFinite(tensor, values[at], at, values.length, file);
}

export function notFinite(tensor: string, value: number, at: number, count: number, file: string): MedTextError {
  return new MedTextError(
    'CHECKPOINT_FORMAT',
    words`${file}: the tensor "${tensor}" holds ${String(value)} (element ${at} of ${count}). Such a model gives no scores: the training that wrote it diverged, or the file is damaged.`,
    { file, tensor, element: at },
  );
}
