import { open, type FileHandle } from 'node:fs/promises';
import {
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type AsyncBuffer,
  type FileMetaData,
} from 'hyparquet';
import { compressors as allCompressors } from 'hyparquet-compressors';
import { asMedTextError, MedTextError, words } from '../base/errors';
import type { FileWatch } from '../base/fileWatch';
import { recordOf, type DataRow, type DataValue } from './dataRow';
import { Fault, faultOf } from './fault';
import { repeatedNames } from './tableHead';

/** Rows decoded at a time: as many as hold about this much. */
const WINDOW_BYTES = 1 << 24;
const MAX_WINDOW_ROWS = 10_000;
/** A page or column chunk larger than this is refused: it would have to be in memory at once. */
const MAX_PART_BYTES = 1 << 29;
/** Compressed column chunks kept between the windows of a row group. */
const MAX_CACHED_BYTES = 1 << 28;

export interface ParquetFile {
  readonly columns: readonly string[];
  /** By column: the names of its numbers, where Hugging Face's `datasets` has written them (ClassLabel). */
  readonly declaredLabels: ReadonlyMap<string, readonly string[]>;
  readonly rows: number;
  /** The records in order; `line` is the row's number from 1. Errors: `DATA_FORMAT`, `UNSUPPORTED`, `IO`, `CANCELLED`. */
  records(signal?: AbortSignal): AsyncGenerator<DataRow>;
}

/**
 * Opens a Parquet file with hyparquet: every encoding and compression in use. Numbers beyond 2^53 and bytes that are no
 * text come as texts (decimal, hexadecimal), times as ISO 8601.
 *
 * Errors: `DATA_FORMAT` for a file that is cut short or broken; `UNSUPPORTED` for an encrypted one, or a page of more than
 * half a gigabyte; `IO`.
 */
export async function openParquet(path: string, sizeBytes: number, watch: FileWatch): Promise<ParquetFile> {
  const metadata = await withFile(path, sizeBytes, (buffer) => parquetMetadataAsync(buffer, { geoparquet: false }));
  const { columns, rows } = shapeOf(path, metadata);
  const declaredLabels = classLabels(metadata, columns);
  return {
    columns,
    rows,
    declaredLabels,
    async *records(signal) {
      const file = await open(path, 'r').catch((error: unknown) => {
        throw asMedTextError(error);
      });
      const buffer = new FileBuffer(file, sizeBytes);
      try {
        yield* groupRecords(path, buffer, watch, metadata, columns, declaredLabels, signal);
      } catch (error) {
        throw broken(path, error);
      } finally {
        await file.close();
      }
    },
  };
}

/**
 * The names that `datasets` keeps for the numbers of a ClassLabel, in the file's metadata under "huggingface".
 * What cannot be read there is not used: the numbers stay.
 */
function classLabels(metadata: FileMetaData, columns: readonly string[]): Map<string, readonly string[]> {
  const written = metadata.key_value_metadata?.find(({ key }) => key === 'huggingface')?.value;
  const labels = new Map<string, readonly string[]>();
  if (written === undefined) return labels;
  try {
    const json = JSON.parse(written) as { info?: { features?: Record<string, { _type?: unknown; names?: unknown }> } };
    const features = json.info?.features ?? {};
    for (const column of columns) {
      const { _type: type, names } = (Object.hasOwn(features, column) && features[column]) || {};
      if (type === 'ClassLabel' && Array.isArray(names) && names.every((name) => typeof name === 'string')) {
        labels.set(column, names as string[]);
      }
    }
  } catch {
    labels.clear();
  }
  return labels;
}

/** What hyparquet has parsed may still lack what every file has. Errors: `DATA_FORMAT`. */
function shapeOf(path: string, metadata: FileMetaData): { columns: string[]; rows: number } {
  try {
    const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
    if (columns.some((name) => typeof name !== 'string')) throw new Fault(words`a column has no name`);
    for (const [name, places] of repeatedNames(columns)) {
      // A record is keyed by name: one of them would stand for both.
      throw new Fault(
        words`columns ${places.map((place) => place + 1).join(', ')} are all named ${JSON.stringify(name)}`,
      );
    }
    const rows = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
    if (!(rows >= 0) || !Number.isSafeInteger(rows)) throw new Fault(words`its row groups have no valid size`);
    return { columns, rows };
  } catch (error) {
    throw broken(path, error);
  }
}

