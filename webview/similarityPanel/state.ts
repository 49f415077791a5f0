import type { MarkedEntity } from '../../src/protocol/scorer';
import { MEASURES, rankOf, ranksPairs, saidLabels, shownNumber, type PairScore } from '../../src/protocol/scores';
import type {
  BothOrders,
  Comparison,
  MarkedTexts,
  Pairs,
  Ranking,
  RankedText,
  SimilaritySnapshot,
} from '../../src/protocol/similarityPanel';
import type { ShownError } from '../shared/errorNotice';

export interface SimilarityPanelState {
  /** Undefined until the host has answered. */
  readonly snapshot: SimilaritySnapshot | undefined;
  /** The id of the sentence whose details are open. */
  readonly openRow: number | undefined;
  /** Row and column of the pair that the person chose in the heat map. */
  readonly cell: readonly [number, number] | undefined;
  readonly showsAll: boolean;
  readonly trouble: ShownError | undefined;
}

export const initialState: SimilarityPanelState = {
  snapshot: undefined,
  openRow: undefined,
  cell: undefined,
  showsAll: false,
  trouble: undefined,
};

export type SimilarityPanelEvent =
  | { readonly type: 'snapshot'; readonly snapshot: SimilaritySnapshot }
  | { readonly type: 'row'; readonly id: number }
  | { readonly type: 'cell'; readonly row: number; readonly column: number }
  | { readonly type: 'all' }
  | { readonly type: 'trouble'; readonly error: ShownError | undefined };

export function reduce(state: SimilarityPanelState, event: SimilarityPanelEvent): SimilarityPanelState {
  switch (event.type) {
    case 'snapshot': {
      const { snapshot } = event;
      const isNew = snapshot.revision !== state.snapshot?.revision;
      // Ids and places of the previous comparison are invalid.
      return { ...state, snapshot, ...(isNew && { openRow: undefined, cell: undefined, trouble: undefined }) };
    }
    case 'row':
      return { ...state, openRow: state.openRow === event.id ? undefined : event.id };
    case 'cell':
      return { ...state, cell: [event.row, event.column] };
    case 'all':
      return { ...state, showsAll: true };
    case 'trouble':
      return { ...state, trouble: event.error };
  }
}

/** The panel points out two orders whose scores differ by at least this. */
const noticeable = 0.05;

/** One number for both orders of a pair, and the difference between the orders. */
export interface PairSummary {
  /**
   * The mean of {@link shownNumber} over both orders. In a directed measure only the first text is a query, so
   * `forward` counts alone.
   */
  readonly value: number;
  /** The number that ranks pairs, from the same orders. */
  readonly rank: number;
  readonly asymmetry: number;
  readonly isAsymmetric: boolean;
}

/** The likeliest class, or the labels that reach their thresholds; '–' if there are none. */
export const labelsText = (score: PairScore): string => saidLabels(score)?.join(' · ') || '–';

/** Both orders. A directed measure reads the first text as the query, so that `forward` stands for both. */
function ordersThatCount({ forward, backward }: BothOrders): readonly [PairScore, PairScore] {
  return [forward, MEASURES[forward.measure].isDirected ? forward : backward];
}

export function pairSummary({ forward, backward }: BothOrders): PairSummary {
  const orders = ordersThatCount({ forward, backward });
  const [first, second] = orders.map(shownNumber);
  const [rank, otherRank] = orders.map(rankOf);
  const asymmetry = Math.abs(first - second);
  return {
    value: (first + second) / 2,
    rank: (rank + otherRank) / 2,
    asymmetry,
    // Without a scale nobody knows which difference is large.
    isAsymmetric: forward.similarity !== null && asymmetry >= noticeable,
  };
}

/**
 * Maps a number to the length of its bar, from 0 to 1. A similarity is its own length. A cosine and a number without a
 * scale are placed between the least and the greatest number of the comparison.
 */
export function shareOf(comparison: Comparison): (value: number) => number {
  const shown = scoresOf(comparison);
  const isRelative = (score: PairScore) => MEASURES[score.measure].similarity?.isRelative || (score.similarity === null && ranksPairs(score)); // prettier-ignore
  if (!shown.some(isRelative)) return (value) => value;
  const numbers = shown.map(shownNumber);
  const least = Math.min(...numbers);
  const width = Math.max(...numbers) - least;
  return (value) => (width > 0 ? (value - least) / width : 1);
}

/**
 * The sentences by {@link PairSummary.rank}, highest first. Sentences without a score come last, in the document's
 * order.
 */
export function ranked({ sentences }: Ranking): readonly RankedText[] {
  const value = ({ score }: RankedText): number => (score ? pairSummary(score).rank : -Infinity);
  const apart = (a: number, b: number): number => (a === b ? 0 : b - a);
  return [...sentences].sort((a, b) => apart(value(a), value(b)) || a.id - b.id);
}

/** Both orders of a pair of the heat map; null until both have scores. */
export function ordersOf({ scores }: Pairs, row: number, column: number): BothOrders | null {
  const forward: PairScore | null | undefined = scores[row]?.[column];
  const backward = scores[column]?.[row];
  return forward && backward ? { forward, backward } : null;
}

/** The pair whose details stand below the heat map: the chosen pair, otherwise the pair that ranks highest. */
export function shownCell(pairs: Pairs, state: SimilarityPanelState): readonly [number, number] | undefined {
  if (state.cell && ordersOf(pairs, ...state.cell)) return state.cell;
  let best: readonly [number, number] | undefined;
  let highest = -Infinity;
  for (let row = 0; row < pairs.texts.length; row++) {
    for (let column = row + 1; column < pairs.texts.length; column++) {
      const orders = ordersOf(pairs, row, column);
      if (orders && pairSummary(orders).rank > highest) {
        highest = pairSummary(orders).rank;
        best = [row, column];
      }
    }
  }
  return best;
}

/** The types of all entities found so far. A type's place in the list gives its colour. */
export function typesOf({ texts }: MarkedTexts): readonly string[] {
  const types = new Set(texts.flatMap(({ entities }) => entities?.map(({ type }) => type) ?? []));
  return [...types].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** Sorts entities by their start. An entity comes before the entities inside it. */
export const byPlace = (a: MarkedEntity, b: MarkedEntity): number => a.start - b.start || b.end - a.end;

/** Any score of the comparison, because all scores have the same measure. Undefined before the first score. */
export const anyScore = ({ comparison }: SimilaritySnapshot): PairScore | undefined => comparison ? scoresOf(comparison)[0] : undefined; // prettier-ignore

/** All scores so far. */
function scoresOf(comparison: Comparison): PairScore[] {
  if (comparison.kind === 'entities') return [];
  if (comparison.kind === 'texts') return comparison.texts.flatMap(({ score }) => (score ? [score] : []));
  const pairs = comparison.kind === 'pairs' ? [] : [comparison.reference?.score, ...comparison.sentences.map(({ score }) => score)]; // prettier-ignore
  const scores = comparison.kind === 'pairs' ? comparison.scores.flat() : pairs.flatMap((both) => (both ? ordersThatCount(both) : [])); // prettier-ignore
  return scores.filter((score) => score !== null);
}
