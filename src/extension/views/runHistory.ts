import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { metricOf } from '../../protocol/evaluation';
import { METRICS_FILE, parseMetricsLine } from '../../protocol/metricsLine';
import { isLowerBetter, METRIC_NAMES } from '../../protocol/tasks';
import type { EvaluationReport, TrainingReport } from '../../protocol/trainer';
import type { EvaluationPoint } from '../../protocol/trainingView';

/** A run's course: losses by step, evaluations, and the newest report. A loss that is no finite number is null. */
export interface RunHistory {
  readonly steps: readonly number[];
  readonly losses: readonly (number | null)[];
  readonly evaluations: readonly EvaluationPoint[];
  readonly last?: Partial<TrainingReport>;
}

export const emptyHistory: RunHistory = { steps: [], losses: [], evaluations: [] };

const maxPoints = 1200;
const maxKept = 20_000;
const maxEvaluations = 2000;

/** The course so far of a run that this window follows. */
export function historyOf(reports: readonly TrainingReport[], evaluations: readonly EvaluationReport[]): RunHistory {
  const curve = thinned(
    reports.map(({ step }) => step),
    reports.map(({ loss }) => finite(loss)),
  );
  return { ...curve, evaluations: evaluations.slice(-maxEvaluations).map(evaluationPoint), last: reports.at(-1) };
}

/** Reads the metrics log of a run folder; lines that are torn or of another kind are passed over. */
export async function readRunHistory(runFolder: string): Promise<RunHistory> {
  const file = join(runFolder, METRICS_FILE);
  try {
    await stat(file);
  } catch {
    return emptyHistory;
  }
  let steps: number[] = [];
  let losses: (number | null)[] = [];
  const evaluations: EvaluationPoint[] = [];
  let last: Partial<TrainingReport> | undefined;
  const input = createReadStream(file, 'utf8');
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    const record = parseMetricsLine(line);
    if (!record) continue;
    if (typeof record.evaluation === 'object' && record.evaluation !== null) {
      if (evaluations.length < maxEvaluations) evaluations.push(evaluationPoint(record as never));
    } else if ('loss' in record) {
      steps.push(record.step);
      losses.push(finite(record.loss));
      last = record as Partial<TrainingReport>;
      // Bounded for a log of any length.
      if (steps.length >= maxKept) ({ steps, losses } = thinned(steps, losses, maxKept / 2));
    }
  }
  return { ...thinned(steps, losses), evaluations, last };
}

/** At most about `limit` points; of each stretch its lowest and highest stay, so that spikes do. */
export function thinned(
  steps: readonly number[],
  losses: readonly (number | null)[],
  limit = maxPoints,
): { steps: number[]; losses: (number | null)[] } {
  if (steps.length <= limit) return { steps: [...steps], losses: [...losses] };
  const kept = new Set([0, steps.length - 1]);
  const stretch = (2 * steps.length) / limit;
  for (let start = 0; start < steps.length; start += stretch) {
    let low = Math.floor(start);
    let high = low;
    for (let i = low; i < Math.min(steps.length, start + stretch); i++) {
      if ((losses[i] ?? Infinity) < (losses[low] ?? Infinity)) low = i;
      if ((losses[i] ?? -Infinity) > (losses[high] ?? -Infinity)) high = i;
    }
    kept.add(low).add(high);
  }
  const indices = [...kept].sort((a, b) => a - b);
  return { steps: indices.map((i) => steps[i]), losses: indices.map((i) => losses[i]) };
}

/** The evaluation that the metric prefers, the earlier of equals. */
export function bestOf(
  evaluations: readonly EvaluationPoint[],
  metric: string,
): { step: number; value: number } | null {
  const sign = isLowerBetter(metric) ? -1 : 1;
  let best: { step: number; value: number } | null = null;
  for (const { step, metrics } of evaluations) {
    const value = metrics[metric];
    if (typeof value === 'number' && (best === null || sign * value > sign * best.value)) best = { step, value };
  }
  return best;
}

export const finite = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

function evaluationPoint({ step, epoch, evaluation }: EvaluationReport): EvaluationPoint {
  const known = METRIC_NAMES.filter((name) => name in evaluation);
  const metrics = Object.fromEntries(known.map((name) => [name, finite(metricOf(evaluation, name))]));
  return { step, epoch: finite(epoch) ?? 0, metrics };
}
