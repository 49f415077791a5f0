import { words, type Words } from '../base/words';
import { isWellFormed, recordOf, type DataValue, type Piece } from './dataRow';
import { TextWindow, type ReadPosition } from './textWindow';

/** Deeper nesting than any table row has; it also bounds what a run of open brackets can cost. */
const MAX_DEPTH = 256;

/** How many characters may be looked at a second time because elements were broken, before reading stops. */
const RESCAN_BUDGET = 1 << 28;

/** Kept at the end of a window that is being thrown away: the next element's line may begin in it. */
const OVERLAP = 4096;

/**
 * Reads a JSON array of records as pieces of text, element by element, in bounded memory.
 *
 * A broken element is one `bad` piece, and reading goes on: where its brackets still match, after it; where they do not,
 * at the next element, known by the indentation elements have in this file or, if all records are flat, by `, {`. Where
 * neither tells, the rest of the file is part of the `bad` piece.
 *
 * @param chunks the text from its beginning, its first visible character being `[`
 * @param maxRowLength the most characters an element may have; a longer one is bad
 * @param from the text begins there, with an element, and ends between two elements or with the array
 * @param start where in the text the first element is looked for, of an array that an object holds; what stands before
 * the array and behind it is not read then
 */
export async function* readJsonArray(
  chunks: AsyncIterable<string>,
  maxRowLength: number,
  from?: ReadPosition,
  start?: number,
): AsyncGenerator<Piece[]> {
  const window = new TextWindow(chunks, from);
  try {
    const reader = new JsonArrayReader(window, maxRowLength, from, start);
    while (reader.state !== 'end') {
      if (reader.step() === 'more') {
        yield reader.pieces.splice(0);
        await window.grow();
      }
    }
    yield reader.pieces;
  } finally {
    await window.close();
  }
}

class JsonArrayReader {
  readonly pieces: Piece[] = [];
  state: 'open' | 'first' | 'element' | 'after' | 'recovering' | 'closed' | 'skipping' | 'end' = 'open';

  private rescanBudget = RESCAN_BUDGET;
  /** The white space from the beginning of the line to the window's position, if there is nothing else. */
  private lineHead: string | undefined = '';
  /** What an element's first line begins with, learned from the first element that begins a line. */
  private elementLine: string | undefined;
  private deepest = 0;
  /** While recovering: where to look (relative to the window's position), and the report still to be made. */
  private lookFrom = 0;
  private report: Words | undefined;

  constructor(
    private readonly window: TextWindow,
    private readonly maxRowLength: number,
    private readonly from?: ReadPosition,
    private readonly start?: number,
  ) {
    if (!from) return;
    this.state = 'element';
    this.lineHead = undefined;
  }

  /** Reads on; 'more' means that nothing can be decided before the window has grown. */
  step(): 'more' | 'done' {
    const { window } = this;
    if (this.state === 'recovering') return this.recover();
    if (this.state === 'open' && this.start !== undefined) {
      if (window.text.length < this.start && !window.ended) return 'more';
      this.gap(Math.min(this.start, window.text.length));
      this.state = 'first';
      return 'done';
    }
    if (this.state === 'skipping') {
      this.gap(window.text.length);
      if (!window.ended) return 'more';
      this.state = 'end';
      return 'done';
    }
    this.gap(skipSpace(window.text, window.position));
    if (window.unread === 0) {
      if (!window.ended) return 'more';
      if (this.state !== 'closed' && !this.from)
        this.bad(window.position, words`the file ends before the ] that closes the array`);
      this.state = 'end';
      return 'done';
    }
    const next = window.text[window.position];
    const after = window.position + 1;
    switch (this.state) {
      case 'open':
        this.gap(after);
        this.state = 'first';
        return 'done';
      case 'closed':
        if (this.start === undefined)
          this.bad(window.text.length, words`there is text after the ] that closes the array`);
        this.state = 'skipping';
        return 'done';
      case 'after':
        if (next !== ',') break;
        this.gap(after);
        this.state = 'element';
        return 'done';
    }
    if (next === ']') {
      if (this.state === 'element') this.bad(after, words`there is a comma before the ] that closes the array`);
      else this.gap(after);
      this.state = 'closed';
      return 'done';
    }
    if (next === ',') {
      this.bad(after, words`there is a comma where an element is expected`);
      this.state = 'element';
      return 'done';
    }
    return this.element();
  }

