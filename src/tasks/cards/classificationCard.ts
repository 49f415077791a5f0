import { count, decimal, inline, labelList, percent, percents, table } from '../../base/markdown';
import type { ClassificationReport } from '../../protocol/evaluation';
import type { TaskCard } from './card';
import { sequenceExample } from './sequenceExample';

export const classificationCard: TaskCard<ClassificationReport> = {
  pipelineTag: 'text-classification',
  metrics: ['accuracy', 'f1'],
  history: ['loss', 'accuracy', 'macroF1'],
  hasLabels: true,
  does: (texts, labels) => `It gives ${texts} one of ${labels.length} labels.`,
  headlines: ({ accuracy, macroF1 }) => [
    { type: 'accuracy', title: 'Accuracy', value: accuracy },
    { type: 'f1', title: 'Macro F1', value: macroF1 },
  ],
  tables: classificationTables,
  python: (of) => ({
    prints: `the probabilities of ${labelList(of.labels)}`,
    code: sequenceExample(
      of,
      'probabilities = model(**inputs).logits.softmax(-1)[0]\nprint({model.config.id2label[i]: p.item() for i, p in enumerate(probabilities)})',
    ),
  }),
};

function classificationTables(report: ClassificationReport, split: string): string[] {
  const { accuracy, accuracyInterval, majorityBaseline, labels, perClass, confusionMatrix } = report;
  const verdict =
    accuracyInterval[0] > majorityBaseline
      ? 'The accuracy is above that of always predicting the most frequent label.'
      : accuracyInterval[1] < majorityBaseline
        ? '**The accuracy is below that of always predicting the most frequent label.**'
        : '**The accuracy does not differ significantly from that of always predicting the most frequent label.**';
  return [
    `On ${count(report.rows)} ${split} rows; intervals are at 95 %.`,
    table(
      ['Metric', 'Value', 'Interval'],
      [
        ['Accuracy', percent(accuracy), percents(accuracyInterval)],
        ['Most frequent label (baseline)', percent(majorityBaseline), ''],
        ['Macro F1', percent(report.macroF1), percents(report.macroF1Interval)],
        ['Micro F1', percent(report.microF1), ''],
        ...(report.binaryF1 === undefined ? [] : [[`F1 of ${inline(labels[1])}`, percent(report.binaryF1), '']]),
        ['Loss (cross-entropy)', decimal(report.loss), ''],
      ],
    ),
    verdict,
    table(
      ['Label', 'Precision', 'Recall', 'F1', 'Rows'],
      labels.map((label) => {
        const { precision, recall, f1, support } = perClass[label];
        return [inline(label), percent(precision), percent(recall), percent(f1), count(support)];
      }),
    ),
    '### Confusion matrix',
    'Rows: the true label; columns: the predicted one.',
    table(
      ['', ...labels.map(inline)],
      confusionMatrix.map((row, id) => [`**${inline(labels[id])}**`, ...row.map(count)]),
    ),
  ];
}
