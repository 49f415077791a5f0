/** How much better one way of training is than another, by what both predicted for the same rows. */
import { keyOf, RandomStream } from '../../src/base/random';

/** Label ids of one run's predictions, a row a place. */
export type Predictions = readonly number[];
/** What a run is worth: rows in, so that rows can be drawn with repetition. */
export type Measure = (truth: Predictions, predicted: Predictions) => number;

export interface Estimate {
  readonly value: number;
  /** 95 %, percentile bootstrap. */
  readonly interval: readonly [low: number, high: number];
}

const DRAWS = 2000;

/**
 * The mean over seeds of a measure, `of` alone or less `against`, which has the same seeds at the same places. Each draw of the bootstrap
 * takes rows and seeds with repetition, the same for both, so the interval holds what other rows and other seeds would change. With three
 * seeds it knows little of seeds: it is too narrow where they differ much.
 */
export function meanOverSeeds(
  measure: Measure,
  truth: Predictions,
  of: readonly Predictions[],
  against?: readonly Predictions[],
): Estimate {
  if (of.length === 0 || (against !== undefined && against.length !== of.length)) {
    throw new RangeError(`${of.length} seeds against ${against?.length}`);
  }
  const mean = (rows: readonly number[], seeds: readonly number[]) => {
    const drawnTruth = rows.map((row) => truth[row]);
    const worth = (predicted: Predictions) => measure(drawnTruth, rows.map((row) => predicted[row])); // prettier-ignore
    // A seed that is drawn twice is worth the same twice.
    const known = new Map([...new Set(seeds)].map((seed) => [seed, worth(of[seed]) - (against === undefined ? 0 : worth(against[seed]))])); // prettier-ignore
    return seeds.reduce((sum, seed) => sum + known.get(seed)!, 0) / seeds.length;
  };
  const random = new RandomStream(keyOf(2021, truth.length, of.length));
  const drawn = Float64Array.from({ length: DRAWS }, () =>
    mean(
      truth.map(() => random.integer(truth.length)),
      of.map(() => random.integer(of.length)),
    ),
  ).sort();
  return {
    value: mean([...truth.keys()], [...of.keys()]),
    interval: [drawn[Math.round(0.025 * (DRAWS - 1))], drawn[Math.round(0.975 * (DRAWS - 1))]],
  };
}
