import { count, decimal, table } from '../../base/markdown';
import type { PretrainingReport } from '../../protocol/evaluation';
import type { TaskCard } from './card';

export const pretrainingCard: TaskCard<PretrainingReport> = {
  pipelineTag: 'fill-mask',
  metrics: ['perplexity'],
  history: ['loss', 'perplexity', 'maskedAccuracy'],
  hasLabels: false,
  does: () => 'It fills in masked words, and is an encoder to fine-tune.',
  headlines: ({ perplexity, maskedAccuracy }) => [
    { type: 'perplexity', title: 'Perplexity of masked tokens', value: perplexity },
    { type: 'accuracy', title: 'Accuracy of masked tokens', value: maskedAccuracy },
  ],
  tables: pretrainingTables,
  python: ({ maxLength }) => ({
    prints: 'the likeliest tokens',
    code: `from transformers import pipeline

fill = pipeline("fill-mask", model="MODEL", tokenizer_kwargs={"truncation": True, "max_length": ${maxLength}})
for answer in fill("患者有高血压病[MASK]。"):
    print(answer["token_str"], answer["score"])`,
  }),
};

function pretrainingTables(report: PretrainingReport, split: string): string[] {
  const { rows, tokens, loss, perplexity, maskedAccuracy } = report;
  const { shuffledLoss, shuffledAccuracy, sentenceLoss, sentenceAccuracy } = report;
  const others = [
    ['Shuffled tokens', shuffledLoss, shuffledAccuracy],
    ['Order of sentences (3 classes)', sentenceLoss, sentenceAccuracy],
  ] as const;
  return [
    `On ${count(tokens)} masked tokens of ${count(rows)} ${split} sequences, with the same mask in all evaluations. The perplexity of the masked tokens compares only models with the same vocabulary.`,
    table(
      ['Objective', 'Loss', 'Perplexity', 'Accuracy'],
      [
        ['Masked tokens', decimal(loss), decimal(perplexity), decimal(maskedAccuracy)],
        ...others.flatMap(([name, value, accuracy]) => (value === undefined ? [] : [[name, decimal(value), '', decimal(accuracy ?? null)]])), // prettier-ignore
      ],
    ),
  ];
}
