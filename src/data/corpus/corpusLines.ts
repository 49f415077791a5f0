/** A corpus file as lines of text, of which some begin a document. */
import { MedTextError, words } from '../../base/errors';
import { FileWatch } from '../../base/fileWatch';
import type { Words } from '../../base/words';
import { resolveColumn } from '../columns';
import { openDataFile, type DataFile } from '../dataFile';
import { isBadRow, isWellFormed, type DataValue } from '../dataRow';
import { isBlank } from '../lineReader';
import { decodedText, detectEncoding } from '../textEncoding';
import type { CorpusFile } from './corpusFiles';

/** What a document is. `auto`: of a folder each file; of one file, what blank lines part if there are any, else each line. */
export type DocumentRule = 'auto' | 'file' | 'blank-line' | 'line';

/** A line without its end, never blank; or a place that cannot be read. */
export type CorpusLine = { readonly line: number; readonly startsDocument: boolean } & (
  { readonly text: string } | { readonly reason: Words }
);

export interface CorpusReading {
  /** What a document is in files of text; a row of a table is one unless the whole file is. */
  readonly rule: Exclude<DocumentRule, 'auto'>;
  /** The column of a table; absent: the only one that can be a text. */
  readonly column?: string | number;
  readonly encoding?: string;
  /** Whether the first row of a CSV or TSV file names the columns; absent: recognised. */
  readonly header?: boolean;
  /** The sheet of a workbook; absent: the first visible one. */
  readonly sheet?: string;
}

/** The characters of a piece; longer lines are read in several. */
const MAX_LINE = 1 << 16;

/** In batches. @throws MedTextError as `openDataFile` does; NOT_FOUND for a column that is not there. */
export function corpusLines(
  file: CorpusFile,
  reading: CorpusReading,
  signal?: AbortSignal,
): AsyncGenerator<CorpusLine[]> {
  return file.isTable ? tableLines(file, reading, signal) : textLines(file, reading, signal);
}

/**
 * What a document is where nobody said: of a folder each file, of one file what blank lines part, else each line.
 * @param named the encoding, where it is named
 */
export async function documentRuleOf(
  { files, isCollection }: { readonly files: readonly CorpusFile[]; readonly isCollection: boolean },
  wanted: DocumentRule,
  named?: string,
  signal?: AbortSignal,
): Promise<CorpusReading['rule']> {
  if (wanted !== 'auto') return wanted;
  const [file] = files;
  if (isCollection) return 'file';
  if (file.isTable) return 'line';
  const encoding = named ?? (await detectEncoding(file.file)).encoding;
  let text = false;
  let blankAfterText = false;
  for await (const lines of plainLines(file, encoding, signal)) {
    for (const line of lines) {
      if (isBlank(line.text)) blankAfterText = text;
      else if (blankAfterText) return 'blank-line';
      else text = true;
    }
  }
  return 'line';
}

async function* textLines(
  file: CorpusFile,
  { rule, encoding }: CorpusReading,
  signal?: AbortSignal,
): AsyncGenerator<CorpusLine[]> {
  const known = encoding ?? (await detectEncoding(file.file)).encoding;
  let startsDocument = true;
  for await (const lines of plainLines(file, known, signal)) {
    const batch: CorpusLine[] = [];
    for (const { text, line, goesOn } of lines) {
      if (rule === 'line' && !goesOn) startsDocument = true;
      if (isBlank(text)) {
        if (rule === 'blank-line') startsDocument = true;
        continue;
      }
      const content = isWellFormed(text)
        ? { text }
        : { reason: words`bytes that are not valid in the file’s encoding` };
      batch.push({ line, startsDocument, ...content });
      startsDocument = false;
    }
    yield batch;
  }
}

interface PlainLine {
  readonly text: string;
  readonly line: number;
  /** A piece of a line that is too long, but not its first. */
  readonly goesOn: boolean;
}

/** All lines, blank ones too. */
async function* plainLines(
  { file, sizeBytes }: CorpusFile,
  encoding: string,
  signal?: AbortSignal,
): AsyncGenerator<PlainLine[]> {
  const watch = new FileWatch('data', file, sizeBytes);
  let rest = '';
  let line = 1;
  let goesOn = false;
  for await (const chunk of watch.iterate(decodedText(file, encoding, signal))) {
    const lines: PlainLine[] = [];
    const parts = (rest + chunk).split(/\r\n|\n|\r(?=[^\n])/);
    rest = parts.pop()!;
    const add = (text: string): void => void lines.push({ text, line, goesOn });
    for (const part of parts) {
      for (const piece of piecesOf(part)) {
        add(piece);
        goesOn = true;
      }
      goesOn = false;
      line++;
    }
    while (rest.length > 2 * MAX_LINE) {
      const end = endOfPiece(rest);
      add(rest.slice(0, end));
      rest = rest.slice(end);
      goesOn = true;
    }
    yield lines;
  }
  const last = rest.replace(/\r$/, '');
  yield piecesOf(last).map((text, i) => ({ text, line, goesOn: goesOn || i > 0 }));
}

function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  let rest = text;
  while (rest.length > 2 * MAX_LINE) {
    const end = endOfPiece(rest);
    pieces.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return [...pieces, rest];
}

/** The end of a piece, never between the halves of a surrogate pair. */
function endOfPiece(text: string): number {
  const code = text.charCodeAt(MAX_LINE - 1);
  return code >= 0xd800 && code < 0xdc00 ? MAX_LINE - 1 : MAX_LINE;
}

async function* tableLines(
  { file }: CorpusFile,
  { rule, column, encoding, header, sheet }: CorpusReading,
  signal?: AbortSignal,
): AsyncGenerator<CorpusLine[]> {
  const data = await openDataFile(file, { encoding, header, sheet });
  const name = textColumn(data, column);
  let startsDocument = true;
  let batch: CorpusLine[] = [];
  for await (const row of data.rows(signal)) {
    if (rule !== 'file') startsDocument = true;
    const { line } = row;
    if (isBadRow(row)) batch.push({ line, startsDocument: false, reason: row.reason });
    else {
      for (const text of linesOfCell(row.values[name])) {
        if (isBlank(text)) continue;
        batch.push({ line, startsDocument, text });
        startsDocument = false;
      }
    }
    if (batch.length < 1000) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

function linesOfCell(value: DataValue): string[] {
  if (typeof value === 'string') return value.split(/\r\n|\n|\r/).flatMap(piecesOf);
  return typeof value === 'number' ? [String(value)] : [];
}

/** The column that is read. @throws MedTextError NOT_FOUND, DATA_FORMAT where none or several can be it. */
function textColumn(file: DataFile, wanted: string | number | undefined): string {
  if (wanted !== undefined) return resolveColumn(file, wanted, 'text');
  const { path, columns, sample } = file;
  const known = columns.join(', ');
  const isText = (name: string) => sample.some(({ values }) => typeof values[name] === 'string' && !/^[\d\s.,:/-]*$/.test(values[name])); // prettier-ignore
  const texts = columns.length === 1 ? columns : columns.filter(isText);
  if (texts.length === 1) return texts[0];
  throw new MedTextError(
    'DATA_FORMAT',
    words`${path} has several columns (${known}). Name the column of the text (first_sequence in a recipe; --first or --column on the command line).`,
    { file: path, columns },
  );
}
