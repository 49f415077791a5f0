/** Identifies a model by a hash of the files that decide what it computes. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readTextFile, refuseOdd } from '../base/textFile';
import { asMedTextError, MedTextError } from '../base/errors';
import { externalFilesOf } from './checkpoint/onnxFiles';
import { namesIn } from './checkpoint/replaceFolder';
import type { ModelFolder } from './modelFolder';

export interface ContentFile {
  /** The file's name in the model's folder. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly sha256: string;
}

export interface ModelContent {
  /** `sha256:` and 64 hexadecimal digits. */
  readonly contentHash: string;
  readonly files: readonly ContentFile[];
}

/** The record beside an imported model: what it is, where it came from, and its files' hashes. */
export const MODEL_RECORD = 'medtext-model.json';

/**
 * Hashes weights, configuration, labels and tokenizer, not cards and records: two folders with the same hash answer
 * alike. Hashes in the folder's record are believed for files of the recorded size and time.
 * @param anew reads every byte, whatever the record says
 * @throws MedTextError CANCELLED, IO, NOT_FOUND; what {@link externalFilesOf} throws.
 */
export async function modelContent(
  folder: ModelFolder,
  { signal, anew = false }: { readonly signal?: AbortSignal; readonly anew?: boolean } = {},
): Promise<ModelContent> {
  const recorded = anew ? [] : await recordedFiles(folder.path);
  const files: ContentFile[] = [];
  for (const path of await contentFiles(folder)) {
    const name = path.slice(folder.path.length + 1).replaceAll('\\', '/');
    const { size, mtimeMs } = await stat(path).catch((error: unknown) => {
      throw asMedTextError(error);
    });
    const known = recorded.find((file) => file.name === name && file.sizeBytes === size && file.mtimeMs === mtimeMs);
    files.push(known ?? { name, sizeBytes: size, mtimeMs, sha256: await sha256OfFile(path, signal) });
  }
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  const hash = createHash('sha256');
  for (const { name, sha256 } of files) hash.update(`${name}\0${sha256}\n`);
  return { contentHash: `sha256:${hash.digest('hex')}`, files };
}

/** @throws MedTextError CANCELLED, IO. */
export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  try {
    refuseOdd(path, await stat(path));
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
      if (signal?.aborted) throw new MedTextError('CANCELLED', 'Hashing the model was cancelled.');
      hash.update(chunk as Buffer);
    }
  } catch (error) {
    throw asMedTextError(error);
  }
  return hash.digest('hex');
}

async function contentFiles(folder: ModelFolder): Promise<string[]> {
  const names = await namesIn(folder.path);
  const described = names.filter((name) => /^(config|label_mapping)\.json$/.test(name)).map((name) => join(folder.path, name)); // prettier-ignore
  return [...new Set([...described, ...folder.tokenizerFiles, ...(await weightsFiles(folder))])];
}

/** The weights file with what belongs to it: an index's shards, an ONNX file's external data. */
async function weightsFiles({ weightsPath }: ModelFolder): Promise<string[]> {
  if (weightsPath === undefined) return [];
  const folder = dirname(weightsPath);
  const name = basename(weightsPath);
  if (name.endsWith('.index.json')) {
    const { weight_map: map } = JSON.parse(await readTextFile(weightsPath)) as { weight_map?: object };
    // The checkpoint reader refuses names that are no plain names; nothing else is opened here.
    const shards = [...new Set(Object.values(map ?? {}))].filter((shard): shard is string => typeof shard === 'string' && shard === basename(shard)); // prettier-ignore
    return [weightsPath, ...shards.map((shard) => join(folder, shard))];
  }
  return name.endsWith('.onnx') ? [weightsPath, ...(await externalFilesOf(weightsPath))] : [weightsPath];
}

async function recordedFiles(folder: string): Promise<readonly ContentFile[]> {
  try {
    const record = JSON.parse(await readTextFile(join(folder, MODEL_RECORD))) as { files?: unknown };
    if (!Array.isArray(record.files)) return [];
    return record.files.filter(
      (file): file is ContentFile =>
        typeof file?.name === 'string' &&
        typeof file.sizeBytes === 'number' &&
        typeof file.mtimeMs === 'number' &&
        /^[0-9a-f]{64}$/.test(String(file.sha256)),
    );
  } catch {
    return [];
  }
}
