import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { FileLock } from '../base/fileLock';
import { sweepLeftovers } from '../base/leftovers';
import { restoreFolder } from '../models/checkpoint/replaceFolder';
import type { RunFolder } from './runFolder';

/** A run folder while this process trains in it: nobody else does, and it is where it was. */
export class RunLock {
  private constructor(
    readonly folder: RunFolder,
    private readonly lock: FileLock,
  ) {}

  /**
   * Also clears away what a process that was killed here left half written.
   * @throws MedTextError BUSY when another process trains there; IO.
   */
  static async take(folder: RunFolder): Promise<RunLock> {
    const taken = await FileLock.take(folder.lockFile, words`Another process trains in ${folder.path}`);
    try {
      await restoreFolder(folder.model);
      for (const place of [folder.path, folder.checkpoints, folder.model, folder.predictions])
        await sweepLeftovers(place);
    } catch (error) {
      await taken.release();
      throw error;
    }
    return new RunLock(folder, taken);
  }

  /** Whether the folder is still this run's: a write into one that was moved away would make another. */
  get isHeld(): boolean {
    return this.lock.isHeld;
  }

  /** @throws MedTextError IO when the folder was moved or deleted, or another process has taken it. */
  refuseMoved(): void {
    if (this.isHeld) return;
    throw new MedTextError(
      'IO',
      words`The run's folder ${this.folder.path} was moved or deleted while it trained. Where the folder is now, it can be resumed from its last checkpoint.`,
      { run: this.folder.path },
    );
  }

  /** For a run that begins again. @throws MedTextError IO. */
  async emptyFolder(): Promise<void> {
    this.refuseMoved();
    try {
      for (const name of await readdir(this.folder.path)) {
        const path = join(this.folder.path, name);
        if (path !== this.folder.lockFile) await rm(path, { recursive: true, force: true });
      }
    } catch (error) {
      throw asMedTextError(error);
    }
  }

  release(): Promise<void> {
    return this.lock.release();
  }
}
