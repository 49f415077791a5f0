import { modeOfFile, writeFileAtomically } from '../base/atomicFile';
import { MedTextError, words } from '../base/errors';
import { BadRows, badRow, openDataFile, type BadRowPolicy, type DataFile } from './dataFile';
import { isBadRow, isWellFormed, valueIn, type DataValue, type Piece } from './dataRow';
import { fieldSpans, lineBreakOf } from './delimitedReader';
import { withTags } from './entities/columnsReader';
import type { Entity } from './entities/entity';
import { withPrediction, type PredictedAnswer, type RegionForm } from './labelStudio';
import { jsonValueEnd, lenientJson, skipSpace } from './jsonArrayReader';
import { tableFile, tableFormatOf, type TableFormat } from './tableFile';
import { textEncoder } from './textEncoding';

export interface FillOptions extends BadRowPolicy {
  /** The column to fill, by name or index; added at the end of every row if the file has none of that name. */
  readonly label: string | number;
  /** Columns that must not be overwritten: the texts. */
  readonly textColumns?: readonly string[];
  /** What answers, as Label Studio's predictions name it. */
  readonly model?: string;
  readonly signal?: AbortSignal;
}

/** What a column is filled with; a list is JSON in a cell, and the tags of a file of tokens. */
export type FilledAnswer = string | number | readonly string[] | readonly object[];

/**
 * Copies a data file with its label column filled in. Everything else stays as it is, character for character: order and
 * spelling of the other fields, indentation, delimiter, quotes, header, line breaks, encoding and byte order mark. In JSON a
 * string answer is written as a string, a number as a number, and nobody may read the copy who may not read the file. Bad rows, if they are to be skipped, are copied unchanged.
 *
 * Label Studio's tasks get a prediction each, beside their annotations.
 *
 * An output named .xlsx becomes a new workbook of one sheet with the values of all rows, whatever the data are. What does not lie row
 * by row in a text (a workbook, Parquet, other forms of JSON) is written anew, too: as .xlsx, .csv, .tsv, .json or .jsonl. Bad rows
 * that are skipped are then left out.
 *
 * @param answerOf the answer for the row at this place among the readable rows; null leaves the row unchanged
 * Errors: those of `openDataFile`; `DATA_FORMAT` for a bad row; `NOT_FOUND` for a column index beyond the next free one;
 * `USAGE` if the column holds a text; `UNSUPPORTED` for an encoding that cannot be written, for an output named as a
 * Parquet file, for a label that holds the delimiter of a file without quoting, and for what a workbook cannot hold; `IO`,
 * `DISK_FULL`, `CANCELLED`. On any error the output is not touched.
 */
export async function writeFilled(
  source: string | DataFile,
  output: string,
  answerOf: (row: number) => FilledAnswer | null,
  options: FillOptions,
): Promise<{ rows: number; filled: number; badRows: number }> {
  const file = typeof source === 'string' ? await openDataFile(source) : source;
  refuseUnfillable(file, output, options);
  const format = newFormat(file, output);
  if (format) return writeTable(file, output, format, answerOf, options);
  const access = file.text ?? file.tasks;
  const fill = fillerOf(file, options);
  const encode = textEncoder(file.encoding);
  const badRows = new BadRows(file.path, options);
  let rows = 0;
  let filled = 0;

  const filledPiece = (piece: Piece): string => {
    if (piece.kind === 'bad') {
      badRows.add(badRow(piece));
      badRows.stopIfAny();
    }
    if (piece.kind === 'header') return fill.header(piece.text);
    if (piece.kind !== 'row') return piece.text;
    const answer = answerOf(rows++);
    if (answer === null) return piece.text;
    filled++;
    return fill.row(piece.text, answer);
  };
  async function* chunks() {
    if (file.byteOrderMark) yield encode('\uFEFF');
    for await (const batch of access!.pieces(options.signal)) {
      const text = batch.map(filledPiece).join('');
      if (!isWellFormed(text)) {
        throw new MedTextError(
          'DATA_FORMAT',
          words`${file.path} holds bytes that are not valid ${file.encoding}; it cannot be copied.`,
          {
            file: file.path,
          },
        );
      }
      if (text !== '') yield encode(text);
    }
  }
  await writeFileAtomically(output, chunks(), { noWiderThan: await modeOfFile(file.path) });
  return { rows, filled, badRows: badRows.count };
}

/**
 * What `writeFilled` would refuse of the file, the output's name or the column, before any answer is known.
 * Errors: `UNSUPPORTED`, `NOT_FOUND`, `USAGE`.
 */
