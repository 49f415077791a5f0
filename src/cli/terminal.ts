/** Text for people: widths as a terminal shows them, tables, bars, and numbers with their units. */
import { sizeText } from '../base/sizeText';

/**
 * The number of columns that a text takes in a terminal: two for East Asian wide and full-width characters and emoji, none
 * for combining marks and controls (Unicode's East Asian Width, UAX 11). Ambiguous characters take one column.
 */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character.codePointAt(0)!);
  return width;
}

function characterWidth(code: number): number {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return 0;
  if (code < 0x300) return 1;
  const character = String.fromCodePoint(code);
  if (/^[\p{Mn}\p{Me}\p{Cf}]$/u.test(character)) return 0;
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0x303e) ||
    (code >= 0x3041 && code <= 0xa4cf) ||
    (code >= 0xa960 && code <= 0xa97f) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe10 && code <= 0xfe19) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x20000 && code <= 0x3fffd) ||
    /^\p{Emoji_Presentation}$/u.test(character);
  return wide ? 2 : 1;
}

/** The text cut to at most `columns`, with an ellipsis if it was cut. */
export function clip(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let width = 1;
  let end = 0;
  for (const character of text) {
    width += characterWidth(character.codePointAt(0)!);
    if (width > columns) break;
    end += character.length;
  }
  return `${text.slice(0, end)}…`;
}

export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - displayWidth(text)));
}

function padStart(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - displayWidth(text))) + text;
}

/** The text on one line, without characters that move the cursor, break the line or change the writing direction. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\u2028\u2029]+/gu, ' ').replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '');
}

/** Rows of cells in aligned columns, two spaces apart. `right` has the indexes of the columns that align to the right. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = [], indent = '  '): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, displayWidth(cell))));
  const aligned = (cell: string, i: number) =>
    right.includes(i) ? padStart(cell, widths[i]) : padEnd(cell, widths[i]);
  return rows.map((row) => `${indent}${row.map(aligned).join('  ')}`.trimEnd());
}

/** Names and values, one pair a line, with the values in one column. */
export function properties(entries: readonly (readonly [string, string])[]): string[] {
  return table(entries);
}

/** A bar of `share` in [0, 1], in eighths of a column. */
export function bar(share: number, columns: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * columns * 8);
  const partial = ' ▏▎▍▌▋▊▉'[eighths % 8];
  return ('█'.repeat(Math.floor(eighths / 8)) + (eighths % 8 ? partial : '')).padEnd(columns);
}

export function integer(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

/** A number with its noun: "1 row", "2,345 rows". */
export function counted(n: number, noun: string, plural = `${noun}s`): string {
  return `${integer(n)} ${n === 1 ? noun : plural}`;
}

export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** A number with a few significant digits: 0.4312, 12.35, 3.0e-5. */
export function decimal(n: number, digits = 4): string {
  if (!Number.isFinite(n)) return '-';
  const size = Math.abs(n);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return n.toExponential(1);
  return n.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : digits);
}

export const bytes = (n: number): string => sizeText(n);

/** A duration in its natural units: 850 ms, 12 s, 3 min 05 s, 2 h 07 min. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-';
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}
