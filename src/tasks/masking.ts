/**
 * Dynamic masking: what is hidden of an example, and what is moved in it, as functions of (seed, epoch, example, token). No
 * state: an epoch masks anew, and a resumed run masks alike.
 */
import { keyOf, uniformAt } from '../base/random';

/** One example's tokens between its special ones; the arrays are of one length. */
export interface MaskableTokens {
  readonly inputIds: ArrayLike<number>;
  /** 1 where a word begins, 0 where it goes on, in {@link isMaskable} tokens. All 1: tokens are masked one by one. */
  readonly wordStarts: ArrayLike<number>;
  /** 0 for [CLS], [SEP] and padding, which are never masked, moved or drawn. */
  readonly isMaskable: ArrayLike<number>;
}

export interface MaskingOptions {
  /** The share of tokens that is predicted: BERT's 0.15. */
  readonly share: number;
  readonly maskTokenId: number;
  /** The ids that a random token is drawn from: the vocabulary without its special tokens. */
  readonly ordinaryIds: ArrayLike<number>;
  /** The shares of predicted tokens that become [MASK] and a random token (BERT: 0.8 and 0.1); the others stay. */
  readonly maskShare: number;
  readonly randomShare: number;
}

/** Places that are predicted, ascending, and the tokens that stood there. */
export interface Predicted {
  readonly positions: Int32Array;
  readonly targets: Int32Array;
}

export interface MaskedTokens extends Predicted {
  readonly inputIds: Int32Array;
}

/** How many of `tokens` maskable tokens are predicted: one at least, as in BERT's create_pretraining_data.py. */
export function maskBudget(tokens: number, share: number): number {
  return tokens === 0 ? 0 : Math.max(1, Math.round(share * tokens));
}

/**
 * Masks as google-research/bert's create_pretraining_data.py does (create_masked_lm_predictions): words in a random order, each whole, as long as the
 * budget of {@link maskBudget} is kept; a word that would exceed it is passed over. Each token of a chosen word is then
 * replaced by [MASK], by a random token, or stays. Where no word fits, the budget's first tokens of the first word are taken.
 *
 * @param key of (seed, epoch, example)
 */
export function maskTokens(tokens: MaskableTokens, options: MaskingOptions, key: number): MaskedTokens {
  const words = wordsOf(tokens);
  const budget = maskBudget(
    words.reduce((sum, { length }) => sum + length, 0),
    options.share,
  );
  const chosen = chooseWords(words, budget, key);
  const inputIds = Int32Array.from(tokens.inputIds);
  const [kindKey, idKey] = [keyOf(key, 1), keyOf(key, 2)];
  for (const at of chosen) {
    const kind = uniformAt(kindKey, at);
    if (kind < options.maskShare) inputIds[at] = options.maskTokenId;
    else if (kind < options.maskShare + options.randomShare) {
      inputIds[at] = options.ordinaryIds[Math.floor(uniformAt(idKey, at) * options.ordinaryIds.length)];
    }
  }
  return { inputIds, ...predictedAt(chosen, tokens.inputIds) };
}

/** The maskable positions of each word. */
function wordsOf({ inputIds, wordStarts, isMaskable }: MaskableTokens): number[][] {
  const words: number[][] = [];
  for (let at = 0; at < inputIds.length; at++) {
    if (!isMaskable[at]) continue;
    const goesOn = at > 0 && isMaskable[at - 1] && !wordStarts[at];
    if (goesOn) words[words.length - 1].push(at);
    else words.push([at]);
  }
  return words;
}

/** Positions, ascending. */
function chooseWords(words: readonly (readonly number[])[], budget: number, key: number): number[] {
  const drawn = words.map((word) => ({ word, draw: uniformAt(key, word[0]) }));
  drawn.sort((a, b) => a.draw - b.draw || a.word[0] - b.word[0]);
  const chosen: number[] = [];
  for (const { word } of drawn) {
    if (chosen.length === budget) break;
    if (chosen.length + word.length <= budget) chosen.push(...word);
  }
  if (chosen.length === 0 && drawn.length > 0) chosen.push(...drawn[0].word.slice(0, budget));
  return chosen.sort((a, b) => a - b);
}

function predictedAt(positions: readonly number[], ids: ArrayLike<number>): Predicted {
  return { positions: Int32Array.from(positions), targets: Int32Array.from(positions, (at) => ids[at]) };
}

/** Tokens of a subsequence that is shuffled: StructBERT's K. */
const SHUFFLED_TOKENS = 3;

/** All orders of three but the one that changes nothing. */
const OTHER_ORDERS = [
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

/** How many tokens {@link shuffleTrigrams} predicts at most, of so many maskable ones. */
export function shuffleBudget(tokens: number, share: number): number {
  return SHUFFLED_TOKENS * Math.round(share * Math.max(0, tokens - SHUFFLED_TOKENS + 1));
}

/**
 * StructBERT's word structural objective (arXiv 1908.04577, 2.2.1): a share (5 %) of the trigrams of unmasked tokens is put
 * into another order, and each of their places predicts the token that stood there. A trigram is any three neighbours of which none
 * is masked or special; those that are shuffled do not overlap.
 *
 * @param masked of {@link maskTokens}; `inputIds` is not changed
 * @param key of (seed, epoch, example)
 */
export function shuffleTrigrams(
  { isMaskable }: Pick<MaskableTokens, 'isMaskable'>,
  masked: MaskedTokens,
  share: number,
  key: number,
): MaskedTokens {
  const isFree = Uint8Array.from(masked.inputIds, (_, at) => (isMaskable[at] ? 1 : 0));
  for (const at of masked.positions) isFree[at] = 0;
  const isTrigram = (at: number) => isFree[at] && isFree[at + 1] && isFree[at + 2];
  const starts = [...masked.inputIds.keys()].filter(isTrigram);
  const count = Math.round(share * starts.length);
  const placeKey = keyOf(key, 3);
  const orderKey = keyOf(key, 4);
  const drawn = starts
    .map((at) => ({ at, draw: uniformAt(placeKey, at) }))
    .sort((a, b) => a.draw - b.draw || a.at - b.at);
  const inputIds = masked.inputIds.slice();
  const chosen: number[] = [];
  for (const { at } of drawn) {
    if (chosen.length === SHUFFLED_TOKENS * count) break;
    if (!isTrigram(at)) continue;
    const order = OTHER_ORDERS[Math.floor(uniformAt(orderKey, at) * OTHER_ORDERS.length)];
    order.forEach((from, to) => (inputIds[at + to] = masked.inputIds[at + from]));
    for (let i = 0; i < SHUFFLED_TOKENS; i++) isFree[at + i] = 0;
    chosen.push(at, at + 1, at + 2);
  }
  chosen.sort((a, b) => a - b);
  return { inputIds, ...predictedAt(chosen, masked.inputIds) };
}
