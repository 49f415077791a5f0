/** Files and folders that are written under a temporary name until they are whole. A killed process leaves them there. */
import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { asMedTextError } from './errors';
import { lockHolder } from './fileLock';

/** The temporary name of a file: `.NAME.<hex>.tmp` beside it. */
export const temporaryFile = (path: string): string => unusedBeside(path, (hex) => `${hex}.tmp`);

/** The temporary name of a folder: `.NAME.writing-<hex>` beside it; with `.old`, the folder that is being replaced. */
export const temporaryFolder = (path: string): string => unusedBeside(path, (hex) => `writing-${hex}`);

/** The name of a folder that is being removed: `.NAME.removing-<hex>` beside it. */
const goingFolder = (path: string): string => unusedBeside(path, (hex) => `removing-${hex}`);

/** The lock of a process that writes a whole folder. */
export const lockBeside = (folder: string): string => join(dirname(folder), `.${basename(folder)}.lock`);

const LEFTOVER = /^\..+\.([0-9a-f]{12}\.tmp|removing-[0-9a-f]{12}|writing-[0-9a-f]{12}(\.old)?)$/;
const LOCK = /^\..+\.lock$/;
/** A file that a process writes before it takes a lock. It belongs to that process while the process lives. */
const LOCK_ATTEMPT = /^\.(.+\.)?lock\.[0-9a-f]{12}\.tmp$/;

/**
 * Removes what interrupted writers left in the folder. The caller holds the lock of whoever writes there.
 * @param name limits the removal to the leftovers of this file or folder
 * @throws MedTextError IO.
 */
export async function sweepLeftovers(folder: string, name?: string): Promise<void> {
  const entries = await readdir(folder).catch(() => []);
  for (const entry of entries) {
    const isOurs = name === undefined || entry.startsWith(`.${name}.`);
    const path = join(folder, entry);
    const isLock = name === undefined && LOCK.test(entry);
    if (!isLock && !(isOurs && LEFTOVER.test(entry))) continue;
    if ((isLock || LOCK_ATTEMPT.test(entry)) && (await lockHolder(path))) continue;
    await rm(path, { recursive: true, force: true }).catch((error: unknown) => {
      throw asMedTextError(error);
    });
  }
}

/**
 * Removes a folder: renamed first, so that a removal that is interrupted leaves no half folder under its name.
 * @throws MedTextError NOT_FOUND, IO.
 */
export async function removeFolder(folder: string): Promise<void> {
  const going = goingFolder(folder);
  try {
    await rename(folder, going);
    await rm(going, { recursive: true, force: true });
  } catch (error) {
    throw asMedTextError(error);
  }
}

/** The folder as it was before its writer was killed while exchanging it; undefined where that did not happen. */
export async function exchangedFolder(folder: string): Promise<string | undefined> {
  const entries = await readdir(dirname(folder)).catch((): string[] => []);
  if (entries.includes(basename(folder))) return undefined;
  const old = entries.find((entry) => entry.startsWith(`.${basename(folder)}.writing-`) && LEFTOVER.test(entry) && entry.endsWith('.old')); // prettier-ignore
  return old === undefined ? undefined : join(dirname(folder), old);
}

function unusedBeside(path: string, ending: (hex: string) => string): string {
  return join(dirname(path), `.${basename(path)}.${ending(randomBytes(6).toString('hex'))}`);
}
