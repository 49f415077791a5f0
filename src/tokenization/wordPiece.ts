import type { WordModel, WordTokens } from './wordTokens';

/** The part of a tokenizer.json's WordPiece model that encoding needs. */
export interface WordPieceModel {
  readonly vocab: ReadonlyMap<string, number>;
  readonly unknownId: number;
  readonly continuingPrefix: string;
  readonly maxCharactersPerWord: number;
}

/**
 * Greedy longest-match-first WordPiece (Wu et al. 2016; WordPiece of `tokenizers`). A word becomes its longest known
 * beginning, then the longest known continuation, and so on. It becomes the unknown token if a step fails or the word
 * is too long.
 *
 * Only the lengths of the vocabulary's tokens are tried, so a token of 60,000 letters adds one length.
 */
export function wordPieceEncoder(model: WordPieceModel): WordModel {
  const beginnings = new Map<string, number>();
  const continuations = new Map<string, number>();
  for (const [token, id] of model.vocab) {
    beginnings.set(token, id);
    if (!token.startsWith(model.continuingPrefix)) continue;
    continuations.set(token.slice(model.continuingPrefix.length), id);
  }
  const beginningLengths = lengthsOf(beginnings);
  const continuationLengths = lengthsOf(continuations);
  const unknown = (word: string): WordTokens => ({ ids: [model.unknownId], starts: [0], ends: [word.length] });

  return (word) => {
    // A code point takes one or two code units, so most words need no exact count.
    if (word.length > model.maxCharactersPerWord && [...word].length > model.maxCharactersPerWord) return unknown(word);
    const ids: number[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    for (let start = 0; start < word.length;) {
      const known = start === 0 ? beginnings : continuations;
      const lengths = start === 0 ? beginningLengths : continuationLengths;
      const left = word.length - start;
      const length = lengths.find((length) => length <= left && known.has(word.slice(start, start + length)));
      if (length === undefined) return unknown(word);
      const end = start + length;
      ids.push(known.get(word.slice(start, end))!);
      starts.push(start);
      ends.push(end);
      start = end;
    }
    return { ids, starts, ends };
  };
}

/** The lengths of the vocabulary's tokens, the longest first. */
function lengthsOf(tokens: ReadonlyMap<string, number>): readonly number[] {
  return [...new Set(Array.from(tokens.keys(), ({ length }) => length))]
    .filter((length) => length > 0)
    .sort((a, b) => b - a);
}
