/** Where a warm training step's time goes, by ONNX Runtime's own profiler. See USAGE. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hugePages } from '../src/base/hugePages';
import type { SessionOptions } from '../src/inference/session';
import { bertBaseTrainer, defaults } from './support/bertBase';
import { batchesOf, randomBatches } from './support/randomBatches';
import { benchOptions, count, NONE, printResult, runMain } from './support/report';

const USAGE = `npm run bench:profile -- [--length 64] [--batch-size 16] [--steps 3] [--threads 2] [--json FILE]

ONNX Runtime's own profile of warm training steps of a BERT-base-sized encoder: share and count of every operator, and
the rate of the matrix products. Figures are per step, the mean of --steps after two of warm-up.`;

const WARM_UPS = 2;

async function main(): Promise<void> {
  const options = benchOptions(USAGE, {
    length: { type: 'string', default: '64' },
    'batch-size': { type: 'string', default: '16' },
    steps: { type: 'string', default: '3' },
    measure: { type: 'boolean', default: false },
  });
  const length = count(options.length, 'length');
  const batchSize = count(options['batch-size'], 'batch-size');
  const threads = count(options.threads, 'threads');
  const steps = count(options.steps, 'steps');
  if (!options.measure) {
    // Again, with the memory pages that the command line trains in.
    const args = [...process.execArgv, __filename, '--measure', ...process.argv.slice(2)];
    const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...hugePages() } });
    process.exitCode = status ?? 1;
    return;
  }

  const folder = mkdtempSync(join(tmpdir(), 'medtext-bench-'));
  try {
    const secondsPerStep = await profileSteps({ folder, length, batchSize, threads, steps });
    const [training, optimizer] = readProfiles(folder).map((events) => lastSteps(events, WARM_UPS + steps, steps));
    const profile = [...operatorsOf(training, 'training', steps), ...operatorsOf(optimizer, 'optimizer', steps)].sort(
      (a, b) => b.milliseconds - a.milliseconds,
    );
    const rest = restOf(training, optimizer, { secondsPerStep, steps, profile });
    const percent = (milliseconds: number) => `${(milliseconds / (10 * secondsPerStep)).toFixed(1)} %`;
    printResult(
      'profile',
      {
        threads,
        notes: [
          `A step of ${batchSize} x ${length}: ${secondsPerStep.toFixed(3)} s, the mean of ${steps}, with the profiler on.`,
          '"between operators": the runtime inside a run, its memory included; "outside runs": masks and feeds, in JavaScript.',
        ],
        columns: ['operator', 'graph', 'count', 'ms', 'share', 'GFLOP', 'GFLOP/s'],
        rows: [
          ...profile.map(({ operator, graph, calls, milliseconds, flop }) => [
            operator,
            graph,
            `${Math.round(calls)}`,
            milliseconds.toFixed(1),
            percent(milliseconds),
            flop > 0 ? (flop / 1e9).toFixed(1) : NONE,
            flop > 0 ? (flop / 1e6 / milliseconds).toFixed(1) : NONE,
          ]),
          ...Object.entries(rest).map(([name, ms]) => [name, '', '', ms.toFixed(1), percent(ms), NONE, NONE]),
        ],
        results: { batchSize, length, secondsPerStep, operators: profile, restMilliseconds: rest },
        reference: null,
      },
      options.json,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Trains a few steps; leaves a profile a session in the folder. @returns the mean seconds of the warm ones */
async function profileSteps(of: {
  folder: string;
  length: number;
  batchSize: number;
  threads: number;
  steps: number;
}): Promise<number> {
  let profiles = 0;
  const session: SessionOptions = {
    threads: of.threads,
    // The runtime names a file by prefix and second: two sessions made within one would share it.
    get profilePrefix() {
      return join(of.folder, `session${profiles++}`);
    },
  };
  const trainer = await bertBaseTrainer(of.batchSize, session);
  const batches = batchesOf(randomBatches(of.batchSize, of.length));
  let started = 0;
  for (let step = 1; step <= WARM_UPS + of.steps; step++) {
    if (step === WARM_UPS + 1) started = performance.now();
    await trainer.step([batches[step % batches.length]], step, defaults.optimizer.lr);
  }
  const secondsPerStep = (performance.now() - started) / 1000 / of.steps;
  await trainer.close();
  return secondsPerStep;
}

