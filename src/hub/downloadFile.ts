/** Downloads and verifies one file, or keeps the part that came for the next attempt. */
import { createHash, type Hash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomically } from '../base/atomicFile';
import { asMedTextError, MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';
import { cancelled, discard, isPassing, network, TransferError, transferError, type Answer, type Transport } from './transport'; // prettier-ignore

export interface WantedFile {
  readonly url: string;
  /** The absolute path of the finished file, checked to lie where it should. */
  readonly place: string;
  /** The absolute path, without ending, of the partial file and its record, on the same disk. */
  readonly part: string;
  readonly sizeBytes: number;
  readonly sha256: string | undefined;
  readonly gitSha1: string | undefined;
}

export interface DownloadFileOptions {
  readonly signal?: AbortSignal;
  /** The bytes of the file that are there. The number falls when bytes have to be discarded. */
  readonly onPosition?: (bytes: number) => void;
  readonly refused: (status: number, answer: Answer) => MedTextError;
}

/** The record beside a partial file: which file it is a part of. */
interface PartState {
  readonly version: 1;
  readonly sizeBytes: number;
  readonly sha256: string | null;
  readonly gitSha1: string | null;
  /** The ETag of the answer that the bytes came from; used only where there is no hash. */
  readonly etag: string | null;
}

const PART_SUFFIX = '.part';
const STATE_SUFFIX = '.part.json';
/** How many whole files may have a wrong hash before that is an error. */
const WRONG_FILES = 3;
/** An attempt that brings this many bytes counts as progress, and attempts are counted anew. */
const PROGRESS_BYTES = 256 * 1024;
const MAX_TRIES = 1000;

/**
 * Brings the file to `place`. Already there with the right size and hash, it stays. A partial file of the same content
 * (by hash, else by ETag) is continued by Range. Until the last byte is verified nothing stands at `place`.
 *
 * @returns the file's SHA-256
 * @throws MedTextError INTEGRITY when it is wrong three times over, NETWORK when tries bring nothing, CANCELLED,
 * DISK_FULL, IO, or what `refused` says. The partial file stays, except a wrong one.
 */
export async function downloadFile(
  transport: Transport,
  file: WantedFile,
  options: DownloadFileOptions,
): Promise<string> {
  try {
    const present = await presentFile(file, options);
    if (present) {
      options.onPosition?.(file.sizeBytes);
      return present;
    }
    await mkdir(dirname(file.place), { recursive: true });
    await mkdir(dirname(file.part), { recursive: true });
    // Some hubs refuse to send nothing.
    return file.sizeBytes === 0 ? await emptyFile(file) : await new FileTransfer(transport, file, options).run();
  } catch (error) {
    throw asMedTextError(error);
  }
}

class FileTransfer {
  private readonly part: string;
  private readonly stateFile: string;
  private wrongFiles = 0;
  /** The size that the server gives where the listing has no hash. */
  private linkedSha256: string | undefined;

  constructor(
    private readonly transport: Transport,
    private readonly file: WantedFile,
    private readonly options: DownloadFileOptions,
  ) {
    this.part = `${file.part}${PART_SUFFIX}`;
    this.stateFile = `${file.part}${STATE_SUFFIX}`;
  }

  async run(): Promise<string> {
    const where = this.file.url.split('?')[0];
    let failures = 0;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      if (this.options.signal?.aborted) throw cancelled();
      const before = await sizeOf(this.part);
      try {
        const digests = await this.transfer();
        const wrong = mismatch({ ...this.file, sha256: this.file.sha256 ?? this.linkedSha256 }, digests);
        if (!wrong) {
          await rename(this.part, this.file.place);
          await rm(this.stateFile, { force: true });
          return digests.sha256;
        }
        await this.startAnew();
        if (++this.wrongFiles >= WRONG_FILES) throw this.broken(wrong);
        continue;
      } catch (error) {
        if (!(error instanceof TransferError)) throw error;
        const gained = (await sizeOf(this.part)) - before;
        failures = gained >= PROGRESS_BYTES ? 1 : failures + 1;
        await this.transport.pauseOrGiveUp(error, failures, where, this.options.signal);
      }
    }
    throw network(words`${where}: the connection broke ${MAX_TRIES} times. The downloaded part is kept.`);
  }

  /** Asks for what is missing and appends it; the digests are those of the whole file. */
  private async transfer(): Promise<Digests> {
    const { file, options, transport } = this;
    const state = await this.readState();
    const kept = state ? Math.min(await sizeOf(this.part), file.sizeBytes) : 0;
    if (kept === file.sizeBytes) {
      // All bytes were there when the process ended.
      return this.digestPart(kept);
    }
    const headers: Record<string, string> = {};
    if (kept > 0) {
      headers.range = `bytes=${kept}-`;
      // With a hash to check, it does not matter that a server has forgotten its ETag.
      if (!file.sha256 && state?.etag) headers['if-range'] = state.etag;
    }
    const answer = await transport.get(file.url, headers, options.signal);
    this.linkedSha256 = answer.linkedSha256;
    const start = await this.startOf(answer, kept);
    const etag = strongEtag(answer.headers.etag);
    // Only bytes that a hash or an ETag identifies can be continued.
    if (start === 0) await this.writeState(etag);
    const handle = await open(this.part, start === 0 ? 'w' : 'r+').catch((error: unknown) => {
      discard(answer.body);
      throw error;
    });
    try {
      const digests = start === 0 ? new RunningDigests(file) : await this.digestsUpTo(handle, start, answer);
      options.onPosition?.(start);
      await handle.truncate(start);
      await this.receive(answer, handle, start, digests);
      await handle.sync();
      return digests.end();
    } finally {
      discard(answer.body);
      await handle.close();
    }
  }

  /**
   * The offset at which the answer's bytes belong.
   * @throws TransferError for what may pass, MedTextError for what will not.
   */
  private async startOf(answer: Answer, kept: number): Promise<number> {
    const { status, headers } = answer;
    const { sizeBytes } = this.file;
    if (status === 206) {
      const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
      const fits = range && Number(range[1]) === kept && (range[3] === '*' || Number(range[3]) === sizeBytes);
      if (kept > 0 && fits) return kept;
      discard(answer.body);
      await this.startAnew();
      throw new TransferError(words`The server sent another part than the one asked for.`, undefined);
    }
    if (status === 200) {
      const length = headers['content-length'];
      if (length !== undefined && Number(length) !== sizeBytes) {
        discard(answer.body);
        if (++this.wrongFiles >= WRONG_FILES) throw this.broken(words`the server sends ${length} bytes`);
        throw new TransferError(words`The server sends ${length} bytes, not ${sizeBytes}.`, undefined);
      }
      return 0;
    }
    discard(answer.body);
    if (status === 416) {
      await this.startAnew();
      throw new TransferError(words`The server does not have the missing part.`, undefined);
    }
    if (isPassing(status)) throw await this.transport.passing(answer);
    // The signature of a storage address expires: the next attempt asks the hub for a new one.
    if (!answer.isSameOrigin) throw new TransferError(words`The storage refused the file (HTTP ${status}).`, undefined);
    throw this.options.refused(status, answer);
  }

  /** Writes what comes; more than the file's size is not taken. */
  private async receive(answer: Answer, handle: FileHandle, start: number, digests: RunningDigests): Promise<void> {
    const { sizeBytes } = this.file;
    const { signal, onPosition } = this.options;
    let at = start;
    const watch = new StallWatch(this.transport.limits, () =>
      answer.body.destroy(new TransferError(words`The transfer has almost stopped.`, undefined)),
    );
    const abort = (): void => void answer.body.destroy(cancelled());
    signal?.addEventListener('abort', abort, { once: true });
    try {
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        if (at + chunk.length > sizeBytes) {
          await this.startAnew();
          if (++this.wrongFiles >= WRONG_FILES) throw this.broken(words`the server sends more bytes`);
          throw new TransferError(words`The server sends more than the file.`, undefined);
        }
        await writeAll(handle, chunk, at);
        at += chunk.length;
        digests.update(chunk);
        watch.came(chunk.length);
        onPosition?.(at);
      }
    } catch (error) {
      // An error of the disk has nothing to do with the connection.
      if (isDiskError(error)) throw error;
      throw transferError(error, answer.shownUrl, signal);
    } finally {
      watch.end();
      signal?.removeEventListener('abort', abort);
    }
    if (at < sizeBytes) throw new TransferError(words`The connection ended before the file did.`, undefined);
  }

  private async digestsUpTo(handle: FileHandle, length: number, answer: Answer): Promise<RunningDigests> {
    // The body waits, paused, so that nothing is lost meanwhile.
    answer.body.pause();
    const digests = new RunningDigests(this.file);
    await readInto(handle, length, digests, this.options.signal);
    return digests;
  }

  private async digestPart(length: number): Promise<Digests> {
    const handle = await open(this.part, 'r+');
    try {
      const digests = new RunningDigests(this.file);
      await handle.truncate(length);
      await readInto(handle, length, digests, this.options.signal);
      await handle.sync();
      return digests.end();
    } finally {
      await handle.close();
    }
  }

  /** The record of the partial file, where it belongs to this file. */
  private async readState(): Promise<PartState | undefined> {
    const { sizeBytes, sha256, gitSha1 } = this.file;
    try {
      const state = JSON.parse(await readFile(this.stateFile, 'utf8')) as Partial<PartState>;
      const isSame = state.version === 1 && state.sizeBytes === sizeBytes && state.sha256 === (sha256 ?? null) && state.gitSha1 === (gitSha1 ?? null); // prettier-ignore
      const isVouchedFor = sha256 !== undefined || gitSha1 !== undefined || typeof state.etag === 'string';
      return isSame && isVouchedFor ? (state as PartState) : undefined;
    } catch {
      return undefined;
    }
  }

  private async writeState(etag: string | undefined): Promise<void> {
    const { sizeBytes, sha256, gitSha1 } = this.file;
    const state: PartState = { version: 1, sizeBytes, sha256: sha256 ?? null, gitSha1: gitSha1 ?? null, etag: etag ?? null }; // prettier-ignore
    // First the bytes of another content go, then it is said what the next ones are.
    await rm(this.part, { force: true });
    await writeFileAtomically(this.stateFile, JSON.stringify(state));
  }

  private async startAnew(): Promise<void> {
    await rm(this.part, { force: true });
    await rm(this.stateFile, { force: true });
    this.options.onPosition?.(0);
  }

  private broken(why: Words): MedTextError {
    const { url, sizeBytes, sha256 } = this.file;
    return new MedTextError(
      'INTEGRITY',
      words`${url.split('?')[0]} was downloaded ${this.wrongFiles} times, but never matched the published file (${sizeBytes} bytes${sha256 ? words`, SHA-256 ${sha256.slice(0, 12)}…` : ''}): ${why}. Nothing was kept. Try again later, or use another mirror.`,
      { url: url.split('?')[0], sizeBytes, sha256, why: String(why) },
    );
  }
}

