/** Cleaning of texts as named operations: a recipe lists them, a model keeps them, and every use of the model applies them. */
import { characterOfReference } from './htmlEntities';

/** In the order in which they are usually wanted: what one leaves behind, a later one takes away. */
export const CLEAN_OPERATIONS = ['html_entities', 'zero_width', 'half_width', 'whitespace', 'trim'] as const;
export type CleanOperation = (typeof CLEAN_OPERATIONS)[number];

export const isCleanOperation = (name: unknown): name is CleanOperation =>
  (CLEAN_OPERATIONS as readonly unknown[]).includes(name);

/** A stretch of a text, half-open in UTF-16 units, and what stands in its place. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A cleaned text that knows its origin. */
export interface CleanedText {
  readonly text: string;
  /** Where in the original a range of the cleaned text lies; both are half-open, in UTF-16 units. */
  original(start: number, end: number): { start: number; end: number };
}

/**
 * Characters that are never seen: zero-width space, word joiner and invisible operators, byte order mark, soft hyphen, marks of the
 * writing direction. The joiners of emoji and of scripts that join letters are kept where they join something.
 */
const ZERO_WIDTH =
  /[\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]|(?<![\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f\p{M}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}])[\u200c\u200d]/gu;
const WIDE = /[\uff01-\uff5e\u3000]/g;
const REFERENCE = /&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});/g;
/** White space and line ends of ECMAScript, written out: a model keeps this meaning under later versions of Unicode, too. `trim` takes the same. */
const SPACES = /[\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+/g;

const OPERATIONS: Readonly<Record<CleanOperation, (text: string) => Edit[]>> = {
  html_entities: (text) => edits(text, REFERENCE, (found) => characterOfReference(found) ?? found),
  zero_width: (text) => edits(text, ZERO_WIDTH, () => ''),
  half_width: (text) => edits(text, WIDE, (found) => (found === '\u3000' ? ' ' : String.fromCharCode(found.charCodeAt(0) - 0xfee0))), // prettier-ignore
  whitespace: (text) => edits(text, SPACES, () => ' '),
  trim(text) {
    const end = text.trimEnd().length;
    const start = end - text.trim().length;
    return [
      ...(start > 0 ? [{ start: 0, end: start, text: '' }] : []),
      ...(end < text.length ? [{ start: end, end: text.length, text: '' }] : []),
    ];
  },
};

function edits(text: string, pattern: RegExp, replace: (found: string) => string): Edit[] {
  const found: Edit[] = [];
  for (const { 0: match, index } of text.matchAll(pattern)) {
    const replaced = replace(match);
    if (replaced !== match) found.push({ start: index, end: index + match.length, text: replaced });
  }
  return found;
}

/** The text after the operations, one after another. */
export function cleanText(text: string, operations: readonly CleanOperation[]): string {
  return operations.reduce((cleaned, operation) => apply(cleaned, OPERATIONS[operation](cleaned)), text);
}

function apply(text: string, found: readonly Edit[]): string {
  if (found.length === 0) return text;
  let [cleaned, at] = ['', 0];
  for (const { start, end, text: replaced } of found) {
    cleaned += text.slice(at, start) + replaced;
    at = end;
  }
  return cleaned + text.slice(at);
}

/** As {@link cleanText}, with the way back. What was removed belongs to no range, unless it stands inside of one. */
export function cleanAligned(text: string, operations: readonly CleanOperation[]): CleanedText {
  let cleaned = text;
  // Of each unit of the cleaned text, where its stretch of the original begins and ends; absent while nothing has changed.
  let places: { starts: number[]; ends: number[] } | undefined;
  for (const operation of operations) {
    const found = OPERATIONS[operation](cleaned);
    if (found.length === 0) continue;
    places = moved(places ?? identity(cleaned.length), found);
    cleaned = apply(cleaned, found);
  }
  if (places === undefined) return { text, original: (start, end) => ({ start, end }) };
  const { starts, ends } = places;
  const original = (start: number, end: number) => {
    const from = start < starts.length ? starts[start] : text.length;
    return end > start ? { start: from, end: ends[end - 1] } : { start: from, end: from };
  };
  return { text: cleaned, original };
}

const identity = (length: number) => ({
  starts: Array.from({ length }, (_, at) => at),
  ends: Array.from({ length }, (_, at) => at + 1),
});

function moved(before: { starts: number[]; ends: number[] }, found: readonly Edit[]) {
  const starts: number[] = [];
  const ends: number[] = [];
  let at = 0;
  const keepUntil = (end: number): void => {
    for (; at < end; at++) {
      starts.push(before.starts[at]);
      ends.push(before.ends[at]);
    }
  };
  for (const { start, end, text } of found) {
    keepUntil(start);
    for (let unit = 0; unit < text.length; unit++) {
      starts.push(before.starts[start]);
      ends.push(before.ends[end - 1]);
    }
    at = end;
  }
  keepUntil(before.starts.length);
  return { starts, ends };
}
