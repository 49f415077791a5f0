/** What fine-tuning makes of the starter encoder. See USAGE. */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { dirname, extname, join, resolve } from 'node:path';
import { readFileFor } from '../src/evaluation/readFileFor';
import { withClassifier } from '../src/evaluation/withModel';
import { describeEnvironment } from '../src/runs/environment';
import { argmaxRows, confusionMatrix, macroF1 } from '../src/tasks/metrics';
import { meanOverSeeds, type Estimate, type Measure, type Predictions } from './support/pairedDifference';
import { benchOptions, count, markdownTable, runMain } from './support/report';

const USAGE = `npm run build && npm run bench:starter -- [--cblue DIR] [--chineseblue DIR] [--whole DIR] [--rows N] [--only REGEX] [--results FILE] [--report] [--threads 2]

The default recipe (three epochs, batches of 16, learning rate 3e-5; an eighth of the training rows is the validation data, which chooses the checkpoint) with three seeds, on
KUAKE-QQR, KUAKE-QIC (--cblue: the folder with both) and cMedQQ (--chineseblue), from
  starter      the starter encoder,
  random       its shape and vocabulary with random weights,
  whole        multilingual-e5-small with all its pieces (--whole: what npm run starter -- --whole writes),
  adversarial  the starter encoder with ModelScope's adversarial loss (train.adversarial), on KUAKE-QQR alone,
  labels       the starter encoder that learns several labels a row (task: multi-label-classification), each grade one, on KUAKE-QQR
               alone; what it says is the label of the largest probability.
The dev files of KUAKE-QQR and KUAKE-QIC judge (their test files have no labels), and cMedQQ's test file; they choose nothing.

--rows N   the first N rows of each training file, the same for all: 27 runs of the whole files take many hours.
--only     runs whose key (SET START SEED ROWS) matches.
--report   prints the tables of what FILE holds, and trains nothing.

A finished run is a line of FILE (default bench/results/starter.jsonl), and the next call goes on after it. Seeds are the outermost loop,
so that what is there at any time is even.`;

const SEEDS = [1, 2, 3];
/** ModelScope's defaults, as the schema documents them. */
const ADVERSARIAL = '{"adv_grad_factor":5e-5,"adv_bound":1e-5,"sigma":5e-6}';
/** What of the recipe differs, of starts that begin with the starter encoder, too. */
const FLAGS: Readonly<Partial<Record<Start, readonly string[]>>> = {
  adversarial: ['--set', `train.adversarial=${ADVERSARIAL}`],
  labels: ['--task', 'multi-label-classification'],
};
const ALL_ROWS = 'all';

/** A data set: what trains, what judges, and the flags of `medtext finetune` for it. */
interface Bench {
  readonly name: string;
  readonly train: string;
  readonly judge: string;
  /** In the order of their ids. */
  readonly labels: readonly string[];
  readonly flags: readonly string[];
}

/** A line of the results. */
interface Line {
  readonly key: string;
  readonly set: string;
  readonly start: string;
  readonly seed: number;
  /** Rows of the training file that were read. */
  readonly rows: number | typeof ALL_ROWS;
  readonly accuracy: number;
  readonly macroF1: number;
  /** The predicted label id of each judging row, in base 36. */
  readonly predicted: string;
  readonly trainSeconds: number;
  readonly judgeSeconds: number;
  /** Of the last minute, at the end: above the number of cores others computed at the same time. */
  readonly load: number;
  readonly cpu: string;
  readonly threads: number;
  readonly commit: string;
  readonly date: string;
}

const STARTS = ['starter', 'random', 'whole', 'adversarial', 'labels'] as const;
type Start = (typeof STARTS)[number];

