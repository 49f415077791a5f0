/** A model from wherever it is into a model folder with a record; downloads that have served are removed. */
import { rename, rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
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
 * @throws MedTextError what {@link fetchSource}, {@link importModel} and {@link writeModelRecord} throw.
 */
export async function importSource(
  found: FoundSource,
  output: string,
  options: ImportSourceOptions,
): Promise<{ readonly imported: ImportedModel; readonly record: ModelRecord }> {
  const { client, signal } = options;
  const folder = await fetchSource(found, client, { onProgress: options.onDownload, signal });
  const imported = await importModel(folder, output, { onProgress: options.onImport, signal });
  const record = await writeModelRecord(imported.path, found.origin, { signal });
  if (found.kind === 'remote') await removeDownload(found.plan.folder);
  return { imported, record };
}

/** Renamed first: a removal that is interrupted leaves no half download under the name. */
async function removeDownload(folder: string): Promise<void> {
  const old = `${folder}.old-${process.pid}`;
  try {
    await rename(folder, old);
    await rm(old, { recursive: true, force: true });
    // The folders of kind and repository go when they are empty; others may be at work in them.
    for (let parent = dirname(folder), depth = 0; depth < 3; depth++, parent = dirname(parent)) await rmdir(parent);
  } catch {
    // Left-overs cost space, not correctness.
  }
}
