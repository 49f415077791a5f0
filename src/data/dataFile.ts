import { MedTextError, words } from '../base/errors';
import { FileWatch } from '../base/fileWatch';
import { joined, Words } from '../base/words';
import type { DataFormat } from '../protocol/dataFormat';
import { columnFacts } from './columns';
import { excerptOf, isBadRow, type BadRow, type DataRow, type Piece } from './dataRow';
import { fieldSpans, readDelimited, recordEnd } from './delimitedReader';
import { lenientJson, readJsonArray } from './jsonArrayReader';
import { jsonShape, keysOf, rowsOfShape, type JsonShape } from './jsonShape';
import { openBrat, type BratFile } from './entities/bratFile';
import {
  columnsLayout,
  untaggedLine,
  COLUMNS_OF_TAGGED,
  readColumns,
  type ColumnsLayout,
} from './entities/columnsReader';
import { areTasks, regionForm, rowOfTask, spanNames, type TaskText } from './labelStudio';
import { isBlank, readJsonLines, readPlainText } from './lineReader';
import { openParquet } from './parquetFile';
import { listColumns, queryLists, rowsOfList, type QueryLists } from './ranking/queryLists';
import { tableHead } from './tableHead';
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

type TextFormat = Exclude<DataFormat, 'xlsx' | 'parquet' | 'brat'>;

