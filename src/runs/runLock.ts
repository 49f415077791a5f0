import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { FileLock } from '../base/fileLock';
import { sweepLeftovers } from '../base/leftovers';
import { thisProcess } from '../base/processIdentity';
import { readTextFileSync } from '../base/textFile';
import { restoreFolder } from '../models/checkpoint/replaceFolder';
import { stopRequestIn } from '../protocol/stopRequest';
import type { RunFolder } from './runFolder';

/** The time between two looks for a request to stop, if no step ends meanwhile. */
const LOOK_MS = 1000;

/** The lock on a run folder while this process trains in it. It also notices that the folder was moved. */
export class RunLock {
  private readonly stopping = new AbortController();
  private readonly ending = new AbortController();
  private readonly timer: NodeJS.Timeout;

  private constructor(
    readonly folder: RunFolder,
    private readonly lock: FileLock,
  ) {
    this.timer = setInterval(() => this.lookForStop(), LOOK_MS).unref();
  }

  /**
   * Takes the lock, and removes files that a killed process left incomplete.
   * @throws MedTextError BUSY when another process trains in the folder; IO.
   */
  static async take(folder: RunFolder): Promise<RunLock> {
    const taken = await FileLock.take(folder.lockFile, words`Another process trains in ${folder.path}`);
    try {
      await restoreFolder(folder.model);
      for (const place of [folder.path, folder.checkpoints, folder.model, folder.predictions])
        await sweepLeftovers(place);
      // An old request was for a process that is gone.
      await rm(folder.stopFile, { force: true });
    } catch (error) {
      await taken.release();
      throw error;
    }
    return new RunLock(folder, taken);
  }

  /** Whether the folder still belongs to this run. A write after a move would make a new folder. */
  get isHeld(): boolean {
    return this.lock.isHeld;
  }

  /** A signal that aborts when a stop file asks the training to stop (src/protocol/stopRequest.ts). */
  get stopSignal(): AbortSignal {
    return this.stopping.signal;
  }

  /** A signal that aborts when a stop file asks the process to end at once. */
  get endSignal(): AbortSignal {
    return this.ending.signal;
  }

  /** Looks for a stop file now, as a training does after each step. */
  lookForStop(): void {
    const { stopFile } = this.folder;
    if (this.ending.signal.aborted || !existsSync(stopFile)) return;
    try {
      const { pid, processStart, host, now } = stopRequestIn(readTextFileSync(stopFile)) ?? {};
      const own = thisProcess();
      const isSame = (processStart ?? own.start) === own.start && (host ?? own.host) === own.host;
      if (pid !== own.pid || !isSame) return;
      if (now) this.ending.abort();
      else this.stopping.abort();
    } catch {
      // The request was withdrawn between the two looks.
    }
  }

  /** @throws MedTextError IO when the folder was moved or deleted, or another process has taken it. */
  refuseMoved(): void {
    if (this.isHeld) return;
    throw new MedTextError(
      'IO',
      words`The run's folder ${this.folder.path} was moved or deleted during the training. If it was moved, resume the run there from its last checkpoint.`,
      { run: this.folder.path },
    );
  }

  /** Empties the folder for a run that begins again. The run's record, recipe and notes stay. @throws MedTextError IO. */
  async emptyFolder(): Promise<void> {
    this.refuseMoved();
    const { path: folder, lockFile, recipeFile, recordFile, notesFile } = this.folder;
    const kept = [lockFile, recipeFile, recordFile, notesFile];
    try {
      for (const name of await readdir(folder)) {
        const path = join(folder, name);
        if (!kept.includes(path)) await rm(path, { recursive: true, force: true });
      }
    } catch (error) {
      throw asMedTextError(error);
    }
  }

  async release(): Promise<void> {
    clearInterval(this.timer);
    if (this.isHeld) await rm(this.folder.stopFile, { force: true });
    await this.lock.release();
  }
}
