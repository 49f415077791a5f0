import type { BadRow, DataValue } from '../data/dataRow';

/** A row of an indexed file: its number among all records from 0, and its content or why it has none. */
export type StoredRow =
  { readonly row: number; readonly line: number; readonly values: Readonly<Record<string, DataValue>> } | UnreadableRow;

export type UnreadableRow = BadRow & { readonly row: number };

export function isUnreadable(row: StoredRow): row is UnreadableRow {
  return 'reason' in row;
}

/** Any row of a file, soon: an index is kept, the file is not. */
export interface RowStore {
  /** Rows that can be read by now, bad ones counted. */
  readonly rows: number;
  /** Bad ones among them, and the first of these. */
  readonly badRows: number;
  readonly firstBadRows: readonly UnreadableRow[];
  /** The finished share of the indexing, 0 to 1. */
  readonly fraction: number;
  readonly isComplete: boolean;
  /** What the index takes. */
  readonly indexBytes: number;

  /**
   * Indexes the file; to be called once. Others may read meanwhile what is indexed already.
   * @param onProgress now and then, and in any case after the first rows
   * Errors: `IO`, `CANCELLED`, `DISK_FULL`; of a broken workbook or Parquet file `DATA_FORMAT`, with the rows so far kept.
   */
  build(onProgress: () => void, signal?: AbortSignal): Promise<void>;
  /** Rows [start, start + count) as far as they are indexed. Errors: `IO`, `CANCELLED`. */
  read(start: number, count: number, signal?: AbortSignal): Promise<StoredRow[]>;
  /** All indexed rows in order, a batch at a time. Errors: `IO`, `CANCELLED`. */
  scan(signal?: AbortSignal): AsyncGenerator<StoredRow[]>;
  close(): Promise<void>;
}

/** How many bad rows are kept with their reasons; the readers find the others' again. */
export const maxKeptBadRows = 10_000;
