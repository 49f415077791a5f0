/** A data set from wherever it is into a folder, its files as they are. */
import { cp } from 'node:fs/promises';
import type { HubClient } from '../hub/download';
import type { TransferProgress } from '../hub/transferMeter';
import { fetchSource, type FoundSource } from './modelSource';

export interface FetchedDataset {
  readonly folder: string;
  /** Null where a cache's were copied as they are. */
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
  // A cache's files are links into it.
  if (folder !== output && found.kind === 'cached') await cp(folder, output, { recursive: true, dereference: true });
  if (found.kind !== 'remote') return { folder: output, files: null };
  return { folder: found.plan.root, files: found.plan.files.map(({ path, sizeBytes }) => ({ path, sizeBytes })) };
}
