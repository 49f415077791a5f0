import { MedTextError } from '../base/errors';
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
      `The shares of a split must be positive and add up to 1, not ${JSON.stringify(options.shares)}.`,
      {
        shares: options.shares,
      },
    );
  }
  const groups = groupsOf(count, options);
  new RandomStream(keyOf(options.seed, 0x5b117)).shuffle(groups);
  groups.sort((a, b) => b.rows.length - a.rows.length); // Stable: equal sizes stay shuffled.

  const totals = new Map<string, number>();
  for (const { strata } of groups) for (const [key, n] of strata) totals.set(key, (totals.get(key) ?? 0) + n);
  const placed = names.map(() => new Map<string, number>());
  const sizes = names.map(() => 0);
  const result: number[][] = names.map(() => []);
  for (const { rows, strata } of groups) {
    let best = 0;
    let bestNeed: readonly [number, number] = [-Infinity, -Infinity];
    for (let split = 0; split < names.length; split++) {
      // How far the split lags behind its share, in rows; by stratum first, then in all, which keeps rare strata's
      // remainders from all landing in one split.
      let need = 0;
      for (const [key, n] of strata) need += n * (shares[split] * totals.get(key)! - (placed[split].get(key) ?? 0));
      const overall = shares[split] * count - sizes[split];
      if (need > bestNeed[0] + 1e-9 || (need > bestNeed[0] - 1e-9 && overall > bestNeed[1])) {
        best = split;
        bestNeed = [need, overall];
      }
    }
    for (const [key, n] of strata) placed[best].set(key, (placed[best].get(key) ?? 0) + n);
    sizes[best] += rows.length;
    for (const row of rows) result[best].push(row);
  }
  return Object.fromEntries(names.map((name, split) => [name, result[split].sort((a, b) => a - b)]));
}

interface Group {
  readonly rows: number[];
  readonly strata: Map<string, number>;
}

function groupsOf(count: number, { groupBy, stratifyBy }: SplitOptions): Group[] {
  const byKey = new Map<string, Group>();
  const groups: Group[] = [];
  for (let row = 0; row < count; row++) {
    const key = groupBy?.(row);
    let group = key === undefined ? undefined : byKey.get(key);
    if (!group) {
      group = { rows: [], strata: new Map() };
      groups.push(group);
      if (key !== undefined) byKey.set(key, group);
    }
    group.rows.push(row);
    const stratum = String(stratifyBy?.(row) ?? '');
    group.strata.set(stratum, (group.strata.get(stratum) ?? 0) + 1);
  }
  return groups;
}
