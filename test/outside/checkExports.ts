/**
 * Opens every export by the program it is for: transformers, torch.load(weights_only=True), onnxruntime in Python,
 * sentence-transformers, and transformers.js. Fails when logits differ by more than the format's tolerance.
 *
 *     MEDTEXT_PYTHON=path/to/python npm run check:exports [-- --masked | --model FOLDER --data FILE --sentences FOLDER]
 *
 * A masked language model is continued on the bundled notes, and opened by transformers' BertForMaskedLM as it is, exported for Hugging
 * Face and for ModelScope (`--masked`: that alone); by ModelScope's own fill-mask pipeline, too, where its package is installed beside the others.
 *
 * `--sentences` names a folder of sentence-transformers, whose embeddings must be ours before and after an import.
 * Without a model four small encoders are fine-tuned on the bundled pairs first: the bundled one, a RoBERTa with byte-level
 * BPE, an ELECTRA with narrow embeddings, and a DistilBERT that comes as an ONNX graph (and goes to ONNX alone); and two
 * that mark entities, by tags and by spans, on the bundled sentences. With `--encoder FOLDER` that one is fine-tuned in their
 * place, for `--epochs` (3); with `--entities` those of entities alone are checked, or the one that `--model` names.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { AutoModelForSequenceClassification, AutoTokenizer, env } from '@huggingface/transformers';
import { openEmbedder } from '../../src/inference/embedder';
import { openClassifier } from '../../src/inference/openClassifier';
import { MaskFiller } from '../../src/inference/maskFiller';
import { openModel } from '../../src/inference/openModel';
import { NO_SPAN, spansHead } from '../../src/models/heads/spans';
import { importModel } from '../../src/models/importModel';
import { openModelFolder, readTokenizerFiles } from '../../src/models/modelFolder';
import { loadTokenizer } from '../../src/tokenization/tokenizer';
import { modelFormats, type ModelFormat } from '../../src/protocol/modelFormat';
import { exportModel } from '../../src/exports/exportModel';
import { windowsFor } from '../../src/evaluation/modelAnswers';
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
/** The largest share of tags that may be others. */
const CHANGED_TAGS: Partial<Record<ModelFormat, number>> = { 'onnx-fp16': 0.01, 'onnx-int8': 0.05 };

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

const MASKED_TEXT = '患者，男，58岁，因反复头晕入院。诊断：高血[MASK]病，2型糖尿[MASK]。';

/** Short enough to be read at once; enough tokens for a share of tags. */
const TEXTS = [
  '患者因急性阑尾炎入院，予头孢曲松抗感染治疗，术后无发热。',
  '左肺上叶见结节，建议复查胸部CT。',
  '头痛、恶心3天，血压 160/95 mmHg',
  'HbA1c 9.1 %，诊断为2型糖尿病😀',
  '无',
  ...readFileSync('samples/entities/validation.jsonl', 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { text: string }).text),
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
      masked: { type: 'boolean' },
      entities: { type: 'boolean' },
    },
  });
  const work = mkdtempSync(join(tmpdir(), 'medtext-exports-'));
  try {
    const data = resolve(values.data ?? 'samples/medical-pairs/validation.json');
    const sentences = values.sentences && resolve(values.sentences);
    const made = (script: string) =>
      fineTuned(work, madeEncoder(work, script), TRAINING, ['--epochs', '2', '--lr', '1e-3']);
    const areOwn = values.model === undefined && values.encoder === undefined;
    const models =
      values.masked || values.entities
        ? []
        : values.model
          ? [resolve(values.model)]
          : values.encoder
            ? [fineTuned(work, resolve(values.encoder), values.train ?? TRAINING, ['--epochs', values.epochs ?? '3'])]
            : [trainedSample(work), made('makeRoberta.py'), made('makeElectra.py'), made('makeDistilBert.py')];
    let failed = areOwn && !values.entities ? await checkMaskedLanguage(work) : 0;
    for (const [at, model] of models.entries()) {
      failed += await checkModel(model, data, at === 0 ? sentences : undefined, mkdtempSync(join(work, 'exports-')));
    }
    for (const head of areOwn && !values.masked ? (['bio', 'spans'] as const) : []) {
      // A model that tags nothing would have no tag to lose.
      const epochs = head === 'bio' ? '5' : '2';
      failed += await checkEntities(
        trainedSample(work, 'entities', ['--epochs', epochs, '--set', `model_head.type=${head}`]),
        mkdtempSync(join(work, 'exports-')),
      );
    }
    if (values.entities && values.model) {
      failed += await checkEntities(resolve(values.model), mkdtempSync(join(work, 'exports-')));
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
      head: 'sequence',
      folders,
      pairs: PAIRS,
      outputs: rowsOf(logits, PAIRS.length),
      maxLength,
      sentences: SENTENCES,
      sentenceFolders: sentences ? await embedded(sentences, work) : [],
    }),
    ...(await inTransformersJs(folders, logits)),
  ];
  console.log(`\n${classifier.folder.config.modelType}`);
  const failed = printed(checks, largestOf(logits));
  await printEffect(model, folders, data);
  return failed;
}

