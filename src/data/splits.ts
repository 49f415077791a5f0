import { MedTextError, words } from '../base/errors';
import { keyOf, RandomStream } from '../base/random';

export interface SplitOptions {
  /** Share of each split, by name, e.g. `{ train: 0.8, validation: 0.1, test: 0.1 }`; must add up to 1. */
  readonly shares: Readonly<Record<string, number>>;
  readonly seed: number;
  /** Keeps the distribution of this in every split: usually the label. */
  readonly stratifyBy?: (index: number) => string | number | undefined;
  /** Rows with the same key stay together: no query in two splits. */
  readonly groupBy?: (index: number) => string;
}

/**
 * Splits rows 0 … count - 1, each into one split; indices come back in order. The same seed gives the same split.
 *
 * Groups are dealt out largest first (equal ones in seeded order), each to the split whose shortage of its strata is
 * largest, as scikit-learn's StratifiedGroupKFold does; ungrouped rows are groups of one. So every stratum's share in a
 * split is off by less than one row without groups, and about by the size of a group with them.
 *
 * Errors: `USAGE` for shares that are not positive or do not add up to 1.
 */
export function splitRows(count: number, options: SplitOptions): Record<string, number[]> {
  const names = Object.keys(options.shares);
  const shares = names.map((name) => options.shares[name]);
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (names.length === 0 || shares.some((share) => !(share > 0)) || Math.abs(total - 1) > 1e-6) {
    throw new MedTextError(
      'USAGE',
      words`The shares of a split must be positive and add up to 1, not ${JSON.stringify(options.shares)}.`,
      {
        shares: options.shares,
      },
    );
  }
  const groups = groupsOf(count, options.groupBy);
  const strata = strataOf(count, options.stratifyBy);
  const sizeOf = (group: number) => groups.starts[group + 1] - groups.starts[group];
  const order = Array.from({ length: groups.count }, (_, group) => group);
  new RandomStream(keyOf(options.seed, 0x5b117)).shuffle(order);
  order.sort((a, b) => sizeOf(b) - sizeOf(a)); // Stable: equal sizes stay shuffled.

  const totals = new Float64Array(strata.count);
  for (const stratum of strata.of) totals[stratum]++;
  const placed = names.map(() => new Float64Array(strata.count));
  const sizes = names.map(() => 0);
  const result: number[][] = names.map(() => []);
  for (const group of order) {
    const rows = groups.rows.subarray(groups.starts[group], groups.starts[group + 1]);
    const counts = new Map<number, number>();
    for (const row of rows) counts.set(strata.of[row], (counts.get(strata.of[row]) ?? 0) + 1);
    let best = 0;
    let bestNeed: readonly [number, number] = [-Infinity, -Infinity];
    for (let split = 0; split < names.length; split++) {
      // How far the split lags behind its share, in rows; by stratum first, then in all, which keeps rare strata's
      // remainders from all landing in one split.
      let need = 0;
      for (const [stratum, n] of counts) need += n * (shares[split] * totals[stratum] - placed[split][stratum]);
      const overall = shares[split] * count - sizes[split];
      if (need > bestNeed[0] + 1e-9 || (need > bestNeed[0] - 1e-9 && overall > bestNeed[1])) {
        best = split;
        bestNeed = [need, overall];
      }
    }
    for (const [stratum, n] of counts) placed[best][stratum] += n;
    sizes[best] += rows.length;
    for (const row of rows) result[best].push(row);
  }
  return Object.fromEntries(names.map((name, split) => [name, result[split].sort((a, b) => a - b)]));
}

/** Groups by number in the order of their first rows, each with its rows in order; in typed arrays, for millions of rows. */
function groupsOf(count: number, groupBy: SplitOptions['groupBy']) {
  const of = new Uint32Array(count);
  const numberOf = new Map<string, number>();
  let groups = 0;
  for (let row = 0; row < count; row++) {
    const key = groupBy?.(row);
    const known = key === undefined ? undefined : numberOf.get(key);
    of[row] = known ?? groups++;
    if (key !== undefined && known === undefined) numberOf.set(key, of[row]);
  }
  const starts = new Uint32Array(groups + 1);
  for (const group of of) starts[group + 1]++;
  for (let group = 0; group < groups; group++) starts[group + 1] += starts[group];
  const ends = starts.slice();
  const rows = new Uint32Array(count);
  for (let row = 0; row < count; row++) rows[ends[of[row]]++] = row;
  return { count: groups, starts, rows };
}

function strataOf(count: number, stratifyBy: SplitOptions['stratifyBy']) {
  const of = new Uint32Array(count);
  const numberOf = new Map<string, number>();
  for (let row = 0; row < count; row++) {
    const key = String(stratifyBy?.(row) ?? '');
    let number = numberOf.get(key);
    if (number === undefined) numberOf.set(key, (number = numberOf.size));
    of[row] = number;
  }
  return { count: numberOf.size, of };
}
