import { isAscii, isUtf8 } from 'node:buffer';
import { open, stat } from 'node:fs/promises';
import { asMedTextError, MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';

export interface FileEncoding {
  /** A label TextDecoder knows: `utf-8`, `utf-16le`, `utf-16be`, `gb18030`, or what the caller named. */
  readonly encoding: string;
  readonly byteOrderMark: boolean;
}

/**
 * Stands in decoded text for bytes that are not valid in the encoding. A lone low surrogate comes out of no decoder, so
 * a text is well-formed exactly when all its bytes were.
 */
const UNDECODABLE = '\uDC80';

const BLOCK_BYTES = 1 << 20;

/**
 * Finds the encoding of a text file: a byte order mark decides; else UTF-8 if the first megabyte with anything but ASCII is
 * valid UTF-8; else whichever of UTF-8 and GB18030 leaves fewer lines undecodable.
 *
 * Errors: `NOT_FOUND`, `IO`; `UNSUPPORTED` for archives, by their first bytes; `DATA_FORMAT` for an empty
 * file, and for bytes that are in neither encoding.
 */
export async function detectEncoding(path: string): Promise<FileEncoding & { readonly sizeBytes: number }> {
  const sizeBytes = await dataFileSize(path);
  const file = await open(path, 'r').catch((error: unknown) => {
    throw asMedTextError(error);
  });
  try {
    const block = Buffer.alloc(Math.min(BLOCK_BYTES, sizeBytes));
    for (let offset = 0; ;) {
      const { bytesRead } = await file.read(block, 0, block.length, offset);
      const bytes = block.subarray(0, bytesRead);
      if (offset === 0) {
        const marked = encodingByMark(bytes);
        if (marked) return { encoding: marked, byteOrderMark: true, sizeBytes };
        refuseBinary(path, bytes);
      }
      offset += bytesRead;
      const isLast = bytesRead === 0 || offset >= sizeBytes;
      if (isAscii(bytes) && !isLast) continue;
      return { encoding: encodingByContent(path, isLast ? bytes : cutAtLine(bytes)), byteOrderMark: false, sizeBytes };
    }
  } catch (error) {
    throw asMedTextError(error);
  } finally {
    await file.close();
  }
}

/** Whether the file begins with the byte order mark of this encoding; used when the caller names the encoding. */
export async function hasByteOrderMark(path: string, encoding: string): Promise<boolean> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw asMedTextError(error);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return encodingByMark(buffer.subarray(0, bytesRead)) === encoding;
  } finally {
    await file.close();
  }
}

/** Data formats that are no text, by their first bytes. Errors: `NOT_FOUND`, `IO`. */
export async function containerOf(path: string): Promise<'xlsx' | 'parquet' | undefined> {
  await dataFileSize(path);
  const file = await open(path, 'r').catch((error: unknown) => {
    throw asMedTextError(error);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    const magic = buffer.toString('latin1', 0, bytesRead);
    return magic === 'PK\x03\x04' ? 'xlsx' : magic === 'PAR1' ? 'parquet' : undefined;
  } catch (error) {
    throw asMedTextError(error);
  } finally {
    await file.close();
  }
}

/** The canonical name of an encoding label (`GBK` is `gbk`, `utf8` is `utf-8`). Errors: `UNSUPPORTED`. */
export function canonicalEncoding(label: string): string {
  try {
    return new TextDecoder(label).encoding;
  } catch (error) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`The text encoding "${label}" is not known. Use utf-8, gb18030, gbk, big5, utf-16le or another name of the WHATWG Encoding Standard.`,
      { encoding: label },
      { cause: error },
    );
  }
}

/**
 * The file's text without its byte order mark, a chunk at a time. Undecodable bytes become {@link UNDECODABLE} (in UTF-8
 * so does the whole of nothing else: the rest of their line stays readable).
 *
 * Errors: `NOT_FOUND`, `IO`, `CANCELLED`.
 */
export async function* decodedText(
  path: string,
  encoding: string,
  signal?: AbortSignal,
  chunkBytes = 1 << 18,
): AsyncGenerator<string> {
  for await (const { text } of anchoredText(path, encoding, { signal, chunkBytes })) yield text;
}

/** A stretch of a file's text and the byte at which it begins. Decoding can begin again at that byte. */
export interface AnchoredChunk {
  readonly text: string;
  readonly offset: number;
}

/** The longest stretch without a place to cut it. Only garbage has longer ones. */
const MAX_CARRY_BYTES = 1 << 22;

/**
 * As {@link decodedText}, with the byte each chunk begins at: chunks end between two characters, where it can be behind a
 * line break. (Stateful encodings, of which the standard has ISO-2022-JP alone, are back in their first state there.)
 *
 * @param start a byte that was a chunk's `offset` before
 * Errors: `NOT_FOUND`, `IO`, `CANCELLED`.
 */
