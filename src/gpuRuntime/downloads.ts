/** Downloads wheels from the package index into a folder of their own, where they stay until they are unpacked. */
import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { words } from '../base/errors';
import { withFileLock } from '../base/fileLock';
import { silentLog } from '../base/log';
import type { WantedFile } from '../hub/downloadFile';
import { Transport } from '../hub/transport';
import type { GpuRuntimeOptions } from './options';
import type { IndexFile } from './packageIndex';

export const downloadsFolder = (root: string): string => join(root, 'downloads');

/** Where the file of a wheel goes, with the size and hash that it must have. */
export function wantedWheel(
  root: string,
  { file, url, sha256, sizeBytes }: IndexFile & { readonly sizeBytes: number },
): WantedFile {
  // prettier-ignore
  const place = join(downloadsFolder(root), file);
  return { url, place, part: place, sizeBytes, sha256, gitSha1: undefined };
}

export function transportTo(
  credentials: ReadonlyMap<string, Readonly<Record<string, string>>>,
  { proxy, userAgent, log, limits }: GpuRuntimeOptions,
) {
  return new Transport({ proxy, credentials, userAgent, log: log ?? silentLog, limits });
}

/** Deletes finished and unfinished downloads; files of other names stay. */
export async function removeDownloads(root: string): Promise<void> {
  const folder = downloadsFolder(root);
  for (const name of await readdir(folder).catch(() => [])) {
    if (/\.whl(\.part(\.json)?)?$/.test(name)) await rm(join(folder, name), { force: true });
  }
  await rmdir(folder).catch(() => undefined);
}

/** Takes the lock that lets one process at a time install or remove the libraries. */
export function withGpuRuntimeLock<T>(root: string, work: () => Promise<T>): Promise<T> {
  return withFileLock(join(root, '.lock'), words`The same download is under way in another process`, work);
}
