/** The classes of characters that the parts of a tokenizer.json tell apart, from the generated tables. */
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

/** A class of characters, asked by code point. */
export type CharacterClass = (point: number) => boolean;

/** `9-d 20 85` as pairs of first and last code point. */
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

/** One byte a code point, made at the first use: only few tokenizers ask for a class. */
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

/** The ranges of the general categories named, or of those that begin with a letter named (`L`: all letters). */
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

/** `\w` in a class of Oniguruma's: letters, marks, decimal and letter numbers, connectors, and a few. */
export function patternWordRanges(): [number, number][] {
  return [...categoryRanges('L', 'M', 'Nd', 'Nl', 'Pc'), ...parseRanges(ALSO_WORD)];
}

/** `\w` outside a class: a few numbers (²) more. */
export function aloneWordRanges(): [number, number][] {
  return [...patternWordRanges(), ...parseRanges(ONLY_PATTERN_WORD)];
}

/** White space, of Rust and of Oniguruma. */
export function spaceRanges(): [number, number][] {
  return parseRanges(SEPARATOR);
}

export const isSpace = characterClass('space', spaceRanges);

/** ASCII's punctuation and Unicode's of some years ago (Punctuation, BertPreTokenizer). */
export const isPunctuation = characterClass('punctuation', () => parseRanges(PUNCTUATION));

/** Numbers of every kind (Digits). */
export const isNumeric = characterClass('numeric', () => [...categoryRanges('N'), ...parseRanges(NEWER_NUMERIC)]);

/** What StripAccents removes. */
export const isCombining = characterClass('combining', () => [
  ...categoryRanges('M'),
  ...off(NOT_COMBINING),
  ...parseRanges(ALSO_COMBINING),
]);

/** `\w` of Rust's regular expressions (Whitespace, `single_word`). */
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

/** A number for each script, Han and both kana being one; 0 for what belongs to any. */
export function scriptOf(point: number): number {
  if (!scripts) {
    scripts = new Uint8Array(0x110000);
    for (const [i, ranges] of SCRIPTS.split(';').entries()) {
      for (const [first, last] of parseRanges(ranges)) scripts.fill(i + 1, first, last + 1);
    }
  }
  return scripts[point];
}
