/**
 * Opens every export by the program it is for: transformers, torch.load(weights_only=True), onnxruntime in Python,
 * sentence-transformers, and transformers.js. Fails when logits differ by more than the format's tolerance.
 *
 *     MEDTEXT_PYTHON=path/to/python npm run check:exports [-- --model FOLDER --data FILE --sentences FOLDER]
 *
 * `--sentences` names a folder of sentence-transformers, whose embeddings must be ours before and after an import.
 * Without a model four small encoders are fine-tuned on the bundled pairs first: the bundled one, a RoBERTa with byte-level
 * BPE, an ELECTRA with narrow embeddings, and a DistilBERT that comes as an ONNX graph (and goes to ONNX alone). With
 * `--encoder FOLDER` that one is fine-tuned in their place, for `--epochs` (3).
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { AutoModelForSequenceClassification, AutoTokenizer, env } from '@huggingface/transformers';
import { openEmbedder } from '../../src/inference/embedder';
import { openClassifier } from '../../src/inference/openClassifier';
import { importModel } from '../../src/models/importModel';
import { modelFormats, type ModelFormat } from '../../src/protocol/modelFormat';
import { exportModel } from '../../src/exports/exportModel';
import { readFileFor } from '../../src/evaluation/readFileFor';

/** Of a logit. In the two low precisions that is for logits up to 1; larger ones may differ by as much more. */
const TOLERANCES: Readonly<Record<ModelFormat, number>> = {
  huggingface: 1e-4,
  modelscope: 1e-4,
  onnx: 1e-4,
  'onnx-fp16': 0.02,
  'onnx-int8': 0.3,
  'sentence-transformers': 1e-4,
};
const PAIRS = [
  { first: '肺炎怎么治疗', second: '肺炎的治疗方法' },
  { first: '糖尿病能吃西瓜吗', second: '糖尿病人可以吃西瓜吗' },
  { first: '痛风怎么治疗', second: '痛风吃什么药' },
  { first: 'HPV 阳性 (16 型) 要紧吗？', second: 'hpv16阳性怎么办' },
  { first: '胃镜前要空腹吗', second: '颈椎病挂什么科' },
  { first: '头痛'.repeat(60), second: '头晕'.repeat(50) },
];

/** transformers.js cuts a long pair at its end, [SEP] included, as none of the others does. */
const SHORT = PAIRS.slice(0, -1);

const SENTENCES = [
  'A patient with pneumonia is treated with antibiotics.',
  'How is pneumonia treated?',
  'Crème brûlée, naïve café — HbA1c ≥ 6.5 %!',
  '肺炎怎么治疗',
  'diabetes mellitus type 2 '.repeat(120),
];

type Folders = Partial<Record<ModelFormat, string>>;

const TRAINING = 'samples/medical-pairs/train.json';
const python = process.env.MEDTEXT_PYTHON || 'python3';

