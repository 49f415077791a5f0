import type { ComparedMetric, RunComparison } from '../../src/protocol/runComparison';
import { columnOf, curvesOver, smoothed, type Curves } from '../shared/curves';
import type { ShownError } from '../shared/errorNotice';

export interface RunComparisonState {
  /** Undefined until the host has answered. */
  readonly comparison: RunComparison | undefined;
  /** The metric that the person chose. Undefined means the first metric of the comparison. */
  readonly metric: string | undefined;
  /** Whether the table lists all settings or only those that differ. */
  readonly showsAll: boolean;
  readonly trouble: ShownError | undefined;
}

export type RunComparisonEvent =
  | { readonly type: 'comparison'; readonly comparison: RunComparison }
  | { readonly type: 'metric'; readonly metric: string }
  | { readonly type: 'all'; readonly on: boolean }
  | { readonly type: 'trouble'; readonly error: ShownError | undefined };

/** The state after a reload. The memory may come from another version, so every value in it is checked. */
export function restored(memory: unknown): RunComparisonState {
  const { metric, showsAll } = (memory ?? {}) as { metric?: unknown; showsAll?: unknown };
  return {
    comparison: undefined,
    metric: typeof metric === 'string' ? metric : undefined,
    showsAll: showsAll === true,
    trouble: undefined,
  };
}

/** The part of the state that the editor keeps over a reload. The host needs `folders` to open the panel again. */
export function remembered({ comparison, metric, showsAll }: RunComparisonState): unknown {
  return { folders: comparison?.runs.map(({ id }) => id) ?? [], metric, showsAll };
}

export function reduce(state: RunComparisonState, event: RunComparisonEvent): RunComparisonState {
  switch (event.type) {
    case 'comparison':
      return { ...state, comparison: event.comparison };
    case 'metric':
      return { ...state, metric: event.metric };
    case 'all':
      return { ...state, showsAll: event.on };
    case 'trouble':
      return { ...state, trouble: event.error };
  }
}

/** The chosen metric if the comparison has it, otherwise its first one. */
export function shownMetric({ metrics }: RunComparison, chosen: string | undefined): ComparedMetric | undefined {
  return metrics.find(({ name }) => name === chosen) ?? metrics[0];
}

/** Indices of the runs that have the metric, best first. */
export function ranking({ values, lowerIsBetter }: ComparedMetric): readonly number[] {
  const runs = values.flatMap((value, run) => (value ? [{ run, value: value.value }] : []));
  const sign = lowerIsBetter ? 1 : -1;
  return runs.sort((a, b) => sign * (a.value - b.value)).map(({ run }) => run);
}

/** Whether a run has the best value. Several runs may share it. If all values are equal, no run is best. */
export function isBest(metric: ComparedMetric, run: number): boolean {
  const order = ranking(metric);
  const valueOf = (index: number) => metric.values[index]?.value;
  if (order.length < 2 || valueOf(order[0]) === valueOf(order.at(-1)!)) return false;
  return valueOf(run) === valueOf(order[0]);
}

/**
 * Whether the 95 % intervals of the two best runs overlap. If they do, the data may be too few to say which run is
 * better. Undefined without two intervals, and if the runs have different validation data.
 */
export function bestTwoOverlap({ data }: RunComparison, metric: ComparedMetric): boolean | undefined {
  if (validationDiffers(data)) return undefined;
  const [first, second] = ranking(metric).map((run) => metric.values[run]!);
  if (!second || first.low === null || first.high === null || second.low === null || second.high === null) return undefined; // prettier-ignore
  return first.low <= second.high && second.low <= first.high;
}

/** Whether the runs have different validation data. Their metrics then do not show which run is better. */
export function validationDiffers(data: RunComparison['data']): boolean {
  return data.find(({ split }) => split === 'validation')?.differs ?? false;
}

/** Maps a value to a position from 0 to 1. The scale contains every value and interval, and has a margin. */
export function intervalScale({ values }: ComparedMetric): (value: number) => number {
  const ends = values.flatMap((value) => (value ? [value.value, value.low ?? value.value, value.high ?? value.value] : [])); // prettier-ignore
  const low = Math.min(...ends);
  const high = Math.max(...ends);
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  return (value) => (value - low + room) / (high - low + 2 * room);
}

/** The weight of the past in the smoothed loss, because one batch's loss is noisy. */
const smoothing = 0.9;

export function lossCurves({ runs }: RunComparison): Curves {
  return curvesOver(runs.map(({ steps, losses }) => columnOf(steps, smoothed(losses, smoothing))));
}

export function metricCurves({ runs }: RunComparison, metric: string): Curves {
  return curvesOver(
    runs.map(({ evaluations }) =>
      columnOf(
        evaluations.map(({ step }) => step),
        evaluations.map(({ metrics }) => metrics[metric] ?? null),
      ),
    ),
  );
}

/** The letter that names a run beside its colour: A, B, C … */
export const letterOf = (run: number): string => String.fromCharCode(65 + run);
