import { CHINESE, LATER, MARK, PUNCTUATION, REMOVED, SEPARATOR, SPACE } from './bertCharacters';

/** The options of a tokenizer.json's `BertNormalizer`; `stripAccents` null means "as `lowercase`". */
export interface BertNormalizerOptions {
  readonly cleanText: boolean;
  readonly handleChineseChars: boolean;
  readonly stripAccents: boolean | null;
  readonly lowercase: boolean;
}

const removed = 1;
const space = 2;
const separator = 4;
const punctuation = 8;
const chinese = 16;
const mark = 32;
const later = 64;

/** One byte of flags a code point, so that every character costs one look-up. */
const flagsOf = characterFlags();

function characterFlags(): Uint8Array {
  const flags = new Uint8Array(0x110000);
  const tables: [string, number][] = [
    [REMOVED, removed],
    [SPACE, space],
    [SEPARATOR, separator],
    [PUNCTUATION, punctuation],
    [CHINESE, chinese],
    [MARK, mark],
    [LATER, later],
  ];
  for (const [ranges, flag] of tables) {
    for (const range of ranges.trim().split(/\s+/)) {
      const [first, last = first] = range.split('-').map((point) => parseInt(point, 16));
      for (let point = first; point <= last; point++) flags[point] |= flag;
    }
  }
  // A lone surrogate is no character (Python cannot even pass one on), so it goes the way of the control characters.
  flags.fill(removed, 0xd800, 0xe000);
  return flags;
}

/**
 * The text as BERT's normaliser changes it: clean, space the ideographs, strip accents, lower the case, in this order.
 * Equal to Hugging Face's BertNormalizer (Rust) for every code point.
 */
export function bertNormalize(text: string, options: BertNormalizerOptions): string {
  let normalized = options.cleanText || options.handleChineseChars ? cleanAndSpace(text, options) : text;
  if (options.stripAccents ?? options.lowercase) normalized = stripAccents(normalized);
  // The reference lowers each character by itself: a capital sigma never becomes the final form.
  return options.lowercase ? normalized.replaceAll('Σ', 'σ').toLowerCase() : normalized;
}

function cleanAndSpace(text: string, options: BertNormalizerOptions): string {
  let output = '';
  for (const character of text) {
    const flags = flagsOf[character.codePointAt(0)!];
    if (flags === 0) output += character;
    else if (options.cleanText && flags & removed) continue;
    else if (options.cleanText && flags & space) output += ' ';
    else if (options.handleChineseChars && flags & chinese) output += ` ${character} `;
    else output += character;
  }
  return output;
}

function stripAccents(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  let output = '';
  for (const character of decompose(text)) {
    if (!(flagsOf[character.codePointAt(0)!] & mark)) output += character;
  }
  return output;
}

/** Canonical decomposition as of the reference's Unicode tables: characters added since then stay and bound the runs. */
function decompose(text: string): string {
  let output = '';
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    const width = point > 0xffff ? 2 : 1;
    if (flagsOf[point] & later) {
      output += text.slice(start, i).normalize('NFD') + text.slice(i, i + width);
      start = i + width;
    }
    i += width - 1;
  }
  return output + text.slice(start).normalize('NFD');
}

/** Normalised text cut at white space, every punctuation character a word of its own (BertPreTokenizer). */
export function bertSplit(normalized: string): string[] {
  const words: string[] = [];
  let start = 0;
  for (let i = 0; i < normalized.length; i++) {
    const point = normalized.codePointAt(i)!;
    const width = point > 0xffff ? 2 : 1;
    const flags = flagsOf[point];
    if (flags & (separator | punctuation)) {
      if (i > start) words.push(normalized.slice(start, i));
      if (flags & punctuation) words.push(normalized.slice(i, i + width));
      start = i + width;
    }
    i += width - 1;
  }
  if (start < normalized.length) words.push(normalized.slice(start));
  return words;
}
