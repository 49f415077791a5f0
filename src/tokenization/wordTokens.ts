/** A word's tokens, and the UTF-16 units of the word that each stands for. The three arrays have the same length. */
export interface WordTokens {
  readonly ids: readonly number[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

export type WordModel = (word: string) => WordTokens;
