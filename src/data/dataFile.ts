import { MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';
import { isKnownColumnName } from './columns';
import { excerptOf, type BadRow, type DataRow, type Piece } from './dataRow';
import { fieldSpans, readDelimited, recordEnd } from './delimitedReader';
import { readJsonArray } from './jsonArrayReader';
import { isBlank, readJsonLines, readPlainText } from './lineReader';
import { openParquet } from './parquetFile';
import {
  anchoredText,
  canonicalEncoding,
  containerOf,
  dataFileSize,
  decodedText,
  detectEncoding,
  hasByteOrderMark,
  type AnchoredChunk,
} from './textEncoding';
import type { ReadPosition } from './textWindow';
import { openWorkbook, workbookRecords, type SheetRow, type Workbook } from './workbook';

export type DataFormat = 'json' | 'jsonl' | 'csv' | 'tsv' | 'text' | 'xlsx' | 'parquet';

type TextFormat = Exclude<DataFormat, 'xlsx' | 'parquet'>;

export interface DataFileOptions {
  /** Else by extension and content. `text` is ChineseBLUE's plain form: tabs between fields, one row a line. */
  readonly format?: DataFormat;
  /** A WHATWG encoding name; else by byte order mark and content (UTF-8, UTF-16 with mark, GB18030). */
  readonly encoding?: string;
  /** Whether the first row of a delimited file names the columns; else by its content. */
  readonly header?: boolean;
  /** One character; else by content. */
  readonly delimiter?: string;
  /** The most characters a row may have; a longer one is bad. It bounds the memory reading takes. Default 16 Mi. */
  readonly maxRowLength?: number;
}

/** An opened data file: what it is, and its rows, which are read from the disk each time they are asked for. */
export interface DataFile {
  readonly path: string;
  readonly format: DataFormat;
  readonly encoding: string;
  readonly byteOrderMark: boolean;
  readonly sizeBytes: number;
  /**
   * Names of the columns: the header's, `"0"`, `"1"`, … without one, or for JSON the keys met in the first rows, in order.
   */
  readonly columns: readonly string[];
  /** Delimited files only. */
  readonly header: boolean;
  readonly delimiter: string | undefined;
  readonly quoted: boolean;
  /** The first rows, for guesses and previews. */
  readonly sample: readonly DataRow[];
  /** What a person should know about how the file was understood: renamed columns and the like. */
  readonly warnings: readonly Words[];
  /** The rows in order, bad ones among them. Errors: `IO`, `CANCELLED`. */
  rows(signal?: AbortSignal): AsyncGenerator<DataRow | BadRow>;
  /** The file as text; absent for XLSX and Parquet. */
  readonly text: TextAccess | undefined;
}

/** A data file that is text: what copies it, or reads from its middle, needs. */
export interface TextAccess {
  /** The whole text, cut into rows and what is between them. Errors: `IO`, `CANCELLED`. */
  pieces(signal?: AbortSignal): AsyncGenerator<Piece[]>;
  /** The text from a byte on that was a chunk's `offset` before. Errors: `IO`, `CANCELLED`. */
  chunks(options?: { start?: number; signal?: AbortSignal; chunkBytes?: number }): AsyncGenerator<AnchoredChunk>;
  /** The pieces of text read by `chunks`, from the file's beginning or from a row. */
  piecesOf(chunks: AsyncIterable<string>, from?: ReadPosition): AsyncGenerator<Piece[]>;
  /** The character lines end with, where the beginning of the file tells. */
  readonly newline: string | undefined;
}

const SAMPLE_CHARACTERS = 1 << 18;
const SAMPLE_ROWS = 200;
const MAX_COLUMNS = 4096;
const DEFAULT_MAX_ROW_LENGTH = 1 << 24;

/**
 * Opens a JSON array, JSON Lines, CSV, TSV or plain tab-separated file, the first visible sheet of an XLSX workbook (the
 * row's number is its `line`), or a Parquet file (its rows count from line 1).
 *
 * Errors: `NOT_FOUND`, `IO`; `DATA_FORMAT` for an empty file, a binary file, an unknown encoding, a JSON file that is
 * neither an array nor lines, or a broken workbook or Parquet file; `UNSUPPORTED` for other archives, encodings the
 * platform does not know, and what `openWorkbook` and `openParquet` refuse.
 */
export async function openDataFile(path: string, options: DataFileOptions = {}): Promise<DataFile> {
  const maxRowLength = options.maxRowLength ?? DEFAULT_MAX_ROW_LENGTH;
  if (options.delimiter !== undefined && options.delimiter.length !== 1) {
    throw new MedTextError(
      'USAGE',
      words`The delimiter must be one character, not ${JSON.stringify(options.delimiter)}.`,
    );
  }
  const container = await containerOf(path);
  if (container === 'xlsx') return openSheet(path, options);
  if (container === 'parquet') return openTable(path);
  const { encoding, byteOrderMark, sizeBytes } = await encodingOf(path, options.encoding);
  const { text, isWhole } = await sampleText(path, encoding);
  if (isBlank(text) && isWhole)
    throw new MedTextError('DATA_FORMAT', words`${path}: the file is empty.`, { file: path });

  const warnings: Words[] = [];
  const { format: named } = options;
  if (named === 'xlsx' || named === 'parquet') {
    throw new MedTextError('DATA_FORMAT', words`${path} is text, not ${named}.`, { file: path, format: named });
  }
  const format: TextFormat = named ?? formatOf(path, text, isWhole);
  const layout =
    format === 'json' || format === 'jsonl'
      ? { columns: [], header: false, delimiter: undefined, quoted: false }
      : delimitedLayout(format, path, text, isWhole, options, warnings);
  if (format === 'json' && !/^\s*\[/.test(text)) {
    throw new MedTextError(
      'DATA_FORMAT',
      words`${path} line 1: a JSON array of records is expected ("[" first), found ${JSON.stringify(excerptOf(text, 40))}. JSON Lines (one record a line) is read as well.`,
      { file: path, line: 1 },
    );
  }

  const readPieces: TextAccess['piecesOf'] = (chunks, from) => {
    switch (format) {
      case 'json':
        return readJsonArray(chunks, maxRowLength, from);
      case 'jsonl':
        return readJsonLines(chunks, maxRowLength, from);
      case 'text':
        return readPlainText(chunks, maxRowLength, layout, from);
      default:
        return readDelimited(chunks, maxRowLength, { ...layout, delimiter: layout.delimiter! }, from);
    }
  };
  const sample = await sampleRows(readPieces, text, isWhole);
  const columns = layout.columns.length > 0 ? layout.columns : keysOf(sample);
  const pieces = (signal?: AbortSignal) => readPieces(decodedText(path, encoding, signal));
  return {
    path,
    format,
    encoding,
    byteOrderMark,
    sizeBytes,
    ...layout,
    columns,
    sample,
    warnings,
    text: {
      pieces,
      piecesOf: readPieces,
      chunks: (chunkOptions) => anchoredText(path, encoding, chunkOptions),
      newline: newlineOf(text, isWhole),
    },
    async *rows(signal) {
      for await (const batch of pieces(signal)) {
        for (const piece of batch) {
          if (piece.kind === 'row') yield { line: piece.line, values: piece.values };
          else if (piece.kind === 'bad') yield badRow(piece);
        }
      }
    },
  };
}

async function openSheet(path: string, options: DataFileOptions): Promise<DataFile> {
  const sizeBytes = await dataFileSize(path);
  const workbook = await openWorkbook(path);
  const first: SheetRow[] = [];
  for await (const batch of workbook.rows()) {
    first.push(...batch);
    if (first.length >= SAMPLE_ROWS) break;
  }
  if (first.length === 0) {
    throw new MedTextError('DATA_FORMAT', words`${path}: the sheet ${JSON.stringify(workbook.sheetName)} is empty.`, {
      file: path,
    });
  }
  const texts = first.slice(0, SAMPLE_ROWS).map(({ cells }) => cells.map((cell) => String(cell ?? '')));
  const width = Math.max(...texts.map((cells) => cells.length));
  const filled = texts.map((cells) => [...cells, ...Array<string>(width - cells.length).fill('')]);
  const warnings: Words[] = [];
  const header = options.header ?? hasHeader('csv', filled, width);
  const columns = header ? columnNames(filled[0], path, warnings) : Array.from({ length: width }, (_, i) => String(i));
  const rows = async function* (signal?: AbortSignal): AsyncGenerator<DataRow | BadRow> {
    yield* workbookRecords(workbook, columns, header, signal);
    addWorkbookWarnings(path, workbook, warnings);
  };
  const sample: DataRow[] = [];
  for await (const row of rows()) {
    if ('values' in row && sample.push(row) >= SAMPLE_ROWS) break;
  }
  if (workbook.otherSheets.length > 0) {
    const others = workbook.otherSheets.map((name) => JSON.stringify(name)).join(', ');
    warnings.push(words`${path}: only the sheet ${JSON.stringify(workbook.sheetName)} is read, not ${others}.`);
  }
  const layout = { byteOrderMark: false, header, delimiter: undefined, quoted: false, text: undefined };
  return { path, format: 'xlsx', encoding: 'utf-8', sizeBytes, ...layout, columns, sample, warnings, rows };
}

/** Known once the sheet has been read to its end. */
function addWorkbookWarnings(path: string, { oddities }: Workbook, warnings: Words[]): void {
  const { formulas, firstFormula, withoutValue, errors, firstError } = oddities;
  const found: Words[] = [];
  if (formulas > 0) {
    const missing = withoutValue > 0 ? words`; ${withoutValue} without one are read as missing` : '';
    found.push(
      words`${path}: ${formulas} cells hold formulas (first: ${firstFormula}); their stored results are read${missing}.`,
    );
  }
  if (errors > 0)
    found.push(words`${path}: ${errors} cells hold errors such as #N/A (first: ${firstError}), read as missing.`);
  const known = new Set(warnings.map(String));
  warnings.push(...found.filter((warning) => !known.has(String(warning))));
}

async function openTable(path: string): Promise<DataFile> {
  const sizeBytes = await dataFileSize(path);
  const { columns: header, records } = await openParquet(path, sizeBytes);
  const warnings: Words[] = [];
  const columns = columnNames(header, path, warnings);
  const sample: DataRow[] = [];
  for await (const row of records()) if (sample.push(row) >= SAMPLE_ROWS) break;
  const layout = { byteOrderMark: false, header: true, delimiter: undefined, quoted: false, text: undefined };
  return { path, format: 'parquet', encoding: 'utf-8', sizeBytes, ...layout, columns, sample, warnings, rows: records };
}

/** What to do with bad rows, and how many to describe. */
export interface BadRowPolicy {
  /** `stop` (the default): the first bad row is an error. `skip`: bad rows are counted and left out. */
  readonly onBadRow?: 'stop' | 'skip';
  /** How many bad rows are kept with their text when skipping. Default 20. */
  readonly maxReports?: number;
}

/** Counts bad rows, and describes the first ones; or stops at the first. */
export class BadRows {
  count = 0;
  readonly reports: BadRow[] = [];

  constructor(
    private readonly path: string,
    private readonly policy: BadRowPolicy = {},
  ) {}

  /** Errors: `DATA_FORMAT` with file, line and reason, if the policy is to stop. */
  add(row: BadRow): void {
    if ((this.policy.onBadRow ?? 'stop') === 'stop') {
      const quoted = row.excerpt === '' ? '' : words`: ${row.excerpt}`;
      throw new MedTextError(
        'DATA_FORMAT',
        words`${this.path} line ${row.line}: ${row.reason}${quoted}. Correct the row, or choose to skip bad rows.`,
        { file: this.path, ...row, reason: String(row.reason) },
      );
    }
    this.count++;
    if (this.reports.length < (this.policy.maxReports ?? 20)) this.reports.push(row);
  }
}

export function badRow(piece: { readonly line: number; readonly reason: Words; readonly text: string }): BadRow {
  return { line: piece.line, reason: piece.reason, excerpt: excerptOf(piece.text) };
}

async function encodingOf(path: string, named: string | undefined) {
  if (named === undefined) return detectEncoding(path);
  const encoding = canonicalEncoding(named);
  const sizeBytes = await dataFileSize(path);
  return { encoding, byteOrderMark: await hasByteOrderMark(path, encoding), sizeBytes };
}

async function sampleText(path: string, encoding: string): Promise<{ text: string; isWhole: boolean }> {
  let text = '';
  for await (const chunk of decodedText(path, encoding)) {
    text += chunk;
    if (text.length > SAMPLE_CHARACTERS) return { text, isWhole: false };
  }
  return { text, isWhole: true };
}

async function sampleRows(
  readPieces: (chunks: AsyncIterable<string>) => AsyncGenerator<Piece[]>,
  text: string,
  isWhole: boolean,
): Promise<DataRow[]> {
  async function* chunks() {
    yield text;
  }
  const rows: DataRow[] = [];
  for await (const batch of readPieces(chunks())) {
    for (const piece of batch) {
      if (piece.kind === 'row') rows.push({ line: piece.line, values: piece.values });
    }
  }
  // The row at the cut is a broken one, or in a plain line a shortened one.
  if (!isWhole && rows.length > 1) rows.pop();
  return rows.slice(0, SAMPLE_ROWS);
}

/** As the readers find it: LF, unless the first line ends with a lone CR. */
function newlineOf(text: string, isWhole: boolean): string | undefined {
  const found = /\r\n?|\n/.exec(text);
  if (!found || (found[0] === '\r' && found.index + 1 === text.length && !isWhole)) return undefined;
  return found[0] === '\r' ? '\r' : '\n';
}

function keysOf(rows: readonly DataRow[]): string[] {
  const keys = new Set<string>();
  for (const { values } of rows) for (const key of Object.keys(values)) keys.add(key);
  return [...keys];
}

function formatOf(path: string, text: string, isWhole: boolean): TextFormat {
  const extension = /\.([^./\\]+)$/.exec(path)?.[1].toLowerCase() ?? '';
  const start = text.trimStart();
  const firstLine = /^[^\r\n]*/.exec(start)![0].trim();
  const hasMoreLines = start.length > firstLine.length && !isBlank(start.slice(firstLine.length));
  const first = parsedJson(firstLine);
  const isRecord = typeof first === 'object' && first !== null;
  const looksLikeLines = isRecord && (hasMoreLines || !Array.isArray(first) || !isWhole);
  switch (extension) {
    case 'jsonl':
    case 'ndjson':
    case 'json':
      // Lines are often called .json (ChineseBLUE), and arrays sometimes .jsonl.
      if (start.startsWith('[')) return looksLikeLines ? 'jsonl' : extension === 'json' || !isRecord ? 'json' : 'jsonl';
      return extension === 'json' && (firstLine === '{' || !start.startsWith('{')) ? 'json' : 'jsonl';
    case 'csv':
      return 'csv';
    case 'tsv':
    case 'tab':
      return 'tsv';
  }
  if (start.startsWith('{') && isRecord) return 'jsonl';
  if (start.startsWith('[') && (firstLine === '[' || /^\[\s*\{/.test(start))) return 'json';
  if (firstLine.includes('\t') || extension === 'txt') return 'text';
  return firstLine.includes(',') ? 'csv' : 'text';
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface Layout {
  readonly columns: string[];
  readonly header: boolean;
  readonly delimiter: string;
  readonly quoted: boolean;
}

function delimitedLayout(
  format: 'csv' | 'tsv' | 'text',
  path: string,
  text: string,
  isWhole: boolean,
  options: DataFileOptions,
  warnings: Words[],
): Layout {
  const firstLine = /^\s*([^\r\n]*)/.exec(text)![1];
  const delimiter = format === 'text' ? '\t' : (options.delimiter ?? delimiterOf(format, firstLine));
  const quoted = isQuoted(format, text, delimiter, isWhole);
  const rows = sampleFields(text, delimiter, format !== 'text' && quoted, isWhole);
  const width = modeOf(rows.map((row) => row.length));
  const header = options.header ?? hasHeader(format, rows, width);
  if (!header) return { columns: Array.from({ length: width }, (_, i) => String(i)), header, delimiter, quoted };
  const columns = columnNames(rows[0] ?? [], path, warnings);
  return { columns, header, delimiter, quoted };
}

/** The fields of the first rows, roughly: good enough to count and compare. */
function sampleFields(text: string, delimiter: string, quoted: boolean, isWhole: boolean): string[][] {
  const newline = /\r\n?|\n/.exec(text)?.[0] === '\r' ? '\r' : '\n';
  const rows: string[][] = [];
  for (let at = 0; at < text.length && rows.length < SAMPLE_ROWS;) {
    const found = recordEnd(text, at, { delimiter, quoted, newline }, true);
    const end = found.kind === 'end' ? found.end : text.length;
    const isCut = end === text.length && !isWhole && rows.length > 0;
    const record = text.slice(at, end).replace(/[\r\n]+$/, '');
    if (!isBlank(record) && !isCut) rows.push(splitFields(record, delimiter, quoted));
    at = end;
  }
  return rows;
}

function splitFields(record: string, delimiter: string, quoted: boolean): string[] {
  if (!quoted) return record.split(delimiter);
  return fieldSpans(record, delimiter, quoted).map(([start, end]) => {
    const field = record.slice(start, end);
    return /^"[^]*"$/.test(field) ? field.slice(1, -1).replaceAll('""', '"') : field;
  });
}

function modeOf(counts: readonly number[]): number {
  const times = new Map<number, number>();
  let mode = counts[0] ?? 1;
  for (const count of counts) {
    times.set(count, (times.get(count) ?? 0) + 1);
    if (times.get(count)! > times.get(mode)!) mode = count;
  }
  return mode;
}

function delimiterOf(format: 'csv' | 'tsv', firstLine: string): string {
  if (format === 'tsv') return '\t';
  const outsideQuotes = firstLine.replace(/"(?:[^"]|"")*"/g, '');
  return [',', '\t', ';', '|'].find((delimiter) => outsideQuotes.includes(delimiter)) ?? ',';
}

/**
 * CSV is quoted by definition. Tab-separated files come both ways: quotes count as quoting unless they would not match.
 * In plain text, where a field in quotes may just be a quotation, doubled quotes inside one are asked for as proof.
 */
function isQuoted(format: 'csv' | 'tsv' | 'text', text: string, delimiter: string, isWhole: boolean): boolean {
  if (format === 'csv') return true;
  let fields = 0;
  let proofs = 0;
  let violations = 0;
  for (const line of text.split(/\r\n?|\n/).slice(0, isWhole ? undefined : -1)) {
    for (const field of line.split(delimiter)) {
      if (!field.startsWith('"')) continue;
      fields++;
      if (!/^"(?:[^"]|"")*"$/.test(field)) violations++;
      else if (field.slice(1, -1).includes('""')) proofs++;
    }
  }
  if (format === 'text') return proofs > 0 && violations === 0;
  if (violations === 0) return true;
  // A field that spans lines violates twice and is quoting all the same, if then everything matches.
  for (let at = 0; at < text.length;) {
    const found = recordEnd(text, at, { delimiter, quoted: true, newline: '\n' }, true);
    if (found.kind !== 'end') return !isWhole && fields > violations;
    if (found.improper) return false;
    at = found.end;
  }
  return true;
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
    const wanted = field.trim() === '' ? String(i) : field.trim();
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