export interface DataFileOptions {
  /**
   * Else by extension and content. `text` is ChineseBLUE's plain form: tabs between fields, one row a line; `conll` a token and
   * its tag a line.
   */
  readonly format?: DataFormat;
  /** A WHATWG encoding name; else by byte order mark and content (UTF-8, UTF-16 with mark, GB18030). */
  readonly encoding?: string;
  /** Whether the first row of a delimited file names the columns; else by its content. */
  readonly header?: boolean;
  /** One character; else by content. */
  readonly delimiter?: string;
  /** The sheet of a workbook, by its name; else the first visible one that holds anything. */
  readonly sheet?: string;
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
  /** Names that several columns have, to their places from 0; all but the first go by another name in `columns`. */
  readonly repeated?: ReadonlyMap<string, readonly number[]>;
  /** By column: the labels that the file itself declares, in the order of their ids (a Parquet file's ClassLabel). */
  readonly declaredLabels?: ReadonlyMap<string, readonly string[]>;
  /** Delimited files only. */
  readonly header: boolean;
  readonly delimiter: string | undefined;
  readonly quoted: boolean;
  /** Records above the header that are no part of the table: titles, and Excel's `sep=,`. */
  readonly skipped?: number;
  /** The sheet of a workbook that is read, and the names of all sheets in their order. */
  readonly workbook?: { readonly sheet: string; readonly sheets: readonly string[] };
  /** The layout of a file of tokens and tags. */
  readonly tagged?: ColumnsLayout;
  /** The layout of a file of queries with lists of candidates. Each candidate is a row. */
  readonly lists?: QueryLists;
  /** Label Studio's tasks. Each is a row. */
  readonly tasks?: TaskText;
  /** The first rows, for guesses and previews. */
  readonly sample: readonly DataRow[];
  /** What a person should know about how the file was understood: renamed columns and the like. */
  readonly warnings: readonly Words[];
  /** The rows in order, bad ones among them. Errors: `IO`, `CANCELLED`. */
  rows(signal?: AbortSignal): AsyncGenerator<DataRow | BadRow>;
  /** The file as text, whose rows stand in it one after another; absent for XLSX, Parquet, brat and other forms of JSON. */
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

/** A JSON file that is read as a whole may be this long. */
const MAX_WHOLE_BYTES = 1 << 26;
const SAMPLE_CHARACTERS = 1 << 18;
const SAMPLE_ROWS = 200;
const DEFAULT_MAX_ROW_LENGTH = 1 << 24;

/**
 * Opens a JSON array, JSON Lines, CSV, TSV or plain tab-separated file, tokens with tags (CoNLL), a sheet of an
 * XLSX workbook (the row's number is its `line`), a Parquet file (its rows count from line 1), or brat's documents (a row each): a
 * text beside its `.ann`, or a folder of such.
 *
 * Errors: `NOT_FOUND`, also for a sheet; `IO`; `USAGE` for the sheet of a file that has none; `DATA_FORMAT` for an empty file, a binary file, an unknown encoding, a JSON file that is
 * neither an array nor lines, or a broken workbook or Parquet file; `UNSUPPORTED` for other archives, encodings the
 * platform does not know, and what `openWorkbook` and `openParquet` refuse.
 */
export async function openDataFile(path: string, options: DataFileOptions = {}): Promise<DataFile> {
  const brat = options.format === undefined ? await openBrat(path) : undefined;
  if (brat) {
    refuseSheet(path, options);
    return documentFile(path, brat);
  }
  const watch = new FileWatch('data', path, await dataFileSize(path));
  return watch.during(() => open(path, options, watch));
}

async function open(path: string, options: DataFileOptions, watch: FileWatch): Promise<DataFile> {
  const maxRowLength = options.maxRowLength ?? DEFAULT_MAX_ROW_LENGTH;
  if (options.delimiter !== undefined && options.delimiter.length !== 1) {
    throw new MedTextError(
      'USAGE',
      words`The delimiter must be one character, not ${JSON.stringify(options.delimiter)}.`,
    );
  }
  const container = await containerOf(path);
  if (container === 'xlsx') return openSheet(path, options, watch);
  refuseSheet(path, options);
  if (container === 'parquet') return openTable(path, watch);
  const { encoding, byteOrderMark, sizeBytes } = await encodingOf(path, options.encoding);
  const { text, isWhole } = await sampleText(path, encoding);
  if (isBlank(text) && isWhole)
    throw new MedTextError('DATA_FORMAT', words`${path}: the file is empty.`, { file: path });

  const warnings: Words[] = [];
  const { format: named } = options;
  if (named === 'xlsx' || named === 'parquet' || named === 'brat') {
    throw new MedTextError('DATA_FORMAT', words`${path} is text, not ${named}.`, { file: path, format: named });
  }
  const shape = (named ?? 'json') !== 'json' || (named === undefined && isLineOfRecord(path, text)) ? undefined : shapeOf(text, isWhole); // prettier-ignore
  const tagged = shape || (named ?? 'conll') !== 'conll' ? undefined : columnsLayout(text, isWhole);
  if (named === 'conll' && !tagged) throw noTags(path, text, isWhole);
  if (!tagged && /\.(conll|bio|bmes|iob)$/i.test(path)) {
    const { line, reason } = untaggedLine(text, isWhole);
    warnings.push(words`${path} line ${line}: ${reason}. By its name the file has a token and its tag a line; it is read as other text.`); // prettier-ignore
  }
  const format: TextFormat = named ?? (shape ? 'json' : tagged ? 'conll' : formatOf(path, text, isWhole));
  if (shape && shape.kind !== 'wrapped')
    return openWhole(path, shape, { encoding, byteOrderMark, sizeBytes }, warnings);
  const layout =
    format === 'json' || format === 'jsonl' || format === 'conll'
      ? { columns: tagged ? COLUMNS_OF_TAGGED : [], header: false, delimiter: undefined, quoted: false, skipped: 0 }
      : delimitedLayout(format, path, text, isWhole, options, warnings);
  if (format === 'json' && !shape && !/^\s*\[/.test(text)) throw noTable(path, text);
  if (shape) warnings.push(words`${path}: the rows are those of ${JSON.stringify(shape.key)}.`);

  const piecesOf: TextAccess['piecesOf'] = (chunks, from) => {
    switch (format) {
      case 'json':
        return readJsonArray(chunks, maxRowLength, from, shape?.start);
      case 'jsonl':
        return readJsonLines(chunks, maxRowLength, from);
      case 'text':
        return readPlainText(chunks, maxRowLength, layout, from);
      case 'conll':
        return readColumns(chunks, maxRowLength, tagged!, from);
      default:
        return readDelimited(chunks, maxRowLength, { ...layout, delimiter: layout.delimiter! }, from);
    }
  };
  const readPieces: TextAccess['piecesOf'] = (chunks, from) => watch.iterate(piecesOf(chunks, from));
  const sample = await sampleRows(readPieces, text, isWhole);
  const pieces = (signal?: AbortSignal) => readPieces(decodedText(path, encoding, signal));
  const rows = (signal?: AbortSignal) => rowsOf(pieces(signal));
  const about = { path, format, encoding, byteOrderMark, sizeBytes, warnings };
  if (areTasks(sample)) return taskFile(about, sample, pieces);
  const lists = format === 'json' || format === 'jsonl' ? queryLists(sample) : undefined;
  if (lists) return listFile(about, lists, sample, rows);
  return {
    ...about,
    ...layout,
    ...(tagged && { tagged }),
    columns: layout.columns.length > 0 ? layout.columns : keysOfRows(sample),
    sample,
    text: {
      pieces,
      piecesOf: readPieces,
      chunks: (chunkOptions) => anchoredText(path, encoding, chunkOptions),
      newline: newlineOf(text, isWhole),
    },
    rows,
  };
}

function refuseSheet(path: string, { sheet }: DataFileOptions): void {
  if (sheet === undefined) return;
  throw new MedTextError(
    'USAGE',
    words`${path} is not an XLSX workbook: it has no sheet ${JSON.stringify(sheet)}. Leave out the sheet.`,
    { file: path, sheet },
  );
}

async function* rowsOf(pieces: AsyncIterable<Piece[]>): AsyncGenerator<DataRow | BadRow> {
  for await (const batch of pieces) {
    for (const piece of batch) {
      if (piece.kind === 'row') yield { line: piece.line, values: piece.values };
      else if (piece.kind === 'bad') yield badRow(piece);
    }
  }
}

/** Label Studio's tasks as rows. An answer is no field of a task, so they are no text with rows of columns. */
function taskFile(
  about: Pick<DataFile, 'path' | 'format' | 'encoding' | 'byteOrderMark' | 'sizeBytes' | 'warnings'>,
  tasks: readonly DataRow[],
  readTasks: (signal?: AbortSignal) => AsyncGenerator<Piece[]>,
): DataFile {
  const spans = spanNames(tasks);
  const asRow = (task: DataRow): DataRow | BadRow => {
    const row = rowOfTask(task.values, spans);
    if (!(row instanceof Words)) return { line: task.line, values: row };
    return { line: task.line, reason: row, excerpt: excerptOf(JSON.stringify(task.values.data ?? task.values)) };
  };
  const asPiece = (piece: Piece): Piece => {
    if (piece.kind !== 'row') return piece;
    const row = asRow(piece);
    return isBadRow(row) ? { ...piece, kind: 'bad', reason: row.reason } : { ...piece, values: { ...row.values } };
  };
  const sample = tasks.map(asRow).filter((row): row is DataRow => !isBadRow(row));
  return {
    ...about,
    columns: columnsOfTasks(tasks, sample),
    sample,
    header: false,
    delimiter: undefined,
    quoted: false,
    text: undefined,
    tasks: {
      async *pieces(signal) {
        for await (const batch of readTasks(signal)) yield batch.map(asPiece);
      },
      regionForm: (name) => regionForm(tasks, name),
    },
    async *rows(signal) {
      for await (const task of rowsOf(readTasks(signal))) yield isBadRow(task) ? task : asRow(task);
    },
  };
}

/** Queries with their candidates as rows, a candidate each; answers are written into records, not into such rows. */
function listFile(
  about: Pick<DataFile, 'path' | 'format' | 'encoding' | 'byteOrderMark' | 'sizeBytes' | 'warnings'>,
  lists: QueryLists,
  records: readonly DataRow[],
  readRecords: (signal?: AbortSignal) => AsyncGenerator<DataRow | BadRow>,
): DataFile {
  const rowsOfRecord = (record: DataRow): readonly (DataRow | BadRow)[] => {
    const rows = rowsOfList(record, lists);
    if (!(rows instanceof Words)) return rows;
    return [{ line: record.line, reason: rows, excerpt: excerptOf(JSON.stringify(record.values)) }];
  };
  const sample = records.flatMap(rowsOfRecord).filter((row): row is DataRow => !isBadRow(row));
  return {
    ...about,
    warnings: [...about.warnings, words`${about.path}: each entry of ${JSON.stringify(lists.list)} is read as a row, with the fields of its record repeated.`], // prettier-ignore
    lists,
    columns: listColumns(records, lists),
    sample: sample.slice(0, SAMPLE_ROWS),
    header: false,
    delimiter: undefined,
    quoted: false,
    text: undefined,
    async *rows(signal) {
      for await (const record of readRecords(signal)) {
        if (isBadRow(record)) yield record;
        else yield* rowsOfRecord(record);
      }
    },
  };
}

/** What was chosen comes before what was shown, so that a guess takes it for the label; what was written comes last. */
function columnsOfTasks(tasks: readonly DataRow[], rows: readonly DataRow[]): string[] {
  const shown = new Set(tasks.flatMap(({ values }) => Object.keys(values.data ?? {})));
  const all = keysOfRows(rows);
  const answers = all.filter((name) => !shown.has(name));
  const values = rows.map((row) => row.values);
  const chosen = columnFacts(answers, values).filter(({ canBeLabel }) => canBeLabel).map(({ name }) => name); // prettier-ignore
  return [...chosen, ...all.filter((name) => shown.has(name)), ...answers.filter((name) => !chosen.includes(name))];
}

/** A table that one JSON object holds column by column. `line` is then the number of the row. */
async function openWhole(
  path: string,
  shape: JsonShape,
  about: Pick<DataFile, 'encoding' | 'byteOrderMark' | 'sizeBytes'>,
  warnings: Words[],
): Promise<DataFile> {
  if (about.sizeBytes > MAX_WHOLE_BYTES) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`${path} holds its table column by column, which is read as a whole, and is longer than ${MAX_WHOLE_BYTES >> 20} MiB. Write it as records: DataFrame.to_json(path, orient="records", lines=True).`,
      { file: path, sizeBytes: about.sizeBytes },
    );
  }
  let text = '';
  for await (const chunk of decodedText(path, about.encoding)) text += chunk;
  let json: unknown;
  try {
    json = lenientJson(text);
  } catch (error) {
    throw new MedTextError(
      'DATA_FORMAT',
      words`${path}: not valid JSON: ${(error as Error).message}.`,
      { file: path },
      { cause: error },
    );
  }
  const table = rowsOfShape(shape, json);
  if (!table || table.rows.length === 0) {
    throw new MedTextError(
      'DATA_FORMAT',
      words`${path}: the columns of this table do not fit together. Write it as records: DataFrame.to_json(path, orient="records", lines=True).`,
      { file: path },
    );
  }
  const rows = table.rows.map((values, i): DataRow => ({ line: i + 1, values }));
  return {
    path,
    format: 'json',
    ...about,
    columns: table.columns,
    sample: rows.slice(0, SAMPLE_ROWS),
    warnings,
    header: false,
    delimiter: undefined,
    quoted: false,
    text: undefined,
    async *rows(signal) {
      for (const row of rows) {
        if (signal?.aborted) throw new MedTextError('CANCELLED', `Reading ${path} was cancelled.`, { file: path });
        yield row;
      }
    },
  };
}

