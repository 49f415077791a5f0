import type { HeadPooling } from '../models/encoderConfig';
import type { ResolvedRecipe } from '../protocol/recipe';
import { describeTask, type MetricName } from '../protocol/tasks';
import type { BestEvaluation } from '../protocol/runRecord';
import type { EvaluationReport } from '../protocol/trainer';
import {
  isClassification,
  metricOf,
  type ClassificationReport,
  type EvaluationMetrics,
  type RegressionReport,
} from '../protocol/evaluation';
import type { Interval } from '../tasks/intervals';

/** What a card tells. Texts of the training data are left out on purpose: a card is published, patients' words are not. */
export interface ModelCardInput {
  readonly name: string;
  /** Name of the model that was fine-tuned, without its folder. */
  readonly baseModel: string;
  /** That model had no weights, only a shape: the training began with random ones. */
  readonly isRandomStart?: boolean;
  /** The base model's licence (an SPDX identifier in lower case), if it is known. */
  readonly license?: string;
  readonly recipe: ResolvedRecipe;
  /** In the order of their ids; ignored for regression. */
  readonly labels: readonly string[];
  /** What the classification head reads; absent: the pooler. */
  readonly pooling?: HeadPooling;
  /** What `max_length` came to, in tokens. */
  readonly maxLength: number;
  /** By split name: train, validation, test. */
  readonly data: Readonly<Record<string, ModelCardData>>;
  /** The columns that were read. */
  readonly fields: { readonly first: string; readonly second?: string; readonly label?: string };
  readonly parameterCount: number;
  /** Optimiser steps done, of how many. */
  readonly step: number;
  readonly totalSteps: number;
  readonly best: BestEvaluation | null;
  /** Of the weights in the folder; absent before the first evaluation. */
  readonly evaluation?: EvaluationMetrics;
  /** Of the same weights on the test data, at the end. */
  readonly test?: EvaluationMetrics;
  /** All evaluations of the run, in order. */
  readonly evaluations: readonly EvaluationReport[];
  readonly environment: Readonly<Record<string, unknown>>;
  readonly hasValidation: boolean;
}

export interface ModelCardData {
  /** Only its last part is printed. */
  readonly file: string;
  readonly sha256: string;
  readonly rows: number;
  /** Rows by label. */
  readonly counts?: Readonly<Record<string, number>>;
  /** Rows that the label mapping drops, and rows that could not be read. */
  readonly dropped?: number;
  readonly badRows?: number;
}

