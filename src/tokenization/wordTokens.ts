/** A word's tokens, and which of the word's UTF-16 units each stands for. All three are of one length. */
export interface WordTokens {
  readonly ids: readonly number[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

export type WordModel = (word: string) => WordTokens;
