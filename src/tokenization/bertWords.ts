import { Rewriter, sliceText, type AlignedText } from './alignedText';
import { CHINESE, MARK, PUNCTUATION, REMOVED, SEPARATOR, SPACE } from './bertCharacters';
import { parseRanges } from './characterClasses';
import { lowerCase, normalForm } from './unicodeForms';

/** The options of a tokenizer.json's `BertNormalizer`. A `stripAccents` of null means "as `lowercase`". */
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
  ];
  for (const [ranges, flag] of tables) {
    for (const [first, last] of parseRanges(ranges)) {
      for (let point = first; point <= last; point++) flags[point] |= flag;
    }
  }
  // A lone surrogate is no character (Python cannot even pass one on), so it is removed like a control character.
  flags.fill(removed, 0xd800, 0xe000);
  return flags;
}

/**
 * The text as BERT's normaliser changes it. The order is: clean, put spaces around ideographs, strip accents, lower the
 * case. The result equals that of Hugging Face's BertNormalizer (Rust) for every code point.
 */
export function bertNormalize(source: AlignedText, options: BertNormalizerOptions): AlignedText {
  let normalized = cleanAndSpace(source, options);
  if (options.stripAccents ?? options.lowercase) normalized = stripAccents(normalized);
  return options.lowercase ? lowerCase(normalized) : normalized;
}

function cleanAndSpace(source: AlignedText, { cleanText, handleChineseChars }: BertNormalizerOptions): AlignedText {
  const wanted = (cleanText ? removed | space : 0) | (handleChineseChars ? chinese : 0);
  return rewriteFlagged(source, wanted, (flags, character) => {
    if (flags & wanted & removed) return '';
    return flags & wanted & space ? ' ' : ` ${character} `;
  });
}

function stripAccents(source: AlignedText): AlignedText {
  if (/^[\x00-\x7f]*$/.test(source.text)) return source;
  return rewriteFlagged(normalForm(source, 'NFD'), mark, () => '');
}

function rewriteFlagged(
  source: AlignedText,
  wanted: number,
  content: (flags: number, character: string) => string,
): AlignedText {
  const { text } = source;
  const rewriter = new Rewriter(source);
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    const width = point > 0xffff ? 2 : 1;
    const flags = flagsOf[point];
    if (flags & wanted) rewriter.replace(i, i + width, content(flags, text.slice(i, i + width)));
    i += width - 1;
  }
  return rewriter.finish();
}

/** How a UTF-16 unit of a text takes part in BERT's words. */
export const UNIT = { dependent: 0, within: 1, alone: 2, space: 3 } as const;

/**
 * Characters of words that do not depend on their neighbours: scripts and symbols without marks, without letters whose
 * small form depends on their neighbours (Σ), and without letters that become several characters.
 */
const WITHIN_WORDS = '20-7e a1-ac ae-bf d7 f7 391-3a1 3a4-3a9 3b1-3c9 410-418 41a-438 43a-44f 2010-2027 2030-205e 2070-2071 2074-208e 2090-209c 20a0-20bf 2100-2125 2127-2129 212c-218b 2190-23ff 2460-27bf 3001-3029 ff01-ff5e ffe0-ffe6'; // prettier-ignore

/**
 * The kind of each UTF-16 unit ({@link UNIT}): within a word together with its neighbours, a word alone, white space,
 * or dependent on its neighbours. A text with a dependent unit must be read whole. The words of any other text are the
 * words of its parts.
 * @param handleChineseChars whether ideographs are words of their own
 */
export function unitKinds(handleChineseChars: boolean): Uint8Array {
  const kinds = new Uint8Array(0x10000);
  const isPlain = new Uint8Array(0x10000);
  for (const [first, last] of parseRanges(WITHIN_WORDS)) isPlain.fill(1, first, last + 1);
  for (let unit = 0; unit < kinds.length; unit++) {
    const flags = flagsOf[unit];
    if (flags & chinese) kinds[unit] = handleChineseChars ? UNIT.alone : UNIT.within;
    else if (!isPlain[unit] || flags & (removed | mark)) continue;
    else if (flags & separator) kinds[unit] = UNIT.space;
    else kinds[unit] = flags & punctuation ? UNIT.alone : UNIT.within;
  }
  return kinds;
}

/** Cuts a normalised text at white space. Every punctuation character is a word of its own (BertPreTokenizer). */
export function bertSplit(source: AlignedText): AlignedText[] {
  const { text } = source;
  const words: AlignedText[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    const width = point > 0xffff ? 2 : 1;
    const flags = flagsOf[point];
    if (flags & (separator | punctuation)) {
      if (i > start) words.push(sliceText(source, start, i));
      if (flags & punctuation) words.push(sliceText(source, i, i + width));
      start = i + width;
    }
    i += width - 1;
  }
  if (start < text.length) words.push(sliceText(source, start, text.length));
  return words;
}
