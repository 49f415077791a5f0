import { answerMeasured, metricOf, metricsMeasured } from '../../protocol/evaluation';
import { isLowerBetter } from '../../protocol/tasks';
import type { EvaluationReport, TrainingReport } from '../../protocol/trainer';
import type { EvaluationPoint, NamedScores } from '../../protocol/trainingView';

/** A run's course: losses by step, evaluations, and the newest report. A loss that is no finite number is null. */
export interface RunHistory {
  readonly steps: readonly number[];
  readonly losses: readonly (number | null)[];
  readonly evaluations: readonly EvaluationPoint[];
  /** Of the evaluations whose reports have them. */
  readonly scores: readonly NamedScores[];
  readonly last?: Partial<TrainingReport>;
}

export const emptyHistory: RunHistory = { steps: [], losses: [], evaluations: [], scores: [] };

const maxPoints = 1200;
export const maxEvaluations = 2000;

/** The course so far of a run that this window follows. */
export function historyOf(reports: readonly TrainingReport[], evaluations: readonly EvaluationReport[]): RunHistory {
  const curve = thinned(
    reports.map(({ step }) => step),
    reports.map(({ loss }) => finite(loss)),
  );
  const kept = evaluations.slice(-maxEvaluations);
  return {
    ...curve,
    evaluations: kept.map(evaluationPoint),
    scores: kept.flatMap((report) => namedScoresOf(report) ?? []),
    last: reports.at(-1),
  };
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

export function evaluationPoint({ step, epoch, evaluation }: EvaluationReport): EvaluationPoint {
  const metrics = Object.fromEntries(
    metricsMeasured(evaluation).map((name) => [name, finite(metricOf(evaluation, name))]),
  );
  return { step, epoch: finite(epoch) ?? 0, metrics };
}

/** Names at each end of the order, where there are more than both hold: the Training view is narrow. */
const maxAtAnEnd = 4;

/** F1 by name; undefined where the report has none, or none of a name that its rows have. */
export function namedScoresOf({ step, evaluation }: EvaluationReport): NamedScores | undefined {
  const answer = answerMeasured(evaluation);
  const { perClass, perLabel, perType } = evaluation as Readonly<Record<string, unknown>>;
  const table = perClass ?? perLabel ?? perType;
  if (!answer || typeof table !== 'object' || table === null) return undefined;
  const scores = Object.entries(table as Readonly<Record<string, { f1?: unknown; support?: unknown } | null>>).flatMap(
    ([name, values]) => {
      const [f1, support] = [finite(values?.f1), finite(values?.support)];
      // Without an occurrence F1 is 0 by convention, or undefined.
      return f1 === null || support === null || support <= 0 ? [] : [{ name, f1, support }];
    },
  );
  if (scores.length === 0) return undefined;
  scores.sort((a, b) => b.f1 - a.f1);
  const isWhole = scores.length <= 2 * maxAtAnEnd;
  return {
    step,
    answer,
    highest: isWhole ? scores : scores.slice(0, maxAtAnEnd),
    leftOut: isWhole ? 0 : scores.length - 2 * maxAtAnEnd,
    lowest: isWhole ? [] : scores.slice(-maxAtAnEnd),
  };
}
