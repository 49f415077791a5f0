/** One process at a time in a folder. */
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MedTextError, words } from '../base/errors';

const LOCK = '.lock';

/**
 * Runs `work` while no other process does so for the same folder. The lock of a process that has ended counts no more.
 * @throws MedTextError BUSY, or what `work` throws.
 */
export async function withFolderLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const file = join(folder, LOCK);
  await take(file, folder);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function take(file: string, folder: string): Promise<void> {
  for (let tries = 0; tries < 3; tries++) {
    try {
      const handle = await open(file, 'wx');
      await handle.writeFile(String(process.pid));
      await handle.close();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = Number(await readFile(file, 'utf8').catch(() => ''));
      // A process's own second download to the same place is as much in the way as another's.
      if (holder > 0 && isAlive(holder)) throw new MedTextError('BUSY', words`The same download is under way in another process (${holder}). Wait for it, or end it.`, { folder, pid: holder }); // prettier-ignore
      await rm(file, { force: true });
    }
  }
  throw new MedTextError('BUSY', words`${folder} is locked by other processes.`, { folder });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
