import { parse } from 'csv-parse/sync';
import { words, type Words } from '../base/words';
import type { Piece } from './dataRow';
import { fieldsPiece, firstNewline, isBlank } from './lineReader';
import { TextWindow, type ReadPosition } from './textWindow';

export interface DelimitedLayout {
  readonly columns: readonly string[];
  readonly header: boolean;
  readonly delimiter: string;
  /** Records above the header that are no part of the table. */
  readonly skipped?: number;
  /** Whether `"` quotes fields. Without it every line is a row. */
  readonly quoted: boolean;
}

/** How many characters may be looked at a second time because of unclosed quotes, before reading stops. */
const RESCAN_BUDGET = 1 << 28;

/** Records handed to csv-parse at a time. */
const BATCH_RECORDS = 2000;

/**
 * Reads CSV or TSV: csv-parse reads the fields; this function cuts the text into records, so that each has its line, a
 * broken one costs no other, and memory stays bounded.
 *
 * Broken are records with an unclosed quote, with text behind the closing quote of a field that spans lines (a stray
 * quote swallowing the next rows), longer than `maxRowLength`, or with a wrong number of fields. After the first two,
 * reading goes on at the next line.
 */
export async function* readDelimited(
  chunks: AsyncIterable<string>,
  maxRowLength: number,
  layout: DelimitedLayout,
  from?: ReadPosition,
): AsyncGenerator<Piece[]> {
  const window = new TextWindow(chunks, from);
  const { delimiter, quoted } = layout;
  let skipAhead = from === undefined ? (layout.skipped ?? 0) : 0;
  let headerAhead = layout.header && from === undefined;
  let newline = from?.newline;
  let rescanBudget = RESCAN_BUDGET;
  let pieces: Piece[] = [];
  let records: { line: number; text: string }[] = [];
  let skippingLine = false; // Inside a line that was reported as too long.

  const flush = () => {
    if (records.length === 0) return;
    const parsed = parseRecords(records, layout, newline ?? '\n');
    records.forEach(({ line, text }, i) => {
      const fields = parsed[i];
      if (skipAhead > 0) {
        skipAhead--;
        pieces.push({ kind: 'gap', line, text });
      } else if (!fields) {
        pieces.push({ kind: 'bad', line, text, reason: words`the quotes of this row do not match` });
      } else if (headerAhead) {
        headerAhead = false;
        pieces.push({ kind: 'header', line, text, fields });
      } else {
        pieces.push(fieldsPiece(line, text, fields, layout.columns));
      }
    });
    records = [];
  };
  const gap = (end: number) => {
    flush();
    pieces.push({ kind: 'gap', line: window.line, text: window.take(end) });
  };
  const bad = (end: number, reason: Words) => {
    flush();
    pieces.push({ kind: 'bad', line: window.line, text: window.take(end), reason });
  };

  try {
    for (;;) {
      newline ??= firstNewline(window);
      const { text, position } = window;
      const found: Found = skippingLine
        ? lineEnd(text, position, newline, window.ended)
        : recordEnd(text, position, { delimiter, quoted, newline }, window.ended);
      const isTooLong = window.unread > maxRowLength && (found.kind === 'more' || found.end - position > maxRowLength);
      if (found.kind === 'more' && !isTooLong) {
        flush();
        yield pieces;
        pieces = [];
        await window.grow();
        continue;
      }
      if (window.unread === 0) break;
      if (skippingLine) {
        gap(found.kind === 'more' ? text.length : found.end);
        skippingLine = found.kind === 'more';
        continue;
      }
      if (isTooLong) {
        // Dropped as far as it was looked at: going back to its second line could cost the same again and again.
        const end = found.kind === 'more' ? text.length : found.end;
        bad(end, words`the row is longer than ${maxRowLength} characters (is a quote not closed?)`);
        skippingLine = found.kind === 'more';
        continue;
      }
      if (found.kind === 'end' && !(found.improper && found.multiline)) {
        if (isBlank(text.slice(position, found.end))) gap(found.end);
        else {
          const { line } = window;
          records.push({ line, text: window.take(found.end) });
          if (records.length >= BATCH_RECORDS) flush();
        }
        continue;
      }
      const firstLine = lineEnd(text, position, newline, true);
      if (firstLine.kind !== 'end' || found.kind === 'more') break; // Cannot be: at the end of a text every line has an end.
      rescanBudget -= found.end - firstLine.end;
      if (rescanBudget < 0) {
        bad(text.length, words`too many quotes are not closed: the rest of the file is not read`);
        while (await window.grow()) gap(window.text.length);
        break;
      }
      bad(
        firstLine.end,
        found.kind === 'unclosed'
          ? words`a quote is not closed`
          : words`a quoted field continues after its closing quote`,
      );
    }
    flush();
    yield pieces;
  } finally {
    await window.close();
  }
}