export async function* anchoredText(
  path: string,
  encoding: string,
  { start = 0, signal, chunkBytes = 1 << 18 }: { start?: number; signal?: AbortSignal; chunkBytes?: number } = {},
): AsyncGenerator<AnchoredChunk> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw asMedTextError(error);
  });
  try {
    const decode = decoderOf(encoding);
    const chunk = Buffer.allocUnsafe(chunkBytes);
    let carry: Buffer = Buffer.alloc(0);
    let offset = start;
    for (let at = start; ;) {
      if (signal?.aborted) throw new MedTextError('CANCELLED', `Reading ${path} was cancelled.`, { file: path });
      const { bytesRead } = await file.read(chunk, 0, chunkBytes, at);
      at += bytesRead;
      const bytes =
        carry.length > 0 ? Buffer.concat([carry, chunk.subarray(0, bytesRead)]) : chunk.subarray(0, bytesRead);
      const isLast = bytesRead === 0;
      const end = isLast ? bytes.length : completeLength(bytes, encoding);
      let text = decode(bytes.subarray(0, end));
      if (offset === 0 && text.charCodeAt(0) === 0xfeff) text = text.slice(1);
      if (text !== '') yield { text, offset };
      offset += end;
      carry = Buffer.from(bytes.subarray(end));
      if (isLast) return;
    }
  } catch (error) {
    throw asMedTextError(error);
  } finally {
    await file.close();
  }
}

/**
 * The encoder for writing text back in the encoding it was read in.
 *
 * Errors: `UNSUPPORTED` for an encoding this program can read but not write.
 */
export function textEncoder(encoding: string): (text: string) => Uint8Array {
  switch (encoding) {
    case 'utf-8':
      return (text) => Buffer.from(text, 'utf8');
    case 'utf-16le':
      return (text) => Buffer.from(text, 'utf16le');
    case 'utf-16be':
      return (text) => Buffer.from(text, 'utf16le').swap16();
    case 'gb18030':
    case 'gbk':
      return encodeGb18030;
    default:
      throw new MedTextError(
        'UNSUPPORTED',
        words`Writing text in ${encoding} is not supported; convert the file to UTF-8.`,
        {
          encoding,
        },
      );
  }
}

/** The size in bytes. Errors: `NOT_FOUND`, `IO`, `DATA_FORMAT` for what is no file or empty. */
export async function dataFileSize(path: string): Promise<number> {
  const stats = await stat(path).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new MedTextError('NOT_FOUND', words`The data file ${path} does not exist.`, { file: path });
    throw asMedTextError(error);
  });
  if (!stats.isFile()) throw new MedTextError('DATA_FORMAT', words`${path} is not a file.`, { file: path });
  if (stats.size === 0) throw new MedTextError('DATA_FORMAT', words`${path}: the file is empty.`, { file: path });
  return stats.size;
}

function encodingByMark(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return undefined;
}

function refuseBinary(path: string, bytes: Buffer): void {
  const starts = (...magic: number[]) => magic.every((byte, i) => bytes[i] === byte);
  const unsupported = (what: Words) =>
    new MedTextError(
      'UNSUPPORTED',
      words`${path} is ${what}, which cannot be read yet; save it as CSV or JSON Lines.`,
      {
        file: path,
      },
    );
  if (starts(0xd0, 0xcf, 0x11, 0xe0)) throw unsupported(words`an old Excel workbook`);
  if (starts(0x1f, 0x8b)) throw unsupported(words`a gzip archive`);
  if (bytes.subarray(0, 4096).includes(0)) {
    throw new MedTextError(
      'DATA_FORMAT',
      words`${path} holds zero bytes: it is a binary file, or UTF-16 without a byte order mark (then name the encoding).`,
      { file: path },
    );
  }
}

function encodingByContent(path: string, bytes: Buffer): string {
  if (isUtf8(bytes)) return 'utf-8';
  const gb18030 = new TextDecoder('gb18030');
  let lines = 0;
  let badAsUtf8 = 0;
  let badAsGb18030 = 0;
  let badAsBoth = 0;
  for (const line of byteLines(bytes)) {
    if (isAscii(line)) continue;
    lines++;
    const utf8Bad = !isUtf8(line);
    const gbBad = gb18030.decode(line).includes('\uFFFD');
    if (utf8Bad) badAsUtf8++;
    if (gbBad) badAsGb18030++;
    if (utf8Bad && gbBad) badAsBoth++;
  }
  if (badAsBoth * 2 > lines) {
    throw new MedTextError(
      'DATA_FORMAT',
      words`${path}: the text is neither UTF-8 nor GB18030; name its encoding or convert it to UTF-8.`,
      { file: path },
    );
  }
  return badAsUtf8 < badAsGb18030 ? 'utf-8' : 'gb18030';
}

/** Without the last, perhaps cut, line: a character may be cut as well. */
function cutAtLine(bytes: Buffer): Buffer {
  const end = bytes.lastIndexOf(0x0a);
  return end < 0 ? bytes.subarray(0, completeUtf8Length(bytes)) : bytes.subarray(0, end + 1);
}

