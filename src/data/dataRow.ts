import type { Words } from '../base/words';

/** What a cell of a data file can hold: JSON's values, or text for delimited files. */
export type DataValue = string | number | boolean | null | object | undefined;

/** A column may be called `toString`. */
export function valueIn(values: DataRow['values'], column: string): DataValue {
  return Object.hasOwn(values, column) ? values[column] : undefined;
}

/** The value as a table shows it; empty for a missing one. */
export function textOf(value: DataValue): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** One readable row. `line` is the 1-based line of the file on which the row starts, counted as an editor counts. */
export interface DataRow {
  readonly line: number;
  readonly values: Readonly<Record<string, DataValue>>;
}

/** One place of the file that could not be read as a row. */
export interface BadRow {
  readonly line: number;
  readonly reason: Words;
  /** The beginning of the text met there, on one line. */
  readonly excerpt: string;
}

export function isBadRow(row: DataRow | BadRow): row is BadRow {
  return 'reason' in row;
}

/**
 * A stretch of a file's text. The pieces of a file, put one after another, are exactly its text: readers look at the
 * rows, and the writer that fills in labels copies everything else as it stands.
 */
export type Piece =
  | { readonly kind: 'gap'; readonly line: number; readonly text: string }
  | { readonly kind: 'header'; readonly line: number; readonly text: string; readonly fields: readonly string[] }
  | { readonly kind: 'row'; readonly line: number; readonly text: string; readonly values: Record<string, DataValue> }
  | { readonly kind: 'bad'; readonly line: number; readonly text: string; readonly reason: Words };

/** The beginning of a text on one line, for messages. */
export function excerptOf(text: string, length = 80): string {
  // Long texts are cut before they are tidied: a row may be megabytes long.
  const tidied = wellFormed(text.slice(0, length * 4))
    .replace(/\s+/g, ' ')
    .trim();
  return tidied.length > length ? `${tidied.slice(0, length)}…` : tidied;
}

/** A record keyed by name. A column called `__proto__` must become an own property like any other. */
export function recordOf(names: readonly string[], fields: readonly DataValue[]): Record<string, DataValue> {
  const record: Record<string, DataValue> = {};
  for (let i = 0; i < names.length; i++) {
    if (names[i] === '__proto__') {
      Object.defineProperty(record, '__proto__', {
        value: fields[i],
        enumerable: true,
        writable: true,
        configurable: true,
      });
    } else {
      record[names[i]] = fields[i];
    }
  }
  return record;
}

// Node 20 and every later runtime has both; TypeScript lists them under ES2024 only.
type Es2024String = string & { isWellFormed(): boolean; toWellFormed(): string };

/** Whether every surrogate is half of a pair; see UNDECODABLE in textEncoding.ts. */
export function isWellFormed(text: string): boolean {
  return (text as Es2024String).isWellFormed();
}

function wellFormed(text: string): string {
  return (text as Es2024String).toWellFormed();
}
