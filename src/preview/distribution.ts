import type { Distribution, TokenLengths } from '../protocol/datasetPreview';
import { equalBins } from '../data/statistics';

/** A growing list of numbers; one that would have more than `limit` has no distribution. */
export class NumberList {
  length = 0;
  isFull = false;
  private numbers = new Float64Array(64);

  constructor(private readonly limit: number) {}

  push(value: number): void {
    if (this.length >= this.limit) {
      this.isFull = true;
      return;
    }
    if (this.length === this.numbers.length) {
      const grown = new Float64Array(this.length * 2);
      grown.set(this.numbers);
      this.numbers = grown;
    }
    this.numbers[this.length++] = value;
  }

  distribution(): Distribution | null {
    if (this.length === 0 || this.isFull) return null;
    return distributionOf(this.numbers.slice(0, this.length).sort());
  }
}

/** Whole numbers, mostly small ones, by how often each occurs: lengths. */
export class LengthCounts {
  total = 0;
  private readonly counts = new Map<number, number>();

  add(length: number): void {
    this.total++;
    this.counts.set(length, (this.counts.get(length) ?? 0) + 1);
  }

  over(limit: number): number {
    let over = 0;
    for (const [length, count] of this.counts) if (length > limit) over += count;
    return over;
  }

  distribution(): Distribution | null {
    if (this.total === 0) return null;
    const lengths = Float64Array.from(this.counts.keys()).sort();
    return distributionOf(
      lengths,
      Uint32Array.from(lengths, (length) => this.counts.get(length)!),
    );
  }

  tokenLengths(maxLength: number): TokenLengths | null {
    const distribution = this.distribution();
    return distribution && { distribution, maxLength, over: this.over(maxLength), count: this.total };
  }
}

/**
 * Of values in ascending order, each `counts` times: as pandas' `describe` and `numpy.histogram` with ten bins.
 * At least one value.
 */
function distributionOf(values: Float64Array, counts?: Uint32Array): Distribution {
  const countAt = (i: number) => counts?.[i] ?? 1;
  let total = 0;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    total += countAt(i);
    sum += values[i] * countAt(i);
  }
  const mean = sum / total;
  const { edges, binOf } = equalBins(values[0], values[values.length - 1]);
  const binCounts = new Array<number>(edges.length - 1).fill(0);
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    squares += countAt(i) * (values[i] - mean) ** 2;
    binCounts[binOf(values[i])] += countAt(i);
  }
  return {
    min: values[0],
    max: values[values.length - 1],
    mean,
    median: (valueAt(values, countAt, (total - 1) >> 1) + valueAt(values, countAt, total >> 1)) / 2,
    std: total > 1 ? Math.sqrt(squares / (total - 1)) : 0,
    bins: binCounts.map((count, i) => ({ from: edges[i], to: edges[i + 1], count })),
  };
}

function valueAt(values: Float64Array, countAt: (i: number) => number, place: number): number {
  let passed = 0;
  for (let i = 0; i < values.length; i++) {
    passed += countAt(i);
    if (passed > place) return values[i];
  }
  return values[values.length - 1];
}
