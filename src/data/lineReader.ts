import { words } from '../base/words';
import { isWellFormed, recordOf, type Piece } from './dataRow';
import { recordPiece } from './jsonArrayReader';
import { TextWindow, type ReadPosition } from './textWindow';

/** Reads JSON Lines: one record (object or array) a line; blank lines are skipped. */
export function readJsonLines(
  chunks: AsyncIterable<string>,
  maxRowLength: number,
  from?: ReadPosition,
): AsyncGenerator<Piece[]> {
  return readLines(chunks, maxRowLength, (line, text) => recordPiece(line, text), from);
}

export interface PlainTextLayout {
  readonly columns: readonly string[];
  readonly header: boolean;
  /** Whether fields are quoted where needed, as in ChineseBLUE's cMedQA; a quoted field never spans lines here. */
  readonly quoted: boolean;
}

/** Reads plain text with one row a line and tabs between the fields, as ChineseBLUE has it: `label TAB a TAB b`. */
export function readPlainText(
  chunks: AsyncIterable<string>,
  maxRowLength: number,
  layout: PlainTextLayout,
  from?: ReadPosition,
): AsyncGenerator<Piece[]> {
  let headerAhead = layout.header && from === undefined;
  const readLine = (line: number, text: string): Piece => {
    const content = text.endsWith('\r\n')
      ? text.slice(0, -2)
      : text.endsWith('\n') || text.endsWith('\r')
        ? text.slice(0, -1)
        : text;
    const fields = content.split('\t');
    if (layout.quoted) fields.forEach((field, i) => (fields[i] = unquoted(field)));
    if (headerAhead) {
      headerAhead = false;
      return { kind: 'header', line, text, fields };
    }
    return fieldsPiece(line, text, fields, layout.columns);
  };
  return readLines(chunks, maxRowLength, readLine, from);
}

/** A row of a delimited file, or a bad piece if the number of fields is wrong or bytes were undecodable. */
export function fieldsPiece(line: number, text: string, fields: readonly string[], columns: readonly string[]): Piece {
  if (!isWellFormed(text))
    return { kind: 'bad', line, text, reason: words`bytes that are not valid in the file’s encoding` };
  if (fields.length !== columns.length) {
    const reason = words`${columns.length} fields are expected, ${fields.length} found`;
    return { kind: 'bad', line, text, reason };
  }
  return { kind: 'row', line, text, values: recordOf(columns, fields) };
}

function unquoted(field: string): string {
  return /^"(?:[^"]|"")*"$/.test(field) ? field.slice(1, -1).replaceAll('""', '"') : field;
}

/**
 * Splits a text into lines and hands each that is not blank to `read`. Lines end with LF or CRLF, or with CR in a file
 * whose first line ends so; a lone CR elsewhere is content.
 */
async function* readLines(
  chunks: AsyncIterable<string>,
  maxRowLength: number,
  read: (line: number, text: string) => Piece,
  from?: ReadPosition,
): AsyncGenerator<Piece[]> {
  const window = new TextWindow(chunks, from);
  let newline = from?.newline;
  let pieces: Piece[] = [];
  let isSkipping = false; // Inside a line that was reported as too long.
  try {
    for (;;) {
      newline ??= firstNewline(window);
      const found = newline === undefined ? -1 : window.text.indexOf(newline, window.position);
      const isTooLong = window.unread > maxRowLength && (found < 0 || found - window.position > maxRowLength);
      if (found < 0 && !window.ended && !isTooLong) {
        yield pieces;
        pieces = [];
        await window.grow();
        continue;
      }
      if (window.unread === 0) break;
      const end = found < 0 ? window.text.length : found + 1;
      const { line } = window;
      const text = window.take(end);
      if (isSkipping) pieces.push({ kind: 'gap', line, text });
      else if (isTooLong) {
        pieces.push({ kind: 'bad', line, text, reason: words`the line is longer than ${maxRowLength} characters` });
      } else if (isBlank(text)) pieces.push({ kind: 'gap', line, text });
      else pieces.push(read(line, text));
      isSkipping = found < 0 && (isSkipping || isTooLong);
      if (found < 0 && !window.ended) {
        yield pieces;
        pieces = [];
        await window.grow();
      }
    }
    yield pieces;
  } finally {
    await window.close();
  }
}

/** The character lines of this file end with, or undefined while it cannot be told. */
export function firstNewline(window: TextWindow): string | undefined {
  const found = /\r\n?|\n/.exec(window.text.slice(window.position));
  if (!found) return undefined;
  if (found[0] !== '\r') return '\n';
  const isLast = window.position + found.index + 1 === window.text.length;
  return isLast && !window.ended ? undefined : '\r';
}

export function isBlank(text: string): boolean {
  return !/\S/.test(text);
}
