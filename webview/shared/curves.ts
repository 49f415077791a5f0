/** Series over the same steps. `series[i][j]` is the value of series i at `steps[j]`; null is a gap. */
export interface Curves {
  readonly steps: readonly number[];
  readonly series: readonly (readonly (number | null)[])[];
}

/**
 * The exponential moving average of the values. `weight`, from 0 to 1, is the weight of the past. The average is
 * divided by 1 - weight^n, as in Adam and TensorBoard, because it begins at 0. A null stays null and does not change
 * the average.
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

export function columnOf(steps: readonly number[], values: readonly (number | null)[]): Map<number, number | null> {
  return new Map(steps.map((step, index) => [step, values[index] ?? null]));
}

/** The columns over the union of their steps. A column is null at the steps that only others have. */
export function curvesOver(columns: readonly ReadonlyMap<number, number | null>[]): Curves {
  const steps = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort((a, b) => a - b);
  return { steps, series: columns.map((column) => steps.map((step) => column.get(step) ?? null)) };
}