async function* groupRecords(
  path: string,
  file: FileBuffer,
  watch: FileWatch,
  metadata: FileMetaData,
  columns: readonly string[],
  declaredLabels: ReadonlyMap<string, readonly string[]>,
  signal?: AbortSignal,
): AsyncGenerator<DataRow> {
  const cell = (name: string, value: unknown): DataValue => {
    const names = declaredLabels.get(name);
    const plain = plainValue(value);
    if (!names || typeof plain !== 'number') return plain;
    // -1 is how `datasets` writes a row without a label.
    return plain === -1 ? null : (names[plain] ?? plain);
  };
  let groupStart = 0;
  for (const group of metadata.row_groups) {
    const groupRows = Number(group.num_rows);
    const bytes = group.columns.reduce(
      (sum, column) => sum + Number(column.meta_data?.total_uncompressed_size ?? 0),
      0,
    );
    const fitting = Math.floor((groupRows * WINDOW_BYTES) / Math.max(1, bytes));
    const window = Math.max(100, Math.min(MAX_WINDOW_ROWS, fitting));
    file.forget();
    for (let start = 0; start < groupRows; start += window) {
      if (signal?.aborted) throw new MedTextError('CANCELLED', `Reading ${path} was cancelled.`, { file: path });
      const rowStart = groupStart + start;
      const rowEnd = groupStart + Math.min(groupRows, start + window);
      const options = { file, metadata, compressors, rowStart, rowEnd, geoparquet: false };
      const records = await watch.during(() => parquetReadObjects(options));
      if (records.length !== rowEnd - rowStart) throw new Fault(words`it promises ${rowEnd} rows and has ${rowStart + records.length}`); // prettier-ignore
      for (let i = 0; i < records.length; i++) {
        const record = records[i];
        yield {
          line: rowStart + i + 1,
          values: recordOf(
            columns,
            columns.map((name) => cell(name, record[name])),
          ),
        };
      }
    }
    groupStart += groupRows;
  }
}

/** hyparquet's window on the file: what is read twice comes from memory the second time. */
class FileBuffer implements AsyncBuffer {
  private readonly cache = new Map<string, ArrayBuffer>();
  private cachedBytes = 0;

  constructor(
    private readonly file: FileHandle,
    readonly byteLength: number,
  ) {}

  slice(start: number, end: number = this.byteLength): Promise<ArrayBuffer> {
    const read = this.read(start, end);
    // hyparquet reads columns at once and waits for the first that fails: another's failure must not end the process.
    read.catch(() => undefined);
    return read;
  }

  private async read(start: number, end: number): Promise<ArrayBuffer> {
    const key = `${start} ${end}`;
    const cached = this.cache.get(key);
    if (cached) return cached;
    if (!(start >= 0 && end >= start && end <= this.byteLength)) throw new Fault(words`it points outside itself`);
    if (end - start > MAX_PART_BYTES) {
      throw new MedTextError(
        'UNSUPPORTED',
        words`A column chunk of ${end - start} bytes is too large; write smaller row groups.`,
      );
    }
    const bytes = new Uint8Array(end - start);
    for (let at = 0; at < bytes.length;) {
      const { bytesRead } = await this.file.read(bytes, at, bytes.length - at, start + at);
      if (bytesRead === 0) throw new Fault(words`it is cut short`);
      at += bytesRead;
    }
    if (this.cachedBytes + bytes.length <= MAX_CACHED_BYTES) {
      this.cache.set(key, bytes.buffer);
      this.cachedBytes += bytes.length;
    }
    return bytes.buffer;
  }

  forget(): void {
    this.cache.clear();
    this.cachedBytes = 0;
  }
}

/** The decompressors of hyparquet-compressors, with a bound on a page's unpacked size. */
const compressors = Object.fromEntries(
  Object.entries(allCompressors).map(([codec, decompress]) => [
    codec,
    (input: Uint8Array, length: number) => {
      if (!(length >= 0 && length <= MAX_PART_BYTES)) throw new Fault(words`a page claims to hold ${length} bytes`);
      // A page of nothing but missing values; hyparquet-compressors' LZ4 takes its one byte for a broken block.
      return length === 0 ? new Uint8Array() : decompress!(input, length);
    },
  ]),
);

async function withFile<T>(path: string, sizeBytes: number, work: (buffer: FileBuffer) => Promise<T>): Promise<T> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw asMedTextError(error);
  });
  try {
    return await work(new FileBuffer(file, sizeBytes));
  } catch (error) {
    throw broken(path, error);
  } finally {
    await file.close();
  }
}

/** What hyparquet throws has no code: nearly always the file is at fault. */
function broken(path: string, error: unknown): MedTextError {
  const known = asMedTextError(error);
  if (known.code !== 'INTERNAL') return known;
  if (/unsupported|not supported/i.test(known.message)) {
    return new MedTextError('UNSUPPORTED', words`${path}: ${known.message}.`, { file: path }, { cause: error });
  }
  return new MedTextError(
    'DATA_FORMAT',
    words`${path}: the Parquet file is cut short or broken: ${faultOf(error)}. Copy or write it again.`,
    { file: path },
    { cause: error },
  );
}

function plainValue(value: unknown): DataValue {
  switch (typeof value) {
    case 'bigint':
      return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value);
    case 'object':
      if (value === null) return null;
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
      if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
      if (Array.isArray(value) || ArrayBuffer.isView(value)) return Array.from(value as Iterable<unknown>, plainValue);
      return recordOf(Object.keys(value), Object.values(value).map(plainValue));
    case 'number':
      // NaN is how pandas writes a missing number.
      return Number.isFinite(value) ? value : Number.isNaN(value) ? null : String(value);
    case 'string':
    case 'boolean':
      return value;
    default:
      return null;
  }
}
