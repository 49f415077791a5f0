import type {
  BothOrders,
  OrderScore,
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
  readonly similarity: number;
  readonly asymmetry: number;
  readonly isAsymmetric: boolean;
}

export function pairSummary({ forward, backward }: BothOrders): PairSummary {
  const asymmetry = Math.abs(forward.similarity - backward.similarity);
  const similarity = (forward.similarity + backward.similarity) / 2;
  return { similarity, asymmetry, isAsymmetric: asymmetry >= noticeable };
}

/** Most similar first, the mean of both orders counting; what has no score yet follows in the document's order. */
export function ranked({ sentences }: Ranking): readonly RankedText[] {
  const value = ({ score }: RankedText): number => (score ? pairSummary(score).similarity : -1);
  return [...sentences].sort((a, b) => value(b) - value(a) || a.id - b.id);
}

/** Both orders of a pair of the heat map, once both have come. */
export function ordersOf({ scores }: Pairs, row: number, column: number): BothOrders | null {
  const forward: OrderScore | null | undefined = scores[row]?.[column];
  const backward = scores[column]?.[row];
  return forward && backward ? { forward, backward } : null;
}

/** The pair shown below the heat map: the chosen one, else the most similar. */
export function shownCell(pairs: Pairs, state: SimilarityPanelState): readonly [number, number] | undefined {
  if (state.cell && ordersOf(pairs, ...state.cell)) return state.cell;
  let best: readonly [number, number] | undefined;
  let highest = -1;
  for (let row = 0; row < pairs.texts.length; row++) {
    for (let column = row + 1; column < pairs.texts.length; column++) {
      const orders = ordersOf(pairs, row, column);
      if (orders && pairSummary(orders).similarity > highest) {
        highest = pairSummary(orders).similarity;
        best = [row, column];
      }
    }
  }
  return best;
}

/** A model that predicts a number has no classes. */
export function scoreKind(snapshot: SimilaritySnapshot): 'expected label' | 'prediction' | undefined {
  const { comparison } = snapshot;
  if (!comparison) return undefined;
  const scores =
    comparison.kind === 'pairs'
      ? comparison.scores.flat()
      : [comparison.reference?.score?.forward, ...comparison.sentences.map(({ score }) => score?.forward)];
  const score = scores.find((found) => found !== null && found !== undefined);
  if (!score) return undefined;
  return Object.keys(score.probabilities).length > 0 ? 'expected label' : 'prediction';
}