export function refuseUnfillable(file: DataFile, output: string, options: FillOptions): void {
  const format = newFormat(file, output);
  if (!file.text && !file.tasks && !format) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`${output}: predictions for ${file.path} are written as .xlsx, .csv, .tsv, .json or .jsonl. Name the output so.`,
      { file: output, format: file.format },
    );
  }
  if (/\.parquet$/i.test(output) || (file.tagged && /\.xlsx$/i.test(output))) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`${output}: the output is written in the format of the data (${file.format}), but its name has another ending. Use the ending of the data file.`,
      { file: output, format: file.format },
    );
  }
  if (format) return void placeOfLabel(file, options);
  fillerOf(file, options);
  textEncoder(file.encoding);
}

/** The format of an output that is no copy of the data's text. */
export function newFormat(file: DataFile, output: string): TableFormat | undefined {
  const format = tableFormatOf(output);
  // Another ending than the file's own asks for a table.
  if (file.tagged || (file.tasks && (format ?? file.format) === file.format)) return undefined;
  return file.text && format !== 'xlsx' ? undefined : format;
}

const BATCH = 1000;

async function writeTable(
  file: DataFile,
  output: string,
  format: TableFormat,
  answerOf: (row: number) => FilledAnswer | null,
  options: FillOptions,
): Promise<{ rows: number; filled: number; badRows: number }> {
  const { name, table } = await newTable(file, options);
  const { columns } = table;
  const badRows = new BadRows(file.path, options);
  let count = 0;
  let filled = 0;
  async function* rows(): AsyncGenerator<DataValue[][]> {
    let batch: DataValue[][] = [];
    for await (const row of file.rows(options.signal)) {
      if (isBadRow(row)) {
        badRows.add(row);
        continue;
      }
      const answer = answerOf(count++);
      if (answer !== null) filled++;
      batch.push(columns.map((column) => (column === name && answer !== null ? answer : valueIn(row.values, column))));
      if (batch.length < BATCH) continue;
      yield batch;
      batch = [];
    }
    badRows.stopIfAny();
    yield batch;
  }
  const content = tableFile(format, table, rows());
  await writeFileAtomically(output, content, { noWiderThan: await modeOfFile(file.path) });
  return { rows: count, filled, badRows: badRows.count };
}

/** What a file's rows become in an output that is no copy of its text; `name`: the column that is filled. */
export async function newTable(file: DataFile, options: FillOptions) {
  const { name } = placeOfLabel(file, options);
  const columns = await allColumns(file, options.signal);
  if (!columns.includes(name)) columns.push(name);
  const isNamed = file.header || file.format === 'json' || file.format === 'jsonl';
  return { name, table: { columns, isNamed, sheet: file.workbook?.sheet } };
}

/** Records of JSON may have keys that the first ones lack. */
export async function allColumns(file: DataFile, signal: AbortSignal | undefined): Promise<string[]> {
  const columns = new Set(file.columns);
  if (file.format !== 'json' && file.format !== 'jsonl') return [...columns];
  for await (const row of file.rows(signal))
    if (!isBadRow(row)) for (const key of Object.keys(row.values)) columns.add(key);
  return [...columns];
}

interface Filler {
  header(text: string): string;
  row(text: string, answer: FilledAnswer): string;
}

/** Where the column to fill stands, or comes to stand. @throws NOT_FOUND, USAGE */
function placeOfLabel(
  file: DataFile,
  { label, textColumns = [] }: FillOptions,
): { readonly name: string; readonly index: number } {
  const named = typeof label === 'string' ? file.columns.indexOf(label) : -1;
  const asIndex = /^\d+$/.test(String(label)) ? Number(label) : -1;
  const isNewName =
    named < 0 &&
    typeof label === 'string' &&
    (file.format === 'json' || file.format === 'jsonl' || file.header) &&
    asIndex < 0;
  const index = named >= 0 ? named : isNewName ? file.columns.length : asIndex;
  if (index < 0 || index > file.columns.length) {
    throw new MedTextError(
      'NOT_FOUND',
      words`${file.path} has ${file.columns.length} columns without names: the label's column is an index from 0 to ${file.columns.length}, not ${JSON.stringify(label)}.`,
      { file: file.path, column: label },
    );
  }
  const name = file.columns[index] ?? String(label);
  if (textColumns.includes(name)) {
    throw new MedTextError(
      'USAGE',
      words`The column ${JSON.stringify(name)} holds a text; predictions cannot be written over it.`,
      {
        file: file.path,
        column: name,
      },
    );
  }
  return { name, index };
}