async function main(): Promise<void> {
  const options = benchOptions(USAGE, {
    cblue: { type: 'string' },
    chineseblue: { type: 'string' },
    whole: { type: 'string' },
    rows: { type: 'string' },
    only: { type: 'string', default: '' },
    results: { type: 'string', default: 'bench/results/starter.jsonl' },
    report: { type: 'boolean', default: false },
  });
  const rows = options.rows === undefined ? ALL_ROWS : count(options.rows, 'rows');
  const threads = count(options.threads, 'threads');
  const results = resolve(options.results);
  const sets = benches(options.cblue, options.chineseblue);
  if (!options.report) {
    const home = mkdtempSync(join(tmpdir(), 'medtext-bench-starter-'));
    try {
      const models: Partial<Record<Start, string>> = { starter: 'starter', random: randomStart(join(home, 'random')), whole: options.whole, adversarial: 'starter', labels: 'starter' }; // prettier-ignore
      const only = new RegExp(options.only);
      mkdirSync(dirname(results), { recursive: true });
      for (const seed of SEEDS) {
        for (const set of sets) {
          for (const start of STARTS) {
            const model = models[start];
            const key = `${set.name} ${start} ${seed} ${rows}`;
            const isAsked = FLAGS[start] === undefined || set.name === 'KUAKE-QQR';
            if (model === undefined || !isAsked || !only.test(key)) continue;
            if (readLines(results).some((line) => line.key === key)) continue;
            const line = await run({ key, set, start, seed, rows, model, threads, home });
            appendFileSync(results, `${JSON.stringify(line)}\n`);
            console.log(`${key}: accuracy ${line.accuracy.toFixed(4)}, macro F1 ${line.macroF1.toFixed(4)}, ${((line.trainSeconds + line.judgeSeconds) / 60).toFixed(1)} min`); // prettier-ignore
          }
        }
      }
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  }
  report(readLines(results), sets);
}

function benches(cblue: string | undefined, chineseblue: string | undefined): Bench[] {
  const found: Bench[] = [];
  // NA: pairs that the annotators gave up on.
  for (const [name, flags] of [
    ['KUAKE-QQR', ['--map', 'NA=']],
    ['KUAKE-QIC', []],
  ] as const) {
    if (cblue === undefined) continue;
    const [train, judge] = ['train', 'dev'].map((split) => resolve(cblue, name, `${name}_${split}.json`));
    // Of the whole file: its first rows may lack a label.
    const labels = [...new Set(rowsOf(train).map(({ label }) => label))].filter((label) => label !== 'NA').sort();
    found.push({ name, train, judge, labels, flags });
  }
  if (chineseblue !== undefined) {
    const [train, judge] = ['train', 'test'].map((split) => resolve(chineseblue, 'cMedQQ', `${split}.txt`));
    found.push({ name: 'cMedQQ', train, judge, labels: ['0', '1'], flags: [] });
  }
  if (found.length === 0) throw new Error(`Neither --cblue nor --chineseblue is given.\n\n${USAGE}`);
  return found;
}

/** Rows of CBLUE's JSON, or of ChineseBLUE's lines `label TAB text TAB text`. */
function rowsOf(path: string): { readonly label: string }[] {
  const text = readFileSync(path, 'utf8');
  if (extname(path) === '.json') return JSON.parse(text) as { label: string }[];
  return text.split(/\r?\n/).filter(Boolean).map((line) => ({ label: line.split('\t')[0] })); // prettier-ignore
}

/** The label ids of the judging rows. */
function truthOf({ judge, labels }: Bench): number[] {
  return rowsOf(judge).flatMap(({ label }) => (label === 'NA' ? [] : [labels.indexOf(label)]));
}

/** The starter's shape and vocabulary without its weights. */
function randomStart(folder: string): string {
  cpSync('starter', folder, { recursive: true, filter: (path) => !path.endsWith('.q4') });
  return folder;
}

/** The first rows of a training file, in a file of its own. */
function firstRows(path: string, rows: Line['rows'], folder: string): string {
  if (rows === ALL_ROWS) return path;
  const text = readFileSync(path, 'utf8');
  const part = join(folder, `train${extname(path)}`);
  writeFileSync(part, extname(path) === '.json' ? JSON.stringify((JSON.parse(text) as unknown[]).slice(0, rows)) : `${text.split('\n').slice(0, rows).join('\n')}\n`); // prettier-ignore
  return part;
}

interface Run {
  readonly key: string;
  readonly set: Bench;
  readonly start: Start;
  readonly seed: number;
  readonly rows: Line['rows'];
  readonly model: string;
  readonly threads: number;
  readonly home: string;
}

async function run({ key, set, start, seed, rows, model, threads, home }: Run): Promise<Line> {
  const folder = mkdtempSync(join(home, 'run-'));
  try {
    const began = performance.now();
    const data = ['--train', firstRows(set.train, rows, folder), '--set', 'dataset.split={"validation":0.125}'];
    const other = FLAGS[start] ?? [];
    const args = ['finetune', '--model', model, ...data, '--labels', set.labels.join(','), ...set.flags, ...other, '--seed', `${seed}`, '--threads', `${threads}`, '--device', 'cpu', '-o', folder]; // prettier-ignore
    const trained = medtext(args);
    const trainedAt = performance.now();
    const predicted = await predictionsOf(String(trained.model), set.judge, threads);
    const truth = truthOf(set);
    if (truth.length !== predicted.length) throw new Error(`${set.judge}: ${predicted.length} predictions of ${truth.length} rows`); // prettier-ignore
    const judgedAt = performance.now();
    return {
      key,
      set: set.name,
      start,
      seed,
      rows,
      accuracy: accuracyOf(truth, predicted),
      macroF1: macroF1Of(truth, predicted),
      predicted: predicted.map((label) => label.toString(36)).join(''),
      trainSeconds: Math.round((trainedAt - began) / 1000),
      judgeSeconds: Math.round((judgedAt - trainedAt) / 1000),
      load: loadavg()[0],
      cpu: describeEnvironment({ device: 'cpu', threads }).cpu,
      threads,
      commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
      date: new Date().toISOString().slice(0, 10),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function medtext(args: readonly string[]): Record<string, unknown> {
  const text = execFileSync(process.execPath, ['dist/cli.js', ...args, '--json'], { encoding: 'utf8', maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'inherit'] }); // prettier-ignore
  return JSON.parse(text.trim().split('\n').at(-1)!) as Record<string, unknown>;
}

/** The label ids that a model predicts for the judging rows. */
async function predictionsOf(model: string, judge: string, threads: number): Promise<number[]> {
  const options = { device: 'cpu', threads, labelMapping: { NA: null } };
  return withClassifier(model, options, async (classifier) => {
    const { examples } = await readFileFor(classifier, judge, 'train', options);
    return [...argmaxRows(await classifier.logits(examples), classifier.labels.length)];
  });
}

function accuracyOf(truth: Predictions, predicted: Predictions): number {
  return predicted.filter((label, row) => label === truth[row]).length / truth.length;
}

function macroF1Of(truth: Predictions, predicted: Predictions): number {
  return macroF1(confusionMatrix(truth, predicted, 1 + Math.max(...truth, ...predicted)));
}

function readLines(path: string): Line[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line) as Line) : []; // prettier-ignore
}

/** One table of each number of rows: a row a set and start, and what the starter is better by. */
function report(lines: readonly Line[], sets: readonly Bench[]): void {
  const columns = ['set', 'start', 'seeds', 'accuracy', 'macro F1', 'starter better by: accuracy', 'macro F1'];
  for (const rows of new Set(lines.map((line) => line.rows))) {
    const cells: string[][] = [];
    for (const set of sets) {
      const truth = truthOf(set);
      const counts = set.labels.map((_, id) => truth.filter((label) => label === id).length);
      cells.push([set.name, 'the most frequent label', '', percent(Math.max(...counts) / truth.length), '', '', '']);
      const runsOf = (start: Start) => lines.filter((line) => line.set === set.name && line.start === start && line.rows === rows); // prettier-ignore
      const starter = runsOf('starter');
      for (const start of STARTS) {
        const runs = runsOf(start);
        if (runs.length === 0) continue;
        // Only seeds that both have are compared.
        const both = runs.flatMap((run) => starter.filter(({ seed }) => seed === run.seed).map((own) => [own, run]));
        const of = (measure: Measure) => estimate(meanOverSeeds(measure, truth, runs.map(predictedIn)));
        const lead = (measure: Measure) => start === 'starter' || both.length === 0 ? '' : estimate(meanOverSeeds(measure, truth, both.map(([own]) => predictedIn(own)), both.map(([, run]) => predictedIn(run)))); // prettier-ignore
        const seeds = runs.map(({ seed }) => seed).join(', ');
        cells.push([set.name, start, seeds, of(accuracyOf), of(macroF1Of), lead(accuracyOf), lead(macroF1Of)]);
      }
    }
    console.log(
      `\nThe first ${rows} rows of each training file; percent, 95 % (bootstrap over judging rows and seeds):\n`,
    );
    console.log(markdownTable(columns, cells));
  }
}

const predictedIn = ({ predicted }: Line): number[] => [...predicted].map((label) => Number.parseInt(label, 36));
const percent = (value: number): string => (100 * value).toFixed(1);
const estimate = ({ value, interval: [low, high] }: Estimate): string => `${percent(value)} (${percent(low)} to ${percent(high)})`; // prettier-ignore

runMain(main);
