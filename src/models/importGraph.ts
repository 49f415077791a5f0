/** An ONNX file whose weights do not tell their names: it is kept as the graph it is, to be scored with and trained on. */
import { mkdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { copyRegularFile } from '../base/textFile';
import { asMedTextError, MedTextError } from '../base/errors';
import { replaceFolder } from './checkpoint/replaceFolder';
import { isObject } from './configJson';
import type { ModelFolder } from './modelFolder';
import { json, ORIGIN_FIELD, refuseForeignFolder, writeSynced, type WriteOptions } from './writeModelFolder';

/**
 * Writes `output` whole or not at all: the graph and its external data byte for byte, config.json with this program's
 * mark, and what lies beside them (tokenizer, labels, ModelScope's configuration, cards).
 * @param files the ONNX file, then its external data, as the reader found them: none lies outside the file's folder.
 * @throws MedTextError IO, DISK_FULL, CANCELLED.
 */
export async function importGraph(
  folder: ModelFolder,
  files: readonly string[],
  output: string,
  { onProgress, signal, exactLengths }: WriteOptions & { readonly exactLengths?: boolean } = {},
): Promise<void> {
  await refuseForeignFolder(output);
  const [graph] = files;
  const beside = ['configuration.json', 'label_mapping.json'].map((name) => join(folder.path, name));
  const present = await Promise.all(beside.map(async (path) => ((await sizeOf(path)) === undefined ? [] : [path])));
  const medtext = isObject(folder.rawConfig[ORIGIN_FIELD]) ? folder.rawConfig[ORIGIN_FIELD] : {};
  const sizes = await Promise.all(files.map(sizeOf));
  const totalBytes = sizes.reduce<number>((sum, size = 0) => sum + size, 0);
  let doneBytes = 0;
  try {
    const fill = async (temporary: string): Promise<void> => {
      for (const [i, path] of files.entries()) {
        if (signal?.aborted) throw new MedTextError('CANCELLED', 'The import was cancelled.');
        // External data keeps its place beside the graph, which names it.
        const target = join(temporary, relative(dirname(graph), path));
        await mkdir(dirname(target), { recursive: true });
        await copyRegularFile(path, target);
        doneBytes += sizes[i] ?? 0;
        onProgress?.({ doneBytes, totalBytes });
      }
      for (const path of [...folder.tokenizerFiles, ...folder.cardFiles, ...present.flat()]) {
        await copyRegularFile(path, join(temporary, basename(path)));
      }
      const config = {
        ...folder.rawConfig,
        [ORIGIN_FIELD]: {
          source_model_type: folder.config.modelType,
          ...medtext,
          ...(exactLengths !== undefined && { exact_lengths: exactLengths }),
        },
      };
      await writeSynced(join(temporary, 'config.json'), json(config));
    };
    await replaceFolder(output, fill, { sizeBytes: totalBytes });
  } catch (error) {
    throw asMedTextError(error);
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(resolve(path)).catch(() => undefined))?.size;
}
