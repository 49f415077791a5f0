/**
 * Weights in four bits, a file of our own: the bytes `MTQ4`, the header's length as u32, a JSON header, the tensors' bytes
 * end to end, and the SHA-256 of all before it. Everything is little endian.
 *
 * A tensor is F32, or Q4: blocks of 32 values, each a float16 scale and 16 bytes, whose low halves are values 0 to 15 and
 * whose high ones are 16 to 31; value = (half - 8) * scale. A row is whole blocks, so a table loses or moves rows without a
 * value changing. The largest error of a block is half its scale, a sixteenth of its largest value.
 */
import { createHash } from 'node:crypto';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import { writeFileAtomically } from '../../base/atomicFile';
import type { Words } from '../../base/words';
import { elementCount } from '../../onnx/dataType';
import { halfBits, halfTable } from '../../onnx/halfPrecision';
import { assertLength, checkedShape, type CheckpointSource, type CheckpointTensor } from './checkpointSource';
import type { RandomAccessFile } from './randomAccessFile';

export const FOUR_BIT_MAGIC = 'MTQ4';
/** Values in a block. */
export const BLOCK_VALUES = 32;
/** The bytes of a block: a float16 scale and 32 values of 4 bits. */
export const BLOCK_BYTES = 18;
const HASH_BYTES = 32;
const MAX_HEADER_BYTES = 2 ** 22;
/** The file is read whole, for its hash; it is meant to be small. */
const MAX_FILE_BYTES = 2 ** 29;

type Storage = 'F32' | 'Q4';

/** The stored bytes of a tensor. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly storage: Storage;
  readonly bytes: Uint8Array;
}

/** Takes over `file`, and reads it whole. @throws MedTextError CHECKPOINT_FORMAT, also where the hash is not the file's. */
export async function openFourBit(file: RandomAccessFile): Promise<CheckpointSource> {
  try {
    const tensors = await readTensors(file);
    return { format: 'four-bit', files: [file.path], tensors, close: async () => {} };
  } finally {
    await file.close();
  }
}

async function readTensors(file: RandomAccessFile): Promise<Map<string, CheckpointTensor>> {
  const broken = (what: Words, detail = {}) =>
    new MedTextError('CHECKPOINT_FORMAT', words`${file.path}: ${what}.`, { file: file.path, ...detail });
  if (file.size > MAX_FILE_BYTES) throw broken(words`a four-bit file of ${file.size} bytes is too long`);
  const all = new Uint8Array(file.size);
  await file.read(all, 0);
  const start = 8 + headerLength(all);
  const end = all.length - HASH_BYTES;
  if (start > end || start > 8 + MAX_HEADER_BYTES) throw broken(words`it is cut short, or its header is incomplete`);
  const hash = createHash('sha256').update(all.subarray(0, end)).digest();
  if (!hash.equals(all.subarray(end))) throw broken(words`its bytes are not those that were written: copy it again`);

  const tensors = new Map<string, CheckpointTensor>();
  let at = start;
  for (const entry of parsedHeader(all.subarray(8, start))) {
    if (typeof entry.name !== 'string') throw broken(words`its header has a tensor without a name`);
    const { name } = entry;
    const shape = checkedShape(entry.shape, name, file.path);
    const storage = entry.storage;
    if (storage !== 'F32' && storage !== 'Q4') throw broken(words`tensor "${name}" is stored in an unknown way`);
    if (storage === 'Q4' && !hasWholeBlocks(shape))
      throw broken(words`tensor "${name}" has rows that are not whole blocks`);
    const bytes = all.subarray(at, (at += storedBytes(shape, storage)));
    if (at > end) throw broken(words`tensor "${name}" lies outside the file`, { tensor: name });
    const read = async (into: Float32Array) => {
      assertLength({ name, shape }, into);
      if (storage === 'Q4') widenFourBit(bytes, into);
      else new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(bytes);
    };
    tensors.set(name, { name, dataType: storage === 'Q4' ? 'uint8' : 'float32', shape, read });
  }
  if (at !== end) throw broken(words`${end - at} bytes at its end belong to no tensor`);
  return tensors;
}

