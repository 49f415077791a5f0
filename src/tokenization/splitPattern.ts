/** Patterns of `Split` and `Replace`, and how a text is split where one matches. */
import { MedTextError, words } from '../base/errors';
import { sliceText, type AlignedText } from './alignedText';
import { translatePattern, type KindPattern } from './onigurumaPattern';
import { isJsonObject } from './tokenizerJson';
import { brokenPart, type TokenizerPart } from './tokenizerParts';

/** A stretch of a text, either matched by a pattern or between two matches. Stretches cover the whole text. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly matched: boolean;
}

export const SPLIT_BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;
export type SplitBehavior = (typeof SPLIT_BEHAVIORS)[number];

/** Finds the stretches of a text that match, and the stretches between them. */
export type Pattern = (text: string) => Stretch[];

/**
 * Reads the `pattern` of a part: `{"String": …}` or `{"Regex": …}`.
 * @throws MedTextError TOKENIZER when it is neither, UNSUPPORTED for an expression that has no counterpart here.
 */
export function readPattern(owner: TokenizerPart): Pattern {
  const { pattern } = owner.json;
  if (isJsonObject(pattern) && typeof pattern.String === 'string') {
    return textPattern(pattern.String);
  }
  if (!isJsonObject(pattern) || typeof pattern.Regex !== 'string') {
    throw brokenPart(owner, 'pattern', words`{"String": …} or {"Regex": …}`);
  }
  return compilePattern(pattern.Regex, owner);
}

/**
 * Compiles an Oniguruma expression.
 * @throws MedTextError UNSUPPORTED for an expression that has no counterpart here.
 */
export function compilePattern(pattern: string, { place, where }: Pick<TokenizerPart, 'place' | 'where'>): Pattern {
  try {
    return expressionPattern(translatePattern(pattern));
  } catch (error) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`${where}: tokenizer.json's ${place} has a regular expression that is not supported: ${(error as Error).message}.`,
      { where, part: place, pattern },
      { cause: error },
    );
  }
}

/** The pattern that matches exactly this text. */
export function textPattern(wanted: string): Pattern {
  const expression = new RegExp(wanted.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu');
  return (text) => stretchesOf(text.length, text.matchAll(expression), (at) => at);
}

function expressionPattern({ expression, kinds }: KindPattern): Pattern {
  return (text) => {
    const units = new Uint16Array(text.length);
    let length = 0;
    for (let i = 0; i < text.length; length++) {
      const point = text.codePointAt(i)!;
      units[length] = kinds[point];
      i += point > 0xffff ? 2 : 1;
    }
    const matches = utf16.decode(units.subarray(0, length)).matchAll(expression);
    if (length === text.length) return stretchesOf(text.length, matches, (at) => at);
    const places = new Int32Array(length + 1);
    for (let i = 0, at = 0; i < length; at += text.codePointAt(at)! > 0xffff ? 2 : 1) places[i++] = at;
    places[length] = text.length;
    return stretchesOf(text.length, matches, (at) => places[at]);
  };
}

const utf16 = new TextDecoder('utf-16le');

function stretchesOf(length: number, matches: Iterable<RegExpExecArray>, placeOf: (at: number) => number): Stretch[] {
  const stretches: Stretch[] = [];
  let done = 0;
  let lastMatchEnd = -1;
  for (const match of matches) {
    const from = placeOf(match.index);
    const to = placeOf(match.index + match[0].length);
    // An empty match right after a match does not count.
    if (from === to && to === lastMatchEnd) continue;
    lastMatchEnd = to;
    if (from > done) stretches.push({ from: done, to: from, matched: false });
    stretches.push({ from, to, matched: true });
    done = to;
  }
  if (done < length) stretches.push({ from: done, to: length, matched: false });
  return stretches;
}

/** Stretches in which each character of a class is a match by itself. */
export function findCharacters(text: string, matches: (point: number) => boolean): Stretch[] {
  const stretches: Stretch[] = [];
  let done = 0;
  for (let i = 0; i < text.length;) {
    const point = text.codePointAt(i)!;
    const end = i + (point > 0xffff ? 2 : 1);
    if (matches(point)) {
      if (i > done) stretches.push({ from: done, to: i, matched: false });
      stretches.push({ from: i, to: end, matched: true });
      done = end;
    }
    i = end;
  }
  if (done < text.length) stretches.push({ from: done, to: text.length, matched: false });
  return stretches;
}

/** Cuts the text as the behaviour says. Empty pieces are left out. */
export function splitText(source: AlignedText, stretches: readonly Stretch[], behavior: SplitBehavior): AlignedText[] {
  const pieces: AlignedText[] = [];
  for (const { from, to } of kept(stretches, behavior)) {
    if (to > from) pieces.push(sliceText(source, from, to));
  }
  return pieces;
}

function kept(stretches: readonly Stretch[], behavior: SplitBehavior): Iterable<{ from: number; to: number }> {
  switch (behavior) {
    case 'Removed':
      return stretches.filter(({ matched }) => !matched);
    case 'Isolated':
      return stretches;
    case 'Contiguous':
      return merged(stretches, (matched, previous) => matched === previous);
    case 'MergedWithPrevious':
      return merged(stretches, (matched, previous) => matched && !previous);
    case 'MergedWithNext': {
      const backwards = stretches.toReversed().map(({ from, to, matched }) => ({ from: -to, to: -from, matched }));
      return merged(backwards, (matched, previous) => matched && !previous)
        .reverse()
        .map(({ from, to }) => ({ from: -to, to: -from }));
    }
  }
}

/** Joins a stretch to the one before it where `joins` returns true for the two. */
function merged(stretches: readonly Stretch[], joins: (matched: boolean, previous: boolean) => boolean) {
  const result: { from: number; to: number }[] = [];
  let previous = false;
  for (const { from, to, matched } of stretches) {
    const last = result.at(-1);
    if (last && joins(matched, previous)) last.to = to;
    else result.push({ from, to });
    previous = matched;
  }
  return result;
}
