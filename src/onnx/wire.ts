/**
 * Protobuf's wire format with the checks that untrusted files need, over @bufbuild/protobuf's reader and writer. Every
 * message stays within its bounds. Nesting and the number of parts are limited. A wrong wire type is an error.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { MedTextError } from '../base/errors';

/** The deepest nesting of messages. One level of ONNX subgraph takes three (graph, node, attribute). */
const MAX_DEPTH = 60;
/**
 * The largest number of parts. An empty message or string takes two bytes in a file and up to a hundred times as much
 * in memory.
 */
const MAX_PARTS = 4_000_000;

/** The action for each field number. Other fields are skipped. */
export type FieldTable = Readonly<Record<number, () => void>>;

/** Reads one protobuf file. The accessors read the present field of {@link fields}. */
export class MessageReader {
  private readonly reader: BinaryReader;
  private wireType = WireType.Varint;
  private depth = 0;
  private parts = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.reader = new BinaryReader(bytes);
  }

  /** Reads the whole file as one message. */
  root(table: FieldTable): void {
    try {
      this.fields(this.bytes.length, table);
    } catch (error) {
      // The library's own errors ("premature EOF", "invalid varint", "illegal tag") and DataView's RangeError.
      if (error instanceof MedTextError) throw error;
      this.fail(error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  message(table: FieldTable): void {
    this.expect(WireType.LengthDelimited);
    this.countPart();
    if (++this.depth > MAX_DEPTH) this.fail(`it is nested more than ${MAX_DEPTH} levels deep`);
    const length = this.reader.uint32();
    this.fields(this.reader.pos + length, table);
    this.depth--;
  }

  string(): string {
    this.expect(WireType.LengthDelimited);
    this.countPart();
    return this.reader.string();
  }

  /** A view on the file's bytes, without a copy. */
  view(): Uint8Array {
    this.expect(WireType.LengthDelimited);
    return this.reader.bytes();
  }

  int64(): bigint {
    this.expect(WireType.Varint);
    return BigInt(this.reader.int64());
  }

  /** An int64 as a number. Beyond 2^53 it is the nearest double (ONNX writes "to the end" as 2^63 - 1). */
  integer(): number {
    return Number(this.int64());
  }

  float(): number {
    this.expect(WireType.Bit32);
    return this.reader.float();
  }

  /** Appends the elements of a repeated scalar, packed or one by one, to `run`. */
  elements(run: ByteRun): void {
    if (this.wireType === WireType.LengthDelimited) run.append(this.reader.bytes());
    else run.append(this.reader.skip(this.wireType));
  }

  fail(reason: string, options?: ErrorOptions): never {
    const { pos: offset } = this.reader;
    throw new MedTextError(
      'ONNX_FORMAT',
      `This is not a valid ONNX file: ${reason} (at byte ${offset}).`,
      { offset },
      options,
    );
  }

  private fields(end: number, table: FieldTable): void {
    const { reader } = this;
    if (end > this.bytes.length) this.fail('a part is longer than the file');
    while (reader.pos < end) {
      const [field, wireType] = reader.tag();
      const read = table[field];
      this.wireType = wireType;
      if (read) read();
      else reader.skip(wireType, field);
      if (reader.pos > end) this.fail('a field is longer than the part that contains it');
    }
  }

  private countPart(): void {
    if (++this.parts > MAX_PARTS) this.fail(`it has more than ${MAX_PARTS} parts`);
  }

  private expect(wireType: WireType): void {
    if (this.wireType !== wireType) this.fail('a field has the wrong wire type');
  }
}

/** Bytes from several places. A single piece is never copied. */
export class ByteRun {
  private buffer = new Uint8Array(0);
  private used = 0;

  get length(): number {
    return this.used;
  }

  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.used);
  }

  append(piece: Uint8Array): void {
    if (this.used === 0) {
      this.buffer = piece as Uint8Array<ArrayBuffer>;
      this.used = piece.length;
      return;
    }
    if (this.used + piece.length > this.buffer.length) {
      const grown = new Uint8Array(Math.max(64, 2 * (this.used + piece.length)));
      grown.set(this.bytes);
      this.buffer = grown;
    }
    this.buffer.set(piece, this.used);
    this.used += piece.length;
  }
}

