/**
 * The files that an ONNX graph keeps its tensors in, from the structure of the file alone: the bytes of tensors are passed
 * over unread, for a graph may hold two gigabytes of them.
 */
import { dirname } from 'node:path';
import { words } from '../../base/errors';
import { resolveExternalPath } from '../../onnx/externalLocation';
import { ByteCursor } from './byteCursor';
import { refuseEscape } from './onnxWeights';
import { RandomAccessFile } from './randomAccessFile';

/** The wire types of src/onnx/wire.ts. */
const MAX_DEPTH = 60;
const MAX_PARTS = 4_000_000;
const MAX_LOCATION_BYTES = 4096;

/** TensorProto.DataLocation. */
const EXTERNAL = 1;

/**
 * Paths of the external data, each once, none outside the graph's folder.
 * @throws MedTextError CHECKPOINT_FORMAT when the file is no ONNX; ONNX_FORMAT for a location that leaves the folder;
 * NOT_FOUND for one that is not there; IO.
 */
export async function externalFilesOf(path: string): Promise<string[]> {
  const file = await RandomAccessFile.open(path);
  try {
    const cursor = new ByteCursor((into, position) => file.readSync(into, position), 0, file.size, path);
    const locations = new LocationReader(cursor).read();
    const paths = new Map(locations.map((location) => [resolveExternalPath(dirname(path), location), location]));
    for (const [external, location] of paths) refuseEscape(path, external, location);
    return [...paths.keys()];
  } finally {
    await file.close();
  }
}

/** The action for a field number: with the value of a varint, or inside a part that ends at a position. */
interface Fields {
  readonly numbers?: Readonly<Record<number, (value: number) => void>>;
  readonly parts?: Readonly<Record<number, (end: number) => void>>;
}

/** Walks onnx.proto's messages (field numbers of onnx 1.23) to every tensor. */
class LocationReader {
  private readonly locations = new Set<string>();
  private depth = 0;
  private parts = 0;

  constructor(private readonly cursor: ByteCursor) {}

  read(): string[] {
    this.message(this.cursor.end, { parts: { 7: this.graph, 25: this.function } });
    return [...this.locations];
  }

  private readonly graph = (end: number): void =>
    this.message(end, { parts: { 1: this.node, 5: this.tensor, 15: this.sparseTensor } });

  private readonly function = (end: number): void => this.message(end, { parts: { 7: this.node } });

  private readonly node = (end: number): void => this.message(end, { parts: { 5: this.attribute } });

  private readonly attribute = (end: number): void => {
    const { tensor, graph, sparseTensor } = this;
    this.message(end, { parts: { 5: tensor, 6: graph, 10: tensor, 11: graph, 22: sparseTensor, 23: sparseTensor } });
  };

  private readonly sparseTensor = (end: number): void =>
    this.message(end, { parts: { 1: this.tensor, 2: this.tensor } });

  private readonly tensor = (end: number): void => {
    let place = 0;
    let location: string | undefined;
    const entry = (entryEnd: number): void => {
      let [key, value] = ['', ''];
      this.message(entryEnd, { parts: { 1: (to) => (key = this.text(to)), 2: (to) => (value = this.text(to)) } });
      if (key === 'location') location = value;
    };
    this.message(end, { numbers: { 14: (value) => (place = value) }, parts: { 13: entry } });
    if (place === EXTERNAL && location !== undefined) this.locations.add(location);
  };

  private message(end: number, { numbers = {}, parts = {} }: Fields): void {
    const { cursor } = this;
    if (++this.parts > MAX_PARTS) throw cursor.broken(words`it has more than ${MAX_PARTS} parts`);
    if (++this.depth > MAX_DEPTH) throw cursor.broken(words`it is nested more than ${MAX_DEPTH} levels deep`);
    while (cursor.position < end) {
      const tag = this.varint();
      const field = Math.floor(tag / 8);
      switch (tag % 8) {
        case 0: {
          const value = this.varint();
          numbers[field]?.(value);
          break;
        }
        case 1:
          this.passTo(cursor.position + 8, end);
          break;
        case 2: {
          const partEnd = this.varint() + cursor.position;
          if (partEnd <= end) parts[field]?.(partEnd);
          this.passTo(partEnd, end);
          break;
        }
        case 5:
          this.passTo(cursor.position + 4, end);
          break;
        default:
          throw cursor.broken(words`a field has an unknown wire type`);
      }
    }
    if (cursor.position > end) throw cursor.broken(words`a field is longer than the part that contains it`);
    this.depth--;
  }

  private passTo(position: number, end: number): void {
    if (position > end) throw this.cursor.broken(words`a field is longer than the part that contains it`);
    this.cursor.position = position;
  }

  private text(end: number): string {
    const length = end - this.cursor.position;
    if (length > MAX_LOCATION_BYTES) throw this.cursor.broken(words`a name has ${length} bytes`);
    return Buffer.from(this.cursor.take(length)).toString('utf8');
  }

  /** A number beyond 2^53 is rounded; no field that is read is so large. */
  private varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.cursor.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw this.cursor.broken(words`a number has no end`);
  }
}