/** A file that is called JSON Lines, and whose first line is a record: that is a row, whatever lists it has. */
function isLineOfRecord(path: string, text: string): boolean {
  if (!/\.(jsonl|ndjson)$/i.test(path) || !text.trimStart().startsWith('{')) return false;
  return parsedJson(/^[^\r\n]*/.exec(text.trimStart())![0]) !== undefined;
}

/** A JSON file begins with `[`, or with an object that holds a table. One query with its candidates is a line, and no table. */
function shapeOf(text: string, isWhole: boolean): JsonShape | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  const shape = jsonShape(text, isWhole);
  const record = shape?.kind === 'wrapped' ? parsedJson(/^[^\r\n]*/.exec(text.trimStart())![0]) : undefined;
  return record && queryLists([{ line: 1, values: record as DataRow['values'] }]) ? undefined : shape;
}

function noTable(path: string, text: string): MedTextError {
  const start = /^\s*/.exec(text)![0].length;
  const keys = keysOf(text, start)?.keys.map(({ key }) => JSON.stringify(excerptOf(key, 40))) ?? [];
  const found = keys.length > 0 ? words`an object with the keys ${keys.slice(0, 10).join(', ')}` : JSON.stringify(excerptOf(text, 40)); // prettier-ignore
  return new MedTextError(
    'DATA_FORMAT',
    words`${path} line 1: a JSON array of records is expected ("[" first), found ${found}. The program also reads JSON Lines (one record a line), an object with one array of records, exports of Label Studio, and files that pandas’ to_json writes.`,
    { file: path, line: 1 },
  );
}