/** Bytes that are made when the file is written. Their array may be used again for the next bytes. */
export interface LaterBytes {
  readonly length: number;
  readonly bytes: () => Promise<Uint8Array>;
}

/** The size of the chunks into which small pieces are put together. A larger piece is a chunk of its own. */
const CHUNK_BYTES = 2 ** 18;

/** Writes one message as a list of pieces. Large tensors are copied once, into the finished file. */
export class MessageWriter {
  private readonly pieces: (Uint8Array | LaterBytes)[] = [];
  private scalars = new BinaryWriter();
  private pending = 0;
  private finished = 0;

  get length(): number {
    this.flush();
    return this.finished;
  }

  integer(field: number, value: number): this {
    this.scalars.tag(field, WireType.Varint).int64(clampToInt64(value));
    return this.wrote();
  }

  float(field: number, value: number): this {
    this.scalars.tag(field, WireType.Bit32).float(value);
    return this.wrote();
  }

  double(field: number, value: number): this {
    this.scalars.tag(field, WireType.Bit64).double(value);
    return this.wrote();
  }

  string(field: number, value: string): this {
    this.scalars.tag(field, WireType.LengthDelimited).string(value);
    return this.wrote();
  }

  /** Keeps a reference to `value` until the file is finished. */
  bytes(field: number, value: Uint8Array | LaterBytes): this {
    this.scalars.tag(field, WireType.LengthDelimited).uint32(value.length);
    this.wrote();
    this.flush();
    this.pieces.push(value);
    this.finished += value.length;
    return this;
  }

  message(field: number, fill: (writer: MessageWriter) => void): this {
    const inner = new MessageWriter();
    fill(inner);
    this.scalars.tag(field, WireType.LengthDelimited).uint32(inner.length);
    this.wrote();
    this.flush();
    for (const piece of inner.pieces) this.pieces.push(piece);
    this.finished += inner.length;
    return this;
  }

  /** The message whose bytes are all there. */
  finish(): Uint8Array {
    const result = new Uint8Array(this.length);
    let offset = 0;
    for (const piece of this.pieces) {
      if (!(piece instanceof Uint8Array)) throw new MedTextError('INTERNAL', 'Bytes of the message are made later.');
      result.set(piece, offset);
      offset += piece.length;
    }
    return result;
  }

  /** See {@link chunksOf}. */
  chunks(): AsyncGenerator<Uint8Array> {
    this.flush();
    return chunksOf(this.pieces);
  }

  private wrote(): this {
    this.pending++;
    return this;
  }

  private flush(): void {
    if (this.pending === 0) return;
    const piece = this.scalars.finish();
    this.pieces.push(piece);
    this.finished += piece.length;
    this.pending = 0;
  }
}

/** The pieces in chunks. A chunk is to be used before the next one is asked for. */
export async function* chunksOf(pieces: readonly (Uint8Array | LaterBytes)[]): AsyncGenerator<Uint8Array> {
  const small = new Uint8Array(CHUNK_BYTES);
  let used = 0;
  for (const piece of pieces) {
    if (used > 0 && used + piece.length > CHUNK_BYTES) {
      yield small.subarray(0, used);
      used = 0;
    }
    const bytes = piece instanceof Uint8Array ? piece : await piece.bytes();
    if (bytes.length !== piece.length) {
      throw new MedTextError('INTERNAL', `${piece.length} bytes were to be written, not ${bytes.length}.`);
    }
    if (bytes.length > CHUNK_BYTES) {
      yield bytes;
      continue;
    }
    small.set(bytes, used);
    used += bytes.length;
  }
  if (used > 0) yield small.subarray(0, used);
}

/** 2^63 - 1 is not a double. Numbers at or beyond it become 2^63 - 1. */
function clampToInt64(value: number): bigint {
  if (!Number.isInteger(value))
    throw new MedTextError('GRAPH', `${value} is not an integer, as an attribute of the graph must be.`);
  return BigInt(value) >= 2n ** 63n ? 2n ** 63n - 1n : BigInt(value) < -(2n ** 63n) ? -(2n ** 63n) : BigInt(value);
}
