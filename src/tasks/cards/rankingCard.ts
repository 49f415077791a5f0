import { count, decimal, decimals, table } from '../../base/markdown';
import type { RankingReport } from '../../protocol/evaluation';
import type { TaskCard } from './card';
import { sequenceExample } from './sequenceExample';

export const rankingCard: TaskCard<RankingReport> = {
  pipelineTag: 'text-ranking',
  metrics: ['ndcg', 'mrr', 'map', 'recall'],
  history: ['loss', 'ndcg@10', 'mrr', 'map'],
  hasLabels: false,
  does: (texts) => `It gives ${texts} a score by which the texts of a query are ranked.`,
  headlines: (report) => [
    { type: 'ndcg', title: 'NDCG@10', value: report['ndcg@10'] },
    { type: 'mrr', title: 'Mean reciprocal rank', value: report.mrr },
    { type: 'map', title: 'Mean average precision', value: report.map },
    { type: 'recall', title: 'Recall@10', value: report['recall@10'] },
  ],
  tables: rankingTables,
  python: (of) => ({
    prints: 'the score of the second text for the first; only the order of scores within one query has a meaning',
    code: sequenceExample(of, 'print(model(**inputs).logits.item())'),
  }),
};

function rankingTables(report: RankingReport, split: string): string[] {
  const { rows, queries, queriesWithoutRelevant, queriesOfOne } = report;
  return [
    `On ${count(rows)} ${split} texts. Metrics are means over the ${count(queries)} queries with a relevant text (a grade above 0), ${count(queriesOfOne)} of them with only one text; ${count(queriesWithoutRelevant)} queries have none and are left out. NDCG uses the grade itself as gain, and the mean over texts with equal scores, as in scikit-learn. The interval is at 95 %.`,
    table(
      ['Metric', 'Value', 'Interval'],
      [
        ['NDCG@10', decimal(report['ndcg@10']), decimals(report['ndcg@10Interval'])],
        ['NDCG@10 if all texts have equal scores (baseline)', decimal(report.constantBaseline), ''],
        ['NDCG@1', decimal(report['ndcg@1']), ''],
        ['Mean reciprocal rank', decimal(report.mrr), ''],
        ['Mean average precision', decimal(report.map), ''],
        ['Recall@10', decimal(report['recall@10']), ''],
        ['Recall@1', decimal(report['recall@1']), ''],
        ['Loss', decimal(report.loss), ''],
      ],
    ),
  ];
}
