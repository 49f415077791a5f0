/**
 * Writes `pytorch_model.bin` as torch.save writes a state dict: a zip of stored entries, `archive/data.pkl` (protocol 2:
 * an OrderedDict of tensors by torch._utils._rebuild_tensor_v2), one `archive/data/<n>` a storage, `archive/version`
 * (torch/serialization.py; caffe2/serialize/inline_container.cc). Entries begin on multiples of 64 bytes, as there.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { crc32 } from '../../base/crc32';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import { elementCount } from '../../onnx/dataType';
import type { WritableTensor } from './writeSafetensors';

const PIECE_BYTES = 2 ** 24;
const ALIGNMENT = 64;
/** Sizes, offsets and counts of a plain zip; what is larger would need zip64. */
const MAX_ZIP_BYTES = 2 ** 32 - 1;
const MAX_ENTRIES = 2 ** 16 - 1;

/**
 * Writes and syncs `path`, which must not exist.
 * @param onBytes hears how many bytes were written since it last heard.
 * @throws MedTextError UNSUPPORTED above 4 GB (use safetensors), DISK_FULL, IO or CANCELLED; the file is then incomplete
 * and the caller's to remove.
 */
export async function writeTorchZip(
  path: string,
  tensors: readonly WritableTensor[],
  onBytes: (bytes: number) => void = () => {},
  signal?: AbortSignal,
): Promise<void> {
  const sizeBytes = tensors.reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0);
  if (sizeBytes + 2 ** 24 > MAX_ZIP_BYTES || tensors.length + 8 > MAX_ENTRIES) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`pytorch_model.bin of ${sizeBytes} bytes is beyond 4 GB; export safetensors.`,
      {
        sizeBytes,
      },
    );
  }
  try {
    const file = await open(path, 'wx');
    try {
      const zip = new StoredZip(file, onBytes, signal);
      await zip.add('archive/data.pkl', stateDictPickle(tensors));
      await zip.add('archive/byteorder', Buffer.from('little'));
      for (const [index, tensor] of tensors.entries()) {
        const values = await tensor.values();
        if (values.length !== elementCount(tensor.shape)) {
          throw new MedTextError(
            'INTERNAL',
            `Tensor "${tensor.name}" has ${values.length} values for [${tensor.shape}].`,
          );
        }
        await zip.add(`archive/data/${index}`, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      }
      await zip.add('archive/version', Buffer.from('3\n'));
      await zip.end();
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw asMedTextError(error);
  }
}

interface Entry {
  readonly name: Buffer;
  readonly crc: number;
  readonly size: number;
  readonly offset: number;
}

/** A zip of uncompressed entries (APPNOTE 6.3), written front to back. */
class StoredZip {
  private readonly entries: Entry[] = [];
  private offset = 0;

  constructor(
    private readonly file: FileHandle,
    private readonly onBytes: (bytes: number) => void,
    private readonly signal: AbortSignal | undefined,
  ) {}

  async add(entryName: string, data: Uint8Array): Promise<void> {
    const name = Buffer.from(entryName);
    const entry: Entry = { name, crc: crc32(data), size: data.length, offset: this.offset };
    this.entries.push(entry);
    // An extra field of PyTorch's own kind ("FB") fills up to the alignment.
    const start = this.offset + 30 + name.length + 4;
    const padding = Buffer.alloc(4 + ((ALIGNMENT - (start % ALIGNMENT)) % ALIGNMENT), 'Z');
    padding.write('FB', 0, 'latin1');
    padding.writeUInt16LE(padding.length - 4, 2);
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    writeCommon(header, 4, entry);
    header.writeUInt16LE(padding.length, 28);
    await this.write(Buffer.concat([header, name, padding]));
    for (let at = 0; at < data.length; at += PIECE_BYTES) {
      if (this.signal?.aborted) throw new MedTextError('CANCELLED', 'Writing the model was cancelled.');
      const piece = data.subarray(at, at + PIECE_BYTES);
      await this.write(piece);
      this.onBytes(piece.length);
    }
  }

  async end(): Promise<void> {
    const start = this.offset;
    for (const entry of this.entries) {
      const header = Buffer.alloc(46);
      header.writeUInt32LE(0x02014b50, 0);
      header.writeUInt16LE(20, 4);
      writeCommon(header, 6, entry);
      header.writeUInt32LE(entry.offset, 42);
      await this.write(Buffer.concat([header, entry.name]));
    }
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(this.entries.length, 8);
    end.writeUInt16LE(this.entries.length, 10);
    end.writeUInt32LE(this.offset - start, 12);
    end.writeUInt32LE(start, 16);
    await this.write(end);
  }

  private async write(bytes: Uint8Array): Promise<void> {
    await this.file.writeFile(bytes);
    this.offset += bytes.length;
  }
}

/** The fields that a local and a central header share, from "version needed" to the name's length. Names are UTF-8, dates absent. */
function writeCommon(header: Buffer, at: number, { name, crc, size }: Entry): void {
  header.writeUInt16LE(20, at);
  header.writeUInt16LE(0x0800, at + 2);
  header.writeUInt16LE(0x21, at + 8); // 1980-01-01
  header.writeUInt32LE(crc, at + 10);
  header.writeUInt32LE(size, at + 14);
  header.writeUInt32LE(size, at + 18);
  header.writeUInt16LE(name.length, at + 22);
}

/** OrderedDict((name, _rebuild_tensor_v2(('storage', FloatStorage, key, 'cpu', count), 0, shape, strides, False, OrderedDict()))). */
function stateDictPickle(tensors: readonly WritableTensor[]): Buffer {
  const p = new PickleWriter();
  p.op(0x80, 2);
  p.global('collections', 'OrderedDict').op(EMPTY_TUPLE, REDUCE, MARK);
  for (const [index, { name, shape }] of tensors.entries()) {
    const count = elementCount(shape);
    p.text(name).global('torch._utils', '_rebuild_tensor_v2').op(MARK);
    p.op(MARK).text('storage').global('torch', 'FloatStorage').text(String(index)).text('cpu').integer(count);
    p.op(TUPLE, BINPERSID);
    p.integer(0).integers(shape).integers(stridesOf(shape)).op(NEWFALSE);
    p.global('collections', 'OrderedDict').op(EMPTY_TUPLE, REDUCE);
    p.op(TUPLE, REDUCE);
  }
  p.op(SETITEMS, STOP);
  return p.finish();
}

const MARK = 0x28, EMPTY_TUPLE = 0x29, STOP = 0x2e, BINPERSID = 0x51, REDUCE = 0x52, TUPLE = 0x74, SETITEMS = 0x75, NEWFALSE = 0x89; // prettier-ignore

class PickleWriter {
  private readonly parts: Buffer[] = [];

  op(...codes: number[]): this {
    this.parts.push(Buffer.from(codes));
    return this;
  }
  global(module: string, name: string): this {
    this.parts.push(Buffer.from(`c${module}\n${name}\n`));
    return this;
  }
  text(value: string): this {
    const bytes = Buffer.from(value);
    const head = Buffer.alloc(5, 'X');
    head.writeUInt32LE(bytes.length, 1);
    this.parts.push(head, bytes);
    return this;
  }
  /** BININT, or LONG1 beyond 31 bits. */
  integer(value: number): this {
    const head = Buffer.alloc(value < 2 ** 31 ? 5 : 8);
    if (head.length === 5) {
      head.write('J', 0, 'latin1');
      head.writeInt32LE(value, 1);
    } else {
      head.writeUInt8(0x8a, 0);
      head.writeUInt8(6, 1);
      head.writeUIntLE(value, 2, 6);
    }
    this.parts.push(head);
    return this;
  }
  integers(values: readonly number[]): this {
    this.op(MARK);
    for (const value of values) this.integer(value);
    return this.op(TUPLE);
  }
  finish(): Buffer {
    return Buffer.concat(this.parts);
  }
}

function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
}
