/** A folder that is there as a whole or not at all. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { asMedTextError, MedTextError, words } from '../../base/errors';

/**
 * Runs `fill` on a new empty folder beside `folder`, then puts it in `folder`'s place. When anything fails, `folder` is
 * what it was before. The caller has made sure that the folder that stands there may go; anything but a folder stays.
 * @throws MedTextError DISK_FULL, IO, or what `fill` throws.
 */
export async function replaceFolder(folder: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const target = resolve(folder);
  const beside = dirname(target);
  let temporary: string | undefined;
  try {
    const there = await stat(target).catch(() => undefined);
    if (there && !there.isDirectory()) {
      throw new MedTextError('IO', words`${target} is no folder; nothing was written.`, { file: target });
    }
    await mkdir(beside, { recursive: true });
    const unused = join(beside, `.${basename(target)}.writing-${randomBytes(6).toString('hex')}`);
    await mkdir(unused);
    temporary = unused;
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
    if (replaced) await rm(old, { recursive: true, force: true });
    await syncFolder(beside);
  } catch (error) {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
    throw asMedTextError(error);
  }
}

/** The names in a folder; none when it does not exist. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw asMedTextError(error);
  }
}

async function renameIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
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