/** The README.md of a fine-tuned model: front matter as the model hubs read it, then the card for people. */
export function renderModelCard(card: ModelCardInput): string {
  const sections = [
    frontMatter(card),
    `# ${inline(card.name)}`,
    introduction(card),
    usage(card),
    dataStatistics(card),
    ...(isRegression(card) ? [] : [labelMeaning(card)]),
    results(card),
    testResults(card),
    evaluationHistory(card),
    hyperparameters(card),
    environmentSection(card),
    limits,
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

/** A JSON string is a YAML string, whatever it holds. */
function frontMatter(card: ModelCardInput): string {
  const { recipe, name, license, baseModel } = card;
  const results = [...resultOf(card, 'validation', card.evaluation), ...resultOf(card, 'test', card.test)];
  const lines = [
    'language: zh',
    ...(license === undefined ? [] : [`license: ${JSON.stringify(license)}`]),
    'library_name: transformers',
    'pipeline_tag: text-classification',
    `tasks:\n- ${recipe.task}`,
    ...(card.isRandomStart ? [] : [`base_model: ${JSON.stringify(baseModel)}`]),
    `tags:\n- medical\n- chinese\n- ${recipe.task}\n- medtext-lab`,
    `metrics:\n${(isRegression(card) ? ['pearsonr', 'spearmanr', 'mse'] : ['accuracy', 'f1']).map((metric) => `- ${metric}`).join('\n')}`,
  ];
  if (results.length > 0) lines.push('model-index:', `- name: ${JSON.stringify(name)}`, '  results:', ...results);
  return `---\n${lines.join('\n')}\n---`;
}

/** The lines of one entry of `model-index`; none without a metric. */
function resultOf({ data }: ModelCardInput, split: 'validation' | 'test', metrics?: EvaluationMetrics): string[] {
  const headlines = metrics ? headlineMetrics(metrics) : [];
  if (headlines.length === 0) return [];
  return [
    '  - task:',
    '      type: text-classification',
    '    dataset:',
    `      name: ${JSON.stringify(fileName(data[split]?.file ?? split))}`,
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

function headlineMetrics(evaluation: EvaluationMetrics): { type: string; title: string; value: number }[] {
  const named: [string, string, number | null][] = !isClassification(evaluation)
    ? [
        ['pearsonr', 'Pearson', evaluation.pearson],
        ['spearmanr', 'Spearman', evaluation.spearman],
        ['mse', 'Mean squared error', evaluation.mse],
      ]
    : [
        ['accuracy', 'Accuracy', evaluation.accuracy],
        ['f1', 'Macro F1', evaluation.macroF1],
      ];
  return named.flatMap(([type, title, value]) =>
    value !== null && Number.isFinite(value) ? [{ type, title, value }] : [],
  );
}

function introduction(card: ModelCardInput): string {
  const { baseModel, parameterCount, step, totalSteps, best } = card;
  const origin = card.isRandomStart
    ? `trained from **random weights**, in the shape of ${inline(baseModel)} and without pretraining,`
    : `fine-tuned from **${inline(baseModel)}**`;
  const texts = card.fields.second === undefined ? 'a Chinese medical sentence' : 'a pair of Chinese medical sentences';
  const answer = isRegression(card) ? 'a number' : `one of ${card.labels.length} labels`;
  const lines = [
    `An encoder ${origin} with MedText Lab (${count(parameterCount)} parameters). It gives ${texts} ${answer}.`,
  ];
  const progress = `Trained for ${count(step)} of ${count(totalSteps)} planned steps`;
  lines.push(
    best === null
      ? `${progress}.`
      : `${progress}; the weights are those of step ${count(best.step)}, the best by ${title(best.metric)} on the validation data.`,
  );
  return lines.join(' ');
}

/** A head that no class of transformers has. */
function ownPooling(pooling: 'cls' | 'mean'): string {
  const read = pooling === 'mean' ? "the mean of the tokens' states" : "the first token's state, without a pooler";
  return `**In Python**: the head reads ${read}, which no class of transformers does. \`medtext export MODEL --format onnx --output DIR\` writes the model for ONNX Runtime.`;
}

function usage({ recipe, fields, maxLength, labels, pooling }: ModelCardInput): string {
  const { second: secondText } = describeTask(recipe.task);
  const isPair = secondText === 'required' || fields.second !== undefined;
  const [first, second] = ['高血压能吃香蕉吗', '血压高可以吃香蕉吗'];
  const command = secondText === 'required' ? [`medtext score MODEL "${first}" "${second}"`] : [];
  const text = isPair ? `"${first}", "${second}"` : `"${first}"`;
  const result = isRegression({ recipe })
    ? 'print(model(**inputs).logits.item())'
    : 'probabilities = model(**inputs).logits.softmax(-1)[0]\nprint({model.config.id2label[i]: p.item() for i, p in enumerate(probabilities)})';
  const answer = isRegression({ recipe }) ? 'the number' : `the probabilities of ${labelList(labels)}`;
  const python = [
    `**In Python, with transformers** (prints ${answer})`,
    fence(
      'python',
      [
        'from transformers import AutoModelForSequenceClassification, AutoTokenizer',
        '',
        'tokenizer = AutoTokenizer.from_pretrained("MODEL")',
        'model = AutoModelForSequenceClassification.from_pretrained("MODEL").eval()',
        `inputs = tokenizer(${text}, truncation=True, max_length=${maxLength}, return_tensors="pt")`,
        result,
      ].join('\n'),
    ),
  ];
  return [
    '## How to use it',
    'MODEL is the folder of this file.',
    '**On the command line**',
    fence(
      'sh',
      [...command, 'medtext evaluate MODEL --data FILE', 'medtext predict MODEL --data FILE --output OUT'].join('\n'),
    ),
    ...(pooling === undefined || pooling === 'pooler' ? python : [ownPooling(pooling)]),
    '**In VS Code**, with the MedText Lab extension: run *MedText Lab: Choose Active Model* and choose this folder; hovers, *Score Selection*, *Evaluate…* and *Predict File…* then use it.',
  ].join('\n\n');
}

function dataStatistics({ data, fields, labels, recipe, maxLength }: ModelCardInput): string {
  const hasLabels = !isRegression({ recipe });
  const rows = Object.entries(data).map(([split, { file, rows, counts, dropped = 0, badRows = 0, sha256 }]) => [
    split,
    code(fileName(file)),
    count(rows),
    ...(hasLabels ? labels.map((label) => countAndShare(counts?.[label] ?? 0, rows)) : []),
    count(dropped + badRows),
    code(sha256.slice(0, 16)),
  ]);
  const columns = [
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
        ...(hasLabels ? labels.map((label) => `Label ${inline(label)}`) : []),
        'Left out',
        'SHA-256 begins',
      ],
      rows,
    ),
    `Columns: ${columns.join(', ')}. Inputs are cut to ${maxLength} tokens.`,
  ].join('\n\n');
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
  const rows = labels.map((label, id) => [String(id), inline(label), ...(isRenamed ? [rawValues(label)] : [])]);
  return [
    '## Labels',
    table(['Id', 'Label', ...(isRenamed ? ['Also written in the data as'] : [])], rows),
    ...(dropped === '' ? [] : [`Rows with these values were dropped: ${dropped}.`]),
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
  return ['## Results', ...resultTables(evaluation, 'validation')].join('\n\n');
}

function testResults({ test }: ModelCardInput): string {
  if (test === undefined) return '';
  const origin = 'Neither the training nor the choice of the best step has seen these rows.';
  return ['## Results on the test data', origin, ...resultTables(test, 'test')].join('\n\n');
}

const resultTables = (report: EvaluationMetrics, split: string): string[] =>
  isClassification(report) ? classificationTables(report, split) : regressionTables(report, split);

function classificationTables(report: ClassificationReport, split: string): string[] {
  const { accuracy, accuracyInterval, majorityBaseline, labels, perClass, confusionMatrix } = report;
  const verdict =
    accuracyInterval[0] > majorityBaseline
      ? 'The accuracy is above that of always answering the most frequent label.'
      : accuracyInterval[1] < majorityBaseline
        ? '**The accuracy is below that of always answering the most frequent label.**'
        : '**The accuracy cannot be told apart from that of always answering the most frequent label.**';
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

function regressionTables(report: RegressionReport, split: string): string[] {
  return [
    `On ${count(report.rows)} ${split} rows; intervals are at 95 %.`,
    table(
      ['Metric', 'Value', 'Interval'],
      [
        ['Pearson correlation', decimal(report.pearson), decimals(report.pearsonInterval)],
        ['Spearman correlation', decimal(report.spearman), decimals(report.spearmanInterval)],
        ['Mean squared error', decimal(report.mse), ''],
        ['Mean squared error of answering the mean (baseline)', decimal(report.meanBaseline), ''],
        ['Mean absolute error', decimal(report.mae), ''],
      ],
    ),
  ];
}

const MAX_HISTORY_ROWS = 40;

function evaluationHistory({ evaluations, best, recipe }: ModelCardInput): string {
  if (evaluations.length === 0) return '';
  const metrics: MetricName[] = isRegression({ recipe })
    ? ['loss', 'pearson', 'spearman', 'mae']
    : ['loss', 'accuracy', 'macroF1'];
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
    ...(stride > 1 ? [`Every ${stride}th of ${evaluations.length} evaluations is shown.`] : []),
  ].join('\n\n');
}

/** Everything in the recipe but data and places, one row a field. */
function hyperparameters({ recipe }: ModelCardInput): string {
  const rows = flattened(recipe.train).map(([name, value]) => [code(name), code(JSON.stringify(value))]);
  return `## Hyperparameters\n\n${table(['Field of the recipe', 'Value'], rows)}`;
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
  '## Limits\n\nThe model has learned from the data above and repeats its mistakes and gaps. Its answers are no medical advice ' +
  'and must not decide about diagnosis or treatment.';

function isRegression({ recipe }: Pick<ModelCardInput, 'recipe'>): boolean {
  return describeTask(recipe.task).answer === 'number';
}

const titles: Readonly<Record<MetricName, string>> = {
  accuracy: 'Accuracy',
  macroF1: 'Macro F1',
  microF1: 'Micro F1',
  binaryF1: 'Binary F1',
  loss: 'Loss',
  pearson: 'Pearson',
  spearman: 'Spearman',
  mse: 'Mean squared error',
  mae: 'Mean absolute error',
};

function title(metric: string): string {
  return Object.hasOwn(titles, metric) ? titles[metric as MetricName] : inline(metric);
}

function labelList(labels: readonly string[]): string {
  const shown = labels.slice(0, 8).map((label) => code(label));
  return shown.join(', ') + (labels.length > shown.length ? `, … (${labels.length} labels)` : '');
}

/** Last part of a path of either kind of system. */
function fileName(path: string): string {
  return path.split(/[/\\]/).pop() ?? path;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

function fence(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

/** Any text as text: labels and names can hold Markdown, HTML and line breaks. */
function inline(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_[\]<>|#]/g, (character) =>
      character === '<' ? '&lt;' : character === '>' ? '&gt;' : `\\${character}`,
    );
}

/** Any text as code, in a table too; backquotes inside need a longer fence. */
function code(text: string): string {
  const flat = text.replace(/\s+/g, ' ').replaceAll('|', '\\|');
  const longest = Math.max(0, ...[...flat.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest > 0 ? `${fence} ${flat} ${fence}` : `${fence}${flat}${fence}`;
}

function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

function countAndShare(value: number, total: number): string {
  return `${count(value)} (${percent(total === 0 ? 0 : value / total)})`;
}

function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}

function percents([low, high]: Interval): string {
  return `${(100 * low).toFixed(1)} – ${(100 * high).toFixed(1)} %`;
}

function decimal(value: unknown): string {
  return typeof value === 'number' && Number.isFinite(value) ? String(Number(value.toPrecision(4))) : 'undefined';
}

function decimals(interval: Interval | null): string {
  return interval === null ? '' : `${interval[0].toFixed(3)} – ${interval[1].toFixed(3)}`;
}
