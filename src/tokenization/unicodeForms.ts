/** Unicode's normal forms and lower case by the library's tables, whatever the runtime's own tables are. */
import { Rewriter, type AlignedText } from './alignedText';
import { LATER } from './bertCharacters';
import { categoryRanges, parseRanges } from './characterClasses';
import { LATER_COMPATIBLE, NEWER_LOWER } from './unicodeTables';

export type NormalForm = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

const LATER_CHARACTER = 1;
/**
 * Characters that may join the one before them: marks, Hangul's vowels and final consonants in every form, half-width
 * kana's marks.
 */
const JOINS = 2;
let flags: Uint8Array | undefined;

function flagsOf(): Uint8Array {
  if (flags) return flags;
  flags = new Uint8Array(0x110000);
  const joining = [...categoryRanges('M'), ...parseRanges('1160-11ff 3131-318e d7b0-d7ff ff9e-ff9f ffa0-ffdc')];
  for (const [first, last] of joining) {
    for (let point = first; point <= last; point++) flags[point] |= JOINS;
  }
  for (const [first, last] of [...parseRanges(LATER), ...parseRanges(LATER_COMPATIBLE)]) {
    for (let point = first; point <= last; point++) flags[point] |= LATER_CHARACTER;
  }
  return flags;
}

/**
 * The text in a normal form. Characters stay as they are if Unicode began to decompose, compose or reorder them after
 * the library's tables were made. The text on one side of such a character does not combine with the text on the other.
 */
export function normalForm(source: AlignedText, form: NormalForm): AlignedText {
  const { text } = source;
  // A text that the newer tables do not change is not changed by the older ones either.
  if (text.normalize(form) === text) return source;
  const flags = flagsOf();
  const rewriter = new Rewriter(source);
  // A stretch begins at a character that joins nothing before it. Each stretch is normalised by itself.
  let start = 0;
  const finishStretch = (end: number) => {
    if (end > start) rewriteStretch(rewriter, text, start, end, form);
  };
  for (let i = 0; i < text.length;) {
    const point = text.codePointAt(i)!;
    const width = point > 0xffff ? 2 : 1;
    const kind = point < 0x80 ? 0 : flags[point];
    if (!(kind & JOINS) || kind & LATER_CHARACTER) {
      finishStretch(i);
      start = kind & LATER_CHARACTER ? i + width : i;
    }
    i += width;
  }
  finishStretch(text.length);
  return rewriter.finish();
}

function rewriteStretch(rewriter: Rewriter, text: string, from: number, to: number, form: NormalForm): void {
  const stretch = text.slice(from, to);
  const whole = stretch.normalize(form);
  if (whole === stretch) return;
  // Where the result is the same, each character is replaced by its own form, so that each keeps its own place.
  const characters = [...stretch];
  const forms = characters.map((character) => character.normalize(form));
  if (forms.join('') !== whole) return rewriter.replace(from, to, whole);
  let at = from;
  characters.forEach((character, i) => {
    if (forms[i] !== character) rewriter.replace(at, at + character.length, forms[i]);
    at += character.length;
  });
}

let newerLower: Map<number, number> | undefined;

/** Lowers each character by itself. A capital sigma never becomes the final form. */
export function lowerCase(source: AlignedText): AlignedText {
  const { text } = source;
  if (!source.origin && !/[\u{10000}-\u{10ffff}\u1c89\ua7cb-\ua7dc]/u.test(text)) {
    return { text: text.replaceAll('Σ', 'σ').toLowerCase() };
  }
  newerLower ??= newerLowerMap();
  const rewriter = new Rewriter(source);
  for (let i = 0; i < text.length;) {
    const point = text.codePointAt(i)!;
    const end = i + (point > 0xffff ? 2 : 1);
    const character = text.slice(i, end);
    const lower = newerLower.has(point) ? String.fromCodePoint(newerLower.get(point)!) : character.toLowerCase();
    if (lower !== character) rewriter.replace(i, end, lower);
    i = end;
  }
  return rewriter.finish();
}

function newerLowerMap(): Map<number, number> {
  const map = new Map<number, number>();
  for (const entry of NEWER_LOWER.trim().split(/\s+/)) {
    const [range, step] = entry.split(':');
    for (const [first, last] of parseRanges(range)) {
      for (let point = first; point <= last; point++) map.set(point, point + Number(step));
    }
  }
  return map;
}
