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

/** Values by their steps. */
export function columnOf(steps: readonly number[], values: readonly (number | null)[]): Map<number, number | null> {
  return new Map(steps.map((step, index) => [step, values[index] ?? null]));
}

/** Columns over the steps of all of them; a column has gaps where another has steps. */
export function curvesOver(columns: readonly ReadonlyMap<number, number | null>[]): Curves {
  const steps = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort((a, b) => a - b);
  return { steps, series: columns.map((column) => steps.map((step) => column.get(step) ?? null)) };
}
