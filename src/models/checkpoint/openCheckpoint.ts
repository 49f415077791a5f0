/** Weights files told apart by what is in them; sharded checkpoints as one. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileWatch } from '../../base/fileWatch';
import { readTextFile } from '../../base/textFile';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import type { Words } from '../../base/words';
import type { CheckpointSource, CheckpointTensor } from './checkpointSource';
import { FOUR_BIT_MAGIC, openFourBit } from './fourBit';
import { openOnnxWeights } from './onnxWeights';
import { RandomAccessFile } from './randomAccessFile';
import { openSafetensors } from './safetensors';
import { openTorchLegacy } from './torchLegacy';
import { openTorchZip } from './torchZip';

/**
 * Opens a weights file, or a shard index (`*.index.json`).
 * @throws MedTextError NOT_FOUND, IO, CHECKPOINT_FORMAT, ONNX_FORMAT, CHECKPOINT_UNSAFE or UNSUPPORTED.
 */
export async function openCheckpoint(path: string): Promise<CheckpointSource> {
  if (path.endsWith('.index.json')) return openShards(path);
  const file = await RandomAccessFile.open(path);
  const watch = new FileWatch(path.endsWith('.onnx') ? 'graph' : 'weights', path, file.size);
  const source = await watch.during(() => openFile(file, path));
  const watched = (tensor: CheckpointTensor): CheckpointTensor => ({
    ...tensor,
    read: (into) => watch.during(() => tensor.read(into)),
  });
  return { ...source, tensors: new Map(Array.from(source.tensors, ([name, tensor]) => [name, watched(tensor)])) };
}

async function openFile(file: RandomAccessFile, path: string): Promise<CheckpointSource> {
  const head = new Uint8Array(Math.min(512, file.size));
  try {
    await file.read(head, 0);
    refuseKnownForeign(head, path);
  } catch (error) {
    await file.close();
    throw error;
  }
  if (path.endsWith('.onnx')) return openOnnxWeights(file);
  if (startsWith(head, FOUR_BIT_MAGIC)) return openFourBit(file);
  if (startsWith(head, 'PK')) return openTorchZip(file);
  const looksLikeSafetensors = path.endsWith('.safetensors') || (head[8] === 0x7b && head[7] === 0 && head[6] === 0);
  if (looksLikeSafetensors) return openSafetensors(file);
  // The rest is a pickle of some protocol, or unknown; the pickle machine decides.
  return openTorchLegacy(file);
}

function refuseKnownForeign(head: Uint8Array, path: string): void {
  const refuse = (what: Words) => {
    throw new MedTextError('UNSUPPORTED', words`${path} is ${what}. Use the model's safetensors or PyTorch file.`, {
      file: path,
    });
  };
  if (head.length === 0) throw new MedTextError('CHECKPOINT_FORMAT', words`${path} is empty.`, { file: path });
  if (startsWith(head, 'version https://git-lfs')) {
    throw new MedTextError(
      'CHECKPOINT_FORMAT',
      words`${path} is a Git LFS pointer, not the weights themselves. Fetch them with "git lfs pull".`,
      { file: path },
    );
  }
  if (startsWith(head, '\x89HDF')) refuse(words`a Keras (HDF5) file`);
  if (Buffer.from(head.subarray(257, 262)).toString('latin1') === 'ustar')
    refuse(words`a tar file (PyTorch before 0.2 or Paddle)`);
  if (path.endsWith('.msgpack')) refuse(words`a Flax file`);
  if (startsWith(head, '<')) {
    throw new MedTextError('CHECKPOINT_FORMAT', words`${path} is a web page, not weights. Download it again.`, {
      file: path,
    });
  }
}

function startsWith(head: Uint8Array, text: string): boolean {
  return Buffer.from(head.subarray(0, text.length)).toString('latin1') === text;
}

const MAX_INDEX_BYTES = 2 ** 24;

/** `model.safetensors.index.json` or `pytorch_model.bin.index.json`: which tensor lies in which file beside it. */
async function openShards(path: string): Promise<CheckpointSource> {
  const weightMap = await readIndex(path);
  await refuseMissingShards(path, [...new Set(weightMap.map(([, shard]) => shard))]);
  const shards = new Map<string, CheckpointSource>();
  const close = async () => {
    for (const shard of shards.values()) await shard.close();
  };
  try {
    const tensors = new Map<string, CheckpointTensor>();
    for (const [name, shardName] of weightMap) {
      let shard = shards.get(shardName);
      if (!shard) {
        shard = await openCheckpoint(join(dirname(path), shardName));
        shards.set(shardName, shard);
      }
      const tensor = shard.tensors.get(name);
      if (!tensor) {
        throw new MedTextError(
          'CHECKPOINT_FORMAT',
          words`According to ${path}, "${name}" is in ${shardName}, but that file has no such tensor.`,
          {
            file: path,
            tensor: name,
          },
        );
      }
      tensors.set(name, tensor);
    }
    const [first] = shards.values();
    const files = Array.from(shards.values(), (shard) => shard.files[0]);
    return { format: first.format, files, tensors, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** All that are missing at once: each may be gigabytes to fetch. */
async function refuseMissingShards(path: string, shards: readonly string[]): Promise<void> {
  const isThere = await Promise.all(shards.map((name) => stat(join(dirname(path), name)).then(() => true, () => false))); // prettier-ignore
  const missing = shards.filter((_, i) => !isThere[i]);
  if (missing.length === 0) return;
  throw new MedTextError(
    'NOT_FOUND',
    words`${path} names ${shards.length} files of weights; missing beside it: ${missing.join(', ')}. Copy or download them again.`,
    { file: path, missing },
  );
}

async function readIndex(path: string): Promise<[string, string][]> {
  const broken = (what: Words) => new MedTextError('CHECKPOINT_FORMAT', words`${path}: ${what}.`, { file: path });
  let json: unknown;
  try {
    const { size } = await stat(path);
    if (size > MAX_INDEX_BYTES) throw broken(words`an index of ${size} bytes is too long`);
    json = JSON.parse(await readTextFile(path));
  } catch (error) {
    if (error instanceof SyntaxError) throw broken(words`it is not JSON (${error.message})`);
    throw asMedTextError(error);
  }
  const weightMap = (json as { weight_map?: unknown } | null)?.weight_map;
  if (typeof weightMap !== 'object' || weightMap === null || Array.isArray(weightMap))
    throw broken(words`it has no "weight_map"`);
  const entries = Object.entries(weightMap);
  if (entries.length === 0) throw broken(words`its "weight_map" is empty`);
  for (const [name, shard] of entries) {
    // A shard lies beside its index: an index must not make this program open another file.
    const plain =
      typeof shard === 'string' && shard === basename(shard) && !/[\\/\0:]/.test(shard) && !/^\.*$/.test(shard);
    if (!plain || shard.endsWith('.index.json')) {
      throw broken(
        words`the file of tensor "${name}" is not a file name (${String(JSON.stringify(shard)).slice(0, 100)})`,
      );
    }
  }
  return entries as [string, string][];
}
