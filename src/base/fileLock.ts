/** A lock file lets one process at a time work on something, and says which process. */
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, utimesSync } from 'node:fs';
import { link, mkdir, open, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { asMedTextError, MedTextError, words } from './errors';
import { isProcessAlive, thisProcess, type ProcessIdentity } from './processIdentity';
import type { Words } from './words';

/** A holder renews its lock this often. A holder on another machine that has not for the longer time counts as gone. */
const SIGN_MS = 20_000;
const SILENT_MS = 5 * 60_000;
/** The time between making an empty lock and writing its content, on file systems without hard links. */
const EMPTY_MS = 10_000;

type Holder = ProcessIdentity & { readonly token: string };

/** The lock of a process that has ended does not count. A process is its number and its start. */
export class FileLock {
  private readonly timer: NodeJS.Timeout;

  private constructor(
    readonly file: string,
    private readonly token: string,
  ) {
    this.timer = setInterval(() => this.giveSign(), SIGN_MS).unref();
  }

  /**
   * @param busy what is under way; the holder is added
   * @throws MedTextError BUSY; IO, DISK_FULL.
   */
  static async take(file: string, busy: Words): Promise<FileLock> {
    const holder: Holder = { ...thisProcess(), token: randomBytes(8).toString('hex') };
    try {
      await mkdir(dirname(file), { recursive: true });
      for (let tries = 0; tries < 10; tries++) {
        if (await madeWhole(file, JSON.stringify(holder))) return new FileLock(file, holder.token);
        await refuseHeld(file, busy);
      }
    } catch (error) {
      throw asMedTextError(error);
    }
    throw new MedTextError('BUSY', words`${busy}. Other processes keep locking ${file}.`, { file });
  }

  /** False once the lock file is gone or another process's: its folder was moved or deleted. */
  get isHeld(): boolean {
    try {
      return holderIn(readFileSync(this.file, 'utf8'))?.token === this.token;
    } catch {
      return false;
    }
  }

  async release(): Promise<void> {
    clearInterval(this.timer);
    if (this.isHeld) await rm(this.file, { force: true });
  }

  private giveSign(): void {
    try {
      const now = new Date();
      if (this.isHeld) utimesSync(this.file, now, now);
    } catch {
      // Who holds the lock notices where it matters.
    }
  }
}

/** @throws MedTextError BUSY, IO, DISK_FULL, or what `work` throws. */
export async function withFileLock<T>(file: string, busy: Words, work: () => Promise<T>): Promise<T> {
  const lock = await FileLock.take(file, busy);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/** The living process that holds the lock, as far as that can be known; undefined when nobody holds it. */
export async function lockHolder(file: string): Promise<ProcessIdentity | undefined> {
  const content = await readFile(file, 'utf8').catch(() => undefined);
  if (content === undefined) return undefined;
  const holder = holderIn(content);
  const silentMs = Date.now() - ((await stat(file).catch(() => undefined))?.mtimeMs ?? 0);
  if (!holder) return silentMs < EMPTY_MS ? { pid: 0, start: '', host: thisProcess().host } : undefined;
  const isAlive = isProcessAlive(holder) ?? silentMs < SILENT_MS;
  return isAlive ? holder : undefined;
}

/** Whether the lock's holder, which may be another machine's, was at work a short while ago. */
export function givesSigns(file: string): boolean {
  try {
    return Date.now() - statSync(file).mtimeMs < SILENT_MS;
  } catch {
    return false;
  }
}

async function refuseHeld(file: string, busy: Words): Promise<void> {
  const content = await readFile(file, 'utf8').catch(() => undefined);
  if (content === undefined) return;
  const holder = await lockHolder(file);
  // A second attempt of the same process is refused, too.
  if (holder) {
    const isHere = holder.host === thisProcess().host;
    const by = isHere ? words`process ${holder.pid}` : words`process ${holder.pid} of another machine or container`;
    throw new MedTextError('BUSY', words`${busy} (${by}). Wait for it, or end it; if it is gone, delete ${file}.`, { file, pid: holder.pid }); // prettier-ignore
  }
  // Moved first: where two find the same dead lock, the second must not take away the first one's new lock.
  const dead = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await rename(file, dead);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(dead, 'utf8').catch(() => content)) !== content) await link(dead, file).catch(() => undefined);
  await rm(dead, { force: true });
}

/** Creates the file together with its content; false when a file is there. */
async function madeWhole(file: string, content: string): Promise<boolean> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  await writeFile(temporary, content, { flag: 'wx' });
  try {
    await link(temporary, file);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    // Another process removed the folder.
    if (code === 'ENOENT') throw error;
    return await madeInTwo(file, content);
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

/** For file systems without hard links. */
async function madeInTwo(file: string, content: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx');
    try {
      await handle.writeFile(content);
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Reads the lock's content. Earlier versions wrote the number alone. */
function holderIn(content: string): (ProcessIdentity & Partial<Holder>) | undefined {
  try {
    const read: unknown = JSON.parse(content);
    const holder = (typeof read === 'number' ? { pid: read } : (read ?? {})) as Partial<Holder>;
    return typeof holder.pid === 'number'
      ? { start: '', host: thisProcess().host, ...holder, pid: holder.pid }
      : undefined;
  } catch {
    return undefined;
  }
}
