/** The classes of characters that the parts of a tokenizer.json distinguish, from the generated tables. */
import { PUNCTUATION, SEPARATOR } from './bertCharacters';
import {
  ALSO_COMBINING,
  ALSO_EXTENDS,
  ALSO_WORD,
  CATEGORY_LETTERS,
  CATEGORY_RUNS,
  CLUSTER_CONTROL,
  CLUSTER_PREPEND,
  NEVER_EXTENDS,
  NEWER_NUMERIC,
  NOT_COMBINING,
  ONLY_PATTERN_WORD,
  ONLY_RUST_WORD,
  SCRIPTS,
} from './unicodeTables';

/** Whether a code point belongs to a class of characters. */
export type CharacterClass = (point: number) => boolean;

/** Parses `9-d 20 85` into pairs of first and last code point. */
export function parseRanges(ranges: string): [number, number][] {
  return ranges
    .trim()
    .split(/\s+/)
    .filter((range) => range !== '')
    .map((range) => {
      const [first, last = first] = range.split('-').map((point) => parseInt(point, 16));
      return [first, last];
    });
}

const made = new Map<string, Uint8Array>();

/** One byte for each code point. The table is made at the first use, because few tokenizers ask for a class. */
function classBytes(name: string, make: () => Iterable<readonly [number, number, on?: boolean]>): Uint8Array {
  let bytes = made.get(name);
  if (!bytes) {
    bytes = new Uint8Array(0x110000);
    for (const [first, last, on = true] of make()) bytes.fill(on ? 1 : 0, first, last + 1);
    made.set(name, bytes);
  }
  return bytes;
}

function characterClass(name: string, make: () => Iterable<readonly [number, number, on?: boolean]>): CharacterClass {
  let bytes: Uint8Array | undefined;
  return (point) => (bytes ??= classBytes(name, make))[point] !== 0;
}

/** The ranges of the named general categories. A single letter (`L`) names all categories that begin with it. */
export function categoryRanges(...names: string[]): [number, number][] {
  const nameOf = new Map(Object.entries(CATEGORY_LETTERS).map(([name, letter]) => [letter as string, name]));
  const found: [number, number][] = [];
  let point = 0;
  for (const [, letter, length] of CATEGORY_RUNS.matchAll(/([^0-9a-z\s])([0-9a-z]*)/g)) {
    const count = length === '' ? 1 : parseInt(length, 36);
    const name = nameOf.get(letter)!;
    if (names.includes(name) || names.includes(name[0])) {
      const last = found.at(-1);
      if (last && last[1] === point - 1) last[1] = point + count - 1;
      else found.push([point, point + count - 1]);
    }
    point += count;
  }
  return found;
}

/**
 * The ranges of `\w` inside a class of Oniguruma: letters, marks, decimal and letter numbers, connectors, and a few
 * more.
 */
export function patternWordRanges(): [number, number][] {
  return [...categoryRanges('L', 'M', 'Nd', 'Nl', 'Pc'), ...parseRanges(ALSO_WORD)];
}

/** The ranges of `\w` outside a class of Oniguruma. They hold a few more numbers (²). */
export function aloneWordRanges(): [number, number][] {
  return [...patternWordRanges(), ...parseRanges(ONLY_PATTERN_WORD)];
}

/** The ranges of white space. Rust and Oniguruma agree on them. */
export function spaceRanges(): [number, number][] {
  return parseRanges(SEPARATOR);
}

export const isSpace = characterClass('space', spaceRanges);

/** Punctuation of ASCII and of the library's version of Unicode (Punctuation, BertPreTokenizer). */
export const isPunctuation = characterClass('punctuation', () => parseRanges(PUNCTUATION));

/** Whether a character is a number of any kind (Digits). */
export const isNumeric = characterClass('numeric', () => [...categoryRanges('N'), ...parseRanges(NEWER_NUMERIC)]);

/** Whether StripAccents removes the character. */
export const isCombining = characterClass('combining', () => [
  ...categoryRanges('M'),
  ...off(NOT_COMBINING),
  ...parseRanges(ALSO_COMBINING),
]);

/** Whether a character is `\w` in Rust's regular expressions (Whitespace, `single_word`). */
export const isWord = characterClass('word', () => [
  ...categoryRanges('L', 'M', 'Nd', 'Nl', 'Pc'),
  ...parseRanges(ALSO_WORD),
  ...parseRanges(ONLY_RUST_WORD),
]);

export const extendsCluster = characterClass('extends', () => [
  ...categoryRanges('M'),
  ...off(NEVER_EXTENDS),
  ...parseRanges(ALSO_EXTENDS),
]);
export const controlsCluster = characterClass('control', () => parseRanges(CLUSTER_CONTROL));
export const prependsCluster = characterClass('prepend', () => parseRanges(CLUSTER_PREPEND));

function off(ranges: string): [number, number, boolean][] {
  return parseRanges(ranges).map(([first, last]) => [first, last, false]);
}

let scripts: Uint8Array | undefined;

/**
 * The number of a character's script. Han and both kana share one number; 0 is the number of characters that fit every
 * script.
 */
export function scriptOf(point: number): number {
  if (!scripts) {
    scripts = new Uint8Array(0x110000);
    for (const [i, ranges] of SCRIPTS.split(';').entries()) {
      for (const [first, last] of parseRanges(ranges)) scripts.fill(i + 1, first, last + 1);
    }
  }
  return scripts[point];
}
