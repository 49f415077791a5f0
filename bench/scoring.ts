/** Answers at once: one pair, a file of pairs, the vectors of short texts, against the others. See USAGE. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { exportModel } from '../src/exports/exportModel';
import { ClassifierRunner } from '../src/inference/classifierRunner';
import { openEmbedder } from '../src/inference/embedder';
import { FedNetwork } from '../src/inference/fedNetwork';
import { openClassifier } from '../src/inference/openClassifier';
import { openModelFolder, readTokenizerFiles } from '../src/models/modelFolder';
import { writeModelFolder } from '../src/models/writeModelFolder';
import { loadTokenizer } from '../src/tokenization/tokenizer';
import { lowerPriority } from '../src/worker/lowerPriority';
import { bertBase, bertBaseTrainer, config, defaults, LABELS } from './support/bertBase';
import { alternate, Contestant, referencePython } from './support/contestant';
import { median, serveTurns, type Measured } from './support/ourSide';
import { pairFiles, pairOptions, readPairs } from './support/pairs';
import { batchesOf, randomBatches } from './support/randomBatches';
import { benchOptions, count, gigabytes, milliseconds, NONE, printResult, runMain, seconds, type Figure } from './support/report'; // prettier-ignore

const USAGE = `npm run bench:scoring -- [--work hover,training,file,embed] [--limit 200] [--passes 5] [--embedder FOLDER] [--only REGEX] [--threads 2] [--json FILE]

BERT-base with random weights and three labels, one model folder for all, in turns:
  hover     one pair of KUAKE-QQR's dev set (24 tokens), from its texts to its logits; each turn is 5 of them
  training  the same pair, while a BERT-base trains (16 x 32) in a process with the trainer's priority and as many threads, and alone:
            5 times each in turn, a fifth of a second apart, so that they meet all parts of a step; ours only
  file      about --limit pairs from all over that file, texts to logits
  embed     the texts of these pairs, texts to vectors, by a folder of sentence-transformers (--embedder; left out without one)
Ours: float32 and int8 as the scorer and medtext compute them, and the path that training's evaluation takes (weights fed).
Others: transformers with PyTorch, transformers.js and onnxruntime for Python (an export to ONNX of the same model),
sentence-transformers. Each contestant is a process that has opened the model and computed once; what opening took and the
memory it held are told apart.`;

const MAX_LENGTH = 128;
const HOVERS_A_TURN = 5;
const PAUSE_MS = 200;
const WORKS = ['hover', 'training', 'file', 'embed'] as const;
type Work = (typeof WORKS)[number];
/** The process that trains beside hovers. */
const TRAINER = 'trainer';
const TRAINED_ROWS = 16;
const TRAINED_LENGTH = 32;

/** Who computes, and for which works. */
const SIDES: Readonly<Record<string, { readonly works: readonly Work[]; readonly isPython: boolean }>> = {
  float32: { works: WORKS, isPython: false },
  int8: { works: WORKS, isPython: false },
  'weights fed': { works: ['hover', 'file'], isPython: false },
  'transformers.js': { works: ['hover', 'file'], isPython: false },
  transformers: { works: ['hover', 'file'], isPython: true },
  onnxruntime: { works: ['hover', 'file'], isPython: true },
  'sentence-transformers': { works: ['embed'], isPython: true },
};

interface Task {
  readonly work: Work;
  /** Of the model. */
  readonly folder: string;
  /** Of its export to ONNX, for who reads that. */
  readonly onnx: string;
  readonly pairs: readonly (readonly [string, string])[];
  readonly maxLength: number;
  readonly threads: number;
}

interface Report extends Measured {
  readonly openSeconds: number;
  /** The work done once, right after opening. */
  readonly firstSeconds: number;
  readonly openRssBytes: number;
  readonly environment?: object;
}

