/** Vectors of texts as files that NumPy, pandas and scripts read, written a block at a time. */
import type { SchemaElement } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { MedTextError, words } from '../base/errors';

const vectorFormats = ['npy', 'parquet', 'jsonl'] as const;
export type VectorFormat = (typeof vectorFormats)[number];

/** Some texts of a file in its order, with the lines they stand on and their vectors, [texts, dimensions] row after row. */
export interface VectorBlock {
  readonly texts: readonly string[];
  readonly lines: readonly number[];
  readonly vectors: Float32Array;
}

/** The format that a file's name asks for. Errors: `USAGE` for another one. */
export function vectorFormatOf(path: string): VectorFormat {
  const ending = /\.([^./\\]+)$/.exec(path)?.[1].toLowerCase();
  const format = vectorFormats.find((name) => name === ending);
  if (format) return format;
  throw new MedTextError(
    'USAGE',
    words`${path}: vectors can be written as .npy (NumPy), .parquet or .jsonl (JSON Lines). Give the output a name with one of these endings.`,
    { file: path },
  );
}

/**
 * The bytes of a vector file. `npy` holds the vectors alone, in the order of the texts; `parquet` and `jsonl` also `line` (where
 * the text stands in its file) and `text`.
 *
 * @param rows of all blocks together
 */
export function vectorFile(
  format: VectorFormat,
  { rows, dimensions }: { readonly rows: number; readonly dimensions: number },
  blocks: AsyncIterable<VectorBlock>,
): AsyncGenerator<Uint8Array | string> {
  switch (format) {
    case 'npy':
      return npyFile(rows, dimensions, blocks);
    case 'parquet':
      return parquetFile(dimensions, blocks);
    case 'jsonl':
      return linesFile(dimensions, blocks);
  }
}

/** https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0: a header of 64 n bytes, then the data. */
async function* npyFile(rows: number, dimensions: number, blocks: AsyncIterable<VectorBlock>) {
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${dimensions}), }`;
  const lead = 10; // Magic, version and length.
  const padding = ' '.repeat(63 - ((lead + dictionary.length) % 64));
  const header = Buffer.alloc(lead + dictionary.length + padding.length + 1);
  header.write('\x93NUMPY\x01\x00', 'latin1');
  header.writeUInt16LE(header.length - lead, 8);
  header.write(`${dictionary}${padding}\n`, lead, 'latin1');
  yield header;
  for await (const { vectors } of blocks) yield new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength);
}

async function* linesFile(dimensions: number, blocks: AsyncIterable<VectorBlock>) {
  for await (const { texts, lines, vectors } of blocks) {
    for (const [i, text] of texts.entries()) {
      const embedding = [...vectors.subarray(i * dimensions, (i + 1) * dimensions)];
      yield `${JSON.stringify({ line: lines[i], text, embedding })}\n`;
    }
  }
}

/** A list of floats as the format's standard has it: pandas and pyarrow read it as one array a row. */
const PARQUET_SCHEMA: SchemaElement[] = [
  { name: 'root', num_children: 3 },
  { name: 'line', type: 'INT32', repetition_type: 'REQUIRED' },
  { name: 'text', type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' }, repetition_type: 'REQUIRED' }, // prettier-ignore
  { name: 'embedding', converted_type: 'LIST', logical_type: { type: 'LIST' }, repetition_type: 'REQUIRED', num_children: 1 }, // prettier-ignore
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' },
];

async function* parquetFile(dimensions: number, blocks: AsyncIterable<VectorBlock>) {
  const bytes = new DrainedWriter();
  const writer = new ParquetWriter({ writer: bytes, schema: PARQUET_SCHEMA, createdBy: 'medtext' });
  for await (const { texts, lines, vectors } of blocks) {
    const embeddings = texts.map((_, i) => [...vectors.subarray(i * dimensions, (i + 1) * dimensions)]);
    await writer.write({
      rowGroupSize: texts.length,
      columnData: [
        { name: 'line', data: [...lines] },
        { name: 'text', data: [...texts] },
        // Digits of floats do not repeat: neither a dictionary nor a compression would find anything.
        { name: 'embedding', data: embeddings, encoding: 'PLAIN', codec: 'UNCOMPRESSED', statistics: false },
      ],
    });
    yield bytes.drain();
  }
  await writer.finish();
  yield bytes.drain();
}

/** The library's writer, whose bytes are taken away now and then; places in the file go by its `offset`. */
class DrainedWriter extends ByteWriter {
  drain(): Uint8Array {
    const taken = new Uint8Array(this.getBytes());
    this.index = 0;
    return taken;
  }
}
