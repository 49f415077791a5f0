import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { asMedTextError } from './errors';

/**
 * Writes a file so that at any moment there is either the old one or the complete new one: into a temporary file of the
 * same folder, to the disk, then renamed. The folder is made if absent.
 *
 * Errors: `IO`, `DISK_FULL`, and what `content` throws; the temporary file is then removed.
 */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array | AsyncIterable<string | Uint8Array>,
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'wx');
    try {
      const chunks = typeof content === 'string' || content instanceof Uint8Array ? [content] : content;
      for await (const chunk of chunks) {
        await file.writeFile(chunk); // Writes all of it at the current position; write() may write less.
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw asMedTextError(error);
  }
}