interface Check {
  readonly format: ModelFormat;
  readonly by: string;
  readonly difference: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: 'string' },
      data: { type: 'string' },
      sentences: { type: 'string' },
      encoder: { type: 'string' },
      train: { type: 'string' },
      epochs: { type: 'string' },
    },
  });
  const work = mkdtempSync(join(tmpdir(), 'medtext-exports-'));
  try {
    const data = resolve(values.data ?? 'samples/medical-pairs/validation.json');
    const sentences = values.sentences && resolve(values.sentences);
    const made = (script: string) =>
      fineTuned(work, madeEncoder(work, script), TRAINING, ['--epochs', '2', '--lr', '1e-3']);
    const models = values.model
      ? [resolve(values.model)]
      : values.encoder
        ? [fineTuned(work, resolve(values.encoder), values.train ?? TRAINING, ['--epochs', values.epochs ?? '3'])]
        : [trainedSample(work), made('makeRoberta.py'), made('makeElectra.py'), made('makeDistilBert.py')];
    let failed = 0;
    for (const [at, model] of models.entries()) {
      failed += await checkModel(model, data, at === 0 ? sentences : undefined, mkdtempSync(join(work, 'exports-')));
    }
    if (failed > 0) process.exitCode = 1;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Every export of a model, opened by everything that opens it; how many failed. */
async function checkModel(model: string, data: string, sentences: string | undefined, work: string): Promise<number> {
  const folders: Folders = {};
  const isGraph = readdirSync(model).includes('model.onnx');
  for (const format of modelFormats.filter((name) => !isGraph || /^onnx/.test(name))) {
    folders[format] = join(work, format);
    await exportModel(model, folders[format], { format });
  }
  const classifier = await openClassifier(model);
  const logits = [...(await classifier.logits(PAIRS))];
  const { maxLength } = classifier;
  await classifier.close();
  const checks = [
    ...inPython({
      folders,
      pairs: PAIRS,
      logits,
      maxLength,
      sentences: SENTENCES,
      sentenceFolders: sentences ? await embedded(sentences, work) : [],
    }),
    ...(await inTransformersJs(folders, logits)),
  ];
  const largestLogit = Math.max(1, ...logits.map(Math.abs));
  console.log(`\n${classifier.folder.config.modelType}`);
  let failed = 0;
  for (const { format, by, difference } of checks) {
    const tolerance = TOLERANCES[format] * (/16|8$/.test(format) ? largestLogit : 1);
    const passed = difference <= tolerance;
    if (!passed) failed++;
    console.log(`${passed ? 'ok    ' : 'FAILED'} ${format.padEnd(22)} ${by.padEnd(38)} ${difference.toExponential(1)} (at most ${tolerance.toExponential(1)})`); // prettier-ignore
  }
  await printEffect(model, folders, data);
  console.log(`${checks.length - failed} of ${checks.length} checks passed; largest logit ${largestLogit.toFixed(2)}`);
  return failed;
}

/** Our embeddings of a folder as it is, imported, and exported again. */
async function embedded(folder: string, work: string) {
  const imported = join(work, 'imported-sentences');
  const exported = join(work, 'exported-sentences');
  await importModel(folder, imported);
  await exportModel(imported, exported, { format: 'sentence-transformers' });
  const found = [];
  for (const [name, path] of [
    ['as it is', folder],
    ['imported', imported],
    ['exported again', exported],
  ] as const) {
    const embedder = await openEmbedder(path);
    found.push({ name: `embeddings ${name}`, path, embeddings: [...(await embedder.embed(SENTENCES))] });
    await embedder.close();
  }
  return found;
}

function trainedSample(work: string): string {
  const runs = join(work, 'runs');
  execFileSync(
    process.execPath,
    [join('dist', 'cli.js'), 'finetune', 'samples/medical-pairs.medtext.json', '--output', runs],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  return join(runs, readdirSync(runs).sort().at(-1)!, 'model');
}

/** An encoder with random weights and what its own people save beside it. */
function madeEncoder(work: string, script: string): string {
  const encoder = join(work, script.replace('.py', ''));
  execFileSync(python, [join(__dirname, script), TRAINING, encoder], { stdio: 'ignore' });
  return encoder;
}

function fineTuned(work: string, encoder: string, train: string, more: readonly string[]): string {
  const runs = mkdtempSync(join(work, 'runs-'));
  const words = ['--model', encoder, '--train', train, '--task', 'sentence-similarity', '--output', runs];
  execFileSync(process.execPath, [join('dist', 'cli.js'), 'finetune', ...words, ...more], { stdio: ['ignore', 'ignore', 'inherit'] }); // prettier-ignore
  return join(runs, readdirSync(runs)[0], 'model');
}

function inPython(job: object): Check[] {
  const output = execFileSync(python, [join(__dirname, 'checkExports.py')], {
    input: JSON.stringify(job),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, HF_HUB_OFFLINE: '1', TOKENIZERS_PARALLELISM: 'false' },
  });
  return JSON.parse(output.trim().split('\n').at(-1)!) as Check[];
}

async function inTransformersJs(folders: Folders, expected: readonly number[]): Promise<Check[]> {
  env.allowRemoteModels = false;
  env.localModelPath = '/';
  const checks: Check[] = [];
  for (const [format, dtype] of [
    ['onnx', 'fp32'],
    ['onnx-fp16', 'fp16'],
    ['onnx-int8', 'int8'],
  ] as const) {
    const tokenizer = await AutoTokenizer.from_pretrained(folders[format]!);
    const model = await AutoModelForSequenceClassification.from_pretrained(folders[format]!, { subfolder: '', dtype, device: 'cpu' }); // prettier-ignore
    const inputs = tokenizer(SHORT.map(({ first }) => first), { text_pair: SHORT.map(({ second }) => second), padding: true }) as object; // prettier-ignore
    const { logits } = (await model(inputs)) as { logits: { data: Float32Array } };
    checks.push({
      format,
      by: 'transformers.js',
      difference: largestDifference(logits.data, expected.slice(0, logits.data.length)),
    });
    await model.dispose();
  }
  return checks;
}

function largestDifference(values: ArrayLike<number>, expected: readonly number[]): number {
  if (values.length !== expected.length) return Infinity;
  return Math.max(...expected.map((value, i) => Math.abs(value - values[i])));
}

/** What a precision costs: logits and answers on labelled data, and the size of the file. */
async function printEffect(model: string, folders: Folders, data: string): Promise<void> {
  const sizeOf = (folder: string) =>
    Math.max(...readdirSync(folder).map((name) => statSync(join(folder, name)).size)) / 2 ** 20;
  let whole: Float32Array | undefined;
  for (const [name, folder] of [
    ['float32', model],
    ...(['onnx', 'onnx-fp16', 'onnx-int8'] as const).map((format) => [format, folders[format]!] as const),
  ] as const) {
    const classifier = await openClassifier(folder);
    const { examples } = await readFileFor(classifier, data, 'train', {});
    const logits = await classifier.logits(examples);
    const { labels } = classifier;
    await classifier.close();
    whole ??= logits;
    const apart = logits.map((value, i) => Math.abs(value - whole![i]));
    const mean = apart.reduce((sum, value) => sum + value, 0) / apart.length;
    const [before, now] = [answers(whole, labels.length), answers(logits, labels.length)];
    const right = now.filter((answer, i) => answer === examples[i].label).length;
    const changed = now.filter((answer, i) => answer !== before[i]).length;
    console.log(`       ${name.padEnd(9)} ${sizeOf(folder).toFixed(1).padStart(6)} MiB, accuracy ${(right / now.length).toFixed(4)} on ${now.length} rows, ${changed} answers changed; logits apart by ${largest(apart).toExponential(1)} at most, ${mean.toExponential(1)} in the mean`); // prettier-ignore
  }
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

/** The label of the largest logit, row by row. */
function answers(logits: Float32Array, labelCount: number): number[] {
  return Array.from({ length: logits.length / labelCount }, (_, row) => {
    const values = logits.subarray(row * labelCount, (row + 1) * labelCount);
    return values.indexOf(values.reduce((most, value) => Math.max(most, value), -Infinity));
  });
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
