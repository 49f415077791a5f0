/** Copies or downloads a data set into a folder, with its files unchanged. */
import { cp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { withFileLock } from '../base/fileLock';
import { WORKSHOP, type HubClient } from '../hub/download';
import type { TransferProgress } from '../hub/transferMeter';
import { sha256OfFile } from '../models/modelContent';
import { fetchSource, type FoundSource } from './modelSource';

export interface FetchedDataset {
  readonly folder: string;
  /** Null where the files of a cache were copied unchanged. */
  readonly files: readonly { readonly path: string; readonly sizeBytes: number }[] | null;
}

/**
 * Files of a person that stand in the folder are not replaced. What an earlier import has brought is not brought again.
 * @throws MedTextError IO where the folder has another file under the name of one; what {@link fetchSource} throws.
 */
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
  const taken = found.kind === 'remote' ? await client.taken(found.plan, signal) : found.kind === 'cached' ? await takenIn(output, found.cached.folder, signal) : []; // prettier-ignore
  if (taken.length > 0) {
    throw new MedTextError(
      'IO',
      words`${output} already holds other files (${taken.slice(0, 3).join(', ')}${taken.length > 3 ? ', …' : ''}). Choose a new folder.`,
      { file: output },
    );
  }
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

/** Names of the cache's files where `output` has something else. */
async function takenIn(output: string, cached: string, signal?: AbortSignal): Promise<string[]> {
  const taken: string[] = [];
  for (const name of await readdir(cached, { recursive: true })) {
    const [from, to] = [join(cached, name), join(output, name)];
    const [wanted, there] = await Promise.all([from, to].map((path) => stat(path).catch(() => undefined)));
    if (!there || (wanted?.isDirectory() && there.isDirectory())) continue;
    const isSame = wanted?.isFile() && there.isFile() && wanted.size === there.size && (await sha256OfFile(from, signal)) === (await sha256OfFile(to, signal)); // prettier-ignore
    if (!isSame) taken.push(name);
  }
  return taken;
}
