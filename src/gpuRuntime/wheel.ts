/** Reads a wheel (a zip archive) on this machine or on its server: its directory, and single libraries. */
import { open, stat, type FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { fromRandomAccessReader, open as openZipFile, RandomAccessReader, type Entry, type ZipFile } from 'yauzl';
import { asMedTextError, MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';
import type { Transport } from '../hub/transport';
import { cancelled } from '../hub/transport';
import { indexRefusal } from './packageIndex';

const MAX_ENTRIES = 100_000;
const MAX_METADATA_BYTES = 1 << 22;
/** A bound on an entry's size; no library of CUDA comes near it. */
const MAX_LIBRARY_BYTES = 8 * 2 ** 30;
const BLOCK_BYTES = 1 << 18;

export interface Wheel {
  /** Unpacked sizes in bytes, by the entry's name. */
  readonly sizes: ReadonlyMap<string, number>;
  /** The archive's own size in bytes. */
  readonly sizeBytes: number;
  /** The content of `…dist-info/METADATA`. */
  metadata(): Promise<string>;
  /** Unpacks one entry into a new file and flushes it to the disk. */
  extract(name: string, place: string, onBytes?: (count: number) => void, signal?: AbortSignal): Promise<void>;
  close(): void;
}

/** Opens a wheel on this machine. @throws MedTextError INTEGRITY for a broken one, UNSAFE_NAME for names that leave a folder. */
export async function openWheel(path: string): Promise<Wheel> {
  const { size } = await stat(path);
  const zip = await new Promise<ZipFile>((resolve, reject) => {
    openZipFile(path, { lazyEntries: true, autoClose: false }, (error, opened) =>
      error ? reject(brokenWheel(path, error)) : resolve(opened),
    );
  });
  return wheelOf(zip, path, size);
}

/**
 * Opens a wheel on its server. Only the blocks that are read are downloaded.
 * @throws MedTextError NETWORK where the server gives no byte ranges, and the errors of {@link openWheel}.
 */
export async function openRemoteWheel(transport: Transport, url: string, signal?: AbortSignal): Promise<Wheel> {
  const name = url.split(/[?#]/)[0];
  const refused = (status: number): MedTextError => indexRefusal(url, status);
  const { sizeBytes } = await transport.getRange(url, [0, 1], refused, signal);
  const blocks = new Map<number, Promise<Buffer>>();
  const blockAt = (index: number): Promise<Buffer> => {
    const start = index * BLOCK_BYTES;
    const known =
      blocks.get(index) ??
      transport
        .getRange(url, [start, Math.min(start + BLOCK_BYTES, sizeBytes)], refused, signal)
        .then(({ bytes }) => bytes);
    blocks.set(index, known);
    return known;
  };
  const zip = await new Promise<ZipFile>((resolve, reject) => {
    const options = { lazyEntries: true, autoClose: false };
    fromRandomAccessReader(new BlockReader(name, blockAt), sizeBytes, options, (error, opened) =>
      error ? reject(brokenWheel(name, error)) : resolve(opened),
    );
  });
  return wheelOf(zip, name, sizeBytes);
}

class BlockReader extends RandomAccessReader {
  constructor(
    private readonly shown: string,
    private readonly blockAt: (index: number) => Promise<Buffer>,
  ) {
    super();
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.pieces(start, end), { objectMode: false });
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, done: (error: Error | null) => void) {
    const fill = async (): Promise<void> => {
      let at = offset;
      for await (const piece of this.pieces(position, position + length)) at += piece.copy(buffer, at);
      if (at < offset + length) throw notWhole(this.shown, words`it is cut short`);
    };
    fill().then(
      () => done(null),
      (error: Error) => done(error),
    );
  }

  override close(done: (error: Error | null) => void): void {
    done(null);
  }

  private async *pieces(start: number, end: number): AsyncGenerator<Buffer> {
    for (let at = start; at < end;) {
      const block = await this.blockAt(Math.floor(at / BLOCK_BYTES));
      const piece = block.subarray(at % BLOCK_BYTES, (at % BLOCK_BYTES) + end - at);
      if (piece.length === 0) return;
      yield piece;
      at += piece.length;
    }
  }
}

async function wheelOf(zip: ZipFile, shown: string, sizeBytes: number): Promise<Wheel> {
  const entries = new Map<string, Entry>();
  const close = (): void => zip.close();
  try {
    await new Promise<void>((resolve, reject) => {
      zip.on('error', reject);
      zip.on('end', resolve);
      zip.on('entry', (entry: Entry) => {
        if (entries.size === MAX_ENTRIES)
          return reject(notWhole(shown, words`it has more than ${MAX_ENTRIES} entries`));
        entries.set(entry.fileName, entry);
        zip.readEntry();
      });
      zip.readEntry();
    });
  } catch (error) {
    close();
    throw brokenWheel(shown, error);
  }
  const streamOf = async (name: string, limit: number): Promise<Readable> => {
    const entry = entries.get(name);
    if (!entry) throw new MedTextError('INTEGRITY', words`${shown} has no ${name}.`, { file: shown, name });
    if (entry.uncompressedSize > limit) throw notWhole(shown, words`${name} has more than ${limit} bytes`);
    // yauzl stops a stream that unpacks to more bytes than the directory says.
    return zip.openReadStreamPromise(entry);
  };
  return {
    sizes: new Map([...entries].map(([name, entry]) => [name, entry.uncompressedSize])),
    sizeBytes,
    close,
    async metadata() {
      const name = [...entries.keys()].find((each) => /^[^/]+\.dist-info\/METADATA$/.test(each)) ?? 'METADATA';
      try {
        const chunks: Buffer[] = [];
        for await (const chunk of await streamOf(name, MAX_METADATA_BYTES)) chunks.push(chunk as Buffer);
        return Buffer.concat(chunks).toString('utf8');
      } catch (error) {
        throw brokenWheel(shown, error);
      }
    },
    async extract(name, place, onBytes, signal) {
      const file = await open(place, 'wx');
      try {
        const stream = await streamOf(name, MAX_LIBRARY_BYTES);
        const written = await pour(stream, file, onBytes, signal);
        if (written !== entries.get(name)!.uncompressedSize) throw notWhole(shown, words`${name} is cut short`);
        await file.sync();
      } catch (error) {
        throw brokenWheel(shown, error);
      } finally {
        await file.close();
      }
    },
  };
}

async function pour(from: Readable, to: FileHandle, onBytes?: (count: number) => void, signal?: AbortSignal) {
  let written = 0;
  for await (const chunk of from as AsyncIterable<Buffer>) {
    if (signal?.aborted) throw cancelled();
    await to.writeFile(chunk); // All of it, at the current position.
    written += chunk.length;
    onBytes?.(chunk.length);
  }
  return written;
}

/** Gives our own errors and the file system's on as they are; yauzl's errors say what is wrong with the archive. */
function brokenWheel(shown: string, error: unknown): MedTextError {
  if (error instanceof MedTextError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== undefined && /^E[A-Z]+$/.test(code)) return asMedTextError(error);
  if (/invalid relative path|absolute path|invalid characters in fileName/i.test(message)) {
    return new MedTextError('UNSAFE_NAME', words`${shown} holds a name that would leave its folder, and is refused: ${message}.`, { file: shown }); // prettier-ignore
  }
  return notWhole(shown, message, error);
}

function notWhole(shown: string, why: string | Words, cause?: unknown): MedTextError {
  return new MedTextError('INTEGRITY', words`${shown} is not a complete wheel: ${why}.`, { file: shown }, { cause });
}
