/**
 * How good one query's ranking is. Texts with equal scores have no order: each metric is its mean over all orders of them, so that a
 * model that answers a constant gains nothing by the order of the file.
 */

/** A candidate of a query. */
export interface Judged {
  /** Its relevance, at least 0; above 0 it is relevant (trec_eval's `-l 1` of whole grades). */
  readonly grade: number;
  readonly score: number;
}

/** Candidates with equal scores, best first. */
interface Tie {
  /** Candidates above it, and how many of those are relevant. */
  readonly above: number;
  readonly relevantAbove: number;
  readonly size: number;
  readonly relevant: number;
  readonly grades: number;
}

function tiesOf(candidates: readonly Judged[]): Tie[] {
  // NaN equals nothing, itself included: it would never end a tie.
  const judged = candidates.map(({ grade, score }) => ({ grade, score: Number.isNaN(score) ? -Infinity : score }));
  const best = judged.sort((a, b) => b.score - a.score || 0);
  const ties: Tie[] = [];
  let [above, relevantAbove] = [0, 0];
  while (above < best.length) {
    const { score } = best[above];
    let end = above;
    let [relevant, grades] = [0, 0];
    for (; end < best.length && best[end].score === score; end++) {
      if (best[end].grade > 0) relevant++;
      grades += best[end].grade;
    }
    ties.push({ above, relevantAbove, size: end - above, relevant, grades });
    relevantAbove += relevant;
    above = end;
  }
  return ties;
}

export const relevantCount = (candidates: readonly Judged[]): number =>
  candidates.filter(({ grade }) => grade > 0).length;

/**
 * Normalised discounted cumulative gain of the first `k`, as scikit-learn's `ndcg_score`: the gain is the grade itself (linear, not
 * 2^grade - 1), the discount log2(rank + 1), ties by their mean. NaN where nothing is relevant.
 */
export function ndcg(candidates: readonly Judged[], k: number): number {
  const discounts = candidates.map((_, at) => (at < k ? 1 / Math.log2(at + 2) : 0));
  const ideal = candidates.map(({ grade }) => grade).sort((a, b) => b - a);
  let [gained, best] = [0, 0];
  for (const { above, size, grades } of tiesOf(candidates)) {
    for (let at = above; at < above + size; at++) gained += (grades / size) * discounts[at];
  }
  ideal.forEach((grade, at) => (best += grade * discounts[at]));
  return gained / best;
}

/** The reciprocal rank of the first relevant candidate: trec_eval's `recip_rank`. NaN where nothing is relevant. */
export function reciprocalRank(candidates: readonly Judged[]): number {
  const first = tiesOf(candidates).find(({ relevant }) => relevant > 0);
  if (!first) return NaN;
  const { above, size, relevant } = first;
  // The chance that the first relevant one of the tie stands at this place of it.
  let chance = relevant / size;
  let mean = 0;
  for (let place = 1; place <= size - relevant + 1; place++) {
    mean += chance / (above + place);
    chance *= (size - place - relevant + 1) / (size - place);
  }
  return mean;
}

/**
 * Average precision over the whole ranking: trec_eval's `map`, whose denominator is all relevant candidates. Of ties its
 * expected value (McSherry and Najork, ECIR 2008, section 2.2). NaN where nothing is relevant.
 */
export function averagePrecision(candidates: readonly Judged[]): number {
  let sum = 0;
  for (const { above, relevantAbove, size, relevant } of tiesOf(candidates)) {
    // The relevant share of the tie's other candidates, given one that is relevant.
    const others = size === 1 ? 0 : (relevant - 1) / (size - 1);
    for (let place = 1; relevant > 0 && place <= size; place++) {
      sum += ((relevant / size) * (relevantAbove + 1 + (place - 1) * others)) / (above + place);
    }
  }
  return sum / relevantCount(candidates);
}

/** The share of the relevant candidates that stand among the first `k`: trec_eval's `recall_k`. NaN where nothing is relevant. */
export function recall(candidates: readonly Judged[], k: number): number {
  let found = 0;
  for (const { above, size, relevant } of tiesOf(candidates)) {
    found += (relevant * Math.min(size, Math.max(0, k - above))) / size;
  }
  return found / relevantCount(candidates);
}
