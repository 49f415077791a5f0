/** What statistics look at: an example, or any row reduced to its texts and label. */
export interface TextPair {
  readonly first: string;
  readonly second?: string;
  readonly label?: number | string;
  readonly line: number;
  /** 0-based place among the file's readable rows. */
  readonly row: number;
}

export interface Duplicates {
  /** Rows whose texts and label an earlier row has already. */
  readonly exact: number;
  /** Groups of rows with the same texts and different labels; a row without a label contradicts none. */
  readonly contradictions: number;
  /** Rows in those groups. */
  readonly contradictoryRows: number;
  /** Pairs whose two texts are equal. */
  readonly equalSides: number;
  /** Lines of the first groups of each kind, and the 0-based places of the same rows. */
  readonly examples: {
    readonly exact: readonly (readonly number[])[];
    readonly contradictions: readonly (readonly number[])[];
    readonly equalSides: readonly number[];
    readonly rows: {
      readonly exact: readonly (readonly number[])[];
      readonly contradictions: readonly (readonly number[])[];
      readonly equalSides: readonly number[];
    };
  };
}

/** Finds equal rows and contradictory labels. Texts compare exactly; the order of a pair matters. */
export function duplicatesOf(pairs: Iterable<TextPair>, maxExamples = 20): Duplicates {
  const groups = new Map<string, TextPair | TextPair[]>();
  let equalSides = 0;
  const equalSidePairs: TextPair[] = [];
  for (const pair of pairs) {
    if (pair.second !== undefined && pair.first === pair.second) {
      equalSides++;
      if (equalSidePairs.length < maxExamples) equalSidePairs.push(pair);
    }
    const key = pairKey(pair);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, pair);
    else if (Array.isArray(group)) group.push(pair);
    else groups.set(key, [group, pair]);
  }
  let exact = 0;
  let contradictions = 0;
  let contradictoryRows = 0;
  const exactGroups: TextPair[][] = [];
  const contradictoryGroups: TextPair[][] = [];
  for (const group of groups.values()) {
    if (!Array.isArray(group)) continue;
    const labels = new Set(group.map(({ label }) => label));
    exact += group.length - labels.size;
    if (group.length > labels.size && exactGroups.length < maxExamples) exactGroups.push(group);
    labels.delete(undefined);
    if (labels.size < 2) continue;
    contradictions++;
    contradictoryRows += group.length;
    if (contradictoryGroups.length < maxExamples) contradictoryGroups.push(group);
  }
  return {
    exact,
    contradictions,
    contradictoryRows,
    equalSides,
    examples: {
      exact: exactGroups.map(linesOf),
      contradictions: contradictoryGroups.map(linesOf),
      equalSides: linesOf(equalSidePairs),
      rows: {
        exact: exactGroups.map(rowsOf),
        contradictions: contradictoryGroups.map(rowsOf),
        equalSides: rowsOf(equalSidePairs),
      },
    },
  };
}

const linesOf = (pairs: readonly TextPair[]): number[] => pairs.map(({ line }) => line);
const rowsOf = (pairs: readonly TextPair[]): number[] => pairs.map(({ row }) => row);

/** Rows whose texts are equal, in groups of two at least; texts compare exactly, and the order of a pair matters. */
export function equalTexts<Row extends Pick<TextPair, 'first' | 'second'>>(rows: Iterable<Row>): Row[][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(pairKey(row));
    if (group) group.push(row);
    else groups.set(pairKey(row), [row]);
  }
  return [...groups.values()].filter(({ length }) => length > 1);
}

export interface LengthStatistics {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly median: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  /** Counts in equal steps from `min` to `max`. */
  readonly histogram: { readonly edges: readonly number[]; readonly counts: readonly number[] };
}

/**
 * Statistics of lengths (characters, tokens). Percentiles interpolate linearly as NumPy's; the histogram has ten bins of
 * equal width, the last one closed, as `numpy.histogram`. All zero for no lengths.
 */
export function lengthStatistics(lengths: readonly number[], bins = 10): LengthStatistics {
  const sorted = Float64Array.from(lengths).sort();
  const count = sorted.length;
  if (count === 0) {
    return { count, min: 0, max: 0, mean: 0, median: 0, p90: 0, p95: 0, p99: 0, histogram: { edges: [], counts: [] } };
  }
  const [min, max] = [sorted[0], sorted[count - 1]];
  const percentile = (share: number) => {
    const at = share * (count - 1);
    const below = Math.floor(at);
    return sorted[below] + (at - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
  };
  const { edges, binOf } = equalBins(min, max, bins);
  const counts = new Array<number>(bins).fill(0);
  for (const length of sorted) counts[binOf(length)]++;
  let sum = 0;
  for (const length of sorted) sum += length;
  return {
    count,
    min,
    max,
    mean: sum / count,
    median: percentile(0.5),
    p90: percentile(0.9),
    p95: percentile(0.95),
    p99: percentile(0.99),
    histogram: { edges, counts },
  };
}

/** Bins of equal width over [min, max], the last one closed, as `numpy.histogram` makes and fills them. */
export function equalBins(min: number, max: number, bins = 10): { edges: number[]; binOf(value: number): number } {
  // NumPy widens a range of one value by a half on both sides.
  const [from, to] = min === max ? [min - 0.5, max + 0.5] : [min, max];
  const edges = Array.from({ length: bins + 1 }, (_, i) => (i === bins ? to : from + ((to - from) * i) / bins));
  return {
    edges,
    binOf(value) {
      const bin = Math.min(bins - 1, Math.floor(((value - from) / (to - from)) * bins));
      if (value < edges[bin]) return bin - 1;
      return bin < bins - 1 && value >= edges[bin + 1] ? bin + 1 : bin;
    },
  };
}

/** Characters as people count them: code points, not UTF-16 units. */
export function characterCount(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    const isPair = (text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
    if (isPair) {
      count--;
      i++;
    }
  }
  return count;
}

export interface Majority {
  readonly label: string;
  readonly count: number;
  readonly share: number;
}

/** The text for comparing: compatibility forms folded, lower case, letters and digits only (all of it if it has none). */
export function normalizedText(text: string): string {
  const folded = text.normalize('NFKC').toLowerCase();
  const letters = folded.replace(/[^\p{L}\p{N}]+/gu, '');
  return letters === '' ? folded.trim() : letters;
}

/** Equal of equal texts, or pairs. */
export function pairKey({ first, second }: Pick<TextPair, 'first' | 'second'>): string {
  return second === undefined ? first : `${first.length}:${first}${second}`;
}
