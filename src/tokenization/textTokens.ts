/**
 * The ids of a text, and the range of characters (UTF-16) that each stands for. The three arrays have the same length.
 */
export interface TextTokens {
  readonly ids: number[];
  readonly starts: number[];
  readonly ends: number[];
}

export interface Pipeline {
  /** The ids of a text without special tokens. The result may stop once it has more than `limit` ids. */
  ids(text: string, limit: number): number[];
  /**
   * {@link ids} with the range of each token in the text. Ranges never go backwards or overlap, and have no white space
   * at their ends. A character that several tokens share belongs to the first of them. A token without a character of
   * the text has an empty range: a `▁` put before a word, or the second part of one character.
   */
  tokens(text: string, limit: number): TextTokens;
}
