import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { copyFile, open, stat } from 'node:fs/promises';
import { asMedTextError, MedTextError, words } from './errors';

/** A bound on bytes, larger than any configuration, vocabulary, recipe or list of labels. */
const MAX_TEXT_BYTES = 64 * 2 ** 20;

/** The flags to open a stranger's file: a pipe without a writer would wait for ever. Windows has no such flag. */
export const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Reads a small file as text, without its byte order mark. The path may come from a stranger, so that it may lead to a
 * pipe, an endless device or a file of a gigabyte.
 * @throws NOT_FOUND · IO, also when it is no regular file or too long
 */
export async function readTextFile(path: string, maxBytes = MAX_TEXT_BYTES): Promise<string> {
  return textOf(await readSmallFile(path, maxBytes));
}

/** {@link readTextFile} in bytes. */
export async function readSmallFile(path: string, maxBytes = MAX_TEXT_BYTES): Promise<Buffer> {
  try {
    const file = await open(path, READ);
    try {
      const bytes = roomFor(path, await file.stat(), maxBytes);
      let length = 0;
      while (length < bytes.length) {
        const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return bytes.subarray(0, length);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw notRead(path, error);
  }
}

/** {@link readTextFile} without waiting, for the extension host's synchronous callers. */
export function readTextFileSync(path: string, maxBytes = MAX_TEXT_BYTES): string {
  try {
    const file = openSync(path, READ);
    try {
      const bytes = roomFor(path, fstatSync(file), maxBytes);
      let length = 0;
      while (length < bytes.length) {
        const read = readSync(file, bytes, length, bytes.length - length, length);
        if (read === 0) break;
        length += read;
      }
      return textOf(bytes.subarray(0, length));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw notRead(path, error);
  }
}

/** The system's error names the call and its code, not what a person can do. */
function notRead(path: string, error: unknown): MedTextError {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return asMedTextError(error);
  return new MedTextError('NOT_FOUND', words`${path} does not exist.`, { file: path }, { cause: error });
}

/** Copies a regular file and nothing else. @throws NOT_FOUND · IO · DISK_FULL */
export async function copyRegularFile(from: string, to: string): Promise<void> {
  try {
    refuseOdd(from, await stat(from));
    await copyFile(from, to);
  } catch (error) {
    throw asMedTextError(error);
  }
}

/** @throws IO for a folder, a device or a pipe */
export function refuseOdd(path: string, status: Stats): void {
  if (status.isFile()) return;
  throw new MedTextError('IO', words`${path} is not a file but a folder, a device or a pipe.`, { file: path });
}

function roomFor(path: string, status: Stats, maxBytes: number): Buffer {
  refuseOdd(path, status);
  if (status.size > maxBytes) {
    throw new MedTextError(
      'IO',
      words`${path} has ${status.size} bytes. A file that is read as a whole may have at most ${maxBytes}.`,
      { file: path, sizeBytes: status.size },
    );
  }
  return Buffer.alloc(status.size);
}

function textOf(bytes: Buffer): string {
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
}
