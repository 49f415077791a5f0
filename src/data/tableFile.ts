import { textOf, type DataValue } from './dataRow';
import { workbookFile } from './writeWorkbook';

export type TableFormat = 'jsonl' | 'json' | 'csv' | 'tsv' | 'xlsx';

/** The table format that a file's name asks for; undefined for another one. */
export function tableFormatOf(path: string): TableFormat | undefined {
  const ending = /\.([^./\\]+)$/.exec(path)?.[1].toLowerCase() ?? '';
  const formats: Readonly<Record<string, TableFormat>> = { jsonl: 'jsonl', ndjson: 'jsonl', json: 'json', csv: 'csv', tsv: 'tsv', xlsx: 'xlsx' }; // prettier-ignore
  return Object.hasOwn(formats, ending) ? formats[ending] : undefined;
}

/**
 * Rows as the content of a new file, a batch at a time. Values keep their types in JSON and in a workbook; delimited text is
 * quoted as RFC 4180 says, in TSV as well, but not in plain text (`text`), where quotes are quotation marks. A field that is
 * `undefined` is left out of a JSON record.
 *
 * @param table `isNamed`: whether the columns have names; a table without gets no first row of numbers
 * @throws what `workbookFile` and the rows throw
 */
export function tableFile(
  format: TableFormat | 'text',
  table: { readonly columns: readonly string[]; readonly isNamed: boolean; readonly sheet?: string },
  rows: AsyncIterable<readonly (readonly DataValue[])[]>,
): AsyncGenerator<string | Uint8Array> {
  if (format === 'xlsx') return workbookFile(table, rows);
  if (format === 'json' || format === 'jsonl') return jsonFile(format, table.columns, rows);
  const delimiter = format === 'csv' ? ',' : '\t';
  return linesFile(format === 'text' ? plainRow : (values) => delimitedRow(values, delimiter), table, rows);
}

async function* linesFile(
  rowOf: (values: readonly DataValue[]) => string,
  { columns, isNamed }: { readonly columns: readonly string[]; readonly isNamed: boolean },
  rows: AsyncIterable<readonly (readonly DataValue[])[]>,
): AsyncGenerator<string> {
  if (isNamed) yield `${rowOf(columns)}\n`;
  for await (const batch of rows) {
    const text = batch.map((values) => `${rowOf(values)}\n`).join('');
    if (text !== '') yield text;
  }
}

async function* jsonFile(
  format: 'json' | 'jsonl',
  columns: readonly string[],
  rows: AsyncIterable<readonly (readonly DataValue[])[]>,
): AsyncGenerator<string> {
  let separator = format === 'json' ? '[\n' : '';
  for await (const batch of rows) {
    let text = '';
    for (const values of batch) {
      const record = jsonRecord(columns, values);
      text += format === 'jsonl' ? `${record}\n` : `${separator}  ${record}`;
      if (format === 'json') separator = ',\n';
    }
    if (text !== '') yield text;
  }
  if (format === 'json') yield separator === '[\n' ? '[]\n' : '\n]\n';
}

/** Written by hand: a column may be called `__proto__`, and keys that look like numbers keep their place. */
export function jsonRecord(names: readonly string[], values: readonly DataValue[]): string {
  const fields = names.flatMap((name, i) =>
    values[i] === undefined ? [] : [`${JSON.stringify(name)}: ${JSON.stringify(values[i])}`],
  );
  return `{${fields.join(', ')}}`;
}

export function delimitedRow(values: readonly DataValue[], delimiter: string): string {
  const row = values.map((value) => delimitedField(textOf(value), delimiter)).join(delimiter);
  // Readers pass over a blank line.
  return row.trim() === '' ? values.map((value) => `"${textOf(value)}"`).join(delimiter) : row;
}

/** A tab or a line break, which a field of plain text cannot hold, becomes a space. */
function plainRow(values: readonly DataValue[]): string {
  return values.map((value) => textOf(value).replace(/[\t\r\n]+/g, ' ')).join('\t');
}

function delimitedField(text: string, delimiter: string): string {
  const isPlain = !text.includes(delimiter) && !/["\r\n]/.test(text) && text === text.trim();
  return isPlain ? text : `"${text.replaceAll('"', '""')}"`;
}
