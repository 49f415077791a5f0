/** Writes a safetensors file one tensor at a time. */
import { open } from 'node:fs/promises';
import { asMedTextError, MedTextError } from '../../base/errors';
import { elementCount } from '../../onnx/dataType';

/** A float32 tensor to write; `values` may be made on demand and is not kept. */
export interface WritableTensor {
  readonly name: string;
  readonly shape: readonly number[];
  values(): Float32Array | Promise<Float32Array>;
}

const PIECE_BYTES = 2 ** 24;

/**
 * Writes and syncs `path`, which must not exist. Metadata says `format: pt`, which transformers asks for.
 * @param onBytes hears how many bytes were written since it last heard.
 * @throws MedTextError DISK_FULL, IO or CANCELLED; the file is then incomplete and the caller's to remove.
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly WritableTensor[],
  onBytes: (bytes: number) => void = () => {},
  signal?: AbortSignal,
): Promise<void> {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const { name, shape } of tensors) {
    const begin = end;
    end += 4 * elementCount(shape);
    header[name] = { dtype: 'F32', shape, data_offsets: [begin, end] };
  }
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  // Padded with spaces, so that the tensors begin on a multiple of eight as the reference implementation writes them.
  const start = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
  start.writeBigUInt64LE(BigInt(start.length - 8));
  json.copy(start, 8);

  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(start);
      for (const tensor of tensors) {
        const values = await tensor.values();
        if (values.length !== elementCount(tensor.shape)) {
          throw new MedTextError(
            'INTERNAL',
            `Tensor "${tensor.name}" has ${values.length} values for [${tensor.shape}].`,
          );
        }
        const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
        for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
          if (signal?.aborted) throw new MedTextError('CANCELLED', 'Writing the model was cancelled.');
          const piece = bytes.subarray(at, at + PIECE_BYTES);
          await file.writeFile(piece);
          onBytes(piece.length);
        }
      }
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw asMedTextError(error);
  }
}
