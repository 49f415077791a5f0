import type { EncodedExample, Tokenizer } from '../../tokenization/tokenizer';

/** Tokens of a text that a network reads at once. */
export interface TextWindow {
  readonly encoded: EncodedExample;
  /** Special tokens before the text's own. */
  readonly lead: number;
  /** The text's tokens in the window, half-open. */
  readonly first: number;
  readonly end: number;
  /** The tokens that this window decides on: those of which no other window sees more context. Half-open. */
  readonly ownedFirst: number;
  readonly ownedEnd: number;
}

/** A text as tokens: which of its characters each stands for, and the windows that a network reads. */
export interface WindowedText {
  /** [tokens] in UTF-16 units of the text; without special tokens */
  readonly starts: Int32Array;
  /** [tokens] exclusive; equal to the start where a token stands for no character of its own */
  readonly ends: Int32Array;
  readonly windows: readonly TextWindow[];
}

/** The share of a window's tokens that the next window has, too. */
const OVERLAP = 1 / 4;

/**
 * A text in windows of at most `maxLength` tokens, special ones included. All of the text is in some window. Windows overlap by a
 * quarter; of two, each speaks for the half of what they share that lies deeper in it. The last one ends with the text and is as
 * long as the others.
 *
 * @throws TOKENIZER when the special tokens leave no room for the text's own.
 */
export function windowsOf(tokenizer: Tokenizer, text: string, maxLength: number): WindowedText {
  const whole = tokenizer.encodeWithOffsets(text, undefined, Infinity);
  const lead = whole.textIndex.findIndex((of) => of >= 0);
  const special = tokenizer.specialTokenCount(false);
  const count = whole.length - special;
  const own = lead < 0 ? special : lead;
  const starts = whole.starts.slice(own, own + count);
  const ends = whole.ends.slice(own, own + count);
  const capacity = maxLength - special;
  if (capacity < 1) tokenizer.encodeWithOffsets('', undefined, maxLength - 1); // Says what is wrong.
  if (count <= capacity) {
    const only = { encoded: whole, lead: own, first: 0, end: count, ownedFirst: 0, ownedEnd: count };
    return { starts, ends, windows: [only] };
  }
  const step = Math.max(1, capacity - Math.floor(capacity * OVERLAP));
  const firsts: number[] = [];
  for (let first = 0; first + capacity < count; first += step) firsts.push(first);
  firsts.push(count - capacity);
  const boundary = (at: number) => (at === 0 ? 0 : at === firsts.length ? count : Math.ceil((firsts[at] + firsts[at - 1] + capacity) / 2)); // prettier-ignore
  const windows = firsts.map((first, at): TextWindow => {
    const end = first + capacity;
    return {
      encoded: sliceOf(whole, own, first, end, count),
      lead: own,
      first,
      end,
      ownedFirst: boundary(at),
      ownedEnd: boundary(at + 1),
    };
  });
  return { starts, ends, windows };
}

/** The text's tokens from `first` to before `end`, with the special tokens around the whole text. */
function sliceOf(whole: EncodedExample, lead: number, first: number, end: number, count: number): EncodedExample {
  const part = (values: Int32Array) =>
    Int32Array.of(...values.subarray(0, lead), ...values.subarray(lead + first, lead + end), ...values.subarray(lead + count)); // prettier-ignore
  const inputIds = part(whole.inputIds);
  return { inputIds, tokenTypeIds: part(whole.tokenTypeIds), length: inputIds.length, truncated: false };
}
