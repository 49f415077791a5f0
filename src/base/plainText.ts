/**
 * Makes text of strangers' files harmless: removes what a terminal would obey and what changes the direction of writing, and
 * cuts what is longer than anybody reads.
 */

/** C0 except tab and newline, DEL, and C1: a terminal takes these as orders. */
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
/** Marks of direction, and line breaks of Unicode that show as nothing here. */
const DIRECTIONS = /[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Characters of a name or path; longer ones are cut and end in an ellipsis. */
export const MAX_VALUE_LENGTH = 4096;
/** Characters of a message, longer than any message of ours. */
export const MAX_MESSAGE_LENGTH = 20_000;
const MAX_ITEMS = 1000;
const MAX_DEPTH = 12;

/** The text with control characters written out (`\x1b`) and without marks of direction. Tabs and newlines stay. */
export function withoutControls(text: string): string {
  return text
    .replace(CONTROLS, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`)
    .replace(DIRECTIONS, '');
}

/** The same JSON with characters escaped that a terminal obeys. */
export function terminalSafeJson(json: string): string {
  return json
    .replace(CONTROLS, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replace(DIRECTIONS, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The text's beginning in at most `max` characters, no pair of surrogates torn; an ellipsis says that it was cut. */
export function cutTo(max: number, text: string): string {
  if (text.length <= max) return text;
  const end = /[\ud800-\udbff]/.test(text[max - 2]) ? max - 2 : max - 1;
  return `${text.slice(0, end)}…`;
}

/** The same plain data with long strings and lists cut. An error's data cross processes and are kept in files. */
export function bounded<T>(value: T, depth = 0): T {
  if (typeof value === 'string') return cutTo(MAX_VALUE_LENGTH, value) as T;
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => bounded(item, depth + 1)) as T;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).slice(0, MAX_ITEMS);
  return Object.fromEntries(
    entries.map(([key, item]) => [cutTo(MAX_VALUE_LENGTH, key), bounded(item, depth + 1)]),
  ) as T;
}

/** The value as text. An object of a stranger's JSON may have a `toString` that is no function. */
export function textOfValue(value: unknown): string {
  try {
    return String(value);
  } catch {
    return JSON.stringify(value) ?? '';
  }
}
