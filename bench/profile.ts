/** Where a warm training step's time goes, by ONNX Runtime's own profiler. See USAGE. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hugePages } from '../src/base/hugePages';
import { Session, type SessionOptions } from '../src/inference/session';
import { ThreadedAdamW } from '../src/steps/threadedAdamW';
import type { Batch } from '../src/steps/trainingSteps';
import { bertBaseTrainer, defaults } from './support/bertBase';
import { batchesOf, randomBatches } from './support/randomBatches';
import { benchOptions, count, milliseconds, NONE, printResult, runMain, seconds } from './support/report';

const USAGE = `npm run bench:profile -- [--length 64] [--batch-size 16] [--steps 3] [--threads 2] [--json FILE]

ONNX Runtime's own profile of warm training steps of a BERT-base-sized encoder: share and count of every operator, and
the rate of the matrix products; then what a step takes besides the graph's operators. Figures are per step, the mean of --steps after
two of warm-up. The first note says how many times the products' own time a step takes, with AdamW on one thread and on all that pay off:
steps with either take turns.`;

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
    const { secondsPerStep, runSeconds, optimizerSeconds, onOneThread } = await profileSteps({ folder, length, batchSize, threads, steps }); // prettier-ignore
    const events = lastSteps(readProfile(folder), steps);
    const profile = operatorsOf(events, steps).sort((a, b) => b.milliseconds - a.milliseconds);
    const inRuns = runsOf(events).reduce((sum, { dur }) => sum + dur, 0) / 1000 / steps;
    const inOperators = profile.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    const products = profile.reduce((sum, { flop, milliseconds }) => sum + (flop > 0 ? milliseconds : 0), 0);
    const rest = {
      'between operators': inRuns - inOperators,
      'feeds in, gradients out': 1000 * runSeconds - inRuns,
      AdamW: 1000 * optimizerSeconds,
      'masks, garbage collection': 1000 * (secondsPerStep - runSeconds - optimizerSeconds),
    };
    const percent = (milliseconds: number) => `${(milliseconds / (10 * secondsPerStep)).toFixed(1)} %`;
    const times = (step: number) =>
      `${((1000 * step) / products).toFixed(2)} times the products' ${products.toFixed(0)} ms`;
    printResult(
      'profile',
      {
        threads,
        notes: [
          `A step of ${batchSize} x ${length}: ${seconds(secondsPerStep)}, ${times(secondsPerStep)}. AdamW on one thread takes ${milliseconds(onOneThread.optimizerSeconds)} in place of ${milliseconds(optimizerSeconds)}, the step ${times(onOneThread.secondsPerStep)}. The profiler is on.`,
          '"between operators": the runtime inside a run, its memory included; "gradients out": the binding copies each output.',
        ],
        columns: ['operator', 'count', 'ms', 'share', 'GFLOP', 'GFLOP/s'],
        rows: [
          ...profile.map(({ operator, calls, milliseconds, flop }) => [
            operator,
            `${Math.round(calls)}`,
            milliseconds.toFixed(1),
            percent(milliseconds),
            flop > 0 ? (flop / 1e9).toFixed(1) : NONE,
            flop > 0 ? (flop / 1e6 / milliseconds).toFixed(1) : NONE,
          ]),
          ...Object.entries(rest).map(([name, ms]) => [name, '', ms.toFixed(1), percent(ms), NONE, NONE]),
        ],
        figures: [
          { name: `step of ${batchSize} x ${length}, against its products`, value: secondsPerStep, unit: 's', ratio: (1000 * secondsPerStep) / products, peer: 'its products' },
          { name: `AdamW of ${batchSize} x ${length}, against one thread`, value: optimizerSeconds, unit: 's', ratio: optimizerSeconds / onOneThread.optimizerSeconds, peer: 'one thread' },
        ], // prettier-ignore
        results: { batchSize, length, secondsPerStep, operators: profile, restMilliseconds: rest, onOneThread },
        reference: null,
      },
      options.json,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Means of the warm steps. */
interface StepTimes {
  readonly secondsPerStep: number;
  /** Of which in the runtime's binding, from feeds to outputs. */
  readonly runSeconds: number;
  readonly optimizerSeconds: number;
}

/** Trains a few steps with AdamW on all threads that pay off, and as many on one; leaves the first trainer's profile in the folder. */
async function profileSteps(of: {
  folder: string;
  length: number;
  batchSize: number;
  threads: number;
  steps: number;
}): Promise<StepTimes & { readonly onOneThread: StepTimes }> {
  const profilePrefix = join(of.folder, 'training');
  const timed = await timedTrainer(of.batchSize, { threads: of.threads, profilePrefix });
  const single = await timedTrainer(of.batchSize, { threads: of.threads }, 1);
  const batches = batchesOf(randomBatches(of.batchSize, of.length));
  for (let step = 1; step <= WARM_UPS + of.steps; step++) {
    for (const side of [timed, single]) await side.step(batches[step % batches.length], step, step > WARM_UPS);
  }
  for (const { trainer } of [timed, single]) await trainer.close();
  return { ...timed.means(of.steps), onOneThread: single.means(of.steps) };
}

/** A trainer whose parts are timed from outside. */
async function timedTrainer(batchSize: number, session: SessionOptions, optimizerThreads?: number) {
  const trainer = await bertBaseTrainer(batchSize, session, { optimizerThreads });
  let [all, runs, optimizer] = [0, 0, 0];
  const timed = async <T>(work: () => Promise<T>, add: (seconds: number) => void): Promise<T> => {
    const started = performance.now();
    const result = await work();
    add((performance.now() - started) / 1000);
    return result;
  };
  return {
    trainer,
    step: async (batch: Batch, step: number, isMeasured: boolean) => {
      const { run } = Session.prototype;
      const { update } = ThreadedAdamW.prototype;
      Session.prototype.run = function (...args) {
        return timed(() => run.apply(this, args), (took) => isMeasured && (runs += took)); // prettier-ignore
      };
      ThreadedAdamW.prototype.update = function (...args) {
        return timed(() => update.apply(this, args), (took) => isMeasured && (optimizer += took)); // prettier-ignore
      };
      try {
        await timed(() => trainer.step([batch], step, defaults.optimizer.lr), (took) => isMeasured && (all += took)); // prettier-ignore
      } finally {
        Session.prototype.run = run;
        ThreadedAdamW.prototype.update = update;
      }
    },
    means: (steps: number): StepTimes => ({ secondsPerStep: all / steps, runSeconds: runs / steps, optimizerSeconds: optimizer / steps }), // prettier-ignore
  };
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

function readProfile(folder: string): ProfileEvent[] {
  return readdirSync(folder).flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as ProfileEvent[]);
}

function runsOf(events: readonly ProfileEvent[]): ProfileEvent[] {
  return events.filter((event) => event.name === 'model_run');
}

interface OperatorShare {
  readonly operator: string;
  /** This and the rest: per step. */
  readonly calls: number;
  readonly milliseconds: number;
  /** Of matrix products; 0 of all else. */
  readonly flop: number;
}

/** The events of the last `steps` runs. */
function lastSteps(events: readonly ProfileEvent[], steps: number): ProfileEvent[] {
  const from = runsOf(events).sort((a, b) => a.ts - b.ts).at(-steps)!.ts; // prettier-ignore
  return events.filter((event) => event.ts >= from);
}

/** What the graph's operators took, per step of `steps`. */
function operatorsOf(events: readonly ProfileEvent[], steps: number): OperatorShare[] {
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