/** A model whose pretraining was continued, as the folder that the run wrote and as exports; how many checks failed. */
async function checkMaskedLanguage(work: string): Promise<number> {
  const model = trainedSample(work, 'continue-pretraining', ['--epochs', '2']);
  const folders = { huggingface: join(work, 'masked-huggingface'), modelscope: join(work, 'masked-modelscope') };
  for (const format of ['huggingface', 'modelscope'] as const) await exportModel(model, folders[format], { format });
  const tokenizer = loadTokenizer(await readTokenizerFiles(await openModelFolder(model)), model);
  const example = tokenizer.encodePair(MASKED_TEXT, undefined, 64);
  const positions = [...example.inputIds.keys()].filter((at) => example.inputIds[at] === tokenizer.specialIds.mask);
  const filler = await MaskFiller.open(model);
  const logits = [...(await filler.logits(example, positions))];
  const likeliest = (await filler.fill(MASKED_TEXT, 1)).map(({ tokens }) => tokens[0].text);
  await filler.close();
  const checks = inPython({ masked: { ...folders, model, text: MASKED_TEXT, logits, likeliest } });
  console.log('\nmasked language model');
  return printed(checks, 1);
}

/** Formats that know no head of spans. */
const WITHOUT_SPANS = ['huggingface', 'modelscope'] as const;

/** Every export of a model of entities: what it gives of each token, and the tags; how many checks failed. */
async function checkEntities(path: string, work: string): Promise<number> {
  const head = (await openModelFolder(path)).head === spansHead ? 'spans' : 'bio';
  const folders: Folders = {};
  for (const format of modelFormats.filter((name) => head === 'bio' || !WITHOUT_SPANS.some((one) => one === name))) {
    folders[format] = join(work, format);
    await exportModel(path, folders[format], { format });
  }
  for (const format of head === 'spans' ? WITHOUT_SPANS : []) {
    const refused = exportModel(path, join(work, format), { format });
    await assert.rejects(refused, { code: 'UNSUPPORTED', message: /head \(spans\)\. Export it as onnx/ }, format);
  }
  const model = await openModel(path);
  const examples = TEXTS.map((first, row) => ({ first, row, line: row + 1 }));
  const windows = await windowsFor(model, examples);
  assert.equal(windows.length, TEXTS.length);
  const outputs: number[][] = TEXTS.map(() => []);
  await model.outputs(
    windows.map(({ encoded }) => encoded),
    (at, output) => (outputs[at] = [...output]),
  );
  await model.close();
  const pairs = TEXTS.map((first) => ({ first }));
  const { maxLength } = model;
  const checks = inPython({ head, folders, pairs, outputs, maxLength, sentences: [], sentenceFolders: [] });
  console.log(`\n${model.folder.config.modelType} of entities, ${head}`);
  // In int8 single tokens are off by as much as the largest logit. What tags are for is said by their share.
  const bounded = checks.filter(({ format, by }) => head === 'spans' || format !== 'onnx-int8' || by.endsWith('tags'));
  return printed(bounded, largestOf(outputs.flat().filter((value) => value > NO_SPAN / 2)));
}

const rowsOf = (values: readonly number[], rows: number): number[][] =>
  Array.from({ length: rows }, (_, row) => values.slice((row * values.length) / rows, ((row + 1) * values.length) / rows)); // prettier-ignore

const largestOf = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);

/** How many of them failed. */
function printed(checks: readonly Check[], largestLogit: number): number {
  let failed = 0;
  for (const { format, by, difference } of checks) {
    const tolerance = by.endsWith('tags')
      ? (CHANGED_TAGS[format] ?? 0)
      : TOLERANCES[format] * (/16|8$/.test(format) ? largestLogit : 1);
    const passed = difference <= tolerance;
    if (!passed) failed++;
    console.log(`${passed ? 'ok    ' : 'FAILED'} ${format.padEnd(22)} ${by.padEnd(38)} ${difference.toExponential(1)} (at most ${tolerance.toExponential(1)})`); // prettier-ignore
  }
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

/** The model of a bundled recipe. */
function trainedSample(work: string, recipe = 'medical-pairs', more: readonly string[] = []): string {
  const runs = mkdtempSync(join(work, 'runs-'));
  execFileSync(
    process.execPath,
    [join('dist', 'cli.js'), 'finetune', `samples/${recipe}.medtext.json`, '--output', runs, ...more],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const [run] = readdirSync(runs).filter((name) => !name.startsWith('.'));
  return join(runs, run, 'model');
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
