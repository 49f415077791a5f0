import { count, flag, listOf, nullable, number, object, text, type Checked } from './check';
import { memoryPlan } from './trainer';

/** Rows with the same texts and different labels. `rows` are their places among the readable rows, from 0. */
const contradiction = object(
  { first: text, labels: listOf(text), lines: listOf(count), rows: listOf(count) },
  { second: text },
);
export type Contradiction = Checked<typeof contradiction>;

/** What a recipe's training will read and need, estimated before the start. Weights are read only to measure steps. */
export const trainingForecast = object({
  /** Training and validation examples; `validation` is 0 without validation data. */
  examples: count,
  validation: count,
  /** Training rows that are left out: `badRows` cannot be read, `dropped` are dropped by `label_mapping`. */
  badRows: count,
  dropped: count,
  /** Rows with the texts and label of an earlier row, counted if the recipe drops duplicates. */
  duplicates: count,
  contradictions: object({
    /** `texts`: distinct texts or pairs with more than one label. `rowCount`: the rows that hold them. */
    texts: count,
    rowCount: count,
    /** The first contradictory rows, as 0-based places among the readable rows, ascending. */
    rows: listOf(count),
    examples: listOf(contradiction),
  }),
  /** Validation rows whose texts also occur in the training data. */
  shared: count,
  /** Training examples longer than `maxLength`, whose ends are cut off. */
  cut: count,
  maxLength: count,
  /** The number of steps without an early stop. */
  steps: count,
  device: text,
  memory: memoryPlan,
  /** The memory is unlikely to hold even one example at a time. */
  exceedsMemory: flag,
  /** Null if no run on this machine trained a network of this size on this device in the same way, and no step was measured. */
  time: nullable(
    object({
      /** Seconds for all steps and evaluations. */
      seconds: number,
      /** The name and the end of the run whose rate is used; null if steps were measured for the estimate. */
      run: nullable(text),
      endedAt: nullable(text),
      /** The number of steps that the rate is measured on. */
      steps: count,
    }),
  ),
});
export type TrainingForecast = Checked<typeof trainingForecast>;