/** An event of the profile (Chrome's trace format); times in microseconds. */
interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: {
    readonly op_name?: string;
    readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
    readonly output_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
  };
}

/** The profiles of the training graph and of the optimiser's, which runs many times a step. */
function readProfiles(folder: string): ProfileEvent[][] {
  return readdirSync(folder)
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as ProfileEvent[])
    .sort((a, b) => runsOf(a).length - runsOf(b).length);
}

function runsOf(events: readonly ProfileEvent[]): ProfileEvent[] {
  return events.filter((event) => event.name === 'model_run');
}

interface OperatorShare {
  readonly operator: string;
  readonly graph: string;
  /** This and the rest: per step. */
  readonly calls: number;
  readonly milliseconds: number;
  /** Of matrix products; 0 of all else. */
  readonly flop: number;
}

/** The events of a graph's runs in the last `steps` of `allSteps`. */
function lastSteps(events: readonly ProfileEvent[], allSteps: number, steps: number): ProfileEvent[] {
  const runs = runsOf(events).sort((a, b) => a.ts - b.ts);
  const from = runs[runs.length - (runs.length / allSteps) * steps].ts;
  return events.filter((event) => event.ts >= from);
}

/** The milliseconds of a step that no operator took. */
function restOf(
  training: readonly ProfileEvent[],
  optimizer: readonly ProfileEvent[],
  of: { readonly secondsPerStep: number; readonly steps: number; readonly profile: readonly OperatorShare[] },
): Record<string, number> {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const inRuns = (events: readonly ProfileEvent[]) => sum(runsOf(events).map(({ dur }) => dur)) / 1000 / of.steps;
  const inOperators = (graph: string) =>
    sum(of.profile.filter((row) => row.graph === graph).map(({ milliseconds }) => milliseconds));
  return {
    'between operators, training': inRuns(training) - inOperators('training'),
    'between operators, optimizer': inRuns(optimizer) - inOperators('optimizer'),
    'outside runs': 1000 * of.secondsPerStep - inRuns(training) - inRuns(optimizer),
  };
}

/** What the graph's operators took, per step of `steps`. */
function operatorsOf(events: readonly ProfileEvent[], graph: string, steps: number): OperatorShare[] {
  const sums = new Map<string, { calls: number; microseconds: number; flop: number }>();
  for (const event of events) {
    if (event.cat !== 'Node' || !event.name.endsWith('_kernel_time')) continue;
    const operator = event.args?.op_name ?? event.name;
    const sum = sums.get(operator) ?? { calls: 0, microseconds: 0, flop: 0 };
    sum.calls++;
    sum.microseconds += event.dur;
    sum.flop += matrixProductFlop(event);
    sums.set(operator, sum);
  }
  return [...sums].map(([operator, { calls, microseconds, flop }]) => ({
    operator,
    graph,
    calls: calls / steps,
    milliseconds: microseconds / 1000 / steps,
    flop: flop / steps,
  }));
}

/**
 * 2 M N K of every product. The shapes do not say which axes are transposed, but the element counts of both factors and
 * of the product, (b) M K, (b) K N and b M N, give K whatever the order.
 */
function matrixProductFlop({ args }: ProfileEvent): number {
  if (!['Gemm', 'MatMul', 'FusedMatMul', 'FusedGemm'].includes(args?.op_name ?? '')) return 0;
  const shape = (of: readonly Readonly<Record<string, readonly number[]>>[] | undefined, index: number) =>
    Object.values(of?.[index] ?? {})[0] ?? [];
  const elements = (dimensions: readonly number[]) => dimensions.reduce((product, size) => product * size, 1);
  const [a, b, y] = [
    shape(args?.input_type_shape, 0),
    shape(args?.input_type_shape, 1),
    shape(args?.output_type_shape, 0),
  ];
  const batch = a.length > 2 && b.length > 2 ? elements(y.slice(0, -2)) : 1;
  const k = Math.sqrt((elements(a) * elements(b)) / elements(y) / batch);
  return 2 * elements(y) * k;
}

runMain(main);
