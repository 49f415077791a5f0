/** The safetensors format: an 8-byte header length, a JSON header, the tensors' bytes end to end. */
import { MedTextError, words } from '../../base/errors';
import type { Words } from '../../base/words';
import { DATA_TYPES, elementCount, type DataType } from '../../onnx/dataType';
import { assertLength, checkedShape, type CheckpointSource, type CheckpointTensor } from './checkpointSource';
import type { RandomAccessFile } from './randomAccessFile';
import { readWidened } from './widen';

const TYPES: Record<string, DataType> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U64: 'uint64',
  U32: 'uint32',
  U16: 'uint16',
  U8: 'uint8',
  BOOL: 'bool',
};

/** Room for 100,000 tensors; the format's own limit is 100 MB. */
const MAX_HEADER_BYTES = 2 ** 24;

/**
 * Takes over `file`: closed with the source, or here when it is not a checkpoint.
 * Checks as the reference implementation does that the tensors' ranges follow each other without overlap or gap and
 * end with the file.
 */
export async function openSafetensors(file: RandomAccessFile): Promise<CheckpointSource> {
  try {
    return { format: 'safetensors', files: [file.path], tensors: await readHeader(file), close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readHeader(file: RandomAccessFile): Promise<Map<string, CheckpointTensor>> {
  const broken = (what: Words, detail = {}) =>
    new MedTextError('CHECKPOINT_FORMAT', words`${file.path}: ${what}.`, { file: file.path, ...detail });

  const prefix = new Uint8Array(8);
  await file.read(prefix, 0);
  const headerBytes = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (headerBytes > file.size - 8) throw broken(words`its header of ${headerBytes} bytes is longer than the file`);
  if (headerBytes > MAX_HEADER_BYTES) throw broken(words`its header of ${headerBytes} bytes is too long`);
  const header = new Uint8Array(headerBytes);
  await file.read(header, 8);
  let entries: unknown;
  try {
    entries = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(header));
  } catch (error) {
    throw broken(words`its header is not JSON (${(error as Error).message})`);
  }
  if (!isRecord(entries)) throw broken(words`its header is not a JSON object`);

  const start = 8 + headerBytes;
  const ranges: { name: string; begin: number; end: number }[] = [];
  const tensors = new Map<string, CheckpointTensor>();
  for (const [name, entry] of Object.entries(entries)) {
    if (name === '__metadata__') continue;
    if (!isRecord(entry)) throw broken(words`its header does not describe tensor "${name}"`);
    const shape = checkedShape(entry.shape, name, file.path);
    if (typeof entry.dtype !== 'string') throw broken(words`tensor "${name}" has no dtype`);
    const dataType = Object.hasOwn(TYPES, entry.dtype) ? TYPES[entry.dtype] : undefined;
    if (!dataType) {
      const type = entry.dtype.slice(0, 40);
      throw new MedTextError(
        'UNSUPPORTED',
        words`${file.path}: tensor "${name}" is of type ${type}, which is not supported.`,
        {
          file: file.path,
          tensor: name,
        },
      );
    }
    const [begin, end, more] = Array.isArray(entry.data_offsets) ? entry.data_offsets : [];
    const valid =
      Number.isSafeInteger(begin) && Number.isSafeInteger(end) && more === undefined && begin >= 0 && begin <= end;
    if (!valid || start + end > file.size)
      throw broken(words`tensor "${name}" lies outside the file`, { tensor: name });
    if (end - begin !== elementCount(shape) * DATA_TYPES[dataType].bytes) {
      throw broken(words`tensor "${name}" has ${end - begin} bytes, which do not make ${entry.dtype} [${shape}]`, {
        tensor: name,
      });
    }
    ranges.push({ name, begin, end });
    const read = async (into: Float32Array) => {
      assertLength({ name, shape }, into);
      await readWidened((bytes, offset) => file.read(bytes, start + offset), begin, dataType, into);
    };
    const place = dataType === 'float32' ? { file: file.path, offsetBytes: start + begin } : undefined;
    tensors.set(name, { name, dataType, shape, place, read });
  }

  ranges.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of ranges) {
    if (begin !== covered) {
      const what = begin < covered ? words`overlaps the tensor before it` : words`follows a gap`;
      throw broken(words`tensor "${name}" ${what}`, { tensor: name });
    }
    covered = end;
  }
  if (start + covered !== file.size)
    throw broken(words`${file.size - start - covered} bytes at its end belong to no tensor`);
  return withAliases(tensors, entries.__metadata__);
}

/**
 * Of tensors that share their memory one is stored; the header's metadata has the others' names and, as value, that one's
 * (safetensors.torch.save_model). Metadata that name no tensor are something else.
 */
function withAliases(tensors: Map<string, CheckpointTensor>, metadata: unknown): Map<string, CheckpointTensor> {
  for (const [name, stored] of isRecord(metadata) ? Object.entries(metadata) : []) {
    const tensor = typeof stored === 'string' ? tensors.get(stored) : undefined;
    if (tensor && !tensors.has(name)) tensors.set(name, { ...tensor, name });
  }
  return tensors;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
