/**
 * PyTorch's form before 1.6 (`_use_new_zipfile_serialization=False`): five pickles (magic number, protocol, the
 * writer's machine, the object, the storages' keys), then for each key its element count (int64) and raw elements.
 */
import { MedTextError, words } from '../../base/errors';
import { DATA_TYPES } from '../../onnx/dataType';
import { ByteCursor } from './byteCursor';
import type { CheckpointSource } from './checkpointSource';
import type { RandomAccessFile } from './randomAccessFile';
import { findStateDictionary, unpickleTorch } from './torchPickle';
import { torchTensors, type StorageBytes } from './torchTensors';

/** torch/serialization.py, MAGIC_NUMBER. */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;
const MAX_PICKLE_BYTES = 2 ** 26;

/** Takes over `file`: closed with the source, or here when it is not a checkpoint. */
export async function openTorchLegacy(file: RandomAccessFile): Promise<CheckpointSource> {
  try {
    const readAt = (into: Uint8Array, position: number) => file.readSync(into, position);
    const cursor = new ByteCursor(readAt, 0, Math.min(file.size, MAX_PICKLE_BYTES), file.path);
    const magic = unpickleTorch(cursor, file.path);
    if (magic !== MAGIC) throw cursor.broken(words`it is a pickle, but not a PyTorch checkpoint`);
    if (unpickleTorch(cursor, file.path) !== PROTOCOL) throw cursor.broken(words`its PyTorch protocol is unknown`);
    const machine = unpickleTorch(cursor, file.path);
    if (machine instanceof Map && machine.get('little_endian') === false) {
      throw new MedTextError('UNSUPPORTED', words`${file.path} was written big-endian, which is not supported.`, {
        file: file.path,
      });
    }
    const elementBytes = new Map<string, number>();
    const object = unpickleTorch(cursor, file.path, ({ key, type }) => {
      // A storage of an unreadable type is refused later, with its tensor's name; until then any size serves.
      elementBytes.set(key, type.dataType ? DATA_TYPES[type.dataType].bytes : 1);
    });
    const state = findStateDictionary(object, file.path);
    const keys = unpickleTorch(cursor, file.path);
    if (!Array.isArray(keys)) throw cursor.broken(words`its list of storages is not one`);

    const storages = new Map<string, StorageBytes>();
    let position = cursor.position;
    for (const key of keys) {
      const bytes = typeof key === 'string' ? elementBytes.get(key) : undefined;
      if (bytes === undefined) throw cursor.broken(words`it stores something that its object does not name`);
      const count = new ByteCursor(readAt, position, file.size, file.path).unsigned(8);
      const start = position + 8;
      const sizeBytes = count * bytes;
      position = start + sizeBytes;
      if (!Number.isSafeInteger(position) || position > file.size) {
        throw new MedTextError(
          'CHECKPOINT_FORMAT',
          words`${file.path} is cut short: a storage needs byte ${position}, but it has ${file.size}. Copy or download it again.`,
          { file: file.path, sizeBytes: file.size },
        );
      }
      storages.set(key as string, { sizeBytes, read: (into, byteOffset) => file.read(into, start + byteOffset) });
    }
    return {
      format: 'torch-legacy',
      files: [file.path],
      tensors: torchTensors(state, (key) => storages.get(key), file.path),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}
