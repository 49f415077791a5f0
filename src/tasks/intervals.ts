import { keyOf, RandomStream } from '../base/random';
import { macroF1, macroSpanF1, microSpanF1, type SpanCounts } from './metrics';

/** Confidence intervals of the metrics, all two-sided at 95 %. */

/** [low, high] */
export type Interval = readonly [number, number];

/** 0.975 quantile of the standard normal distribution. */
const z95 = 1.959963984540054;

/** Wilson's score interval of a proportion (Wilson 1927), as SciPy's `binomtest(...).proportion_ci(method='wilson')`. */
export function wilsonInterval(successes: number, trials: number): Interval {
  if (trials === 0) return [0, 1];
  const p = successes / trials;
  const shrink = 1 + z95 ** 2 / trials;
  const centre = (p + z95 ** 2 / (2 * trials)) / shrink;
  const half = (z95 / shrink) * Math.sqrt((p * (1 - p)) / trials + z95 ** 2 / (4 * trials ** 2));
  return [successes === 0 ? 0 : centre - half, successes === trials ? 1 : centre + half];
}

/**
 * Of the difference of two proportions on the same rows: `gained` became right, `lost` became wrong (Agresti and Min 2005,
 * half a row added to each cell).
 */
export function pairedDifferenceInterval(gained: number, lost: number, rows: number): Interval {
  if (rows === 0) return [-1, 1];
  const [up, down, total] = [gained + 0.5, lost + 0.5, rows + 2];
  const difference = (up - down) / total;
  const half = (z95 / total) * Math.sqrt(up + down - (up - down) ** 2 / total);
  return [Math.max(-1, difference - half), Math.min(1, difference + half)];
}

/**
 * Percentile bootstrap (Efron 1979) of the macro F1. Resampling rows is resampling cells of the confusion matrix by
 * their counts, so nothing but the matrix is needed. The same seed gives the same interval.
 * @param resamples default 1000, fewer (at least 200) above 20,000 rows to bound the time
 */
export function bootstrapMacroF1Interval(
  matrix: readonly (readonly number[])[],
  options: { seed: number; resamples?: number },
): Interval {
  const labelCount = matrix.length;
  const rows = Uint32Array.from(
    matrix.flatMap((counts, target) =>
      counts.flatMap((count, prediction) => new Array<number>(count).fill(target * labelCount + prediction)),
    ),
  );
  if (rows.length === 0) return [0, 1];
  const resamples = options.resamples ?? Math.max(200, Math.min(1000, Math.round(20e6 / rows.length)));
  const random = new RandomStream(keyOf(options.seed, resampling));
  const resample = matrix.map((counts) => counts.map(() => 0));
  const values = Float64Array.from({ length: resamples }, () => {
    for (const counts of resample) counts.fill(0);
    for (let draw = 0; draw < rows.length; draw++) {
      const cell = rows[random.integer(rows.length)];
      resample[Math.trunc(cell / labelCount)][cell % labelCount]++;
    }
    return macroF1(resample);
  }).sort();
  return [quantile(values, 0.025), quantile(values, 0.975)];
}

/**
 * Percentile bootstraps over texts of the micro and the macro F1 of entities, or of labels. Those of a text are drawn together, for
 * they are not independent. The same seed gives the same intervals.
 * @param texts of each text, its counts by type
 * @param resamples default 1000, fewer (at least 200) where there are many texts and types
 * @param macroF1 of the totals by type; absent: over the types that occur
 */
export function bootstrapSpanF1(
  texts: readonly (readonly (SpanCounts & { readonly type: number })[])[],
  typeCount: number,
  options: { seed: number; resamples?: number; macroF1?: (types: readonly SpanCounts[]) => number },
): { micro: Interval; macro: Interval } {
  const work = texts.reduce((sum, counts) => sum + 1 + counts.length, 0);
  const resamples = options.resamples ?? Math.max(200, Math.min(1000, Math.round(20e6 / Math.max(1, work))));
  const random = new RandomStream(keyOf(options.seed, resampling));
  const totals = Array.from({ length: typeCount }, () => ({ hits: 0, predicted: 0, support: 0 }));
  const micro = new Float64Array(resamples);
  const macro = new Float64Array(resamples);
  for (let at = 0; at < resamples; at++) {
    for (const total of totals) total.hits = total.predicted = total.support = 0;
    for (let draw = 0; draw < texts.length; draw++) {
      for (const { type, hits, predicted, support } of texts[random.integer(texts.length)]) {
        const total = totals[type];
        total.hits += hits;
        total.predicted += predicted;
        total.support += support;
      }
    }
    micro[at] = microSpanF1(totals);
    macro[at] = (options.macroF1 ?? macroSpanF1)(totals);
  }
  const interval = (values: Float64Array): Interval => [quantile(values.sort(), 0.025), quantile(values, 0.975)];
  return { micro: interval(micro), macro: interval(macro) };
}

/** Percentile bootstrap of a mean. The same seed gives the same interval. @param resamples as {@link bootstrapMacroF1Interval}'s */
export function bootstrapMeanInterval(
  values: readonly number[],
  options: { seed: number; resamples?: number },
): Interval {
  const count = values.length;
  const resamples = options.resamples ?? Math.max(200, Math.min(1000, Math.round(20e6 / count)));
  const random = new RandomStream(keyOf(options.seed, resampling));
  const means = Float64Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let draw = 0; draw < count; draw++) sum += values[random.integer(count)];
    return sum / count;
  }).sort();
  return [quantile(means, 0.025), quantile(means, 0.975)];
}

/** Names the bootstrap's stream among those of one seed. */
const resampling = 0x0b007;

/** By linear interpolation between order statistics, as numpy's default. */
function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
}

/** Fisher's z interval of Pearson's r, as SciPy's `pearsonr(...).confidence_interval()`; null where undefined. */
export function pearsonInterval(correlation: number, rows: number): Interval | null {
  return fisherInterval(correlation, rows, 1);
}

/** Fisher's z with the variance (1 + rho^2 / 2) / (rows - 3) of Bonett and Wright (2000); null where undefined. */
export function spearmanInterval(correlation: number, rows: number): Interval | null {
  return fisherInterval(correlation, rows, 1 + correlation ** 2 / 2);
}

function fisherInterval(correlation: number, rows: number, variance: number): Interval | null {
  if (rows < 4 || !Number.isFinite(correlation)) return null;
  const half = z95 * Math.sqrt(variance / (rows - 3));
  return [Math.tanh(Math.atanh(correlation) - half), Math.tanh(Math.atanh(correlation) + half)];
}
