import { byteTokenIds } from './byteFallback';
import type { UnigramPieces } from './vocabulary';
import type { WordModel } from './wordTokens';

/** The part of a tokenizer.json's Unigram model that encoding needs. */
export interface UnigramModel extends UnigramPieces {
  readonly unknownId: number | undefined;
  readonly byteFallback: boolean;
  /** Makes the error for a text that is not in the vocabulary when there is no unknown token. */
  readonly noUnknownToken: (text: string) => Error;
}

/** The distance of an unknown character's score below the worst piece's score. */
const UNKNOWN_PENALTY = 10;

/**
 * Segmentation by a unigram language model (Kudo 2018; Unigram of `tokenizers`): the most probable way to cut a word
 * into pieces. Unknown characters in a row become one unknown token. Time is linear in the length of the word.
 */
export function unigramEncoder(model: UnigramModel): WordModel {
  const { scores, trie, unknownId, byteFallback, noUnknownToken } = model;
  let lowest = Infinity;
  for (let id = 0; id < scores.length; id++) lowest = Math.min(lowest, scores[id]);
  const unknownScore = lowest - UNKNOWN_PENALTY;
  const byteIds = byteFallback ? byteTokenIds(trie) : undefined;
  // Stands for "unknown" where there is no unknown token. The best path must then not use it.
  const unknown = unknownId ?? -1;

  return (word) => {
    const size = word.length;
    const bestScore = new Float64Array(size + 1);
    const bestStart = new Int32Array(size + 1).fill(-1);
    const bestId = new Int32Array(size + 1);
    const reach = (end: number, start: number, id: number, score: number) => {
      if (bestStart[end] >= 0 && score <= bestScore[end]) return;
      bestScore[end] = score;
      bestStart[end] = start;
      bestId[end] = id;
    };
    for (let start = 0; start < size;) {
      const characterEnd = start + (word.codePointAt(start)! > 0xffff ? 2 : 1);
      const score = bestScore[start];
      let known = false;
      trie.each(word, start, (end, id) => {
        reach(end, start, id, scores[id] + score);
        known ||= end === characterEnd;
      });
      if (!known) reach(characterEnd, start, unknown, unknownScore + score);
      start = characterEnd;
    }

    const path: { id: number; start: number; end: number }[] = [];
    for (let end = size; end > 0; end = bestStart[end]) {
      const [id, start] = [bestId[end], bestStart[end]];
      const after = path.at(-1);
      if (id === unknown && after?.id === unknown) after.start = start;
      else path.push({ id, start, end });
    }

    const ids: number[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    for (const { id, start, end } of path.reverse()) {
      const tokens = id === unknown ? idsOfUnknown(word.slice(start, end)) : [id];
      tokens.forEach((token, i) => {
        ids.push(token);
        starts.push(i === 0 ? start : end);
        ends.push(end);
      });
    }
    return { ids, starts, ends };
  };

  /**
   * The ids of a stretch of unknown characters: its piece if it is one after all, else its bytes, else the unknown
   * token.
   */
  function idsOfUnknown(text: string): readonly number[] {
    const id = trie.get(text);
    if (id !== undefined) return [id];
    const bytes = byteIds?.(text);
    if (bytes) return bytes;
    if (unknownId === undefined) throw noUnknownToken(text);
    return [unknownId];
  }
}
