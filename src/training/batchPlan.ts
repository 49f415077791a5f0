/** Which examples form which batch: shuffled, then grouped by length so that little is padded. */
import { keyOf, RandomStream } from '../base/random';

export interface PlannedBatch {
  /** Indices of the examples; those of a group follow on one another. */
  readonly examples: readonly number[];
  /** The sizes of its groups, in order; absent: examples are in no groups. */
  readonly groups?: readonly number[];
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

export interface GroupPlanOptions extends BatchPlanOptions {
  /** Examples of a group in one batch, at most; what is beyond it is in further batches, dealt anew in each epoch. */
  readonly mostOfGroup: number;
}

/** Batches that are filled at the same time: enough that little room stays empty. */
const OPEN_BATCHES = 8;

/**
 * As {@link planEpoch}, of examples that are in groups: batches of at most `batchSize` examples which keep groups whole. How many
 * batches there are differs a little from epoch to epoch.
 * @param groupOf of each example, the group that it is in
 */
export function planGroups(
  lengths: readonly number[],
  groupOf: readonly number[],
  options: GroupPlanOptions,
): PlannedBatch[] {
  const { batchSize, seed, epoch, bucketOf, mostOfGroup, shuffle = true } = options;
  const groupByLength = options.groupByLength && shuffle;
  const random = new RandomStream(keyOf(seed, 1, epoch));
  const longest = (examples: readonly number[]) => Math.max(...examples.map((i) => lengths[i]));
  const groups = membersOf(groupOf).flatMap((members) =>
    members.length <= mostOfGroup ? [members] : dealt(shuffle ? random.shuffle(members) : members, mostOfGroup),
  );
  if (shuffle) random.shuffle(groups);

  const batches: number[][][] = [];
  for (const pool of poolsOf(groups, batchSize * BATCHES_A_POOL)) {
    if (groupByLength) pool.sort((a, b) => longest(a) - longest(b));
    batches.push(...packed(pool, batchSize, shuffle ? OPEN_BATCHES : 1));
  }
  if (groupByLength) random.shuffle(batches);
  return batches.map((batch) => ({
    examples: batch.flat(),
    groups: batch.map(({ length }) => length),
    length: bucketOf(longest(batch.flat())),
  }));
}

/** The examples of each group, in the order of their first. */
function membersOf(groupOf: readonly number[]): number[][] {
  const members = new Map<number, number[]>();
  groupOf.forEach((group, example) => {
    const known = members.get(group);
    if (known) known.push(example);
    else members.set(group, [example]);
  });
  return [...members.values()];
}

/** In as few parts as may be, of like size. */
function dealt(members: readonly number[], most: number): number[][] {
  const parts = Math.ceil(members.length / most);
  const start = (part: number) => Math.floor((part * members.length) / parts);
  return Array.from({ length: parts }, (_, part) => members.slice(start(part), start(part + 1)));
}

function poolsOf(groups: readonly number[][], examples: number): number[][][] {
  const pools: number[][][] = [];
  let size = Infinity;
  for (const group of groups) {
    if (size + group.length > examples) {
      pools.push([]);
      size = 0;
    }
    pools.at(-1)!.push(group);
    size += group.length;
  }
  return pools;
}

/** Each group goes into the first open batch that has room; where none has, the oldest is closed for a new one. */
function packed(groups: readonly number[][], batchSize: number, openBatches: number): number[][][] {
  const batches: { readonly groups: number[][]; size: number }[] = [];
  let firstOpen = 0;
  for (const group of groups) {
    let batch = batches.slice(firstOpen).find(({ size }) => size + group.length <= batchSize);
    if (!batch) {
      batches.push((batch = { groups: [], size: 0 }));
      if (batches.length - firstOpen > openBatches) firstOpen++;
    }
    batch.groups.push(group);
    batch.size += group.length;
  }
  return batches.map(({ groups: ofBatch }) => ofBatch);
}
