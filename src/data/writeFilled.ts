import { modeOfFile, writeFileAtomically } from '../base/atomicFile';
import { MedTextError, words } from '../base/errors';
import { BadRows, badRow, openDataFile, type BadRowPolicy, type DataFile } from './dataFile';
import { isWellFormed, type Piece } from './dataRow';
import { fieldSpans, lineBreakOf } from './delimitedReader';
import { withTags } from './entities/columnsReader';
import type { Entity } from './entities/entity';
import { jsonValueEnd, skipSpace } from './jsonArrayReader';
import { textEncoder } from './textEncoding';

export interface FillOptions extends BadRowPolicy {
  /** The column to fill, by name or index; added at the end of every row if the file has none of that name. */
  readonly label: string | number;
  /** Columns that must not be overwritten: the texts. */
  readonly textColumns?: readonly string[];
  readonly signal?: AbortSignal;
}

/** What a column is filled with; a list is JSON in a cell, and the tags of a file of tokens. */
export type FilledAnswer = string | number | readonly string[] | readonly object[];

/**
 * Copies a data file with its label column filled in. Everything else stays as it is, character for character: order and
 * spelling of the other fields, indentation, delimiter, quotes, header, line breaks, encoding and byte order mark. In JSON a
 * string answer is written as a string, a number as a number, and nobody may read the copy who may not read the file. Bad rows, if they are to be skipped, are copied unchanged.
 *
 * @param answerOf the answer for the row at this place among the readable rows; null leaves the row unchanged
 * Errors: those of `openDataFile`; `DATA_FORMAT` for a bad row; `NOT_FOUND` for a column index beyond the next free one;
 * `USAGE` if the column holds a text; `UNSUPPORTED` for an encoding that cannot be written, for an output named as a
 * workbook or Parquet file, and for a label that holds the delimiter of a file without quoting; `IO`, `DISK_FULL`,
 * `CANCELLED`. On any error the output is not touched.
 */
export async function writeFilled(
  source: string | DataFile,
  output: string,
  answerOf: (row: number) => FilledAnswer | null,
  options: FillOptions,
): Promise<{ rows: number; filled: number; badRows: number }> {
  const file = typeof source === 'string' ? await openDataFile(source) : source;
  refuseUnfillable(file, output, options);
  const access = file.text;
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
  if (!file.text) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`${file.path}: predictions cannot be written into ${file.format === 'xlsx' ? words`a workbook` : file.format === 'parquet' ? words`a Parquet file` : words`JSON of this form`}. Save the data as CSV or JSON Lines first.`,
      { file: file.path, format: file.format },
    );
  }
  if (/\.(xlsx|parquet)$/i.test(output)) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`${output}: the copy has the format of the data (${file.format}), and by its name it would be another. Name it as the data are named.`,
      { file: output, format: file.format },
    );
  }
  fillerOf(file, options);
  textEncoder(file.encoding);
}

interface Filler {
  header(text: string): string;
  row(text: string, answer: FilledAnswer): string;
}

function fillerOf(file: DataFile, { label, textColumns = [] }: FillOptions): Filler {
  const { tagged } = file;
  if (tagged)
    return { header: (text) => text, row: (text, answer) => withTags(text, tagged, answer as readonly Entity[]) };
  const named = typeof label === 'string' ? file.columns.indexOf(label) : -1;
  const asIndex = /^\d+$/.test(String(label)) ? Number(label) : -1;
  const isJson = file.format === 'json' || file.format === 'jsonl';
  const isNewName = named < 0 && typeof label === 'string' && (isJson || file.header) && asIndex < 0;
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
  if (isJson) return { header: (text) => text, row: (text, answer) => withJsonField(text, name, answer) };
  const fill = (text: string, value: string) => withDelimitedField(text, index, value, file);
  return {
    header: (text) => (index === file.columns.length ? fill(text, name) : text),
    row: (text, answer) => fill(text, typeof answer === 'object' ? JSON.stringify(answer) : String(answer)),
  };
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
