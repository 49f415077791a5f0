import { count, decimal, inline, percent, percents, table } from '../../base/markdown';
import type { MultiLabelReport } from '../../protocol/evaluation';
import type { TaskCard } from './card';
import { sequenceExample } from './sequenceExample';

export const multiLabelCard: TaskCard<MultiLabelReport> = {
  pipelineTag: 'text-classification',
  metrics: ['f1', 'average_precision'],
  history: ['loss', 'averagePrecision', 'microF1', 'macroF1'],
  hasLabels: true,
  dropped: 'These labels were left out',
  does: (texts, labels) => `It gives ${texts} any number of ${labels.length} labels, or none.`,
  headlines: ({ microF1, macroF1, averagePrecision, subsetAccuracy }) => [
    { type: 'f1', title: 'Micro F1', value: microF1 },
    { type: 'f1', title: 'Macro F1', value: macroF1 },
    { type: 'average_precision', title: 'Average precision', value: averagePrecision },
    { type: 'accuracy', title: 'Subset accuracy', value: subsetAccuracy },
  ],
  tables: multiLabelTables,
  python: (of) => ({
    prints: 'the labels whose probability reaches their threshold, with the probability',
    code: sequenceExample(
      of,
      [
        'probabilities = model(**inputs).logits.sigmoid()[0].tolist()',
        'thresholds = model.config.medtext["thresholds"]',
        'labels = [model.config.id2label[i] for i in range(len(probabilities))]',
        'print({label: p for label, p in zip(labels, probabilities) if p >= thresholds[label]})',
      ].join('\n'),
    ),
  }),
};

function multiLabelTables(report: MultiLabelReport, split: string): string[] {
  const { labels, perLabel, thresholdsChosenHere } = report;
  return [
    `On ${count(report.rows)} ${split} rows, ${count(report.withoutLabel)} of them without any label; intervals are at 95 %.`,
    table(
      ['Metric', 'Value', 'Interval'],
      [
        ['Micro F1', percent(report.microF1), percents(report.microF1Interval)],
        ['Macro F1', percent(report.macroF1), percents(report.macroF1Interval)],
        ['Weighted F1', percent(report.weightedF1), ''],
        ['Average precision (mean over labels)', decimal(report.averagePrecision), ''],
        ['Subset accuracy', percent(report.subsetAccuracy), percents(report.subsetAccuracyInterval)],
        ['Most frequent combination (baseline)', percent(report.majorityBaseline), ''],
        ['Loss (binary cross-entropy)', decimal(report.loss), ''],
      ],
    ),
    ...(thresholdsChosenHere
      ? ['The thresholds were chosen on these rows, so F1 and subset accuracy are higher here than on new rows.']
      : []),
    table(
      ['Label', 'Precision', 'Recall', 'F1', 'Average precision', 'Threshold', 'Rows'],
      labels.map((label) => {
        const { precision, recall, f1, averagePrecision, threshold, support } = perLabel[label];
        return [inline(label), percent(precision), percent(recall), percent(f1), decimal(averagePrecision), decimal(threshold), count(support)]; // prettier-ignore
      }),
    ),
  ];
}