function headerLength(all: Uint8Array): number {
  return all.length < 8 ? Infinity : new DataView(all.buffer).getUint32(4, true);
}

function parsedHeader(bytes: Uint8Array): readonly Record<string, unknown>[] {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    const tensors = (header as { tensors?: unknown } | null)?.tensors;
    if (Array.isArray(tensors)) return tensors.map((entry: unknown) => Object(entry) as Record<string, unknown>);
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
  }
  return [{}];
}

/** Writes the file whole or not at all, and gives its size. @throws MedTextError IO, DISK_FULL. */
export async function writeFourBit(path: string, tensors: readonly StoredTensor[]): Promise<number> {
  for (const { name, shape, storage, bytes } of tensors) {
    const fits = bytes.length === storedBytes(shape, storage) && (storage === 'F32' || hasWholeBlocks(shape));
    if (!fits)
      throw new MedTextError('INTERNAL', `Tensor "${name}" [${shape}] has ${bytes.length} bytes of ${storage}.`);
  }
  const header = Buffer.from(JSON.stringify({ tensors: tensors.map(({ name, shape, storage }) => ({ name, shape, storage })) })); // prettier-ignore
  const prefix = Buffer.alloc(8);
  prefix.write(FOUR_BIT_MAGIC, 'latin1');
  prefix.writeUInt32LE(header.length, 4);
  const content = Buffer.concat([prefix, header, ...tensors.map(({ bytes }) => bytes)]);
  const hash = createHash('sha256').update(content).digest();
  try {
    await writeFileAtomically(path, Buffer.concat([content, hash]));
  } catch (error) {
    throw asMedTextError(error);
  }
  return content.length + hash.length;
}

function storedBytes(shape: readonly number[], storage: Storage): number {
  return storage === 'F32' ? 4 * elementCount(shape) : (elementCount(shape) / BLOCK_VALUES) * BLOCK_BYTES;
}

function hasWholeBlocks(shape: readonly number[]): boolean {
  return shape.length > 0 && shape.at(-1)! % BLOCK_VALUES === 0;
}

/** Blocks to values; `into` holds 32 for each block. */
export function widenFourBit(blocks: Uint8Array, into: Float32Array): void {
  const halves = halfTable();
  for (let block = 0, at = 0; at < into.length; block += BLOCK_BYTES, at += BLOCK_VALUES) {
    const scale = halves[blocks[block] | (blocks[block + 1] << 8)];
    for (let i = 0; i < BLOCK_VALUES / 2; i++) {
      const pair = blocks[block + 2 + i];
      into[at + i] = ((pair & 15) - 8) * scale;
      into[at + BLOCK_VALUES / 2 + i] = ((pair >> 4) - 8) * scale;
    }
  }
}

/** The nearest blocks to values, whose number is a multiple of 32: a block's value furthest from 0 becomes its -8. */
export function narrowToFourBit(values: Float32Array): Uint8Array {
  const blocks = new Uint8Array((values.length / BLOCK_VALUES) * BLOCK_BYTES);
  for (let block = 0, at = 0; at < values.length; block += BLOCK_BYTES, at += BLOCK_VALUES) {
    let furthest = 0;
    for (let i = 0; i < BLOCK_VALUES; i++) {
      if (Math.abs(values[at + i]) > Math.abs(furthest)) furthest = values[at + i];
    }
    const half = halfBits(furthest / -8);
    const scale = halfTable()[half];
    const level = (value: number) => (scale === 0 ? 8 : Math.max(0, Math.min(15, Math.round(value / scale) + 8)));
    blocks[block] = half & 255;
    blocks[block + 1] = half >> 8;
    for (let i = 0; i < BLOCK_VALUES / 2; i++) {
      blocks[block + 2 + i] = level(values[at + i]) | (level(values[at + BLOCK_VALUES / 2 + i]) << 4);
    }
  }
  return blocks;
}
