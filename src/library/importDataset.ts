/** Copies or downloads a data set into a folder, with its files unchanged. */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { words } from '../base/errors';
import { withFileLock } from '../base/fileLock';
import { WORKSHOP, type HubClient } from '../hub/download';
import type { TransferProgress } from '../hub/transferMeter';
import { fetchSource, type FoundSource } from './modelSource';

export interface FetchedDataset {
  readonly folder: string;
  /** Null where the files of a cache were copied unchanged. */
  readonly files: readonly { readonly path: string; readonly sizeBytes: number }[] | null;
}

/** @throws MedTextError what {@link fetchSource} throws. */
export async function fetchDataset(
  found: FoundSource,
  output: string,
  options: {
    readonly client: HubClient;
    readonly onProgress?: (progress: TransferProgress) => void;
    readonly signal?: AbortSignal;
  },
): Promise<FetchedDataset> {
  const { client, onProgress, signal } = options;
  const folder = await fetchSource(found, client, { onProgress, signal });
  if (folder !== output && found.kind === 'cached') await copyOf(folder, output);
  if (found.kind !== 'remote') return { folder: output, files: null };
  return { folder: found.plan.root, files: found.plan.files.map(({ path, sizeBytes }) => ({ path, sizeBytes })) };
}

/** The files of a cache are links into it. */
async function copyOf(cached: string, output: string): Promise<void> {
  const workshop = join(output, WORKSHOP);
  const busy = words`The same download is under way in another process`;
  await withFileLock(join(workshop, 'lock'), busy, () => cp(cached, output, { recursive: true, dereference: true }));
  await rm(workshop, { recursive: true, force: true });
}
