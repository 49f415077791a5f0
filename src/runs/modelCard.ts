import { code, count, countAndShare, decimal, fence, fileName, inline, table } from '../base/markdown';
import type { HeadPooling } from '../models/encoderConfig';
import { disturbanceOf, LOSS_WORK } from '../protocol/lossWork';
import type { ResolvedRecipe } from '../protocol/recipe';
import { describeTask, metricTitle } from '../protocol/tasks';
import type { BestEvaluation } from '../protocol/runRecord';
import type { EvaluationReport } from '../protocol/trainer';
import { metricOf, type EvaluationMetrics } from '../protocol/evaluation';
import type { TaskCard } from '../tasks/cards/card';
import { definitionOf } from '../tasks/definitions';

/** The content of a model card. Texts of the training data are left out on purpose: a card is published, patients' words must not be. */
export interface ModelCardInput {
  readonly name: string;
  /** The name of the model that was fine-tuned, without its folder. */
  readonly baseModel: string;
  /** The base model had no weights, so the training began with random ones. */
  readonly isRandomStart?: boolean;
  /** The base model's licence (an SPDX identifier in lower case), if it is known. */
  readonly license?: string;
  readonly recipe: ResolvedRecipe;
  /** The labels in the order of their ids; ignored for regression. */
  readonly labels: readonly string[];
  /** The input of the classification head; absent: the pooler. */
  readonly pooling?: HeadPooling;
  /** Whether a class of transformers computes the same outputs. */
  readonly isKnownToTransformers: boolean;
  /** The resolved `max_length` in tokens. */
  readonly maxLength: number;
  /** The data by split name: train, validation, test. */
  readonly data: Readonly<Record<string, ModelCardData>>;
  /** The columns that were read; absent for a corpus, which has none. */
  readonly fields?: { readonly first: string; readonly second?: string; readonly label?: string };
  readonly parameterCount: number;
  /** Optimiser steps done, and planned. */
  readonly step: number;
  readonly totalSteps: number;
  readonly best: BestEvaluation | null;
  /** The evaluation of the weights in the folder; absent before the first evaluation. */
  readonly evaluation?: EvaluationMetrics;
  /** The evaluation of the same weights on the test data. */
  readonly test?: EvaluationMetrics;
  /** All evaluations of the run in order. */
  readonly evaluations: readonly EvaluationReport[];
  readonly environment: Readonly<Record<string, unknown>>;
  readonly hasValidation: boolean;
}

export interface ModelCardData {
  /** The data file. The card prints only the last part of its path. */
  readonly file: string;
  /** The sheet of a workbook. */
  readonly sheet?: string;
  readonly sha256: string;
  readonly rows: number;
  /** The number of rows of each label. */
  readonly counts?: Readonly<Record<string, number>>;
  /** The number of rows that the label mapping drops, and of rows that could not be read. */
  readonly dropped?: number;
  readonly badRows?: number;
  readonly duplicates?: number;
  /** Set for a corpus. */
  readonly characters?: number;
  readonly tokens?: number;
  readonly icu?: string;
}

