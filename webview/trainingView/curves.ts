import type { ShownRun } from '../../src/protocol/trainingView';
import { columnOf, curvesOver, smoothed, type Curves } from '../shared/curves';

/** Three series: the training loss, the smoothed training loss, the validation loss. */
export function lossCurves(run: ShownRun, weight: number): Curves {
  const validation = new Map(run.evaluations.map(({ step, metrics }) => [step, metrics.loss ?? null]));
  const columns = [columnOf(run.steps, run.losses), columnOf(run.steps, smoothed(run.losses, weight)), validation];
  return curvesOver(columns);
}

/** Two series: the metric of every evaluation, and its value at the best checkpoint alone. */
export function metricCurves(run: ShownRun, metric: string): Curves {
  const values = new Map(run.evaluations.map(({ step, metrics }) => [step, metrics[metric] ?? null]));
  const best = run.best ? new Map([[run.best.step, values.get(run.best.step) ?? null]]) : new Map<number, null>();
  return curvesOver([values, best]);
}

/**
 * Names of the validation metrics. The metric that chooses the best checkpoint comes first. The loss has its own chart.
 */
export function metricsOf(run: ShownRun): readonly string[] {
  const names = new Set(run.evaluations.flatMap(({ metrics }) => Object.keys(metrics)));
  names.delete('loss');
  const others = [...names].filter((name) => name !== run.metric);
  return names.has(run.metric) ? [run.metric, ...others] : others;
}

/** A row of the table below the curves: an evaluation, or a step as long as there are no evaluations. */
export interface CurveRow {
  readonly step: number;
  readonly trainingLoss: number | null;
  readonly validationLoss: number | null;
  readonly metric: number | null;
  readonly isBest: boolean;
}

const maxRows = 40;

/** At most 40 rows, newest first. Their training loss is smoothed, because one batch's loss is noisy. */
export function tableRows(run: ShownRun, metric: string, weight: number): readonly CurveRow[] {
  const losses = smoothed(run.losses, weight);
  const lossAt = (step: number): number | null => {
    let found: number | null = null;
    for (let i = 0; i < run.steps.length && run.steps[i] <= step; i++) found = losses[i] ?? found;
    return found;
  };
  if (run.evaluations.length > 0) {
    const latest = run.evaluations.slice(-maxRows).reverse();
    return latest.map(({ step, metrics }) => ({
      step,
      trainingLoss: lossAt(step),
      validationLoss: metrics.loss ?? null,
      metric: metrics[metric] ?? null,
      isBest: step === run.best?.step,
    }));
  }
  const stride = Math.max(1, Math.ceil(run.steps.length / maxRows));
  const indices = run.steps.map((_, index) => index).filter((index) => (run.steps.length - 1 - index) % stride === 0);
  return indices
    .reverse()
    .map((i) => ({ step: run.steps[i], trainingLoss: losses[i], validationLoss: null, metric: null, isBest: false }));
}
