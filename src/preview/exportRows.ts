import type { DataFile } from '../data/dataFile';
import { valueIn, type DataValue } from '../data/dataRow';
import { isTextFormat } from '../protocol/dataFormat';
import { delimitedRow, jsonRecord, tableFile, tableFormatOf, type TableFormat } from '../data/tableFile';
import { isUnreadable, type StoredRow } from './rowStore';

/** The format that a new file of the rows is written in. */
export function writtenFormat(file: Pick<DataFile, 'format'>, output: string): TableFormat | 'text' {
  const { format } = file;
  if (format === 'text') return tableFormatOf(output) === undefined ? 'text' : 'tsv';
  return format === 'xlsx' ? 'xlsx' : format === 'conll' || !isTextFormat(format) ? 'jsonl' : (format as TableFormat);
}

/** Columns that predictions come in, and what a row has in them. */
export interface PredictedColumns {
  readonly names: readonly string[];
  valuesOf(row: GoodRow): readonly DataValue[];
}

type GoodRow = Extract<StoredRow, { values: unknown }>;

/**
 * Rows as the content of a file, a batch at a time; bad rows are left out. As {@link tableFile} has it.
 *
 * @param isNamed whether the columns have names; predictions have names always
 */
export function exportedRows(
  batches: AsyncIterable<readonly StoredRow[]>,
  columns: readonly string[],
  format: TableFormat | 'text',
  isNamed: boolean,
  predicted?: PredictedColumns,
): AsyncGenerator<string | Uint8Array> {
  const table = { columns: [...columns, ...(predicted?.names ?? [])], isNamed: isNamed || predicted !== undefined };
  async function* rows(): AsyncGenerator<DataValue[][]> {
    for await (const batch of batches) {
      yield batch.flatMap((stored) => {
        if (isUnreadable(stored)) return [];
        const values: DataValue[] = columns.map((column) => valueIn(stored.values, column));
        return [[...values, ...(predicted?.valuesOf(stored) ?? [])]];
      });
    }
  }
  return tableFile(format, table, rows());
}

/** For the clipboard: a spreadsheet takes tab-separated fields, quoted where they hold tabs or line breaks. */
export function copiedText(rows: readonly StoredRow[], columns: readonly string[], format: 'json' | 'tsv'): string {
  const good = rows.filter((row) => !isUnreadable(row)) as Extract<StoredRow, { values: unknown }>[];
  const valuesOf = (row: (typeof good)[number]) => columns.map((column) => valueIn(row.values, column));
  if (format === 'tsv') return good.map((row) => delimitedRow(valuesOf(row), '\t')).join('\n');
  const records = good.map((row) => jsonRecord(columns, valuesOf(row)));
  return records.length === 1 ? records[0] : `[\n${records.map((record) => `  ${record}`).join(',\n')}\n]`;
}
