/** Import of a 410 MB PyTorch checkpoint, and the time to a training's first step. See USAGE. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { referencePython } from './support/contestant';
import { median } from './support/ourSide';
import { pairFiles, pairOptions } from './support/pairs';
import { benchOptions, count, gigabytes, NONE, printResult, runMain, seconds } from './support/report';

const USAGE = `npm run bench:import -- [--checkpoint FOLDER] [--data FOLDER] [--vocab FILE] [--rounds 3] [--threads 2] [--json FILE]

Through the built command line (npm run build), each in a process of its own:
- import of a pytorch_model.bin of BERT-base, 410 MB, which Python writes first (or a folder with one: --checkpoint);
- from the start of "medtext finetune" on KUAKE-QQR, defaults, to the report of the first step: on the checkpoint as it
  is, and on the imported model.
Each figure is the median of the rounds. The checkpoint has just been written or read: it is in the system's file cache.`;

const CLI = resolve(__dirname, '../dist/cli.js');
const PEAK_HOOK = resolve(__dirname, 'support/peakRss.cjs');

interface Run {
  readonly seconds: number;
  readonly peakRssBytes: number;
}

async function main(): Promise<void> {
  const options = benchOptions(USAGE, {
    ...pairOptions,
    checkpoint: { type: 'string', default: '' },
    rounds: { type: 'string', default: '3' },
  });
  const files = pairFiles(options);
  const rounds = count(options.rounds, 'rounds');
  const threads = count(options.threads, 'threads');
  if (!existsSync(CLI)) throw new Error(`${CLI} is not there; build it with: npm run build`);

  const folder = mkdtempSync(join(tmpdir(), 'medtext-bench-'));
  try {
    const checkpoint = options.checkpoint || makeCheckpoint(files.vocab, join(folder, 'checkpoint'));
    const sizeBytes = statSync(join(checkpoint, 'pytorch_model.bin')).size;
    const imported = join(folder, 'imported');

    const imports: Run[] = [];
    const steps = { checkpoint: [] as number[], imported: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      rmSync(imported, { recursive: true, force: true });
      imports.push(await runImport(checkpoint, imported, folder));
      for (const [name, model] of [
        ['checkpoint', checkpoint],
        ['imported', imported],
      ] as const) {
        const data = ['--train', files.train, '--validation', files.validation];
        const output = join(folder, 'runs');
        steps[name].push(await firstStep(['--model', model, ...data, '--threads', `${threads}`, '-o', output]));
        rmSync(output, { recursive: true, force: true });
      }
    }

    const importSeconds = median(imports.map((run) => run.seconds));
    const peakRssBytes = Math.max(...imports.map((run) => run.peakRssBytes));
    printResult(
      'importModel',
      {
        threads,
        notes: [
          `Median of ${rounds} rounds, the highest peak; pytorch_model.bin of ${(sizeBytes / 1e6).toFixed(0)} MB`,
        ],
        columns: ['', 'time', 'peak'],
        rows: [
          ['import', seconds(importSeconds), gigabytes(peakRssBytes)],
          ['finetune to its first step, pytorch_model.bin', seconds(median(steps.checkpoint)), NONE],
          ['finetune to its first step, imported model', seconds(median(steps.imported)), NONE],
        ],
        figures: [
          { name: 'import', value: importSeconds, unit: 's' },
          { name: 'import, peak', value: peakRssBytes, unit: 'bytes' },
          { name: 'first step of an imported model', value: median(steps.imported), unit: 's' },
        ],
        results: { sizeBytes, importSeconds, peakRssBytes, imports, firstStepSeconds: steps },
        reference: null,
      },
      options.json,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function makeCheckpoint(vocab: string, folder: string): string {
  const python = referencePython();
  if (python === undefined) {
    throw new Error(
      'The checkpoint is made with PyTorch; without it, name a folder that has one: --checkpoint FOLDER.',
    );
  }
  const script = join(__dirname, 'reference/makeCheckpoint.py');
  const { status, stderr } = spawnSync(python, [script, vocab, folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script} failed:\n${stderr}`);
  return folder;
}

async function runImport(checkpoint: string, output: string, folder: string): Promise<Run> {
  const peaks = join(folder, 'peaks');
  rmSync(peaks, { recursive: true, force: true });
  mkdirSync(peaks);
  const started = performance.now();
  const child = spawn(process.execPath, ['--require', PEAK_HOOK, CLI, 'import', checkpoint, '--output', output], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, MEDTEXT_BENCH_PEAKS: peaks },
  });
  const errors = collect(child.stderr);
  const code = await new Promise((resolve) => child.once('close', resolve));
  const took = (performance.now() - started) / 1000;
  if (code !== 0) throw new Error(`medtext import ended with ${code}: ${errors()}`);
  const all = readdirSync(peaks).map((name) => JSON.parse(readFileSync(join(peaks, name), 'utf8')).bytes as number);
  return { seconds: took, peakRssBytes: Math.max(...all) };
}

/** Seconds from the start of the command to the report of its first step, when it is killed. */
async function firstStep(args: readonly string[]): Promise<number> {
  const started = performance.now();
  const child = spawn(process.execPath, [CLI, 'finetune', ...args, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const errors = collect(child.stderr);
  // Closed when the training's own process, which writes to the same pipe, has ended as well.
  const closed = new Promise((resolve) => child.once('close', resolve));
  let took: number | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    if (took !== undefined || (JSON.parse(line) as { step?: number }).step !== 1) continue;
    took = (performance.now() - started) / 1000;
    child.kill('SIGKILL');
  }
  const code = await closed;
  if (took === undefined) throw new Error(`medtext finetune ended with ${code} before its first step: ${errors()}`);
  return took;
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.on('data', (data) => (text = (text + data).slice(-4000)));
  return () => text;
}

runMain(main);
