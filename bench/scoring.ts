/** Answers at once: one pair, a file of pairs, the vectors of short texts, against the others. See USAGE. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { exportModel } from '../src/exports/exportModel';
import { ClassifierRunner } from '../src/inference/classifierRunner';
import { openEmbedder } from '../src/inference/embedder';
import { FedNetwork } from '../src/inference/fedNetwork';
import { openClassifier } from '../src/inference/openClassifier';
import { writeModelFolder } from '../src/models/writeModelFolder';
import { bertBase, config, LABELS } from './support/bertBase';
import { alternate, Contestant, referencePython } from './support/contestant';
import { serveTurns, type Measured } from './support/ourSide';
import { pairFiles, pairOptions, readPairs } from './support/pairs';
import { benchOptions, count, gigabytes, milliseconds, printResult, runMain, seconds, type Figure } from './support/report'; // prettier-ignore

const USAGE = `npm run bench:scoring -- [--work hover,file,embed] [--limit 200] [--passes 5] [--embedder FOLDER] [--only REGEX] [--threads 2] [--json FILE]

BERT-base with random weights and three labels, one model folder for all, in turns:
  hover   one pair of KUAKE-QQR's dev set (24 tokens), from its texts to its logits; each turn is 5 of them
  file    about --limit pairs from all over that file, texts to logits
  embed   the texts of these pairs, texts to vectors, by a folder of sentence-transformers (--embedder; left out without one)
Ours: float32 and int8 as the scorer and medtext compute them, and the path that training's evaluation takes (weights fed).
Others: transformers with PyTorch, transformers.js and onnxruntime for Python (an export to ONNX of the same model),
sentence-transformers. Each contestant is a process that has opened the model and computed once; what opening took and the
memory it held are told apart.`;

const MAX_LENGTH = 128;
const HOVERS_A_TURN = 5;
const WORKS = ['hover', 'file', 'embed'] as const;
type Work = (typeof WORKS)[number];

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
    let reference: object | null = null;
    for (const work of options.work.split(',') as Work[]) {
      if (work === 'embed' && options.embedder === '') continue;
      const folder = work === 'embed' ? resolve(options.embedder) : base.folder;
      const pairs = work === 'hover' ? [all.find(([a, b]) => a.length + b.length === 21)!] : all.filter((_, i) => i % stride === 0); // prettier-ignore
      const task: Task = { work, folder, onnx: base.onnx, pairs, maxLength: MAX_LENGTH, threads };
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
      await alternate([...contestants.values()], passes);
      const units = work === 'hover' ? HOVERS_A_TURN : work === 'embed' ? 2 * pairs.length : pairs.length;
      const peer = work === 'embed' ? 'sentence-transformers' : 'transformers';
      const reports = new Map<string, Report>();
      for (const [name, contestant] of contestants) reports.set(name, await contestant.finish());
      const against = reports.get(peer);
      for (const [name, report] of reports) {
        reference = report.environment ?? reference;
        const one = report.secondsPerStep / units;
        const faster = against && against.secondsPerStep / report.secondsPerStep;
        figures.push({ name: `${work}, ${name}`, value: one, unit: 's', ...(faster && name !== peer && { ratio: 1 / faster, peer }) }); // prettier-ignore
        rows.push([
          `${work}, ${name}`,
          work === 'hover' ? milliseconds(one) : `${(1 / one).toFixed(1)} /s`,
          faster ? `${faster.toFixed(2)} x` : '-',
          milliseconds((report.cpuShare * threads * report.secondsPerStep) / units),
          seconds(report.openSeconds),
          gigabytes(report.openRssBytes),
          gigabytes(report.peakRssBytes),
        ]);
      }
    }
    printResult(
      'scoring',
      {
        threads,
        notes: [`file: ${Math.ceil(all.length / stride)} pairs; the median of ${passes} turns; CPU time of all threads for one`], // prettier-ignore
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
  const started = performance.now();
  const compute = await computeOf(side, task);
  const openSeconds = (performance.now() - started) / 1000;
  await compute();
  const openRssBytes = process.memoryUsage.rss();
  const times = task.work === 'hover' ? HOVERS_A_TURN : 1;
  const turn = async () => {
    for (let i = 0; i < times; i++) await compute();
  };
  await serveTurns(task.threads, turn, () => ({ openSeconds, openRssBytes }));
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
