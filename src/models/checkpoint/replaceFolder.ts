/** Writes a folder that appears as a whole or not at all. */
import { lstat, mkdir, open, readdir, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { refuseFullDisk, withPlace } from '../../base/diskFull';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import { withFileLock } from '../../base/fileLock';
import { exchangedFolder, lockBeside, sweepLeftovers, temporaryFolder } from '../../base/leftovers';

export interface ReplaceOptions {
  /** The bytes that `fill` will write, to check the free space. */
  readonly sizeBytes?: number;
  /** Where the earlier folder is moved to instead of being removed, unless something is there already. */
  readonly keepOldAs?: string;
}

/**
 * Runs `fill` on a new empty folder beside `folder`, then puts it in `folder`'s place. When anything fails, `folder` is
 * what it was before. The caller has made sure that the folder that stands there may go; anything but a folder stays. A link
 * stays, too: the folder that it leads to is replaced.
 * @throws MedTextError BUSY when another process is writing the same folder; DISK_FULL, IO, or what `fill` throws.
 */
export async function replaceFolder(
  folder: string,
  fill: (temporary: string) => Promise<void>,
  options: ReplaceOptions = {},
): Promise<void> {
  const target = await behindLink(resolve(folder));
  const there = await stat(target).catch(() => undefined);
  if (there && !there.isDirectory()) throw noFolder(target);
  await withFileLock(lockBeside(target), words`${target} is being written by another program`, async () => {
    await restoreFolder(target);
    const { sizeBytes: neededBytes } = options;
    const written = { path: target, folder: dirname(target) };
    if (neededBytes !== undefined) await refuseFullDisk({ ...written, neededBytes });
    try {
      await exchange(target, fill, options);
    } catch (error) {
      throw await withPlace(asMedTextError(error), { ...written, neededBytes });
    }
  });
}

/**
 * After a kill: what stood at `folder` stands there again if it was just being exchanged, and what was half written
 * goes. The caller makes sure that nobody is writing it.
 * @throws MedTextError IO.
 */
export async function restoreFolder(folder: string): Promise<void> {
  const old = await exchangedFolder(folder);
  try {
    if (old !== undefined) await rename(old, folder);
  } catch (error) {
    throw asMedTextError(error);
  }
  await sweepLeftovers(dirname(folder), basename(folder));
}

async function exchange(
  target: string,
  fill: (temporary: string) => Promise<void>,
  { keepOldAs }: ReplaceOptions,
): Promise<void> {
  const temporary = temporaryFolder(target);
  try {
    await mkdir(temporary);
    await fill(temporary);
    await syncFolder(temporary);
    const old = `${temporary}.old`;
    const replaced = await renameIfThere(target, old);
    try {
      await rename(temporary, target);
    } catch (error) {
      if (replaced) await rename(old, target);
      throw error;
    }
    if (replaced && (keepOldAs === undefined || !(await renamedTo(old, keepOldAs)))) {
      await rm(old, { recursive: true, force: true });
    }
    await syncFolder(dirname(target));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** The folder that a link leads to, also where it is not there yet; any other path itself. */
async function behindLink(path: string): Promise<string> {
  const isLink = (await lstat(path).catch(() => undefined))?.isSymbolicLink();
  if (!isLink) return path;
  return realpath(path).catch(async () => resolve(dirname(path), await readlink(path)));
}

/** The names in a folder; none when it does not exist. @throws MedTextError IO, also for anything but a folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    if (code === 'ENOTDIR') throw noFolder(resolve(folder));
    throw asMedTextError(error);
  }
}

const noFolder = (path: string): MedTextError =>
  new MedTextError('IO', words`${path} is not a folder. Nothing was written.`, { file: path });

async function renameIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** False where something is there already. */
async function renamedTo(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    // ENOTEMPTY and EEXIST on Unix, EPERM on Windows.
    if (['ENOTEMPTY', 'EEXIST', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** Makes the names in a folder durable; Windows neither needs nor allows it. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