/** The README.md of a fine-tuned model: front matter for the model hubs, then the card for people. */
export function renderModelCard(card: ModelCardInput): string {
  const sections = [
    frontMatter(card),
    `# ${inline(card.name)}`,
    introduction(card),
    usage(card),
    dataStatistics(card),
    ...(cardOf(card).hasLabels ? [labelMeaning(card)] : []),
    results(card),
    testResults(card),
    evaluationHistory(card),
    hyperparameters(card),
    environmentSection(card),
    limits,
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

/** The YAML front matter. It quotes strings as JSON, because every JSON string is a YAML string. */
function frontMatter(card: ModelCardInput): string {
  const { recipe, name, license, baseModel } = card;
  const results = [...resultOf(card, 'validation', card.evaluation), ...resultOf(card, 'test', card.test)];
  const lines = [
    'language: zh',
    ...(license === undefined ? [] : [`license: ${JSON.stringify(license)}`]),
    'library_name: transformers',
    `pipeline_tag: ${cardOf(card).pipelineTag}`,
    `tasks:\n- ${recipe.task}`,
    ...(card.isRandomStart ? [] : [`base_model: ${JSON.stringify(baseModel)}`]),
    `tags:\n- medical\n- chinese\n- ${recipe.task}\n- medtext-lab`,
    `metrics:\n${cardOf(card)
      .metrics.map((metric) => `- ${metric}`)
      .join('\n')}`,
  ];
  if (results.length > 0) lines.push('model-index:', `- name: ${JSON.stringify(name)}`, '  results:', ...results);
  return `---\n${lines.join('\n')}\n---`;
}

/** The lines of one entry of `model-index`, or none without a metric. */
function resultOf(card: ModelCardInput, split: 'validation' | 'test', metrics?: EvaluationMetrics): string[] {
  const { headlines: headlinesOf, pipelineTag } = cardOf(card);
  const headlines = (metrics ? headlinesOf(metrics) : []).flatMap(({ value, ...named }) =>
    value !== null && Number.isFinite(value) ? [{ ...named, value }] : [],
  );
  if (headlines.length === 0) return [];
  return [
    '  - task:',
    `      type: ${pipelineTag}`,
    '    dataset:',
    `      name: ${JSON.stringify(fileName(card.data[split]?.file ?? split))}`,
    '      type: custom',
    `      split: ${split}`,
    '    metrics:',
    ...headlines.flatMap(({ type, title, value }) => [
      `    - type: ${type}`,
      `      name: ${title}`,
      `      value: ${Number(value.toFixed(6))}`,
    ]),
  ];
}

function introduction(card: ModelCardInput): string {
  const { baseModel, parameterCount, step, totalSteps, best } = card;
  const origin = card.isRandomStart
    ? `trained from **random weights**, with the architecture of ${inline(baseModel)} and without pretraining,`
    : card.data.train?.characters === undefined
      ? `fine-tuned from **${inline(baseModel)}**`
      : `whose pretraining was continued from **${inline(baseModel)}** on ${count(card.data.train.characters)} characters of text`;
  const texts =
    card.fields?.second === undefined ? 'a Chinese medical sentence' : 'a pair of Chinese medical sentences';
  const lines = [
    `An encoder ${origin} with MedText Lab (${count(parameterCount)} parameters). ${cardOf(card).does(texts, card.labels)}`,
  ];
  const progress = `Trained for ${count(step)} of ${count(totalSteps)} planned steps`;
  lines.push(
    best === null
      ? `${progress}.`
      : `${progress}; the weights are those of step ${count(best.step)}, the best by ${title(best.metric)} on the validation data.`,
  );
  return lines.join(' ');
}

/** The note on a head that no class of transformers has. */
function ownHead(pooling: HeadPooling | undefined): string {
  const reads = {
    mean: "reads the mean of the tokens' states, which no class of transformers does",
    cls: "reads the first token's state, without a pooler, which no class of transformers does",
    pooler: 'has no class in transformers',
  }[pooling ?? 'pooler'];
  return `**In Python**: the head ${reads}. \`medtext export MODEL --format onnx --output DIR\` writes the model for ONNX Runtime.`;
}

function usage({ recipe, fields, maxLength, labels, pooling, isKnownToTransformers }: ModelCardInput): string {
  const { second: secondText, reads } = describeTask(recipe.task);
  const isEncoder = reads === 'corpus';
  const isPair = secondText === 'required' || fields?.second !== undefined;
  const [first, second] = ['高血压能吃香蕉吗', '血压高可以吃香蕉吗'];
  const { command: own, example = first, python: pythonOf } = cardOf({ recipe });
  const command = own ? [own] : secondText === 'required' ? [`medtext score MODEL "${first}" "${second}"`] : [];
  const text = isPair ? `"${first}", "${second}"` : `"${example}"`;
  const { prints, code: lines } = pythonOf({ labels, text, maxLength, isKnownToTransformers });
  const python = lines === undefined || !isKnownToTransformers ? [ownHead(pooling)] : [`**In Python, with transformers** (prints ${prints})`, fence('python', lines)]; // prettier-ignore
  return [
    '## How to use it',
    'MODEL is the folder of this file.',
    '**On the command line**',
    fence(
      'sh',
      isEncoder
        ? 'medtext finetune --model MODEL --train FILE'
        : [...command, 'medtext evaluate MODEL --data FILE', 'medtext predict MODEL --data FILE --output OUT'].join(
            '\n',
          ),
    ),
    ...python,
    isEncoder
      ? '**In VS Code**, with the MedText Lab extension: *Fine-Tune Encoder…* begins with this folder; its details fill in masked words.'
      : '**In VS Code**, with the MedText Lab extension: run *MedText Lab: Choose Active Model* and choose this folder; hovers, *Score Selection*, *Evaluate…* and *Predict File…* then use it.',
  ].join('\n\n');
}

function dataStatistics({ data, fields, labels, recipe, maxLength }: ModelCardInput): string {
  const { hasLabels, isOfEntities = false } = cardOf({ recipe });
  const rows = Object.entries(data).map(
    ([split, { file, sheet, rows, counts, dropped = 0, badRows = 0, duplicates = 0, sha256 }]) => [
      split,
      sheet === undefined ? code(fileName(file)) : `${code(fileName(file))}, sheet ${code(sheet)}`,
      count(rows),
      ...(hasLabels ? labels.map((label) => (isOfEntities ? count(counts?.[label] ?? 0) : countAndShare(counts?.[label] ?? 0, rows))) : []), // prettier-ignore
      count(dropped + badRows + duplicates),
      code(sha256.slice(0, 16)),
    ],
  );
  const columns = fields && [
    `first sentence ${code(fields.first)}`,
    ...(fields.second === undefined ? [] : [`second sentence ${code(fields.second)}`]),
    ...(fields.label === undefined ? [] : [`label ${code(fields.label)}`]),
  ];
  return [
    '## Data',
    table(
      [
        'Split',
        'File',
        'Rows',
        ...(hasLabels ? labels.map((label) => `${isOfEntities ? 'Entities' : 'Label'} ${inline(label)}`) : []),
        'Left out',
        'SHA-256 begins',
      ],
      rows,
    ),
    columns ? `Columns: ${columns.join(', ')}. ${lengthLine(isOfEntities, maxLength)}` : textsLine(data, maxLength),
    ...cleaningLines(recipe.dataset.clean, data.train?.duplicates),
  ].join('\n\n');
}

function lengthLine(isOfEntities: boolean, maxLength: number): string {
  return isOfEntities
    ? `MedText Lab reads longer texts in overlapping windows of ${maxLength} tokens; other programs may cut them.`
    : `Inputs are cut to ${maxLength} tokens.`;
}

/** The lines on cleaning, which other programs have to do themselves. */
function cleaningLines(clean: readonly string[] = [], duplicates = 0): string[] {
  return [
    ...(clean.length > 0 ? [`Texts were cleaned before they were read: ${clean.map(code).join(', ')}, in this order. MedText Lab does so wherever it uses this model; other programs have to do it themselves.`] : []), // prettier-ignore
    ...(duplicates > 0 ? [`${count(duplicates)} training rows with the texts and the label of an earlier one were left out.`] : []), // prettier-ignore
  ];
}

/** The line on the size of a corpus. */
function textsLine({ train }: ModelCardInput['data'], maxLength: number): string {
  const words = train.icu === undefined ? 'Tokens are masked one by one.' : `Whole words are masked; ICU ${train.icu} finds the words.`; // prettier-ignore
  return `Rows are documents: ${count(train.characters ?? 0)} characters, ${count(train.tokens ?? 0)} tokens in all, cut into sequences of at most ${maxLength} tokens that cross no document; the validation documents are held out of them. ${words}`;
}

function labelMeaning({ labels, recipe }: ModelCardInput): string {
  const mapping = Object.entries(recipe.dataset.train.label_mapping ?? {});
  const rawValues = (label: string | null): string =>
    mapping
      .filter(([raw, target]) => target === label && raw !== label)
      .map(([raw]) => code(raw))
      .join(', ');
  const dropped = rawValues(null);
  const isRenamed = mapping.some(([raw, target]) => target !== null && raw !== target);
  // The ids of a head of tags are those of tags.
  const { isOfEntities = false, dropped: whatIsDropped = 'Rows with these values were dropped' } = cardOf({ recipe });
  const rows = labels.map((label, id) => [...(isOfEntities ? [] : [String(id)]), inline(label), ...(isRenamed ? [rawValues(label)] : [])]); // prettier-ignore
  const names = isOfEntities ? ['Type'] : ['Id', 'Label'];
  return [
    '## Labels',
    table([...names, ...(isRenamed ? ['Also written in the data as'] : [])], rows),
    ...(dropped === '' ? [] : [`${whatIsDropped}: ${dropped}.`]), // prettier-ignore
  ].join('\n\n');
}

function results(card: ModelCardInput): string {
  const { evaluation, hasValidation } = card;
  if (evaluation === undefined) {
    const reason = hasValidation
      ? 'It has not been evaluated yet.'
      : 'It was trained without validation data, so it was not evaluated.';
    return `## Results\n\n${reason}`;
  }
  return ['## Results', ...cardOf(card).tables(evaluation, 'validation')].join('\n\n');
}

function testResults(card: ModelCardInput): string {
  const { test } = card;
  if (test === undefined) return '';
  const origin = 'Neither the training nor the choice of the best step has seen these rows.';
  return ['## Results on the test data', origin, ...cardOf(card).tables(test, 'test')].join('\n\n');
}

const MAX_HISTORY_ROWS = 40;

function evaluationHistory({ evaluations, best, recipe }: ModelCardInput): string {
  if (evaluations.length === 0) return '';
  const metrics = [...cardOf({ recipe }).history];
  if (!metrics.includes(recipe.train.metric_for_best)) metrics.push(recipe.train.metric_for_best);
  const stride = Math.ceil(evaluations.length / MAX_HISTORY_ROWS);
  const shown = evaluations.filter(
    ({ step }, index) => index % stride === 0 || index === evaluations.length - 1 || step === best?.step,
  );
  return [
    '## Evaluations while training',
    table(
      ['Step', 'Epoch', ...metrics.map(title), ''],
      shown.map(({ step, epoch, evaluation }) => [
        count(step),
        epoch.toFixed(2),
        ...metrics.map((metric) => decimal(metricOf(evaluation, metric))),
        step === best?.step ? 'best' : '',
      ]),
    ),
    ...(stride > 1 ? [`The table shows one of every ${stride} evaluations, of ${evaluations.length}.`] : []),
  ].join('\n\n');
}

/** A table of the recipe's fields without data and paths, one row for each field. */
function hyperparameters({ recipe }: ModelCardInput): string {
  const rows = flattened(recipe.train).map(([name, value]) => [code(name), code(JSON.stringify(value))]);
  const kind = disturbanceOf(recipe);
  const work = kind && `The loss takes several forward passes (${code(`train.${kind}`)}): a step was about ${LOSS_WORK[kind].toFixed(1)} times the work of a plain one.\n\n`; // prettier-ignore
  return `## Hyperparameters\n\n${work ?? ''}${table(['Field of the recipe', 'Value'], rows)}`;
}

function flattened(value: object, prefix = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([name, inner]): [string, unknown][] =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? flattened(inner as object, `${prefix}${name}.`)
      : [[`${prefix}${name}`, inner]],
  );
}

function environmentSection({ environment }: ModelCardInput): string {
  const rows = Object.entries(environment).map(([name, value]) => [
    inline(name),
    inline(
      name === 'memoryBytes' && typeof value === 'number'
        ? `${(value / 2 ** 30).toFixed(1)} GiB`
        : Array.isArray(value)
          ? value.join(', ')
          : String(value),
    ),
  ]);
  return rows.length === 0 ? '' : `## Environment\n\n${table(['', ''], rows)}`;
}

const limits =
  '## Limits\n\nThe model repeats the mistakes and gaps of the data above. Its predictions are not medical advice ' +
  'and must not be used to decide on diagnosis or treatment.';

const cardOf = ({ recipe }: Pick<ModelCardInput, 'recipe'>): TaskCard => definitionOf(recipe.task).card;

function title(metric: string): string {
  const named = metric === 'loss' ? 'loss' : String(metricTitle(metric) ?? inline(metric));
  return named[0].toUpperCase() + named.slice(1);
}
