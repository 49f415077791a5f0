import { count, decimal, inline, labelList, percent, percents, table } from '../../base/markdown';
import type { SpanReport } from '../../protocol/evaluation';
import type { TaskCard } from './card';

export const entityCard: TaskCard<SpanReport> = {
  pipelineTag: 'token-classification',
  metrics: ['precision', 'recall', 'f1'],
  history: ['loss', 'microPrecision', 'microRecall', 'microF1', 'macroF1'],
  hasLabels: true,
  isOfEntities: true,
  dropped: 'Entities of these types were left out',
  command: 'medtext score MODEL "患者因急性阑尾炎入院，予头孢曲松抗感染治疗"',
  example: '患者因急性阑尾炎入院，予头孢曲松抗感染治疗',
  does: (texts, labels) => `It marks entities of ${labels.length} types in ${texts}.`,
  headlines: ({ microPrecision, microRecall, microF1 }) => [
    { type: 'precision', title: 'Precision', value: microPrecision },
    { type: 'recall', title: 'Recall', value: microRecall },
    { type: 'f1', title: 'F1', value: microF1 },
  ],
  tables: (report, split) => [
    `On ${count(report.rows)} ${split} texts with ${count(report.entities)} annotated and ${count(report.predicted)} predicted entities; intervals are at 95 %. An entity counts as found if its type and both its boundaries are right (seqeval's strict mode).`,
    table(
      ['Metric', 'Value', 'Interval'],
      [
        ['F1 (micro)', percent(report.microF1), percents(report.microF1Interval)],
        ['Precision', percent(report.microPrecision), ''],
        ['Recall', percent(report.microRecall), ''],
        ['F1 (macro, mean of types)', percent(report.macroF1), percents(report.macroF1Interval)],
        ['Loss', decimal(report.loss), ''],
      ],
    ),
    table(
      ['Type', 'Precision', 'Recall', 'F1', 'Entities', 'Predicted'],
      report.labels.map((label) => {
        const { precision, recall, f1, support, predicted } = report.perType[label];
        return [inline(label), percent(precision), percent(recall), percent(f1), count(support), count(predicted)];
      }),
    ),
    '### Confusion of types',
    'Rows: the true type; columns: the predicted type of the same span.',
    table(
      ['', ...report.labels.map(inline), 'not found'],
      report.confusionMatrix.map((row, id) => [
        id < report.labels.length ? `**${inline(report.labels[id])}**` : '**no entity**',
        ...row.map((found, column) => (id === column && id === report.labels.length ? '' : count(found))),
      ]),
    ),
  ],
  python: ({ labels, text, maxLength, isKnownToTransformers }) => ({
    prints: `entities of ${labelList(labels)}`,
    code: isKnownToTransformers
      ? [
          'from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline',
          '',
          `tokenizer = AutoTokenizer.from_pretrained("MODEL", model_max_length=${maxLength})`,
          'model = AutoModelForTokenClassification.from_pretrained("MODEL").eval()',
          'mark = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="simple")',
          `print(mark(${text}))`,
        ].join('\n')
      : undefined,
  }),
};
