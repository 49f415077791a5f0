/** Reads what a shared library of x86-64 Linux needs from its dynamic section (System V ABI, chapters 4 and 5). */
import { open, type FileHandle } from 'node:fs/promises';
import { MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';
import { cancelled } from '../hub/transport';

export interface ElfNeeds {
  /** The DT_NEEDED entries, in their order. */
  readonly needed: readonly string[];
  readonly soname: string | undefined;
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NULL = 0n;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_STRSZ = 10n;
const DT_SONAME = 14n;
const X86_64 = 62;
/** A bound on entries; no library comes near it. */
const MAX_PROGRAM_HEADERS = 256;
const MAX_DYNAMIC_BYTES = 1 << 16;
const MAX_STRINGS_BYTES = 1 << 26;

/** @throws MedTextError INTEGRITY when the file is not such a library; IO or NOT_FOUND when it cannot be read. */
export async function readElfNeeds(path: string): Promise<ElfNeeds> {
  const broken = (why: Words): MedTextError =>
    new MedTextError('INTEGRITY', words`${path} is not a library for x86-64 Linux: ${why}.`, { path });
  const file = await open(path, 'r');
  try {
    const header = await bytesAt(file, 64, 0, broken);
    if (header.readUInt32BE(0) !== 0x7f454c46) throw broken(words`it is not an ELF file`);
    if (header[4] !== 2 || header[5] !== 1 || header.readUInt16LE(18) !== X86_64) throw broken(words`it is for another machine`); // prettier-ignore
    const size = header.readUInt16LE(54);
    const count = header.readUInt16LE(56);
    if (size !== 56 || count > MAX_PROGRAM_HEADERS) throw broken(words`its program headers are damaged`);
    const headers = await bytesAt(file, size * count, position(header.readBigUInt64LE(32), broken), broken);
    const segments = Array.from({ length: count }, (_, i) => segmentOf(headers.subarray(i * size)));
    const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
    if (!dynamic || dynamic.fileSize > MAX_DYNAMIC_BYTES) throw broken(words`it has no dynamic section`);
    const entries = entriesOf(await bytesAt(file, Number(dynamic.fileSize), position(dynamic.offset, broken), broken));
    const valueOf = (tag: bigint) => entries.find(([key]) => key === tag)?.[1];
    const address = valueOf(DT_STRTAB);
    const length = Number(valueOf(DT_STRSZ) ?? 0n);
    // The table's place is an address in memory; the loaded segment says where that address is in the file.
    const holder = segments.find((s) => s.type === PT_LOAD && address !== undefined && address >= s.address && address < s.address + s.fileSize); // prettier-ignore
    if (!holder || length <= 0 || length > MAX_STRINGS_BYTES) throw broken(words`it has no table of names`);
    const strings = await bytesAt(file, length, position(address! - holder.address + holder.offset, broken), broken);
    const text = (at: bigint): string => {
      const start = Number(at);
      const end = start < strings.length ? strings.indexOf(0, start) : -1;
      if (end < 0) throw broken(words`a name lies outside its table`);
      return strings.toString('latin1', start, end);
    };
    const soname = valueOf(DT_SONAME);
    return {
      needed: entries.flatMap(([tag, value]) => (tag === DT_NEEDED ? [text(value)] : [])),
      soname: soname === undefined ? undefined : text(soname),
    };
  } finally {
    await file.close();
  }
}

function segmentOf(header: Buffer) {
  return {
    type: header.readUInt32LE(0),
    offset: header.readBigUInt64LE(8),
    address: header.readBigUInt64LE(16),
    fileSize: header.readBigUInt64LE(32),
  };
}

function entriesOf(section: Buffer): [bigint, bigint][] {
  const entries: [bigint, bigint][] = [];
  for (let at = 0; at + 16 <= section.length; at += 16) {
    const tag = section.readBigUInt64LE(at);
    if (tag === DT_NULL) break;
    entries.push([tag, section.readBigUInt64LE(at + 8)]);
  }
  return entries;
}

function position(value: bigint, broken: (why: Words) => MedTextError): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw broken(words`a position lies outside the file`);
  return Number(value);
}

async function bytesAt(file: FileHandle, length: number, at: number, broken: (why: Words) => MedTextError) {
  const { size } = await file.stat();
  if (at + length > size) throw broken(words`it is cut short`);
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(bytes, done, length - done, at + done);
    if (bytesRead === 0) throw broken(words`it is cut short`);
    done += bytesRead;
  }
  return bytes;
}

/**
 * Whether the library contains a text as a C string. The version that ONNX Runtime's libraries were built as is found so,
 * since their names and headers do not hold it.
 */
export async function holdsCString(path: string, text: string, signal?: AbortSignal): Promise<boolean> {
  const wanted = Buffer.from(`\0${text}\0`, 'latin1');
  const file = await open(path, 'r');
  try {
    const chunk = Buffer.alloc(4 << 20);
    let kept = 0;
    for (let at = 0; ;) {
      if (signal?.aborted) throw cancelled();
      const { bytesRead } = await file.read(chunk, kept, chunk.length - kept, at);
      if (bytesRead === 0) return false;
      at += bytesRead;
      const filled = chunk.subarray(0, kept + bytesRead);
      if (filled.includes(wanted)) return true;
      kept = Math.min(filled.length, wanted.length - 1);
      filled.copy(chunk, 0, filled.length - kept);
    }
  } finally {
    await file.close();
  }
}
