import type { ComparedMetric, RunComparison } from '../../src/protocol/runComparison';
import { columnOf, curvesOver, smoothed, type Curves } from '../shared/curves';

export interface RunComparisonState {
  /** Undefined until the host has answered. */
  readonly comparison: RunComparison | undefined;
  /** The person's choice; undefined: the metric that chooses the best checkpoint. */
  readonly metric: string | undefined;
  /** All settings, not only those that differ. */
  readonly showsAll: boolean;
  readonly trouble: string;
}

export type RunComparisonEvent =
  | { readonly type: 'comparison'; readonly comparison: RunComparison }
  | { readonly type: 'metric'; readonly metric: string }
  | { readonly type: 'all'; readonly on: boolean }
  | { readonly type: 'trouble'; readonly message: string };

/** The state after a reload, from what the page remembered; anything else is a new page. */
export function restored(memory: unknown): RunComparisonState {
  const { metric, showsAll } = (memory ?? {}) as { metric?: unknown; showsAll?: unknown };
  return {
    comparison: undefined,
    metric: typeof metric === 'string' ? metric : undefined,
    showsAll: showsAll === true,
    trouble: '',
  };
}

/** With the folders, from which the host opens the panel again. */
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
      return { ...state, trouble: event.message };
  }
}

/** The metric that is drawn. */
export function shownMetric({ metrics }: RunComparison, chosen: string | undefined): ComparedMetric | undefined {
  return metrics.find(({ name }) => name === chosen) ?? metrics[0];
}

/** Runs by the metric, best first; those without it are left out. */
export function ranking({ values, lowerIsBetter }: ComparedMetric): readonly number[] {
  const runs = values.flatMap((value, run) => (value ? [{ run, value: value.value }] : []));
  const sign = lowerIsBetter ? 1 : -1;
  return runs.sort((a, b) => sign * (a.value - b.value)).map(({ run }) => run);
}

/** Whether a run has the best value; equals share it, and where all are equal there is none. */
export function isBest(metric: ComparedMetric, run: number): boolean {
  const order = ranking(metric);
  const valueOf = (index: number) => metric.values[index]?.value;
  if (order.length < 2 || valueOf(order[0]) === valueOf(order.at(-1)!)) return false;
  return valueOf(run) === valueOf(order[0]);
}

/**
 * Whether the 95 % intervals of the two best runs overlap: then the data may be too few to tell them apart. Undefined
 * where there are no two intervals, or none that can be compared.
 */
export function bestTwoOverlap({ data }: RunComparison, metric: ComparedMetric): boolean | undefined {
  if (validationDiffers(data)) return undefined;
  const [first, second] = ranking(metric).map((run) => metric.values[run]!);
  if (!second || first.low === null || first.high === null || second.low === null || second.high === null) return undefined; // prettier-ignore
  return first.low <= second.high && second.low <= first.high;
}

/** Figures of different validation data say nothing about which run is better. */
export function validationDiffers(data: RunComparison['data']): boolean {
  return data.find(({ split }) => split === 'validation')?.differs ?? false;
}

/** A scale that holds every value and interval, with a little room: a position is a share from 0 to 1. */
export function intervalScale({ values }: ComparedMetric): (value: number) => number {
  const ends = values.flatMap((value) => (value ? [value.value, value.low ?? value.value, value.high ?? value.value] : [])); // prettier-ignore
  const low = Math.min(...ends);
  const high = Math.max(...ends);
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  return (value) => (value - low + room) / (high - low + 2 * room);
}

/** A step's loss says little: the curves are smoothed as TensorBoard's are by default. */
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

/** A run's sign wherever it stands, beside its colour: A, B, C … */
export const letterOf = (run: number): string => String.fromCharCode(65 + run);
