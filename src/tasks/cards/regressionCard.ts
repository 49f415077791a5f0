import { count, decimal, decimals, table } from '../../base/markdown';
import type { RegressionReport } from '../../protocol/evaluation';
import type { TaskCard } from './card';
import { sequenceExample } from './sequenceExample';

export const regressionCard: TaskCard<RegressionReport> = {
  pipelineTag: 'text-classification',
  metrics: ['pearsonr', 'spearmanr', 'mse'],
  history: ['loss', 'pearson', 'spearman', 'mae'],
  hasLabels: false,
  does: (texts) => `It gives ${texts} a number.`,
  headlines: ({ pearson, spearman, mse }) => [
    { type: 'pearsonr', title: 'Pearson', value: pearson },
    { type: 'spearmanr', title: 'Spearman', value: spearman },
    { type: 'mse', title: 'Mean squared error', value: mse },
  ],
  tables: regressionTables,
  python: (of) => ({ prints: 'the number', code: sequenceExample(of, 'print(model(**inputs).logits.item())') }),
};

function regressionTables(report: RegressionReport, split: string): string[] {
  return [
    `On ${count(report.rows)} ${split} rows; intervals are at 95 %.`,
    table(
      ['Metric', 'Value', 'Interval'],
      [
        ['Pearson correlation', decimal(report.pearson), decimals(report.pearsonInterval)],
        ['Spearman correlation', decimal(report.spearman), decimals(report.spearmanInterval)],
        ['Mean squared error', decimal(report.mse), ''],
        ['Mean squared error if the mean is always predicted (baseline)', decimal(report.meanBaseline), ''],
        ['Mean absolute error', decimal(report.mae), ''],
      ],
    ),
  ];
}