function* byteLines(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    yield bytes.subarray(start, end);
    start = end;
  }
}

/** Decodes whole characters; the mark at a file's beginning is left to the caller. */
type Decode = (bytes: Buffer) => string;

function decoderOf(encoding: string): Decode {
  const decoder = new TextDecoder(encoding, { ignoreBOM: true });
  if (encoding !== 'utf-8') {
    return (bytes) => {
      const text = decoder.decode(bytes);
      return text.includes('\uFFFD') ? text.replaceAll('\uFFFD', UNDECODABLE) : text;
    };
  }
  return (bytes) => {
    if (isUtf8(bytes)) return bytes.toString('utf8');
    let text = '';
    for (const line of byteLines(bytes)) {
      text += isUtf8(line) ? line.toString('utf8') : decoder.decode(line).replaceAll('\uFFFD', UNDECODABLE);
    }
    return text;
  };
}

/** The length without a character that may be cut off at the end. */
function completeLength(bytes: Buffer, encoding: string): number {
  if (encoding === 'utf-8') return completeUtf8Length(bytes);
  if (encoding === 'utf-16le' || encoding === 'utf-16be') {
    const whole = bytes.length & ~1;
    if (whole === 0) return 0;
    const unit = encoding === 'utf-16le' ? bytes.readUInt16LE(whole - 2) : bytes.readUInt16BE(whole - 2);
    return (unit & 0xfc00) === 0xd800 ? whole - 2 : whole;
  }
  // In every multi-byte encoding of the standard, bytes below 0x30 are characters of their own, never part of one.
  const newline = bytes.lastIndexOf(0x0a);
  if (newline >= 0) return newline + 1;
  for (let at = bytes.length - 1; at >= 0; at--) if (bytes[at] < 0x30) return at + 1;
  return bytes.length > MAX_CARRY_BYTES ? bytes.length : 0;
}

/** The length without a character cut off at the end. */
function completeUtf8Length(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back];
    if (byte < 0x80) break;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? bytes.length - back : bytes.length;
    }
  }
  return bytes.length;
}

/** GB18030 by inverting the platform's decoder, so that the two always agree. */
function encodeGb18030(text: string): Uint8Array {
  gb18030Table ??= buildGb18030Table();
  const bytes = Buffer.alloc(text.length * 4);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const codePoint = text.codePointAt(i)!;
    if (codePoint < 0x80) {
      bytes[length++] = codePoint;
    } else if (codePoint > 0xffff) {
      length = writeFourBytes(bytes, length, codePoint - 0x10000 + FIRST_SUPPLEMENTARY);
      i++;
    } else {
      const entry = gb18030Table[codePoint];
      if (entry === 0) {
        throw new MedTextError(
          'UNSUPPORTED',
          words`GB18030 has no code for U+${codePoint.toString(16).toUpperCase()}.`,
          {
            codePoint,
          },
        );
      }
      if (entry < 0x10000) length = bytes.writeUInt16BE(entry, length);
      else length = writeFourBytes(bytes, length, entry - 0x10000);
    }
  }
  return bytes.subarray(0, length);
}

/** Linear number of 0x90308130, where U+10000 stands. */
const FIRST_SUPPLEMENTARY = 189_000;
/** Four-byte codes of the Basic Multilingual Plane: 0x81308130 to 0x8431A439. */
const FOUR_BYTE_BMP = 39_420;

/** By code unit: the two bytes, or 0x10000 + the linear number of the four bytes. */
let gb18030Table: Uint32Array | undefined;

function buildGb18030Table(): Uint32Array {
  const table = new Uint32Array(0x10000);
  const decoder = new TextDecoder('gb18030');
  const four = Buffer.alloc(4);
  for (let linear = 0; linear < FOUR_BYTE_BMP; linear++) {
    writeFourBytes(four, 0, linear);
    const text = decoder.decode(four);
    if (text.length === 1 && text !== '\uFFFD') table[text.charCodeAt(0)] = 0x10000 + linear;
  }
  table[0xfffd] = 0x10000 + 39_417; // 0x8431A437
  // Two bytes win where both exist; backwards, so that of several codes for a character the lowest remains.
  for (let lead = 0xfe; lead >= 0x81; lead--) {
    for (let trail = 0xfe; trail >= 0x40; trail--) {
      if (trail === 0x7f) continue;
      const text = decoder.decode(Uint8Array.of(lead, trail));
      if (text.length === 1 && text !== '\uFFFD') table[text.charCodeAt(0)] = (lead << 8) | trail;
    }
  }
  return table;
}

function writeFourBytes(bytes: Buffer, offset: number, linear: number): number {
  bytes[offset] = 0x81 + Math.floor(linear / 12_600);
  bytes[offset + 1] = 0x30 + (Math.floor(linear / 1260) % 10);
  bytes[offset + 2] = 0x81 + (Math.floor(linear / 10) % 126);
  bytes[offset + 3] = 0x30 + (linear % 10);
  return offset + 4;
}
