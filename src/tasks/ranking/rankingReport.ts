import { MedTextError, words } from '../../base/errors';
import type { RankingReport } from '../../protocol/evaluation';
import type { RankingLoss } from '../../protocol/recipe';
import { bootstrapMeanInterval } from '../intervals';
import { mean } from '../metrics';
import { averagePrecision, ndcg, recall, reciprocalRank, relevantCount, type Judged } from './rankingMetrics';

/** What a ranking learned by: measured again on rows that it did not learn from. */
export interface LearnedBy {
  readonly loss: RankingLoss;
  /** The highest grade in the training data. */
  readonly highestGrade: number;
}

/**
 * The report on the candidates of each query. Metrics are means over the queries that have a relevant candidate, as trec_eval's are
 * (scikit-learn's ndcg_score counts the others as 0); a query of a single candidate is measured, as in trec_eval.
 * @param queries of each, its candidates
 * @throws DATA_FORMAT when there are no candidates
 */
export function rankingReport(input: {
  readonly queries: readonly (readonly Judged[])[];
  readonly learnedBy: LearnedBy;
  /** Seed of the bootstrap. */
  readonly seed?: number;
}): RankingReport {
  const { queries, learnedBy, seed = 0 } = input;
  const rows = queries.reduce((sum, { length }) => sum + length, 0);
  if (rows === 0) throw new MedTextError('DATA_FORMAT', words`There are no labelled rows to evaluate.`);
  const measured = queries.filter((candidates) => relevantCount(candidates) > 0);
  const over = (metric: (candidates: readonly Judged[]) => number) =>
    measured.length === 0 ? null : mean(measured.map(metric));
  const best = measured.map((candidates) => ndcg(candidates, 10));
  return {
    rows,
    queries: measured.length,
    queriesWithoutRelevant: queries.length - measured.length,
    queriesOfOne: measured.filter(({ length }) => length === 1).length,
    loss: learnedBy.loss === 'listwise' ? listNetLoss(queries) : relevanceLoss(queries.flat(), learnedBy.highestGrade),
    'ndcg@10': over((candidates) => ndcg(candidates, 10)),
    'ndcg@10Interval': best.length === 0 ? null : bootstrapMeanInterval(best, { seed }),
    'ndcg@1': over((candidates) => ndcg(candidates, 1)),
    mrr: over(reciprocalRank),
    map: over(averagePrecision),
    'recall@10': over((candidates) => recall(candidates, 10)),
    'recall@1': over((candidates) => recall(candidates, 1)),
    constantBaseline: over((candidates) => ndcg(candidates.map(({ grade }) => ({ grade, score: 0 })), 10)), // prettier-ignore
  };
}

/** ListNet's of whole queries, the mean over them. */
function listNetLoss(queries: readonly (readonly Judged[])[]): number {
  return mean(
    queries.map((candidates) => {
      const wanted = logSoftmax(candidates.map(({ grade }) => grade));
      const given = logSoftmax(candidates.map(({ score }) => score));
      return wanted.reduce((sum, log, at) => sum - Math.exp(log) * given[at], 0);
    }),
  );
}

function logSoftmax(values: readonly number[]): number[] {
  const largest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const log = largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
  return values.map((value) => value - log);
}

/** Binary cross-entropy of the grade over the highest grade, the mean over candidates; stable at any score. */
function relevanceLoss(candidates: readonly Judged[], highestGrade: number): number {
  return mean(
    candidates.map(({ grade, score }) => {
      const relevance = Math.min(1, grade / highestGrade);
      return Math.max(score, 0) - score * relevance + Math.log1p(Math.exp(-Math.abs(score)));
    }),
  );
}