/** Bytes of a partial file that can be continued, for the sum that is shown before a download. */
export async function keptBytes(file: WantedFile): Promise<number> {
  if ((await sizeOf(file.place)) === file.sizeBytes && file.sizeBytes > 0) return file.sizeBytes;
  return Math.min(await sizeOf(`${file.part}${PART_SUFFIX}`), file.sizeBytes);
}

/** Whether something else stands at the file's place: a file of another size or hash, or no file. */
export async function isTaken(file: WantedFile, options: Pick<DownloadFileOptions, 'signal'>): Promise<boolean> {
  const found = await stat(file.place).catch(() => undefined);
  if (!found) return false;
  const isKnown = file.sha256 !== undefined || file.gitSha1 !== undefined;
  if (!found.isFile() || found.size !== file.sizeBytes) return true;
  return isKnown && (await presentFile(file, options)) === undefined;
}

interface Digests {
  readonly sha256: string;
  readonly gitSha1: string;
}

class RunningDigests {
  private readonly sha256: Hash = createHash('sha256');
  private readonly gitSha1: Hash | undefined;

  constructor(file: Pick<WantedFile, 'sizeBytes' | 'gitSha1'>) {
    this.gitSha1 = file.gitSha1 === undefined ? undefined : createHash('sha1').update(`blob ${file.sizeBytes}\0`);
  }

