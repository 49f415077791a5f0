import type { ShownRun } from '../../src/protocol/trainingView';

/** One column of values over shared steps, as the chart draws them. */
export interface Curves {
  readonly steps: readonly number[];
  readonly series: readonly (readonly (number | null)[])[];
}

/**
 * Exponential moving average, the weight of the missing past taken out (as in Adam and TensorBoard). Gaps stay gaps and
 * leave the average as it is.
 */
export function smoothed(values: readonly (number | null)[], weight: number): (number | null)[] {
  let average = 0;
  let past = 1;
  return values.map((value) => {
    if (value === null) return null;
    average = weight * average + (1 - weight) * value;
    past *= weight;
    return average / (1 - past);
  });
}

/** Training loss, the same smoothed, and validation loss, over the steps of both. */
export function lossCurves(run: ShownRun, weight: number): Curves {
  const validation = new Map(run.evaluations.map(({ step, metrics }) => [step, metrics.loss ?? null]));
  return over(
    [run.steps, [...validation.keys()]],
    [mapOf(run.steps, run.losses), mapOf(run.steps, smoothed(run.losses, weight)), validation],
  );
}

/** A validation metric, and the point that chose the best checkpoint where it was this metric that did. */
export function metricCurves(run: ShownRun, metric: string): Curves {
  const values = new Map(run.evaluations.map(({ step, metrics }) => [step, metrics[metric] ?? null]));
  const best = run.best ? new Map([[run.best.step, values.get(run.best.step) ?? null]]) : new Map<number, null>();
  return over([[...values.keys()]], [values, best]);
}

/** Metrics that the evaluations have, the choosing one first; the loss stands in the other chart. */
export function metricsOf(run: ShownRun): readonly string[] {
  const names = new Set(run.evaluations.flatMap(({ metrics }) => Object.keys(metrics)));
  names.delete('loss');
  const others = [...names].filter((name) => name !== run.metric);
  return names.has(run.metric) ? [run.metric, ...others] : others;
}

/** A row of the table that says the curves in words: an evaluation or, before the first, a step. */
export interface CurveRow {
  readonly step: number;
  readonly trainingLoss: number | null;
  readonly validationLoss: number | null;
  readonly metric: number | null;
  readonly isBest: boolean;
}

const maxRows = 40;

/** The rows, newest first. The training loss is the smoothed one: one step's says little. */
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

function mapOf(steps: readonly number[], values: readonly (number | null)[]): Map<number, number | null> {
  return new Map(steps.map((step, index) => [step, values[index] ?? null]));
}

function over(axes: readonly (readonly number[])[], columns: readonly Map<number, number | null>[]): Curves {
  const steps = [...new Set(axes.flat())].sort((a, b) => a - b);
  return { steps, series: columns.map((column) => steps.map((step) => column.get(step) ?? null)) };
}