async function main(): Promise<void> {
  const options = benchOptions(USAGE, {
    ...pairOptions,
    work: { type: 'string', default: WORKS.join(',') },
    limit: { type: 'string', default: '200' },
    passes: { type: 'string', default: '5' },
    embedder: { type: 'string', default: '' },
    only: { type: 'string', default: '' },
    side: { type: 'string' },
    task: { type: 'string' },
  });
  if (options.side !== undefined) return takePart(options.side, JSON.parse(readFileSync(options.task!, 'utf8')));
  const threads = count(options.threads, 'threads');
  const passes = count(options.passes, 'passes');
  const files = pairFiles(options);
  const all = (await readPairs(files.validation)).examples.map(({ first, second }) => [first, second!] as const);
  const stride = Math.max(1, Math.floor(all.length / count(options.limit, 'limit')));
  const home = mkdtempSync(join(tmpdir(), 'medtext-bench-'));
  try {
    const base = await baseModel(home, files.vocab, options.work !== 'embed');
    const python = referencePython();
    const figures: Figure[] = [];
    const rows: string[][] = [];
    const notes = [`file: ${Math.ceil(all.length / stride)} pairs; the median of ${passes} turns; CPU time of all threads for one`]; // prettier-ignore
    let reference: object | null = null;
    for (const work of options.work.split(',') as Work[]) {
      if (work === 'embed' && options.embedder === '') continue;
      const folder = work === 'embed' ? resolve(options.embedder) : base.folder;
      const pairs = work === 'hover' || work === 'training' ? [all.find(([a, b]) => a.length + b.length === 21)!] : all.filter((_, i) => i % stride === 0); // prettier-ignore
      const task: Task = { work, folder, onnx: base.onnx, pairs, maxLength: MAX_LENGTH, threads };
      if (work === 'embed') {
        const opened = await tokenizerTimes(folder);
        figures.push({ name: 'embed, tokenizer', value: opened.wallSeconds, unit: 's' });
        notes.push(`the tokenizer of the embedder, ${opened.tokens} tokens, opens in ${seconds(opened.wallSeconds)}, ${seconds(opened.cpuSeconds)} of CPU time`); // prettier-ignore
      }
      const taskFile = join(home, `${work}.json`);
      writeFileSync(taskFile, JSON.stringify(task));
      const sides = Object.entries(SIDES).filter(
        ([name, side]) => side.works.includes(work) && new RegExp(options.only).test(name) && (!side.isPython || python !== undefined), // prettier-ignore
      );
      const contestants = new Map<string, Contestant<Report>>();
      for (const [name, { isPython }] of sides) {
        const contestant = isPython
          ? await Contestant.reference<Report>(python!, 'scoring.py', [name, taskFile])
          : await Contestant.ours<Report>(__filename, ['--side', name, '--task', taskFile], { inHugePages: false });
        contestants.set(name, contestant);
      }
      const busy = work === 'training' ? await besideTraining(contestants, taskFile, passes) : undefined;
      if (!busy) await alternate([...contestants.values()], passes);
      const units = work === 'hover' ? HOVERS_A_TURN : work === 'embed' ? 2 * pairs.length : pairs.length;
      const peer = work === 'embed' ? 'sentence-transformers' : 'transformers';
      const reports = new Map<string, Report>();
      for (const [name, contestant] of contestants) reports.set(name, await contestant.finish());
      const against = reports.get(peer);
      for (const [name, report] of reports) {
        const times = busy?.get(name);
        if (times) {
          const [alone, during] = [median(times.alone), median(times.during)];
          figures.push({ name: `hover while training, ${name}`, value: during, unit: 's', ratio: during / alone, peer: 'alone' }); // prettier-ignore
          notes.push(`hover while training, ${name}: ${(during / alone).toFixed(2)} times as long as alone (${milliseconds(alone)}); nine of ten within ${milliseconds(ninth(times.during))}`); // prettier-ignore
          rows.push([`hover while training, ${name}`, milliseconds(during), NONE, ...processOf(report, 1, threads)]);
          continue;
        }
        reference = report.environment ?? reference;
        const one = report.secondsPerStep / units;
        const faster = against && against.secondsPerStep / report.secondsPerStep;
        figures.push({ name: `${work}, ${name}`, value: one, unit: 's', ...(faster && name !== peer && { ratio: 1 / faster, peer }) }); // prettier-ignore
        rows.push([
          `${work}, ${name}`,
          work === 'hover' ? milliseconds(one) : `${(1 / one).toFixed(1)} /s`,
          faster ? `${faster.toFixed(2)} x` : NONE,
          ...processOf(report, units, threads),
        ]);
        if (work !== 'file') continue;
        const first = report.firstSeconds / units;
        const firstFaster = against && against.firstSeconds / report.firstSeconds;
        figures.push({ name: `file, ${name}, first pass`, value: first, unit: 's', ...(firstFaster && name !== peer && { ratio: 1 / firstFaster, peer }) }); // prettier-ignore
        rows.push([`file, ${name}, first pass`, `${(1 / first).toFixed(1)} /s`, firstFaster ? `${firstFaster.toFixed(2)} x` : NONE, ...Array(4).fill('')]); // prettier-ignore
      }
    }
    printResult(
      'scoring',
      {
        threads,
        notes,
        columns: ['', 'one', 'faster than PyTorch', 'CPU time', 'opened in', 'memory then', 'peak'],
        rows,
        figures,
        results: Object.fromEntries(rows.map(([name, ...cells]) => [name, cells])),
        reference,
      },
      options.json,
    );
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** What a folder's tokenizer takes to open, for the first time in its process. */
async function tokenizerTimes(path: string): Promise<{ tokens: number; wallSeconds: number; cpuSeconds: number }> {
  const folder = await openModelFolder(path);
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  const { vocabSize } = loadTokenizer(await readTokenizerFiles(folder), folder.path);
  const { user, system } = process.cpuUsage(cpu);
  return { tokens: vocabSize, wallSeconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 };
}

/** CPU time of one, and what its process took. */
function processOf(report: Report, units: number, threads: number): string[] {
  return [
    milliseconds((report.cpuShare * threads * report.secondsPerStep) / units),
    seconds(report.openSeconds),
    gigabytes(report.openRssBytes),
    gigabytes(report.peakRssBytes),
  ];
}

const ninth = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(0.9 * values.length)];

/** Seconds of hovers. */
interface HoverTimes {
  readonly alone: number[];
  readonly during: number[];
}

/** Hovers of each contestant, in turn alone and while a model trains. */
async function besideTraining(
  contestants: ReadonlyMap<string, Contestant<Report>>,
  taskFile: string,
  passes: number,
): Promise<ReadonlyMap<string, HoverTimes>> {
  const trainer = await Contestant.ours<object>(__filename, ['--side', TRAINER, '--task', taskFile], { inHugePages: true }); // prettier-ignore
  const times = new Map([...contestants.keys()].map((name) => [name, { alone: [], during: [] } as HoverTimes]));
  const hovers = async (kind: keyof HoverTimes) => {
    for (const [name, contestant] of contestants) {
      for (let i = 0; i < HOVERS_A_TURN; i++) times.get(name)![kind].push(await contestant.turn());
    }
  };
  for (let pass = 0; pass < passes; pass++) {
    await hovers('alone');
    await trainer.turn();
    await hovers('during');
    await trainer.turn();
  }
  await trainer.finish();
  return times;
}

/** The process that trains: from one line on stdin to the next one. */
async function trainByTurns({ threads }: Task): Promise<void> {
  lowerPriority();
  const trainer = await bertBaseTrainer(TRAINED_ROWS, { threads });
  const batches = batchesOf(randomBatches(TRAINED_ROWS, TRAINED_LENGTH));
  let step = 0;
  const train = () => trainer.step([batches[++step % batches.length]], step, defaults.optimizer.lr);
  for (let i = 0; i < 2; i++) await train();
  const say = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`);
  let isAsked = false;
  let training: Promise<void> | undefined;
  const trainOn = async () => {
    while (isAsked) {
      await train();
      // A line that has arrived is read between two steps.
      await setImmediate();
    }
  };
  say({ ready: true });
  for await (const _ of createInterface({ input: process.stdin })) {
    isAsked = !isAsked;
    if (isAsked) training = trainOn();
    else await training;
    say({ seconds: 0 });
  }
  say({});
  process.exit(0);
}

/** The model as a folder of this program's, and as ONNX. */
async function baseModel(home: string, vocab: string, isNeeded: boolean): Promise<{ folder: string; onnx: string }> {
  const [folder, onnx] = [join(home, 'base'), join(home, 'onnx')];
  if (!isNeeded) return { folder, onnx };
  const { parameters } = await bertBase();
  const vocabulary = join(home, 'vocab.txt');
  writeFileSync(vocabulary, readFileSync(vocab));
  const labels = Array.from({ length: LABELS }, (_, i) => `${i}`);
  const usage = { task: 'sentence-similarity', max_length: MAX_LENGTH };
  await writeModelFolder(folder, { parameters, config, labels, copies: [vocabulary], usage });
  await exportModel(folder, onnx, { format: 'onnx' });
  return { folder, onnx };
}

/** Computes the task's texts once. */
type Compute = () => Promise<unknown>;

/** Our process, or transformers.js'. */
async function takePart(side: string, task: Task): Promise<void> {
  if (side === TRAINER) return trainByTurns(task);
  const started = performance.now();
  const compute = await computeOf(side, task);
  const openSeconds = (performance.now() - started) / 1000;
  const asked = performance.now();
  await compute();
  const firstSeconds = (performance.now() - asked) / 1000;
  const openRssBytes = process.memoryUsage.rss();
  const times = task.work === 'hover' ? HOVERS_A_TURN : 1;
  const turn = async () => {
    if (task.work === 'training') {
      await setTimeout(PAUSE_MS);
      const hovered = performance.now();
      await compute();
      return (performance.now() - hovered) / 1000;
    }
    for (let i = 0; i < times; i++) await compute();
  };
  await serveTurns(task.threads, turn, () => ({ openSeconds, firstSeconds, openRssBytes }));
  process.exit(0);
}

async function computeOf(side: string, { work, folder, onnx, pairs, maxLength, threads }: Task): Promise<Compute> {
  if (side === 'transformers.js') return transformersJs(onnx, pairs, maxLength);
  const precision = side === 'int8' ? 'int8' : 'float32';
  if (work === 'embed') {
    const embedder = await openEmbedder(folder, { threads, device: 'cpu', precision });
    return () => embedder.embed(pairs.flat());
  }
  const classifier = await openClassifier(folder, { threads, device: 'cpu', precision });
  if (side !== 'weights fed') return () => classifier.logits(pairs.map(([first, second]) => ({ first, second })));
  const { network, parameters } = await bertBase();
  const runner = new ClassifierRunner(network, new FedNetwork(network, parameters, { threads, padTokenId: config.padTokenId })); // prettier-ignore
  return async () => runner.logits(await classifier.tokenizer.encodeAll(pairs.map(([a, b]) => ({ a, b })), maxLength)); // prettier-ignore
}

async function transformersJs(onnx: string, pairs: Task['pairs'], maxLength: number): Promise<Compute> {
  const { AutoModelForSequenceClassification, AutoTokenizer, env } = await import('@huggingface/transformers');
  env.allowRemoteModels = false;
  env.localModelPath = '/';
  const tokenizer = await AutoTokenizer.from_pretrained(onnx);
  const model = await AutoModelForSequenceClassification.from_pretrained(onnx, {
    subfolder: '',
    dtype: 'fp32',
    device: 'cpu',
  });
  const BATCH = 32;
  return async () => {
    for (let from = 0; from < pairs.length; from += BATCH) {
      const batch = pairs.slice(from, from + BATCH);
      const [first, second] = [batch.map(([a]) => a), batch.map(([, b]) => b)];
      await model(tokenizer(first, { text_pair: second, padding: true, truncation: true, max_length: maxLength }));
    }
  };
}

runMain(main);
