/** ZIP archives, written as they are made (PKWARE's APPNOTE 6.3.10): each part is compressed, and its size told behind it. */
import { pipeline } from 'node:stream/promises';
import { createDeflateRaw } from 'node:zlib';
import { crc32 } from '../base/crc32';
import { MedTextError, words } from '../base/errors';

export interface ArchivePart {
  /** With slashes, from the archive's root. */
  readonly name: string;
  readonly content: AsyncIterable<string>;
}

/** A bound on sizes: larger ones need ZIP64, which not every program that reads XLSX supports. */
const MAX_BYTES = 0xffff_fffe;
const VERSION = 20;
/** Bit 3: sizes and checksum follow the content; bit 11: names are UTF-8. */
const FLAGS = 0x0808;
const DEFLATE = 8;
/** 1 January 1980, the first there is: equal contents make equal archives. */
const DATE = 0x21;

/** @throws UNSUPPORTED for a part or an archive of 4 GiB and more; what the parts throw */
export async function* zipArchive(parts: Iterable<ArchivePart>): AsyncGenerator<Uint8Array> {
  const entries: { name: Buffer; offset: number; checksum: number; packed: number; size: number }[] = [];
  let offset = 0;
  const counted = (bytes: Uint8Array): Uint8Array => {
    offset += bytes.length;
    if (offset > MAX_BYTES) throw tooLarge();
    return bytes;
  };
  for (const part of parts) {
    const entry = { name: Buffer.from(part.name), offset, checksum: 0, packed: 0, size: 0 };
    yield counted(header(0x04034b50, [[VERSION, 2], ...fieldsOf(undefined), [entry.name.length, 2], [0, 2]], entry.name)); // prettier-ignore
    async function* measured(): AsyncGenerator<Buffer> {
      for await (const text of part.content) {
        const bytes = Buffer.from(text);
        entry.checksum = crc32(bytes, entry.checksum);
        entry.size += bytes.length;
        if (entry.size > MAX_BYTES) throw tooLarge();
        yield bytes;
      }
    }
    const deflate = createDeflateRaw();
    const pumped = pipeline(measured(), deflate);
    // What it throws comes out of `deflate`, too.
    pumped.catch(() => undefined);
    for await (const bytes of deflate as AsyncIterable<Buffer>) {
      entry.packed += bytes.length;
      yield counted(bytes);
    }
    await pumped;
    yield counted(header(0x08074b50, [[entry.checksum, 4], [entry.packed, 4], [entry.size, 4]])); // prettier-ignore
    entries.push(entry);
  }
  const directory = offset;
  for (const entry of entries) {
    const { name } = entry;
    // Made by, needed, …, name, extra, comment, disk, internal and external attributes, place.
    yield counted(header(0x02014b50, [[VERSION, 2], [VERSION, 2], ...fieldsOf(entry), [name.length, 2], [0, 2], [0, 2], [0, 2], [0, 2], [0, 4], [entry.offset, 4]], name)); // prettier-ignore
  }
  const size = offset - directory;
  yield header(0x06054b50, [[0, 2], [0, 2], [entries.length, 2], [entries.length, 2], [size, 4], [directory, 4], [0, 2]]); // prettier-ignore
}

type Field = readonly [value: number, bytes: 2 | 4];

function fieldsOf(known: { checksum: number; packed: number; size: number } | undefined): Field[] {
  const { checksum = 0, packed = 0, size = 0 } = known ?? {};
  return [[FLAGS, 2], [DEFLATE, 2], [0, 2], [DATE, 2], [checksum, 4], [packed, 4], [size, 4]]; // prettier-ignore
}

function header(signature: number, fields: readonly Field[], name: Uint8Array = Buffer.alloc(0)): Buffer {
  const all: readonly Field[] = [[signature, 4], ...fields];
  const bytes = Buffer.alloc(all.reduce((sum, [, length]) => sum + length, 0));
  let at = 0;
  for (const [value, length] of all) at = bytes.writeUIntLE(value, at, length);
  return Buffer.concat([bytes, name]);
}

function tooLarge(): MedTextError {
  return new MedTextError('UNSUPPORTED', words`The rows are too many for a workbook (4 GiB). Write CSV or JSON Lines.`);
}
