/**
 * PyTorch's zip form (torch.save since 1.6): `<name>/data.pkl` describes the tensors, `<name>/data/<key>` are the raw
 * storages, `<name>/byteorder` says little or big.
 */
import { Readable } from 'node:stream';
import { fromRandomAccessReader, RandomAccessReader, type Entry, type ZipFile } from 'yauzl';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import type { Words } from '../../base/words';
import { ByteCursor } from './byteCursor';
import { DATA_TYPES, elementCount } from '../../onnx/dataType';
import type { CheckpointSource } from './checkpointSource';
import type { RandomAccessFile } from './randomAccessFile';
import { findStateDictionary, unpickleTorch } from './torchPickle';
import { torchTensors, type StorageBytes } from './torchTensors';

const MAX_ENTRIES = 100_000;
const MAX_PICKLE_BYTES = 2 ** 26;
/** How many bytes a packed storage may have beyond what its tensors need. */
const MAX_UNUSED_BYTES = 2 ** 20;
const STORED = 0;
const DEFLATED = 8;

/** Takes over `file`: closed with the source, or here when it is not a checkpoint. */
export async function openTorchZip(file: RandomAccessFile): Promise<CheckpointSource> {
  try {
    const zip = await openZip(file);
    const entries = await readDirectory(zip, file);
    const pickle = [...entries.keys()].find((name) => /^([^/]*\/)?data\.pkl$/.test(name));
    if (pickle === undefined) throw format(file, words`is a zip file without data.pkl, not a PyTorch checkpoint`);
    const folder = pickle.slice(0, -'data.pkl'.length);
    if (entries.has(`${folder}constants.pkl`)) {
      throw new MedTextError(
        'UNSUPPORTED',
        words`${file.path} is a TorchScript program. Save its weights in Python: torch.save(model.state_dict(), path).`,
        { file: file.path },
      );
    }
    const byteOrder = entries.get(`${folder}byteorder`);
    if (byteOrder && Buffer.from(await readEntry(zip, byteOrder, file, 16)).toString() === 'big') {
      throw new MedTextError('UNSUPPORTED', words`${file.path} was written big-endian, which is not supported.`, {
        file: file.path,
      });
    }
    const pickled = await readEntry(zip, entries.get(pickle) as Entry, file, MAX_PICKLE_BYTES);
    const state = findStateDictionary(unpickleTorch(ByteCursor.over(pickled, file.path), file.path), file.path);

    const neededBytes = new Map<string, number>();
    for (const { storage, shape, type } of state.values()) {
      const bytes = elementCount(shape) * (type.dataType ? DATA_TYPES[type.dataType].bytes : 1);
      neededBytes.set(storage.key, (neededBytes.get(storage.key) ?? 0) + bytes);
    }
    const storages = new Map<string, StorageBytes>();
    const last: { unpacked?: { entry: Entry; bytes: Uint8Array } } = {};
    for (const [key, needed] of neededBytes) {
      const entry = entries.get(`${folder}data/${key}`);
      if (entry) storages.set(key, await storageBytes(zip, entry, file, needed, last));
    }
    return {
      format: 'torch-zip',
      files: [file.path],
      tensors: torchTensors(state, (key) => storages.get(key), file.path),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** yauzl's window on the file: a position that a lying directory makes up becomes an error, never an exception. */
class ZipReader extends RandomAccessReader {
  constructor(private readonly file: RandomAccessFile) {
    super();
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(chunksOf(this.file, start, end), { objectMode: false });
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, done: (error: Error | null) => void) {
    try {
      this.file.readSync(buffer.subarray(offset, offset + length), position);
    } catch (error) {
      setImmediate(done, error as Error);
      return;
    }
    setImmediate(done, null);
  }

  override close(done: (error: Error | null) => void): void {
    done(null);
  }
}

async function* chunksOf(file: RandomAccessFile, start: number, end: number): AsyncGenerator<Buffer> {
  for (let position = start; position < end;) {
    const chunk = Buffer.allocUnsafe(Math.min(2 ** 20, end - position));
    await file.read(chunk, position);
    position += chunk.length;
    yield chunk;
  }
}

function openZip(file: RandomAccessFile): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    const options = { lazyEntries: true, autoClose: false };
    fromRandomAccessReader(new ZipReader(file), file.size, options, (error, zip) =>
      error ? reject(asFormat(file, error)) : resolve(zip),
    );
  });
}