function noTags(path: string, text: string, isWhole: boolean): MedTextError {
  const expected = words`Each line must have a token and its tag, separated by a tab or a space. Tags are such as B-disease, I-disease and O. An empty line follows each text.`;
  const { line, reason } = untaggedLine(text, isWhole);
  return new MedTextError('DATA_FORMAT', words`${path} line ${line}: ${reason}. ${expected}`, { file: path, line, format: 'conll' }); // prettier-ignore
}

async function openSheet(path: string, options: DataFileOptions, watch: FileWatch): Promise<DataFile> {
  const sizeBytes = await dataFileSize(path);
  const named = await openWorkbook(path, options.sheet);
  let workbook = watched(named, watch);
  let first = await firstRows(workbook);
  // A cover without cells is nobody's table.
  const others = options.sheet === undefined ? named.visibleSheets.filter((name) => name !== named.sheetName) : [];
  for (const name of others) {
    if (first.length > 0) break;
    const other = watched(await openWorkbook(path, name), watch);
    const rows = await firstRows(other);
    if (rows.length > 0) [workbook, first] = [other, rows];
  }
  const { sheetName: sheet, sheets } = workbook;
  if (first.length === 0) {
    const isEmpty = words`${path}: the sheet ${JSON.stringify(sheet)} is empty.`;
    const all = sheets.map((name) => JSON.stringify(name)).join(', ');
    throw new MedTextError('DATA_FORMAT', sheets.length > 1 ? words`${isEmpty} The sheets are: ${all}.` : isEmpty, {
      file: path,
      sheet,
      sheets,
    });
  }
  const texts = first.slice(0, SAMPLE_ROWS).map(({ cells }) => cells.map((cell) => String(cell ?? '')));
  const width = Math.max(...texts.map((cells) => cells.length));
  const filled = texts.map((cells) => [...cells, ...Array<string>(width - cells.length).fill('')]);
  const warnings: Words[] = [];
  const { titleRows, ...head } = tableHead('csv', filled, width, options.header, path, warnings);
  const rows = async function* (signal?: AbortSignal): AsyncGenerator<DataRow | BadRow> {
    yield* workbookRecords(workbook, head.columns, titleRows + (head.header ? 1 : 0), signal);
    addWorkbookWarnings(path, workbook, warnings);
  };
  const sample: DataRow[] = [];
  for await (const row of rows()) {
    if ('values' in row && sample.push(row) >= SAMPLE_ROWS) break;
  }
  if (options.sheet === undefined && sheets.length > 1) {
    const others = sheets.filter((name) => name !== sheet).map((name) => JSON.stringify(name)).join(', '); // prettier-ignore
    warnings.push(words`${path}: only the sheet ${JSON.stringify(sheet)} is read, not ${others}.`);
  }
  const layout = { byteOrderMark: false, delimiter: undefined, quoted: false, text: undefined };
  return { path, format: 'xlsx', encoding: 'utf-8', sizeBytes, ...layout, ...head, workbook: { sheet, sheets }, sample, warnings, rows }; // prettier-ignore
}

