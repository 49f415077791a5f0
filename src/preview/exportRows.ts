import type { Prediction } from '../protocol/datasetPreview';
import type { DataValue } from '../data/dataRow';
import { textOf, valueIn } from './cells';
import { isUnreadable, type StoredRow } from './rowStore';

export type ExportFormat = 'jsonl' | 'json' | 'csv' | 'tsv';

/** Columns that predictions come in. */
const PREDICTED = ['predicted_label', 'predicted_probability', 'predicted_similarity'] as const;

/**
 * Rows as the text of a file, a batch at a time; bad rows are left out. Values keep their types in JSON; delimited text is
 * quoted as RFC 4180 says, in TSV as well.
 *
 * @param isNamed whether the columns have names; a delimited file without gets no first row of numbers
 */
export async function* exportedText(
  batches: AsyncIterable<readonly StoredRow[]>,
  columns: readonly string[],
  format: ExportFormat,
  isNamed: boolean,
  predictionOf?: (row: number) => Prediction | null,
): AsyncGenerator<string> {
  const names = predictionOf ? [...columns, ...PREDICTED] : columns;
  const delimiter = format === 'tsv' ? '\t' : ',';
  const isDelimited = format === 'csv' || format === 'tsv';
  if (isDelimited && (isNamed || predictionOf))
    yield `${names.map((name) => delimitedField(name, delimiter)).join(delimiter)}\n`;
  let separator = format === 'json' ? '[\n' : '';
  for await (const batch of batches) {
    let text = '';
    for (const stored of batch) {
      if (isUnreadable(stored)) continue;
      const values: DataValue[] = columns.map((column) => valueIn(stored.values, column));
      if (predictionOf) {
        const said = predictionOf(stored.row);
        values.push(said?.label, said?.probability, said?.similarity);
      }
      text += separator;
      if (isDelimited) text += `${values.map((value) => delimitedField(textOf(value), delimiter)).join(delimiter)}\n`;
      else text += format === 'jsonl' ? `${jsonRecord(names, values)}\n` : `  ${jsonRecord(names, values)}`;
      if (format === 'json') separator = ',\n';
    }
    if (text !== '') yield text;
  }
  if (format === 'json') yield separator === '[\n' ? '[]\n' : '\n]\n';
}

/** Written by hand: a column may be called `__proto__`, and keys that look like numbers keep their place. */
function jsonRecord(names: readonly string[], values: readonly DataValue[]): string {
  const fields = names.flatMap((name, i) =>
    values[i] === undefined ? [] : [`${JSON.stringify(name)}: ${JSON.stringify(values[i])}`],
  );
  return `{${fields.join(', ')}}`;
}

function delimitedField(text: string, delimiter: string): string {
  const isPlain = !text.includes(delimiter) && !/["\r\n]/.test(text) && text === text.trim();
  return isPlain ? text : `"${text.replaceAll('"', '""')}"`;
}

/** For the clipboard: a spreadsheet takes tab-separated fields, quoted where they hold tabs or line breaks. */
export function copiedText(rows: readonly StoredRow[], columns: readonly string[], format: 'json' | 'tsv'): string {
  const good = rows.filter((row) => !isUnreadable(row)) as Extract<StoredRow, { values: unknown }>[];
  const valuesOf = (row: (typeof good)[number]) => columns.map((column) => valueIn(row.values, column));
  if (format === 'tsv') {
    return good.map((row) => valuesOf(row).map((value) => delimitedField(textOf(value), '\t')).join('\t')).join('\n'); // prettier-ignore
  }
  const records = good.map((row) => jsonRecord(columns, valuesOf(row)));
  return records.length === 1 ? records[0] : `[\n${records.map((record) => `  ${record}`).join(',\n')}\n]`;
}
