import type { WordModel, WordTokens } from './wordTokens';

/** The part of a tokenizer.json's WordPiece model that encoding needs. */
export interface WordPieceModel {
  readonly vocab: ReadonlyMap<string, number>;
  readonly unknownId: number;
  readonly continuingPrefix: string;
  readonly maxCharactersPerWord: number;
}

/**
 * Greedy longest-match-first WordPiece (Wu et al. 2016; `tokenizers`' WordPiece): a word becomes its longest known
 * beginning, then the longest known continuation, and so on; the unknown token if that fails anywhere or it is too long.
 *
 * No token is longer than the longest in the vocabulary, so no longer ones are tried.
 */
export function wordPieceEncoder(model: WordPieceModel): WordModel {
  const beginnings = new Map<string, number>();
  const continuations = new Map<string, number>();
  let longestBeginning = 0;
  let longestContinuation = 0;
  for (const [token, id] of model.vocab) {
    beginnings.set(token, id);
    longestBeginning = Math.max(longestBeginning, token.length);
    if (!token.startsWith(model.continuingPrefix)) continue;
    const continuation = token.slice(model.continuingPrefix.length);
    continuations.set(continuation, id);
    longestContinuation = Math.max(longestContinuation, continuation.length);
  }
  const unknown = (word: string): WordTokens => ({ ids: [model.unknownId], starts: [0], ends: [word.length] });

  return (word) => {
    // A code point takes one or two code units, so most words need no exact count.
    if (word.length > model.maxCharactersPerWord && [...word].length > model.maxCharactersPerWord) return unknown(word);
    const ids: number[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    for (let start = 0; start < word.length;) {
      const known = start === 0 ? beginnings : continuations;
      let end = Math.min(word.length, start + (start === 0 ? longestBeginning : longestContinuation));
      while (end > start && !known.has(word.slice(start, end))) end--;
      if (end === start) return unknown(word);
      ids.push(known.get(word.slice(start, end))!);
      starts.push(start);
      ends.push(end);
      start = end;
    }
    return { ids, starts, ends };
  };
}