/** What fills the column in one row of the file. */
export function fillerOf(file: DataFile, options: FillOptions): Filler {
  const { tagged } = file;
  if (tagged)
    return { header: (text) => text, row: (text, answer) => withTags(text, tagged, answer as readonly Entity[]) };
  const { name, index } = placeOfLabel(file, options);
  if (file.tasks) {
    const form = file.tasks.regionForm(name);
    return { header: (text) => text, row: (text, answer) => withPredictionIn(text, answer, form, options) };
  }
  if (file.format === 'json' || file.format === 'jsonl')
    return { header: (text) => text, row: (text, answer) => withJsonField(text, name, answer) };
  const fill = (text: string, value: string) => withDelimitedField(text, index, value, file);
  return {
    header: (text) => (index === file.columns.length ? fill(text, name) : text),
    row: (text, answer) => fill(text, typeof answer === 'object' ? JSON.stringify(answer) : String(answer)),
  };
}

function withPredictionIn(
  text: string,
  answer: FilledAnswer,
  form: RegionForm,
  { model = 'medtext' }: FillOptions,
): string {
  const { predictions } = lenientJson(text) as { readonly predictions?: unknown };
  return withJsonField(text, 'predictions', withPrediction(predictions, answer as PredictedAnswer, form, model));
}

/** A JSON record's text with one field set, everything else as it was. Lists count their fields from 0. */
export function withJsonField(text: string, name: string, value: FilledAnswer): string {
  const open = skipSpace(text, 0);
  const isList = text[open] === '[';
  // A record that spells its letters as \u escapes gets a label spelt so.
  const isEscaped = /\\u[0-9a-f]{4}/i.test(text) && !/[^\0-\x7f]/.test(text);
  const spell = (content: FilledAnswer) => {
    const json = JSON.stringify(content);
    if (!isEscaped) return json;
    return json.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  };
  let found: [start: number, end: number] | undefined;
  let last: { before: string; colon: string; end: number } | undefined;
  let separator = open + 1; // Behind the bracket or comma before the field.
  let at = skipSpace(text, separator);
  for (let place = 0; text[at] !== '}' && text[at] !== ']' && at < text.length; place++) {
    const before = text.slice(separator, at);
    const keyEnd = isList ? at : jsonValueEnd(text, at);
    const valueStart = isList ? at : skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = jsonValueEnd(text, valueStart);
    const key = isList ? String(place) : (JSON.parse(text.slice(at, keyEnd)) as string);
    if (key === name) found = [valueStart, end];
    last = { before, colon: text.slice(keyEnd, valueStart), end };
    const next = skipSpace(text, end);
    if (text[next] !== ',') break;
    separator = next + 1;
    at = skipSpace(text, separator);
  }
  if (found) return text.slice(0, found[0]) + spell(value) + text.slice(found[1]);
  const field = isList ? spell(value) : spell(name) + (last?.colon ?? ': ') + spell(value);
  if (!last) return text.slice(0, open + 1) + field + text.slice(open + 1);
  const isSpaced = last.before === '' && /\s/.test(last.colon);
  return `${text.slice(0, last.end)},${isSpaced ? ' ' : last.before}${field}${text.slice(last.end)}`;
}

function withDelimitedField(record: string, index: number, value: string, file: DataFile): string {
  const delimiter = file.delimiter!;
  const lineBreak = lineBreakOf(record);
  const content = record.slice(0, record.length - lineBreak.length);
  const spans = fieldSpans(content, delimiter, file.quoted);
  const isQuoted = ([start, end]: [number, number]) =>
    end - start >= 2 && content[start] === '"' && content[end - 1] === '"';
  const isReplaced = index < spans.length;
  const wasQuoted = file.quoted && (isReplaced ? isQuoted(spans[index]) : spans.every(isQuoted));
  const field = delimitedField(value, wasQuoted, file);
  if (!isReplaced) return content + delimiter + field + lineBreak;
  return content.slice(0, spans[index][0]) + field + content.slice(spans[index][1]) + lineBreak;
}

function delimitedField(value: string, alwaysQuoted: boolean, file: DataFile): string {
  const delimiter = file.delimiter!;
  const needsQuotes = value.includes(delimiter) || /["\r\n]/.test(value) || value !== value.trim();
  const isUnsafe = file.quoted
    ? file.format === 'text' && /[\t\r\n]/.test(value)
    : value.includes(delimiter) || /[\r\n]/.test(value);
  if (isUnsafe) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`The label ${JSON.stringify(value)} cannot be written to ${file.path}: it holds a delimiter or line break, and the file quotes nothing.`,
      { file: file.path, label: value },
    );
  }
  if (!file.quoted || !(alwaysQuoted || needsQuotes)) return value;
  return `"${value.replaceAll('"', '""')}"`;
}