const watched = (opened: Workbook, watch: FileWatch): Workbook => ({
  ...opened,
  rows: (signal) => watch.iterate(opened.rows(signal)),
});

async function firstRows(workbook: Workbook): Promise<SheetRow[]> {
  const first: SheetRow[] = [];
  for await (const batch of workbook.rows()) {
    first.push(...batch);
    if (first.length >= SAMPLE_ROWS) break;
  }
  return first;
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

async function openTable(path: string, watch: FileWatch): Promise<DataFile> {
  const sizeBytes = await dataFileSize(path);
  const { columns, declaredLabels, records } = await openParquet(path, sizeBytes, watch);
  const warnings = [...declaredLabels].map(
    ([column, names]) =>
      words`${path}: the numbers of column ${JSON.stringify(column)} are read as the labels that the file declares for them: ${excerptOf(names.join(', '))}.`,
  );
  const sample: DataRow[] = [];
  for await (const row of records()) if (sample.push(row) >= SAMPLE_ROWS) break;
  const layout = { byteOrderMark: false, header: true, delimiter: undefined, quoted: false, text: undefined };
  return { path, format: 'parquet', encoding: 'utf-8', sizeBytes, ...layout, columns, declaredLabels, sample, warnings, rows: records }; // prettier-ignore
}

async function documentFile(path: string, { columns, sizeBytes, rows }: BratFile): Promise<DataFile> {
  const sample: DataRow[] = [];
  let characters = 0;
  for await (const row of rows()) {
    if (isBadRow(row)) continue;
    sample.push(row);
    characters += String(row.values.text).length;
    if (sample.length >= SAMPLE_ROWS || characters > SAMPLE_CHARACTERS) break;
  }
  const layout = { byteOrderMark: false, header: true, delimiter: undefined, quoted: false, text: undefined };
  return { path, format: 'brat', encoding: 'utf-8', sizeBytes, ...layout, columns, sample, warnings: [], rows };
}

/** What to do with bad rows, and how many to describe. */
export interface BadRowPolicy {
  /** `stop` (the default): the first bad row is an error. `skip`: bad rows are counted and left out. */
  readonly onBadRow?: 'stop' | 'skip';
  /** How many bad rows are kept with their text when skipping. Default 20. */
  readonly maxReports?: number;
}

/** Counts bad rows, and describes the first ones; where the policy is to stop, they are an error in the end. */
export class BadRows {
  count = 0;
  readonly reports: BadRow[] = [];

  constructor(
    private readonly path: string,
    private readonly policy: BadRowPolicy = {},
  ) {}

  add(row: BadRow): void {
    this.count++;
    if (this.reports.length < (this.policy.maxReports ?? 20)) this.reports.push(row);
  }

  /**
   * To be asked when all rows have been read, so that a person hears of all bad ones at once.
   * Errors: `DATA_FORMAT` with file, lines and reasons, if there are bad rows and the policy is to stop.
   */
  stopIfAny(): void {
    const [first, ...others] = this.reports;
    if (first === undefined || this.policy.onBadRow === 'skip') return;
    const detail = { file: this.path, ...first, reason: String(first.reason), count: this.count };
    const quoted = first.excerpt === '' ? '' : words`: ${first.excerpt}`;
    if (others.length === 0) {
      throw new MedTextError(
        'DATA_FORMAT',
        words`${this.path} line ${first.line}: ${first.reason}${quoted}. Correct the row, or choose to skip bad rows.`,
        detail,
      );
    }
    const places = others.map(({ line, reason }) => words`line ${line}: ${reason}`);
    const more = this.count - this.reports.length;
    if (more > 0) places.push(words`and ${more} more rows`);
    throw new MedTextError(
      'DATA_FORMAT',
      words`${this.path} line ${first.line}: ${first.reason}${quoted}. ${this.count} rows cannot be read; the others are ${joined(places, words`; `)}. Correct them, or choose to skip bad rows.`,
      detail,
    );
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

/** The newline that the readers look for: LF, unless the first line ends with a lone CR. */
function newlineOf(text: string, isWhole: boolean): string | undefined {
  const found = /\r\n?|\n/.exec(text);
  if (!found || (found[0] === '\r' && found.index + 1 === text.length && !isWhole)) return undefined;
  return found[0] === '\r' ? '\r' : '\n';
}

function keysOfRows(rows: readonly DataRow[]): string[] {
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
  readonly repeated: ReadonlyMap<string, readonly number[]>;
  readonly header: boolean;
  readonly delimiter: string;
  readonly quoted: boolean;
  /** Rows above the header: Excel's `sep=,`, and titles. */
  readonly skipped: number;
}

function delimitedLayout(
  format: 'csv' | 'tsv' | 'text',
  path: string,
  text: string,
  isWhole: boolean,
  options: DataFileOptions,
  warnings: Words[],
): Layout {
  // Excel takes the delimiter from such a line, and writes it for those who asked for another one.
  const declared = format === 'text' ? null : /^\s*"?sep=([^\r\n])"?[ \t,;]*(?:\r\n?|\n)/i.exec(text);
  const firstLine = /^\s*([^\r\n]*)/.exec(text)![1];
  const delimiter = format === 'text' ? '\t' : (options.delimiter ?? declared?.[1] ?? delimiterOf(format, firstLine));
  const quoted = isQuoted(format, text, delimiter, isWhole);
  const rows = sampleFields(text, delimiter, format !== 'text' && quoted, isWhole).slice(declared ? 1 : 0);
  const width = modeOf(rows.map((row) => row.length));
  const { titleRows, ...head } = tableHead(format, rows, width, options.header, path, warnings);
  return { ...head, delimiter, quoted, skipped: (declared ? 1 : 0) + titleRows };
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