  private element(): 'more' | 'done' {
    const { window } = this;
    const start = window.position;
    const found = scanElement(window.text, start, window.ended);
    if (found.kind === 'more' && window.unread <= this.maxRowLength) return 'more';
    if (this.elementLine === undefined && this.lineHead !== undefined && this.lineHead.length < OVERLAP / 2) {
      this.elementLine = this.lineHead + window.text[start];
    }
    if (this.state === 'after' && found.kind === 'end') this.bad(start, words`a comma is missing before this element`);
    this.state = 'after';
    if (found.kind === 'end' && found.end - start <= this.maxRowLength) {
      this.deepest = Math.max(this.deepest, found.depth);
      const { line } = window;
      const text = window.take(found.end);
      this.pieces.push(recordPiece(line, text));
      this.lineHead = undefined;
    } else if (found.kind === 'broken') {
      const line = window.line + lineBreaks(window.text, start, found.at);
      const isFlat = this.deepest > 0 ? this.deepest === 1 : found.depth <= 1;
      this.rescanBudget -= found.at - found.resume;
      this.startRecovery(
        found.resume - start,
        line > window.line ? words`${found.reason} (line ${line})` : found.reason,
        isFlat,
      );
    } else {
      const from = found.kind === 'end' ? found.end - start : window.unread;
      this.startRecovery(from, words`the element is longer than ${this.maxRowLength} characters`, this.deepest === 1);
    }
    return 'done';
  }

  private startRecovery(lookFrom: number, reason: Words, isFlat: boolean): void {
    this.state = 'recovering';
    this.lookFrom = lookFrom;
    this.report = reason;
    if (this.rescanBudget >= 0 && (this.elementLine !== undefined || isFlat)) return;
    this.bad(
      this.window.text.length,
      words`${reason}; the start of the next element cannot be found, so the rest of the file is not read`,
    );
    this.state = 'skipping';
  }

  private recover(): 'more' | 'done' {
    const { window } = this;
    const next = nextElement(window.text, window.position + this.lookFrom, this.elementLine);
    if (next !== undefined) {
      this.drop(next);
      // What precedes the element on its line is what makes it one; a later element need not be asked again.
      this.state = 'element';
    } else if (window.ended) {
      this.drop(window.text.length);
      this.state = 'end';
    } else {
      let keepFrom = Math.max(window.position, window.text.length - OVERLAP);
      if (keepFrom > window.position && isLowSurrogate(window.text.charCodeAt(keepFrom))) keepFrom--;
      if (window.unread > this.maxRowLength) {
        this.drop(keepFrom);
        this.lookFrom = 0;
      } else {
        this.lookFrom = Math.max(this.lookFrom, keepFrom - window.position);
      }
      return 'more';
    }
    return 'done';
  }

  private gap(end: number): void {
    const { window } = this;
    if (end === window.position) return;
    const { line } = window;
    const text = window.take(end);
    this.pieces.push({ kind: 'gap', line, text });
    const lineStart = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1;
    const head = lineStart > 0 || this.lineHead === undefined ? text.slice(lineStart) : this.lineHead + text;
    const isHead = (lineStart > 0 || this.lineHead !== undefined) && head.trim() === '';
    this.lineHead = isHead ? head : undefined;
  }

  private bad(end: number, reason: Words): void {
    const { line } = this.window;
    this.pieces.push({ kind: 'bad', line, text: this.window.take(end), reason });
    this.lineHead = undefined;
  }

  private drop(end: number): void {
    if (this.report === undefined) this.gap(end);
    else this.bad(end, this.report);
    this.report = undefined;
  }
}

/** One element's text as a row, or as a bad piece that says what is wrong with it. */
export function recordPiece(line: number, text: string): Piece {
  if (!isWellFormed(text))
    return { kind: 'bad', line, text, reason: words`bytes that are not valid in the file’s encoding` };
  let value: unknown;
  try {
    value = lenientJson(text);
  } catch (error) {
    return { kind: 'bad', line, text, reason: jsonReason((error as Error).message, line, text) };
  }
  if (Array.isArray(value)) {
    const values = recordOf(
      value.map((_, i) => String(i)),
      value as DataValue[],
    );
    return { kind: 'row', line, text, values };
  }
  if (typeof value !== 'object' || value === null) {
    return { kind: 'bad', line, text, reason: words`a record (a JSON object or array) is expected here` };
  }
  return { kind: 'row', line, text, values: value as Record<string, DataValue> };
}

/**
 * JSON as Python writes it, too: `NaN` is a missing number, `Infinity` no number that could be used, so a text. A whole
 * number beyond 2^53, as ids are, becomes a text: as a number it would be another one.
 * Throws what `JSON.parse` throws.
 */
export function lenientJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return LONG_NUMBER.test(text) ? JSON.parse(withLongNumbersQuoted(text)) : value;
  } catch (error) {
    if (!/\bNaN\b|\bInfinity\b/.test(text)) throw error;
    const strict = text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (part) =>
      part.startsWith('"') ? part : part === 'NaN' ? 'null' : `"${part}"`,
    );
    try {
      return JSON.parse(withLongNumbersQuoted(strict));
    } catch {
      throw error; // Its places are those of the text.
    }
  }
}

const LONG_NUMBER = /\d{16}/;

function withLongNumbersQuoted(text: string): string {
  return text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (part) =>
    /^-?\d+$/.test(part) && !Number.isSafeInteger(Number(part)) ? `"${part}"` : part,
  );
}

