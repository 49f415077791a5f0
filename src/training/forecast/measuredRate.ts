/** How fast this machine trains, by the logs of runs that it has computed. */
import { join } from 'node:path';
import { namesIn } from '../../models/checkpoint/replaceFolder';
import type { ResolvedRecipe } from '../../protocol/recipe';
import type { RunRecord } from '../../protocol/runRecord';
import { describeEnvironment } from '../../runs/environment';
import { readMetricsLog } from '../../runs/metricsLog';
import { readRun, type RunFolder } from '../../runs/runFolder';
import { workOf } from '../disturbance';
import { sessionOptions } from '../setUpTrainer';

export interface MeasuredRate {
  /** The rate of training steps, padding included. */
  readonly tokensPerSecond: number;
  readonly run: RunRecord;
  /** Steps that it was measured over. */
  readonly steps: number;
}

/** A training, as far as its rate depends on it. */
export interface RateOf {
  readonly recipe: ResolvedRecipe;
  readonly parameterCount: number;
  readonly trainedCount: number;
}

/** Fewer say too little; the first ones of a run are slower than the later ones. */
const leastSteps = 12;
const slowSteps = 4;
/** A head of more labels changes no rate that anybody would notice. */
const sameSize = 0.01;
const mostRuns = 40;

/**
 * The rate of the newest of the runs that trained a network of the same size in the same way, on this machine and device.
 * Folders that hold no such run, or one that is damaged, are passed over.
 */
export async function measuredRate(asked: RateOf, runFolders: readonly string[]): Promise<MeasuredRate | undefined> {
  const runs: { folder: RunFolder; record: RunRecord }[] = [];
  for (const path of runFolders.slice(0, mostRuns)) {
    const run = await readRun(path).catch(() => undefined);
    if (run && isAlike(asked, run)) runs.push(run);
  }
  runs.sort((a, b) => b.record.updatedAt.localeCompare(a.record.updatedAt));
  for (const { folder, record } of runs) {
    const rate = await rateIn(folder.metricsFile).catch(() => undefined);
    if (rate) return { ...rate, run: record };
  }
  return undefined;
}

/** The runs of a work folder. */
export async function runFoldersOf(workDir: string): Promise<string[]> {
  const timeOf = (name: string): string => /\d{8}-\d{6}(-\d+)?$/.exec(name)?.[0] ?? '';
  const names = (await namesIn(workDir)).sort((a, b) => timeOf(b).localeCompare(timeOf(a)));
  return names.map((name) => join(workDir, name));
}

function isAlike(
  { recipe, parameterCount, trainedCount }: RateOf,
  { recipe: other, record }: { recipe: ResolvedRecipe; record: RunRecord },
): boolean {
  const { device = 'cpu', threads } = sessionOptions(recipe);
  const here = describeEnvironment({ device, threads });
  const near = (a: number, b: number) => Math.abs(a - b) <= sameSize * b;
  const precision = ({ train }: ResolvedRecipe) => train.precision ?? 'float32';
  return (
    near(record.model.parameterCount, parameterCount) &&
    near(record.model.trainedCount, trainedCount) &&
    workOf(other) === workOf(recipe) &&
    precision(other) === precision(recipe) &&
    other.train.masking === undefined &&
    (['device', 'cpu', 'logicalCores', 'threads'] as const).every((name) => record.environment[name] === here[name])
  );
}

/**
 * Each step's log has its padded length and the examples a second, a mean over recent steps; batches are of one size, so that
 * the mean over steps of the length, by the mean of the seconds an example, is tokens a second.
 */
async function rateIn(metricsFile: string): Promise<{ tokensPerSecond: number; steps: number } | undefined> {
  let [tokens, seconds, steps, seen] = [0, 0, 0, 0];
  for await (const { sequenceLength, examplesPerSecond } of readMetricsLog(metricsFile)) {
    if (typeof sequenceLength !== 'number' || typeof examplesPerSecond !== 'number' || !(examplesPerSecond > 0)) continue; // prettier-ignore
    if (seen++ < slowSteps) continue;
    tokens += sequenceLength;
    seconds += 1 / examplesPerSecond;
    steps++;
  }
  return steps < leastSteps ? undefined : { tokensPerSecond: tokens / seconds, steps };
}
