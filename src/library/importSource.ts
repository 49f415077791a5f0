/** Imports a model from a path, a cache or a hub into a folder with a record, and removes downloads that are used up. */
import { rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { words } from '../base/errors';
import { withFileLock } from '../base/fileLock';
import { lockBeside, removeFolder, sweepLeftovers } from '../base/leftovers';
import { graphReadsPadding } from '../inference/paddingProbe';
import { importModel, type ImportedModel } from '../models/importModel';
import type { HubClient } from '../hub/download';
import type { TransferProgress } from '../hub/transferMeter';
import { writeModelRecord, type ModelRecord } from './modelRecord';
import { fetchSource, type FoundSource } from './modelSource';

export interface ImportSourceOptions {
  readonly client: HubClient;
  readonly onDownload?: (progress: TransferProgress) => void;
  readonly onImport?: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void;
  readonly signal?: AbortSignal;
}

/**
 * Downloads where needed, imports into `output`, and writes the record. After a failure or a cancelled download what has
 * come stays, for the next call; `output` is then as it was.
 * @throws MedTextError BUSY while another import writes there or reads the same download; what {@link fetchSource},
 * {@link importModel} and {@link writeModelRecord} throw.
 */
export async function importSource(
  found: FoundSource,
  output: string,
  options: ImportSourceOptions,
): Promise<{ readonly imported: ImportedModel; readonly record: ModelRecord }> {
  const place = resolve(output);
  // The lock also covers the record, which belongs to the model.
  const lock = join(dirname(place), `.${basename(place)}.import.lock`);
  return withFileLock(lock, words`Another import into ${place} is under way`, async () => {
    if (found.kind !== 'remote') return imported(found, place, options);
    const { folder } = found.plan;
    const busy = words`Another import of the same download is under way`;
    const result = await withFileLock(lockBeside(folder), busy, async () => {
      const done = await imported(found, place, options);
      // Leftover downloads cost space, not correctness.
      await removeFolder(folder).catch(() => undefined);
      await sweepLeftovers(dirname(folder), basename(folder)).catch(() => undefined);
      return done;
    });
    await removeEmptyParents(folder);
    return result;
  });
}

async function imported(
  found: FoundSource,
  output: string,
  { client, signal, onDownload, onImport }: ImportSourceOptions,
): Promise<{ readonly imported: ImportedModel; readonly record: ModelRecord }> {
  const folder = await fetchSource(found, client, { onProgress: onDownload, signal });
  const model = await importModel(folder, output, { onProgress: onImport, signal, readsPadding: graphReadsPadding });
  return { imported: model, record: await writeModelRecord(model.path, found.origin, { signal }) };
}

/** Removes the folders of kind and repository where they are empty; another import may be at work in them. */
async function removeEmptyParents(folder: string): Promise<void> {
  try {
    for (let parent = dirname(folder), depth = 0; depth < 3; depth++, parent = dirname(parent)) await rmdir(parent);
  } catch {
    // The folder is not empty.
  }
}
