import { byteTokenIds } from './byteFallback';
import type { WordModel } from './wordTokens';

/** The part of a tokenizer.json's Unigram model that encoding needs. */
export interface UnigramModel {
  readonly pieces: readonly string[];
  /** Log probabilities. [pieces.length] */
  readonly scores: ArrayLike<number>;
  readonly unknownId: number | undefined;
  readonly byteFallback: boolean;
  /** What to throw for a text that is not in the vocabulary where there is no unknown token. */
  readonly noUnknownToken: (text: string) => Error;
}

/** How much worse than the worst piece an unknown character is. */
const UNKNOWN_PENALTY = 10;

/**
 * Unigram language model segmentation (Kudo 2018; `tokenizers`' Unigram): of all ways to cut a word into pieces the most
 * probable; unknown characters in a row are one unknown token. Time is linear in the word.
 */
export function unigramEncoder(model: UnigramModel): WordModel {
  const { pieces, scores, unknownId, byteFallback, noUnknownToken } = model;
  const idOfPiece = new Map(pieces.map((piece, id) => [piece, id]));
  const trie = new PieceTrie(pieces, idOfPiece);
  let lowest = Infinity;
  for (let id = 0; id < pieces.length; id++) lowest = Math.min(lowest, scores[id]);
  const unknownScore = lowest - UNKNOWN_PENALTY;
  const byteIds = byteFallback ? byteTokenIds(idOfPiece) : undefined;
  // Stands for "unknown" where there is no unknown token: then the best path must not need one.
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

  /** A stretch of unknown characters may be a piece after all, an unlikely one; else it is its bytes, or unknown. */
  function idsOfUnknown(text: string): readonly number[] {
    const id = idOfPiece.get(text);
    if (id !== undefined) return [id];
    const bytes = byteIds?.(text);
    if (bytes) return bytes;
    if (unknownId === undefined) throw noUnknownToken(text);
    return [unknownId];
  }
}

/** A beginning that pieces share. */
interface Branch {
  /** The piece that is just this beginning. */
  id?: number;
  /** The longer pieces, not yet told apart. */
  pending: number[];
  /** By the code unit that comes next, once they are told apart. */
  next?: Map<number, Branch>;
}

/**
 * A trie of pieces that grows where texts go: of a quarter of a million pieces in all languages, few are met, and telling
 * all of them apart beforehand takes longer than many a text.
 */
class PieceTrie {
  private readonly root: Branch;

  /** @param idOfPiece in its order; the empty piece stands nowhere. */
  constructor(
    private readonly pieces: readonly string[],
    idOfPiece: ReadonlyMap<string, number>,
  ) {
    this.root = { pending: [...idOfPiece.values()].filter((id) => pieces[id] !== '') };
  }

  /** Calls `found` with the end and id of each piece that stands at `start`, the shortest first. */
  each(text: string, start: number, found: (end: number, id: number) => void): void {
    let branch: Branch | undefined = this.root;
    for (let at = start; at < text.length;) {
      branch = (branch.next ?? this.grow(branch, at - start)).get(text.charCodeAt(at++));
      if (!branch) return;
      if (branch.id !== undefined) found(at, branch.id);
    }
  }

  private grow(branch: Branch, depth: number): Map<number, Branch> {
    const next = new Map<number, Branch>();
    for (const id of branch.pending) {
      const piece = this.pieces[id];
      const unit = piece.charCodeAt(depth);
      let child = next.get(unit);
      if (!child) next.set(unit, (child = { pending: [] }));
      if (piece.length === depth + 1) child.id = id;
      else child.pending.push(id);
    }
    branch.pending = [];
    return (branch.next = next);
  }
}
