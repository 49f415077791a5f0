import { textOf, type DataValue } from '../data/dataRow';
import { beginningOf, detached, isMissing, numberOf } from './cells';
import type { Pacer } from './pacer';

/** Characters of sort keys in memory. */
const MAX_KEY_CHARACTERS = 1 << 27;
const RUN = 4096;

/**
 * Keys of rows to sort by: numbers by value, then texts in the order of their code points, missing ones last whichever
 * way round. Texts that agree in their first characters (64 or more, by the number of rows) keep the file's order.
 */
export class SortKeys {
  private readonly numbers: number[] = [];
  private readonly texts: (string | undefined)[] = [];
  private readonly keptCharacters: number;
  private hasSurrogates = false;
  private hasTexts = false;

  constructor(
    rows: number,
    private readonly descending: boolean,
  ) {
    this.keptCharacters = Math.max(64, Math.min(4096, Math.floor(MAX_KEY_CHARACTERS / Math.max(1, rows))));
  }

  addNumber(key: number): void {
    this.numbers.push(key);
    this.texts.push(undefined);
  }

  addValue(value: DataValue): void {
    const number = isMissing(value) ? NaN : numberOf(value);
    if (isMissing(value) || !Number.isNaN(number)) return this.addNumber(number);
    const text = detached(beginningOf(textOf(value), this.keptCharacters));
    this.hasTexts = true;
    this.hasSurrogates ||= /[\ud800-\udfff]/.test(text);
    this.numbers.push(NaN);
    this.texts.push(text);
  }

  /** The places 0 … n - 1 of what was added, sorted; equal keys in the order they came. Errors: `CANCELLED`. */
  sorted(pacer: Pacer): Promise<Uint32Array> {
    const order = Uint32Array.from({ length: this.numbers.length }, (_, i) => i);
    const compare = this.hasTexts ? (a: number, b: number) => this.compare(a, b) : (a: number, b: number) => this.compareNumbers(a, b); // prettier-ignore
    return sortedInSlices(order, (a, b) => compare(a, b) || a - b, pacer);
  }

  private compareNumbers(a: number, b: number): number {
    const [x, y] = [this.numbers[a], this.numbers[b]];
    if (x === y) return 0;
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    return x < y === this.descending ? 1 : -1;
  }

  private compare(a: number, b: number): number {
    const [s, t] = [this.texts[a], this.texts[b]];
    if (s === undefined && t === undefined) return this.compareNumbers(a, b);
    if (s !== undefined && t !== undefined) {
      if (s === t) return 0;
      const isLess = this.hasSurrogates ? isLessByCodePoint(s, t) : s < t;
      return isLess === this.descending ? 1 : -1;
    }
    // A text and something else: a number, which goes before texts, or nothing, which goes last.
    const isMissingOne = Number.isNaN(this.numbers[s === undefined ? a : b]);
    const textFirst = isMissingOne || this.descending;
    return (s !== undefined) === textFirst ? -1 : 1;
  }
}

/** UTF-16 puts characters beyond the basic plane before U+E000 to U+FFFF; code points do not. */
function isLessByCodePoint(s: string, t: string): boolean {
  const end = Math.min(s.length, t.length);
  for (let i = 0; i < end; i++) {
    const x = s.charCodeAt(i);
    const y = t.charCodeAt(i);
    if (x === y) continue;
    const isHigh = (code: number) => code >= 0xd800 && code <= 0xdfff;
    return isHigh(x) === isHigh(y) ? x < y : isHigh(y);
  }
  return s.length < t.length;
}

/** Merge sort with pauses, so that a million rows being sorted keep nobody waiting. */
async function sortedInSlices(
  order: Uint32Array,
  compare: (a: number, b: number) => number,
  pacer: Pacer,
): Promise<Uint32Array> {
  for (let start = 0; start < order.length; start += RUN) {
    order.subarray(start, start + RUN).sort(compare);
    if (pacer.isDue) await pacer.rest();
  }
  let from = order;
  let to: Uint32Array = new Uint32Array(order.length);
  for (let width = RUN; width < order.length; width *= 2) {
    for (let start = 0; start < order.length; start += 2 * width) {
      const middle = Math.min(start + width, order.length);
      const end = Math.min(middle + width, order.length);
      for (let left = start, right = middle, at = start; at < end; at++) {
        const takesLeft = right >= end || (left < middle && compare(from[left], from[right]) <= 0);
        to[at] = takesLeft ? from[left++] : from[right++];
        if ((at & 1023) === 0 && pacer.isDue) await pacer.rest();
      }
    }
    [from, to] = [to, from];
  }
  return from;
}
