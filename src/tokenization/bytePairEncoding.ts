import { byteTokenIds } from './byteFallback';
import type { WordModel } from './wordTokens';

/** The part of a tokenizer.json's BPE model that encoding needs. */
export interface BytePairModel {
  readonly vocab: ReadonlyMap<string, number>;
  /** Pairs of tokens in the order in which they are merged. The concatenation of each pair is in the vocabulary. */
  readonly merges: readonly (readonly [left: string, right: string])[];
  /** Undefined: characters that are not in the vocabulary are left out. */
  readonly unknownId: number | undefined;
  readonly continuingPrefix: string;
  readonly wordSuffix: string;
  /** Several unknown characters in a row become one unknown token. */
  readonly fuseUnknown: boolean;
  /** Unknown characters become the tokens `<0x..>` of their bytes, where the vocabulary has these tokens. */
  readonly byteFallback: boolean;
  /** A word that is in the vocabulary becomes that token, whatever the merges say. */
  readonly ignoreMerges: boolean;
}

/** A pair of ids as one number: ids stay below 2^26. */
const PAIR = 2 ** 26;

/**
 * Byte pair encoding (Sennrich et al. 2016; BPE of `tokenizers`). The characters of a word are merged pair by pair. The
 * pair that comes first among the merges goes first; among equal pairs, the leftmost. Time is n log n in the length of
 * the word.
 *
 * @throws Error naming a merge whose parts or whole are not in the vocabulary.
 */
export function bytePairEncoder(model: BytePairModel): WordModel {
  const { vocab, continuingPrefix, wordSuffix } = model;
  /** A pair of ids, its rank among the merges, and the id of the merged token. */
  const merges = new Map<number, { readonly rank: number; readonly id: number }>();
  for (const [rank, [left, right]] of model.merges.entries()) {
    const whole = left + right.slice(continuingPrefix.length);
    const [leftId, rightId, id] = [left, right, whole].map((token) => {
      const known = vocab.get(token);
      if (known === undefined)
        throw new Error(`the merge of "${left}" and "${right}" needs "${token}" in the vocabulary`);
      return known;
    });
    merges.set(leftId * PAIR + rightId, { rank, id });
  }
  const byteIds = model.byteFallback ? byteTokenIds(vocab) : undefined;

  return (word) => {
    const whole = model.ignoreMerges ? vocab.get(word) : undefined;
    if (whole !== undefined) return { ids: [whole], starts: [0], ends: [word.length] };

    const ids: number[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    const add = (id: number, start: number, end: number) => {
      ids.push(id);
      starts.push(start);
      ends.push(end);
    };
    // As in the library, unknown characters wait for the next known one, even behind the bytes of others.
    let unknown: { start: number; end: number } | undefined;
    const addUnknown = () => {
      if (unknown) add(model.unknownId!, unknown.start, unknown.end);
      unknown = undefined;
    };
    for (let start = 0; start < word.length;) {
      const end = start + (word.codePointAt(start)! > 0xffff ? 2 : 1);
      const character = word.slice(start, end);
      const symbol = (start > 0 ? continuingPrefix : '') + character + (end === word.length ? wordSuffix : '');
      const id = vocab.get(symbol);
      const bytes = id === undefined ? byteIds?.(symbol) : undefined;
      if (id !== undefined) {
        addUnknown();
        add(id, start, end);
      } else if (bytes) {
        bytes.forEach((byteId, i) => add(byteId, i === 0 ? start : end, end));
      } else if (model.unknownId !== undefined) {
        if (unknown && model.fuseUnknown) unknown.end = end;
        else {
          addUnknown();
          unknown = { start, end };
        }
      }
      start = end;
    }
    addUnknown();
    return merged(ids, starts, ends, merges);
  };
}

function merged(
  ids: number[],
  starts: number[],
  ends: number[],
  merges: ReadonlyMap<number, { readonly rank: number; readonly id: number }>,
) {
  const count = ids.length;
  const next = Int32Array.from({ length: count }, (_, i) => i + 1);
  const previous = Int32Array.from({ length: count }, (_, i) => i - 1);
  const gone = new Uint8Array(count);
  const queue = new PairQueue();
  const propose = (left: number, right: number) => {
    const merge = left >= 0 && right < count ? merges.get(ids[left] * PAIR + ids[right]) : undefined;
    if (merge) queue.push(merge.rank, left);
  };
  for (let i = 0; i + 1 < count; i++) propose(i, i + 1);
  for (let top = queue.pop(); top; top = queue.pop()) {
    const { rank, left } = top;
    const right = next[left];
    if (gone[left] || right >= count) continue;
    const merge = merges.get(ids[left] * PAIR + ids[right]);
    // This entry is stale: one of its two tokens was merged with another one.
    if (!merge || merge.rank !== rank) continue;
    ids[left] = merge.id;
    ends[left] = ends[right];
    gone[right] = 1;
    next[left] = next[right];
    if (next[left] < count) previous[next[left]] = left;
    propose(previous[left], left);
    propose(left, next[left]);
  }
  const stays = (_: unknown, i: number) => !gone[i];
  return { ids: ids.filter(stays), starts: starts.filter(stays), ends: ends.filter(stays) };
}

/** A heap of pairs, ordered by rank and then by place. Rank and place are one number, rank * 2^31 + place. */
class PairQueue {
  private readonly keys: number[] = [];

  push(rank: number, left: number): void {
    const { keys } = this;
    const key = rank * 2 ** 31 + left;
    let at = keys.push(key) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (keys[parent] <= key) break;
      keys[at] = keys[parent];
      at = parent;
    }
    keys[at] = key;
  }

  pop(): { rank: number; left: number } | undefined {
    const { keys } = this;
    if (keys.length === 0) return undefined;
    const top = keys[0];
    const last = keys.pop()!;
    if (keys.length > 0) {
      let at = 0;
      for (;;) {
        let child = 2 * at + 1;
        if (child >= keys.length) break;
        if (child + 1 < keys.length && keys[child + 1] < keys[child]) child++;
        if (keys[child] >= last) break;
        keys[at] = keys[child];
        at = child;
      }
      keys[at] = last;
    }
    const rank = Math.floor(top / 2 ** 31);
    return { rank, left: top - rank * 2 ** 31 };
  }
}