/** Fields of each record; undefined where csv-parse sees something else than one record. */
function parseRecords(
  records: readonly { readonly text: string }[],
  { delimiter, quoted }: DelimitedLayout,
  newline: string,
): (string[] | undefined)[] {
  const options = {
    delimiter,
    quote: quoted ? '"' : null,
    relax_quotes: true,
    relax_column_count: true,
    record_delimiter: newline === '\r' ? ['\r'] : ['\r\n', '\n'],
  };
  const parseText = (text: string): string[][] | undefined => {
    try {
      return parse(text, options);
    } catch {
      return undefined;
    }
  };
  const together = parseText(records.map((record) => record.text).join(''));
  if (together?.length === records.length) return together;
  return records.map(({ text }) => {
    const alone = parseText(text);
    return alone?.length === 1 ? alone[0] : undefined;
  });
}

export interface RecordGrammar {
  readonly delimiter: string;
  readonly quoted: boolean;
  readonly newline: string | undefined;
}

type Found =
  | { readonly kind: 'more' }
  /** `improper`: text stands between a closing quote and the next delimiter. */
  | { readonly kind: 'end'; readonly end: number; readonly multiline: boolean; readonly improper: boolean }
  | { readonly kind: 'unclosed'; readonly end: number };

/** Where the record at `start` ends, its line break included. */
export function recordEnd(text: string, start: number, grammar: RecordGrammar, ended: boolean): Found {
  const { delimiter, quoted, newline } = grammar;
  let multiline = false;
  let improper = false;
  let at = start;
  for (;;) {
    if (quoted && text[at] === '"') {
      const close = closingQuote(text, at + 1);
      if (close < 0 || (close === text.length - 1 && !ended)) {
        return ended ? { kind: 'unclosed', end: text.length } : { kind: 'more' };
      }
      multiline ||= hasLineBreak(text, at, close);
      at = close + 1;
      improper ||= at < text.length && text[at] !== delimiter && text[at] !== '\n' && text[at] !== '\r';
    }
    const next = nextOf(text, at, delimiter, newline);
    if (next < 0) return ended ? { kind: 'end', end: text.length, multiline, improper } : { kind: 'more' };
    if (text[next] !== delimiter) return { kind: 'end', end: next + 1, multiline, improper };
    at = next + 1;
    if (at === text.length && !ended) return { kind: 'more' };
  }
}

/** Where the fields of one record (without its line break) begin and end, quotes included. */
export function fieldSpans(record: string, delimiter: string, quoted: boolean): [start: number, end: number][] {
  const spans: [number, number][] = [];
  for (let at = 0; ;) {
    // A field is a record of a grammar whose lines end with the delimiter.
    const found = recordEnd(record, at, { delimiter: '\0', quoted, newline: delimiter }, true);
    const end = found.kind === 'more' ? record.length : found.end;
    const hasNext = found.kind === 'end' && end > at && record[end - 1] === delimiter;
    spans.push([at, hasNext ? end - 1 : end]);
    if (!hasNext) return spans;
    at = end;
  }
}

/** The record's line break: LF, CRLF, CR or, at the end of a file, nothing. */
export function lineBreakOf(record: string): string {
  return /(?:\r\n|\r|\n)$/.exec(record.slice(-2))?.[0] ?? '';
}

function lineEnd(text: string, start: number, newline: string | undefined, ended: boolean): Found {
  const at = newline === undefined ? -1 : text.indexOf(newline, start);
  if (at >= 0) return { kind: 'end', end: at + 1, multiline: false, improper: false };
  return ended ? { kind: 'end', end: text.length, multiline: false, improper: false } : { kind: 'more' };
}

function closingQuote(text: string, from: number): number {
  let at = text.indexOf('"', from);
  while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
  return at;
}

function hasLineBreak(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code === 10 || code === 13) return true;
  }
  return false;
}

/** The next delimiter or line break; a record ends at the latter. */
function nextOf(text: string, from: number, delimiter: string, newline: string | undefined): number {
  const delimiterCode = delimiter.charCodeAt(0);
  const newlineCode = newline?.charCodeAt(0);
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === delimiterCode || code === newlineCode) return i;
  }
  return -1;
}
