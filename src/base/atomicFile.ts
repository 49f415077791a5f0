import type { Stats } from 'node:fs';
import { constants, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { withPlace } from './diskFull';
import { asMedTextError, MedTextError, words } from './errors';
import { temporaryFile } from './leftovers';

export type Content = string | Uint8Array | AsyncIterable<string | Uint8Array>;

export interface WriteOptions {
  /** The permissions of the file that the content was made from. Nobody who may not read that file may read this one. */
  readonly noWiderThan?: number;
}

/**
 * Writes a file so that at any moment there is either the old one or the complete new one: into a temporary file of the
 * same folder, to the disk, then renamed. The folder is made if absent; a file that is replaced keeps its permissions, and
 * a link goes on to where it points. What is no regular file is not replaced: a terminal, a pipe or `/dev/null` is
 * written to as it is, anything else refused.
 *
 * Errors: `IO`, `DISK_FULL`, and what `content` throws; the temporary file is then removed.
 */
export async function writeFileAtomically(path: string, content: Content, options: WriteOptions = {}): Promise<void> {
  try {
    const there = await stat(path).catch(unlessMissing);
    if (there?.isFIFO() || there?.isCharacterDevice()) return await writeThrough(path, content);
    if (there && !there.isFile()) throw noFile(path, there);
    await replaceFile(there ? await realpath(path) : path, content, modeOf(there, options));
  } catch (error) {
    throw await withPlace(asMedTextError(error), { path, folder: dirname(path), neededBytes: sizeOf(content) });
  }
}

async function replaceFile(path: string, content: Content, mode: number | undefined): Promise<void> {
  const temporary = temporaryFile(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'wx', mode);
    try {
      // An old file may have permissions that the process masks of new files.
      if (mode !== undefined && process.platform !== 'win32') await file.chmod(mode);
      for await (const chunk of chunksOf(content)) {
        await file.writeFile(chunk); // Writes all of it at the current position; write() may write less.
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Flags that neither create nor cut the file, for targets without positions. */
async function writeThrough(path: string, content: Content): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_APPEND);
  try {
    for await (const chunk of chunksOf(content)) await file.writeFile(chunk);
  } finally {
    await file.close();
  }
}

function chunksOf(content: Content): Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array> {
  return typeof content === 'string' || content instanceof Uint8Array ? [content] : content;
}

/** The size in bytes; undefined where it is only known after writing. */
function sizeOf(content: Content): number | undefined {
  if (typeof content === 'string') return Buffer.byteLength(content);
  return content instanceof Uint8Array ? content.length : undefined;
}

/** The permissions of an existing file, for {@link WriteOptions.noWiderThan}. */
export async function modeOfFile(path: string): Promise<number> {
  try {
    return (await stat(path)).mode & 0o777;
  } catch (error) {
    throw asMedTextError(error);
  }
}

/** The permissions to set; undefined: the system's defaults for a new file. The owner may always read and write. */
function modeOf(there: Stats | undefined, { noWiderThan }: WriteOptions): number | undefined {
  if (noWiderThan === undefined) return there && there.mode & 0o777;
  const usual = there ? there.mode & 0o777 : 0o666 & ~process.umask();
  return usual & (noWiderThan | 0o600);
}

function noFile(path: string, there: Stats): MedTextError {
  const what = there.isDirectory() ? words`a folder` : words`a device or a socket`;
  return new MedTextError('IO', words`${path} is ${what}, not a file. Nothing was written.`, { file: path });
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** Whether two paths name one file: a link to a file is that file, since writing to it would replace what it points to. */
export async function isSamePlace(one: string, other: string): Promise<boolean> {
  return (await placeOf(one)) === (await placeOf(other));
}

async function placeOf(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}