/** V8 says where in the text it stumbled; people want the line of the file. */
function jsonReason(message: string, line: number, text: string): Words {
  const position = /at position (\d+)/.exec(message);
  // Some messages quote the text; the excerpt of the report does that already.
  const what = message
    .replace(/,? (in JSON )?at position.*$/s, '')
    .replace(/,? "(\.\.\.)?.*is not valid JSON$/s, '')
    .trim();
  const at = position ? line + lineBreaks(text, 0, Number(position[1])) : line;
  const reason = words`not valid JSON: ${what}`;
  return at > line ? words`${reason} (line ${at})` : reason;
}

type Found =
  | { readonly kind: 'end'; readonly end: number; readonly depth: number }
  | { readonly kind: 'more' }
  /** `at`: where it broke; `resume`: from where a next element may be looked for. */
  | {
      readonly kind: 'broken';
      readonly at: number;
      readonly resume: number;
      readonly depth: number;
      readonly reason: Words;
    };

/**
 * Finds the end of the JSON value that begins at `start`, by its brackets and strings only: whether it is valid is for
 * `JSON.parse` to say. Broken means that the end cannot be known.
 */
function scanElement(text: string, start: number, ended: boolean): Found {
  const closers: number[] = [];
  let deepest = 0;
  let last = start; // The last character that is no white space.
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    switch (code) {
      case SPACE:
      case TAB:
      case LF:
      case CR:
        continue;
      case QUOTE: {
        const end = stringEnd(text, i + 1);
        if (end < 0) {
          if (!ended) return { kind: 'more' };
          return {
            kind: 'broken',
            at: i,
            resume: start + 1,
            depth: closers.length,
            reason: words`the file ends inside a string`,
          };
        }
        if (text.charCodeAt(end) !== QUOTE) {
          const reason = words`a string is not closed before the end of its line`;
          return { kind: 'broken', at: end, resume: lastVisible(text, i, end), depth: closers.length, reason };
        }
        i = end;
        break;
      }
      case OPEN_BRACE:
        if (closers[closers.length - 1] === CLOSE_BRACE && text.charCodeAt(last) !== COLON) {
          const reason = words`a bracket is not closed before the next {`;
          return { kind: 'broken', at: i, resume: last, depth: closers.length, reason };
        }
        closers.push(CLOSE_BRACE);
        break;
      case OPEN_BRACKET:
        closers.push(CLOSE_BRACKET);
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        if (closers.pop() !== code) {
          const reason = words`${text[i]} closes nothing that is open`;
          return { kind: 'broken', at: i, resume: Math.max(i, start + 1), depth: closers.length + 1, reason };
        }
        break;
    }
    if (closers.length > MAX_DEPTH) {
      const reason = words`brackets nest deeper than ${MAX_DEPTH}`;
      return { kind: 'broken', at: i, resume: i, depth: closers.length, reason };
    }
    deepest = Math.max(deepest, closers.length);
    last = i;
    if (closers.length === 0) {
      if (deepest > 0 || code === QUOTE) return { kind: 'end', end: i + 1, depth: deepest };
      const end = scalarEnd(text, i + 1);
      return end < text.length || ended ? { kind: 'end', end, depth: 0 } : { kind: 'more' };
    }
  }
  if (!ended) return { kind: 'more' };
  const reason = words`the file ends inside this element`;
  return { kind: 'broken', at: text.length, resume: start + 1, depth: closers.length, reason };
}

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
const COLON = 58;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/** Where the value that begins at `start` ends, in a text that is known to be valid JSON. */
export function jsonValueEnd(text: string, start: number): number {
  const found = scanElement(text, start, true);
  return found.kind === 'end' ? found.end : text.length;
}

/** The index of the closing quote, or of the line break a string cannot hold; negative if neither is in the text. */
function stringEnd(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE || code === LF || code === CR) return i;
    if (code === BACKSLASH) i++;
  }
  return -1;
}

/** The last character in text[from, to) that is no white space: a comma there may precede the next element. */
function lastVisible(text: string, from: number, to: number): number {
  let at = to - 1;
  while (at > from && text[at].trim() === '') at--;
  return at;
}

function isLowSurrogate(code: number): boolean {
  return (code & 0xfc00) === 0xdc00;
}

function scalarEnd(text: string, from: number): number {
  let end = from;
  while (end < text.length && !/[\s,\]}{["]/.test(text[end])) end++;
  return end;
}

/** Where an element seems to begin, at or after `from`. */
function nextElement(text: string, from: number, elementLine: string | undefined): number | undefined {
  if (elementLine === undefined) {
    const flat = /,\s*\{/g;
    flat.lastIndex = from;
    return flat.test(text) ? flat.lastIndex - 1 : undefined;
  }
  let found = Infinity;
  for (const lineBreak of ['\n', '\r']) {
    const at = text.indexOf(lineBreak + elementLine, from);
    if (at >= 0) found = Math.min(found, at + elementLine.length);
  }
  return found < Infinity ? found : undefined;
}

/** White space of JSON, and nothing wider: what else stands there is to be reported. */
export function skipSpace(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== SPACE && code !== LF && code !== CR && code !== TAB) break;
  }
  return at;
}

/** The number of line breaks in text[from, to). */
function lineBreaks(text: string, from: number, to: number): number {
  return text.slice(from, to).match(/\r\n|\r|\n/g)?.length ?? 0;
}
