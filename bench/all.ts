/** Every benchmark, one after the other: one JSON file and one Markdown file. See USAGE. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { cpuFlags } from './support/cpuFlags';
import { pairOptions } from './support/pairs';
import { benchOptions, count, gigabytes, markdownTable, runMain, type Figure } from './support/report';

const USAGE = `npm run build && npm run bench -- [--only REGEX] [--quick] [--out .artefacts/bench] [--embedder FOLDER] [--data FOLDER] [--vocab FILE] [--threads 2]

Runs scoring, step, profile, losses, epoch, import, start and preview, and writes DATE.json and DATE.md into --out: figures, the machine, its load
before and after each benchmark, versions, and whether a benchmark failed. MEDTEXT_PYTHON names a Python with the programs that are compared,
MEDTEXT_MODELSCOPE_PYTHON one with ModelScope's trainer (see bench/README.md); without the latter, epoch leaves that comparison out.
--quick takes few turns: whether everything runs, not how fast it is. Two such files are compared by npm run bench:compare.`;

interface Bench {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  readonly quick: readonly string[];
}

function benches(
  threads: number,
  { embedder, data, vocab }: { readonly embedder: string; readonly data: string; readonly vocab: string },
): readonly Bench[] {
  const common = ['--threads', `${threads}`];
  const pairs = ['--data', data, '--vocab', vocab];
  const withEmbedder = embedder === '' ? [] : ['--embedder', embedder];
  return [
    { name: 'scoring', script: 'scoring.ts', args: [...common, ...pairs, ...withEmbedder], quick: ['--passes', '2', '--limit', '32'] },
    { name: 'step', script: 'trainStep.ts', args: [...common, '--lengths', '24,32,64,128'], quick: ['--steps', '1', '--lengths', '24'] },
    { name: 'profile', script: 'profile.ts', args: [...common, '--length', '24', '--steps', '5'], quick: ['--steps', '1'] },
    { name: 'losses', script: 'trainStep.ts', args: [...common, '--lengths', '32', '--loss', 'adversarial'], quick: ['--steps', '1', '--lengths', '16'] },
    { name: 'epoch', script: 'epoch.ts', args: [...common, ...pairs], quick: ['--steps', '2', '--reference-steps', '1'] },
    { name: 'import', script: 'importModel.ts', args: pairs, quick: ['--rounds', '1'] },
    { name: 'start', script: 'start.ts', args: [], quick: [] },
    { name: 'preview', script: 'preview.ts', args: ['--model', 'samples/structbert-tiny'], quick: ['--rows', '20000'] },
  ]; // prettier-ignore
}

/** A benchmark's file, with the load of the machine around it. */
interface Part {
  readonly name: string;
  readonly columns?: readonly string[];
  readonly rows?: readonly (readonly string[])[];
  readonly notes?: readonly string[];
  readonly figures?: readonly Figure[];
  readonly environment?: object;
  readonly results?: unknown;
  /** Averages over a minute. */
  readonly load: { readonly before: number; readonly after: number };
  readonly tookSeconds: number;
  readonly failed?: string;
}

async function main(): Promise<void> {
  const options = benchOptions(USAGE, {
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    out: { type: 'string', default: '.artefacts/bench' },
    embedder: { type: 'string', default: '' },
    ...pairOptions,
  });
  const threads = count(options.threads, 'threads');
  const startedAt = new Date().toISOString();
  const chosen = benches(threads, options).filter(({ name }) => new RegExp(options.only).test(name));
  const folder = mkdtempSync(join(tmpdir(), 'medtext-bench-'));
  const parts: Part[] = [];
  try {
    for (const bench of chosen) parts.push(run(bench, options.quick, folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const report = { format: 1, startedAt, isQuick: options.quick, threads, machine: machine(), parts };
  mkdirSync(options.out, { recursive: true });
  const stem = join(options.out, startedAt.slice(0, 16).replaceAll(':', ''));
  writeFileSync(`${stem}.json`, `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(`${stem}.md`, markdown(report));
  console.log(`\n${stem}.json, ${stem}.md`);
  const failed = parts.filter((part) => part.failed !== undefined);
  if (failed.length > 0) throw new Error(`failed: ${failed.map(({ name }) => name).join(', ')}`);
}

function run({ name, script, args, quick }: Bench, isQuick: boolean, folder: string): Part {
  console.log(`\n## ${name}`);
  const json = join(folder, `${name}.json`);
  const before = loadavg()[0];
  const started = performance.now();
  const command = [...process.execArgv, join(__dirname, script), ...args, ...(isQuick ? quick : []), '--json', json];
  const { status, signal } = spawnSync(process.execPath, command, { stdio: ['ignore', 'inherit', 'inherit'] });
  const measured = { name, load: { before, after: loadavg()[0] }, tookSeconds: (performance.now() - started) / 1000 };
  if (status !== 0 || !existsSync(json)) return { ...measured, failed: `ended with ${signal ?? status}` };
  return { ...(JSON.parse(readFileSync(json, 'utf8')) as object), ...measured };
}

function machine() {
  const [cpu] = cpus();
  return { cpu: cpu?.model.trim(), cores: cpus().length, flags: cpuFlags(), memoryBytes: totalmem(), platform: process.platform, arch: process.arch }; // prettier-ignore
}

interface SuiteReport {
  readonly startedAt: string;
  readonly isQuick: boolean;
  readonly threads: number;
  readonly machine: ReturnType<typeof machine>;
  readonly parts: readonly Part[];
}

function markdown({
  startedAt,
  isQuick,
  threads,
  machine: { cpu, cores, flags, memoryBytes },
  parts,
}: SuiteReport): string {
  const heading = [
    `# Benchmarks of ${startedAt.slice(0, 10)}`,
    '',
    `${cpu}, ${cores} cores (${flags.join(', ')}), ${gigabytes(memoryBytes)}; ${threads} threads.${isQuick ? ' Few turns: no figures to quote.' : ''}`,
  ];
  const sections = parts.map((part) => {
    const load = `Load of the machine ${part.load.before.toFixed(1)} before, ${part.load.after.toFixed(1)} after; ${part.tookSeconds.toFixed(0)} s.`; // prettier-ignore
    if (part.failed !== undefined) return [`## ${part.name}`, '', `Failed: ${part.failed}.`, '', load];
    const versions = part.environment && `Versions: ${JSON.stringify(part.environment)}`;
    const table = part.columns && part.rows ? [markdownTable(part.columns, part.rows), ''] : [];
    return [`## ${part.name}`, '', ...table, ...(part.notes ?? []), '', load, ...(versions ? ['', versions] : [])];
  });
  return `${[heading, ...sections].map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

runMain(main);