  update(bytes: Uint8Array): void {
    this.sha256.update(bytes);
    this.gitSha1?.update(bytes);
  }

  end(): Digests {
    return { sha256: this.sha256.digest('hex'), gitSha1: this.gitSha1?.digest('hex') ?? '' };
  }
}

function mismatch(file: Pick<WantedFile, 'sha256' | 'gitSha1'>, { sha256, gitSha1 }: Digests): Words | undefined {
  if (file.sha256 !== undefined && file.sha256 !== sha256) return words`its SHA-256 is ${sha256.slice(0, 12)}…`;
  if (file.gitSha1 !== undefined && file.gitSha1 !== gitSha1) return words`its Git hash is ${gitSha1.slice(0, 12)}…`;
  return undefined;
}

async function presentFile(
  file: WantedFile,
  options: Pick<DownloadFileOptions, 'signal'>,
): Promise<string | undefined> {
  const found = await stat(file.place).catch(() => undefined);
  if (!found?.isFile() || found.size !== file.sizeBytes) return undefined;
  const handle = await open(file.place, 'r');
  try {
    const digests = new RunningDigests(file);
    await readInto(handle, file.sizeBytes, digests, options.signal);
    const ended = digests.end();
    // Without a hash it cannot be known whether the file is the same.
    const isKnown = file.sha256 !== undefined || file.gitSha1 !== undefined;
    return isKnown && !mismatch(file, ended) ? ended.sha256 : undefined;
  } finally {
    await handle.close();
  }
}