function readDirectory(zip: ZipFile, file: RandomAccessFile): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  return new Promise((resolve, reject) => {
    zip.on('error', (error: Error) => reject(asFormat(file, error)));
    zip.on('end', () => resolve(entries));
    zip.on('entry', (entry: Entry) => {
      if (entries.size === MAX_ENTRIES) return reject(format(file, words`has more than ${MAX_ENTRIES} entries`));
      entries.set(entry.fileName, entry);
      zip.readEntry();
    });
    zip.readEntry();
  });
}

async function dataStart(zip: ZipFile, entry: Entry, file: RandomAccessFile): Promise<number> {
  if (entry.isEncrypted() || (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED)) {
    throw format(file, words`has an entry "${entry.fileName}" that is encrypted or packed in an unknown way`);
  }
  try {
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    if (fileDataStart + entry.compressedSize <= file.size) return fileDataStart;
  } catch (error) {
    throw asFormat(file, error);
  }
  throw format(file, words`is cut short inside "${entry.fileName}"`);
}

/** An entry as a whole, at most `limit` bytes of it unpacked. */
async function readEntry(zip: ZipFile, entry: Entry, file: RandomAccessFile, limit: number): Promise<Uint8Array> {
  const start = await dataStart(zip, entry, file);
  const tooLarge = () => format(file, words`has an entry "${entry.fileName}" of more than ${limit} bytes`);
  if (entry.uncompressedSize > limit) throw tooLarge();
  if (entry.compressionMethod === STORED) {
    const bytes = new Uint8Array(entry.uncompressedSize);
    await file.read(bytes, start);
    return bytes;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // yauzl stops a stream that unpacks to more than the directory says.
    for await (const chunk of await zip.openReadStreamPromise(entry)) {
      size += chunk.length;
      if (size > limit) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    throw asFormat(file, error);
  }
  return Buffer.concat(chunks, size);
}

/** @param last the storage that was unpacked last: at most one is kept, for the tensors that share it */
async function storageBytes(
  zip: ZipFile,
  entry: Entry,
  file: RandomAccessFile,
  neededBytes: number,
  last: { unpacked?: { entry: Entry; bytes: Uint8Array } },
): Promise<StorageBytes> {
  const start = await dataStart(zip, entry, file);
  const sizeBytes = entry.uncompressedSize;
  if (entry.compressionMethod === STORED) {
    const place = { file: file.path, offsetBytes: start };
    return { sizeBytes, place, read: (into, byteOffset) => file.read(into, start + byteOffset) };
  }
  // PyTorch never packs a storage, but a person may have zipped the file anew. Deflate expands at most 1032 times.
  if (sizeBytes > 1032 * entry.compressedSize + 64)
    throw format(file, words`lies about the size of "${entry.fileName}"`);
  // A view may be saved with all of its storage; a file that unpacks to a thousand times what it needs is an attack.
  if (sizeBytes > MAX_UNUSED_BYTES + 16 * neededBytes)
    throw format(
      file,
      words`unpacks "${entry.fileName}" to ${sizeBytes} bytes, but its tensors need only ${neededBytes}`,
    );
  const read = async (into: Uint8Array, byteOffset: number) => {
    if (last.unpacked?.entry !== entry) {
      last.unpacked = undefined;
      last.unpacked = { entry, bytes: await readEntry(zip, entry, file, sizeBytes) };
    }
    into.set(last.unpacked.bytes.subarray(byteOffset, byteOffset + into.byteLength));
  };
  return { sizeBytes, read };
}

function asFormat(file: RandomAccessFile, error: unknown): MedTextError {
  if (error instanceof MedTextError) return error;
  const coded = asMedTextError(error);
  return coded.code === 'IO' ? coded : format(file, words`is a broken zip file: ${coded.message}`, error);
}

function format(file: RandomAccessFile, what: Words, cause?: unknown): MedTextError {
  return new MedTextError('CHECKPOINT_FORMAT', words`${file.path} ${what}.`, { file: file.path }, { cause });
}
