/** Which examples form which batch: shuffled, then grouped by length so that little is padded. */
import { keyOf, RandomStream } from '../base/random';

export interface PlannedBatch {
  /** Indices of the examples. */
  readonly examples: readonly number[];
  /** The bucket that the longest of them falls into. */
  readonly length: number;
}

export interface BatchPlanOptions {
  readonly batchSize: number;
  readonly seed: number;
  /** From 0. */
  readonly epoch: number;
  /** The bucket of a token length. */
  readonly bucketOf: (length: number) => number;
  /** false: batches of neighbours in the shuffled order, whatever their lengths. */
  readonly groupByLength: boolean;
  /** Absent: true. false: the file's order, in which no lengths are grouped. */
  readonly shuffle?: boolean;
  /** Leaves out the examples that do not fill a batch; absent: false. */
  readonly dropLast?: boolean;
}

/** Batches that are sorted together: enough that lengths agree, few enough that batches stay mixed. */
const BATCHES_A_POOL = 50;

/**
 * The batches of one epoch. Every example comes exactly once, and each is equally likely to be in any batch, so grouping
 * changes no gradient's expectation: the order is shuffled, cut into pools, each pool sorted by length and cut into
 * batches, and the batches shuffled. The examples that are left over from full batches are the last of the shuffled
 * order and form one short batch. A pure function of its arguments: a resumed run plans the same.
 */
export function planEpoch(lengths: readonly number[], options: BatchPlanOptions): PlannedBatch[] {
  const { batchSize, seed, epoch, bucketOf, shuffle = true, dropLast = false } = options;
  const groupByLength = options.groupByLength && shuffle;
  const random = new RandomStream(keyOf(seed, 1, epoch));
  const inFile = lengths.map((_, i) => i);
  const order = shuffle ? random.shuffle(inFile) : inFile;
  const fullCount = Math.floor(order.length / batchSize) * batchSize;
  const batches: number[][] = [];
  const poolSize = batchSize * BATCHES_A_POOL;
  for (let start = 0; start < fullCount; start += poolSize) {
    const pool = order.slice(start, Math.min(start + poolSize, fullCount));
    if (groupByLength) pool.sort((a, b) => lengths[a] - lengths[b]);
    for (let at = 0; at < pool.length; at += batchSize) batches.push(pool.slice(at, at + batchSize));
  }
  if (fullCount < order.length && !dropLast) batches.push(order.slice(fullCount));
  if (groupByLength) random.shuffle(batches);
  return batches.map((examples) => ({
    examples,
    length: bucketOf(Math.max(...examples.map((i) => lengths[i]))),
  }));
}
