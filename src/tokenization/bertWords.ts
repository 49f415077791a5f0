import { Rewriter, sliceText, type AlignedText } from './alignedText';
import { CHINESE, MARK, PUNCTUATION, REMOVED, SEPARATOR, SPACE } from './bertCharacters';
import { parseRanges } from './characterClasses';
import { lowerCase, normalForm } from './unicodeForms';

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
  // A lone surrogate is no character (Python cannot even pass one on), so it goes the way of the control characters.
  flags.fill(removed, 0xd800, 0xe000);
  return flags;
}

/**
 * The text as BERT's normaliser changes it: clean, space the ideographs, strip accents, lower the case, in this order.
 * Equal to Hugging Face's BertNormalizer (Rust) for every code point.
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

/** Normalised text cut at white space, every punctuation character a word of its own (BertPreTokenizer). */
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
