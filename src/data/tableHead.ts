import { MedTextError, words } from '../base/errors';
import { joined, type Words } from '../base/words';
import { isKnownColumnName } from './columns';

const MAX_COLUMNS = 4096;
/** A bound on title lines above a header. */
const MAX_TITLE_ROWS = 10;

/** What stands above the rows of a table: titles, and the names of the columns. */
export interface TableHead {
  /** Rows above the header that are no part of the table. */
  readonly titleRows: number;
  readonly header: boolean;
  /** The header's names, told apart; without a header `"0"`, `"1"`, …. */
  readonly columns: string[];
  /** Columns whose name the header gives to more than one: the name to their places from 0. */
  readonly repeated: ReadonlyMap<string, readonly number[]>;
}

/**
 * Reads the head of a table from its first rows.
 *
 * @param rows the first rows as text
 * @param width how many columns the table has
 * @param named whether the first row names the columns, where a person has said so
 * @param path for messages
 * @param warnings gets what a person should know: rows above the header, repeated names
 * Errors: `DATA_FORMAT` for too many columns.
 */
export function tableHead(
  format: 'csv' | 'tsv' | 'text',
  rows: readonly string[][],
  width: number,
  named: boolean | undefined,
  path: string,
  warnings: Words[],
): TableHead {
  const titleRows = named === false || format === 'text' ? 0 : titleRowsOf(rows, width, format);
  const below = rows.slice(titleRows);
  const header = named ?? hasHeader(format, below, width);
  if (titleRows > 0) {
    const titles = rows.slice(0, titleRows).map((cells) => JSON.stringify(cells.find((cell) => cell.trim() !== '') ?? '')); // prettier-ignore
    warnings.push(words`${path}: the rows above the names of the columns are not read: ${joined(titles, ', ')}.`);
  }
  if (!header) {
    return { titleRows, header, columns: Array.from({ length: width }, (_, i) => String(i)), repeated: new Map() };
  }
  const names = below[0] ?? [];
  return { titleRows, header, columns: columnNames(names, path, warnings), repeated: repeatedNames(names) };
}

/** Rows of one cell, as a person writes them above a table, count only where the names of the columns follow. */
function titleRowsOf(rows: readonly string[][], width: number, format: 'csv' | 'tsv' | 'text'): number {
  if (width < 2) return 0;
  const cells = (row: readonly string[] | undefined) => row?.filter((cell) => cell.trim() !== '').length ?? 0;
  let titles = 0;
  while (titles < MAX_TITLE_ROWS && cells(rows[titles]) === 1) titles++;
  // Names that are known are asked for: unlabelled rows at a file's beginning have one cell, too.
  const isFollowed = rows[titles]?.some((name) => name.trim() !== '' && isKnownColumnName(name));
  return isFollowed && cells(rows[titles]) >= 2 && hasHeader(format, rows.slice(titles), width) ? titles : 0;
}

/** Whether the first row names the columns rather than being a row itself. */
function hasHeader(format: 'csv' | 'tsv' | 'text', rows: readonly string[][], width: number): boolean {
  const [first, ...others] = rows;
  if (first === undefined || first.length !== width) return false;
  const names = first.map((name) => name.trim());
  if (names.some((name) => name !== '' && Number.isFinite(Number(name)))) return false;
  if (names.some(isKnownColumnName) && names.every((name) => name.length <= 40)) return true;
  // pandas leaves the name of an index column empty.
  if (names.some((name, i) => name === '' && i > 0)) return false;
  if (format === 'text') return false;
  if (names.some((name) => name.length > 30 || /[。！？；?!]/.test(name))) return false;
  const isRepeated = names.some((name, i) => name !== '' && others.some((row) => row[i]?.trim() === name));
  return !isRepeated && others.length > 0;
}

/** Column names must be told apart: a repeated one gets a number, an empty one its index. */
function columnNames(header: readonly string[], path: string, warnings: Words[]): string[] {
  if (header.length > MAX_COLUMNS) {
    throw new MedTextError(
      'DATA_FORMAT',
      words`${path}: the first row has ${header.length} fields, more than ${MAX_COLUMNS}.`,
      {
        file: path,
      },
    );
  }
  const names: string[] = [];
  header.forEach((field, i) => {
    const wanted = nameAt(field, i);
    let name = wanted;
    for (let n = 1; names.includes(name) || (n > 1 && header.includes(name)); n++) name = `${wanted}.${n}`;
    if (name !== wanted)
      warnings.push(
        words`${path}: column ${i + 1} repeats the name ${JSON.stringify(wanted)} and is read as ${JSON.stringify(name)}.`,
      );
    names.push(name);
  });
  return names;
}

/** The names that more than one column has, each with the places of its columns from 0. */
export function repeatedNames(header: readonly string[]): Map<string, readonly number[]> {
  const places = new Map<string, number[]>();
  header.forEach((field, i) => {
    const name = nameAt(field, i);
    places.set(name, [...(places.get(name) ?? []), i]);
  });
  return new Map([...places].filter(([, { length }]) => length > 1));
}

function nameAt(field: string, i: number): string {
  return field.trim() === '' ? String(i) : field.trim();
}