async function emptyFile(file: WantedFile): Promise<string> {
  await writeFileAtomically(file.place, '');
  return createHash('sha256').digest('hex');
}

/** Reads the file's first bytes into digests. A file that has become shorter counts as interrupted. */
async function readInto(
  handle: FileHandle,
  length: number,
  digests: RunningDigests,
  signal: AbortSignal | undefined,
): Promise<void> {
  const buffer = Buffer.alloc(Math.min(length, 1 << 20));
  for (let at = 0; at < length;) {
    if (signal?.aborted) throw cancelled();
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, length - at), at);
    if (bytesRead === 0) throw new TransferError(words`The partial file became shorter.`, undefined);
    digests.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

/** Ends a transfer that drips: not still enough for a time limit between pieces, too slow to ever come to an end. */
class StallWatch {
  private bytes = 0;
  private readonly timer: NodeJS.Timeout;

  constructor({ slowBytes, slowWindowMs }: { slowBytes: number; slowWindowMs: number }, onStall: () => void) {
    this.timer = setInterval(() => {
      if (this.bytes < slowBytes) onStall();
      this.bytes = 0;
    }, slowWindowMs);
  }

  came(count: number): void {
    this.bytes += count;
  }

  end(): void {
    clearInterval(this.timer);
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

/** A weak ETag means "equivalent", not "the same bytes". */
function strongEtag(etag: string | undefined): string | undefined {
  return etag && /^"[^"]*"$/.test(etag) ? etag : undefined;
}

function isDiskError(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return /^(ENOSPC|EDQUOT|EIO|EROFS|EACCES|EPERM|EFBIG)$/.test(code ?? '') && syscall !== 'read' && syscall !== 'connect'; // prettier-ignore
}
