import { rankOf, type MarkedEntity, type PairScore } from '../../src/protocol/scorer';
import type {
  BothOrders,
  Comparison,
  MarkedTexts,
  Pairs,
  Ranking,
  RankedText,
  SimilaritySnapshot,
} from '../../src/protocol/similarityPanel';

export interface SimilarityPanelState {
  /** Undefined until the host has answered. */
  readonly snapshot: SimilaritySnapshot | undefined;
  /** The sentence whose details are open, by its id; of this comparison only. */
  readonly openRow: number | undefined;
  /** The pair whose details are shown: row and column of the heat map. */
  readonly cell: readonly [number, number] | undefined;
  readonly showsAll: boolean;
  readonly trouble: string;
}

export const initialState: SimilarityPanelState = {
  snapshot: undefined,
  openRow: undefined,
  cell: undefined,
  showsAll: false,
  trouble: '',
};

export type SimilarityPanelEvent =
  | { readonly type: 'snapshot'; readonly snapshot: SimilaritySnapshot }
  | { readonly type: 'row'; readonly id: number }
  | { readonly type: 'cell'; readonly row: number; readonly column: number }
  | { readonly type: 'all' }
  | { readonly type: 'trouble'; readonly message: string };

export function reduce(state: SimilarityPanelState, event: SimilarityPanelEvent): SimilarityPanelState {
  switch (event.type) {
    case 'snapshot': {
      const { snapshot } = event;
      const isNew = snapshot.revision !== state.snapshot?.revision;
      // What was opened belongs to the comparison it was opened in.
      return { ...state, snapshot, ...(isNew && { openRow: undefined, cell: undefined, trouble: '' }) };
    }
    case 'row':
      return { ...state, openRow: state.openRow === event.id ? undefined : event.id };
    case 'cell':
      return { ...state, cell: [event.row, event.column] };
    case 'all':
      return { ...state, showsAll: true };
    case 'trouble':
      return { ...state, trouble: event.message };
  }
}

/** Orders that differ by more than this are pointed out. */
const noticeable = 0.05;

/** A pair's one number, and how far its two orders are apart. */
export interface PairSummary {
  /** The mean of both orders' {@link shownNumber}. */
  readonly value: number;
  /** What pairs are ranked by, the mean of both orders. */
  readonly rank: number;
  readonly asymmetry: number;
  readonly isAsymmetric: boolean;
}

/** The similarity; of a regression without a known scale the prediction; of classes without one the likeliest's probability. */
export function shownNumber({ similarity, measure, probabilities, logits }: PairScore): number {
  if (measure === 'classes' || measure === 'labels') return Math.max(...Object.values(probabilities));
  return similarity ?? logits[0];
}

/** The likeliest class, or the labels that reach their thresholds. */
export function likeliest({ probabilities, chosen }: PairScore): string {
  if (chosen) return chosen.join(' · ') || '–';
  return Object.entries(probabilities).reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
}

export function pairSummary({ forward, backward }: BothOrders): PairSummary {
  const [first, second] = [shownNumber(forward), shownNumber(backward)];
  const asymmetry = Math.abs(first - second);
  return {
    value: (first + second) / 2,
    rank: (rankOf(forward) + rankOf(backward)) / 2,
    asymmetry,
    // What is much is not known without a scale.
    isAsymmetric: forward.similarity !== null && asymmetry >= noticeable,
  };
}

/** How long a bar is, in [0, 1]: the similarity itself; of a cosine, or without a scale, the place between the least and the greatest number shown. */
export function shareOf(comparison: Comparison): (value: number) => number {
  const shown = scoresOf(comparison);
  if (!shown.some(({ similarity, measure }) => (similarity === null && measure !== 'classes' && measure !== 'labels') || measure === 'cosine')) return (value) => value; // prettier-ignore
  const numbers = shown.map(shownNumber);
  const least = Math.min(...numbers);
  const width = Math.max(...numbers) - least;
  return (value) => (width > 0 ? (value - least) / width : 1);
}

/** Most similar first, the mean of both orders counting; what has no score yet follows in the document's order. */
export function ranked({ sentences }: Ranking): readonly RankedText[] {
  const value = ({ score }: RankedText): number => (score ? pairSummary(score).rank : -Infinity);
  const apart = (a: number, b: number): number => (a === b ? 0 : b - a);
  return [...sentences].sort((a, b) => apart(value(a), value(b)) || a.id - b.id);
}

/** Both orders of a pair of the heat map, once both have come. */
export function ordersOf({ scores }: Pairs, row: number, column: number): BothOrders | null {
  const forward: PairScore | null | undefined = scores[row]?.[column];
  const backward = scores[column]?.[row];
  return forward && backward ? { forward, backward } : null;
}

/** The pair shown below the heat map: the chosen one, else the most similar. */
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

/** The types of the entities that have come, in the order of their colours. */
export function typesOf({ texts }: MarkedTexts): readonly string[] {
  const types = new Set(texts.flatMap(({ entities }) => entities?.map(({ type }) => type) ?? []));
  return [...types].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** In the order of the text, those around others before them. */
export const byPlace = (a: MarkedEntity, b: MarkedEntity): number => a.start - b.start || b.end - a.end;

/** How the numbers of the comparison come about; `number`: a regression's, on a scale that nobody knows. */
export function scoreKind({ comparison }: SimilaritySnapshot): PairScore['measure'] | 'number' | undefined {
  const score = comparison && scoresOf(comparison)[0];
  if (!score) return undefined;
  if (score.measure === 'classes' || score.measure === 'labels') return score.measure;
  return score.similarity === null ? 'number' : score.measure;
}

/** The scores that have come. */
function scoresOf(comparison: Comparison): PairScore[] {
  if (comparison.kind === 'entities') return [];
  if (comparison.kind === 'texts') return comparison.texts.flatMap(({ score }) => (score ? [score] : []));
  const pairs = comparison.kind === 'pairs' ? [] : [comparison.reference?.score, ...comparison.sentences.map(({ score }) => score)]; // prettier-ignore
  const scores = comparison.kind === 'pairs' ? comparison.scores.flat() : pairs.flatMap((both) => (both ? [both.forward, both.backward] : [])); // prettier-ignore
  return scores.filter((score) => score !== null);
}
