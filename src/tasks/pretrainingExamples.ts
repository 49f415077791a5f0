/** Sequences of a corpus as examples: masked anew in every epoch, as pairs where their order is learned too. */
import { keyOf, uniformAt } from '../base/random';
import type { CorpusTokens } from '../data/corpus/corpusIndex';
import type { CorpusSequences } from '../data/corpus/corpusSequences';
import type { SpecialTokenFrame } from '../tokenization/tokenizer';
import type { PretrainingTarget } from './losses/maskedLanguage';
import { maskTokens, shuffleTrigrams, type MaskingOptions } from './masking';
import type { TrainingExample } from './objective';

export interface PretrainingExamplesOptions {
  readonly masking: MaskingOptions;
  /** The share of trigrams; absent: no StructBERT objectives, and sequences of one text. */
  readonly shuffledShare?: number;
  readonly seed: number;
  /** Ids between special ones. */
  readonly framed: (a: ArrayLike<number>, b?: ArrayLike<number>) => SpecialTokenFrame;
  readonly tokens: (start: number, count: number) => CorpusTokens;
}

/** Sentences of a pair: the second follows on the first, comes before it, or is of another document. */
const ORDERS = { next: 0, previous: 1, other: 2 };

/** What stands in an example's texts before the special tokens come around them. */
interface Stretch {
  readonly ids: Int32Array;
  readonly wordStarts: Uint8Array;
}

export class PretrainingExamples {
  /** [count] tokens with the special ones. */
  readonly lengths: readonly number[];

  constructor(
    private readonly sequences: CorpusSequences,
    private readonly options: PretrainingExamplesOptions,
  ) {
    const nothing: number[] = [];
    const special = options.framed(nothing, options.shuffledShare === undefined ? undefined : nothing).encoded.length;
    this.lengths = Array.from(sequences.lengths, (length) => length + special);
  }

  /** A function of (seed, epoch, place). */
  at(place: number, epoch: number): TrainingExample<PretrainingTarget> {
    const { seed, masking, shuffledShare } = this.options;
    const key = keyOf(seed, 6, epoch, place);
    const { a, b, sentence } = shuffledShare === undefined ? { ...this.whole(place), sentence: undefined } : this.pair(place, key); // prettier-ignore
    const { encoded, startA, startB } = this.options.framed(a.ids, b?.ids);
    const isMaskable = new Uint8Array(encoded.length);
    const wordStarts = new Uint8Array(encoded.length);
    for (const [text, start] of [
      [a, startA],
      [b, startB],
    ] as const) {
      if (!text) continue;
      isMaskable.fill(1, start, start + text.ids.length);
      wordStarts.set(text.wordStarts, start);
    }
    const masked = maskTokens({ inputIds: encoded.inputIds, wordStarts, isMaskable }, masking, key);
    if (shuffledShare === undefined) return { encoded: { ...encoded, inputIds: masked.inputIds }, target: { masked } };
    const shuffled = shuffleTrigrams({ isMaskable }, masked, shuffledShare, key);
    return { encoded: { ...encoded, inputIds: shuffled.inputIds }, target: { masked, shuffled, sentence } };
  }

  private whole(place: number): { a: Stretch; b: Stretch | undefined } {
    return { a: this.read(place), b: undefined };
  }

  private read(place: number): CorpusTokens {
    return this.options.tokens(this.sequences.starts[place], this.sequences.lengths[place]);
  }

  /**
   * The sequence cut in two at a sentence's beginning, or a word's where there is one sentence; then a third each: as they are, the
   * other way round, or with the beginning of another document's sequence in the second's place. A sequence of one token, or one
   * without another document, is left in one piece, or in its order.
   */
  private pair(place: number, key: number): { a: Stretch; b: Stretch; sentence: number | undefined } {
    const tokens = this.read(place);
    const part = (from: number, to?: number): Stretch => ({ ids: tokens.ids.slice(from, to), wordStarts: tokens.wordStarts.slice(from, to) }); // prettier-ignore
    const cut = cutOf(tokens, keyOf(key, 5));
    if (cut === 0) return { a: part(0), b: part(tokens.ids.length), sentence: undefined };
    const [first, second] = [part(0, cut), part(cut)];
    const drawn = Math.floor(3 * uniformAt(keyOf(key, 6), 0));
    if (drawn === ORDERS.previous) return { a: second, b: first, sentence: drawn };
    const other = drawn === ORDERS.other ? this.otherDocument(place, keyOf(key, 7)) : undefined;
    if (other === undefined) return { a: first, b: second, sentence: ORDERS.next };
    const { ids, wordStarts } = this.read(other);
    const length = second.ids.length;
    return {
      a: first,
      b: { ids: ids.slice(0, length), wordStarts: wordStarts.slice(0, length) },
      sentence: ORDERS.other,
    };
  }

  /** A sequence of another document; undefined where twenty draws find none. */
  private otherDocument(place: number, key: number): number | undefined {
    const { documents, count } = this.sequences;
    for (let draw = 0; draw < 20; draw++) {
      const other = Math.floor(count * uniformAt(key, draw));
      if (documents[other] !== documents[place]) return other;
    }
    return undefined;
  }
}

/** Where the second text begins; 0 where there is no such place. */
function cutOf({ sentenceStarts, wordStarts, ids }: CorpusTokens, key: number): number {
  const inside = (starts: Uint8Array) => [...starts.keys()].filter((at) => at > 0 && starts[at]);
  const sentences = inside(sentenceStarts);
  const places = sentences.length > 0 ? sentences : inside(wordStarts);
  if (places.length > 0) return places[Math.floor(places.length * uniformAt(key, 0))];
  return ids.length > 1 ? ids.length >> 1 : 0;
}
