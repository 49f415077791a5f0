import assert from 'node:assert/strict';
import { planEpoch, planGroups, type BatchPlanOptions } from '../../src/training/batchPlan';

describe('the batches of an epoch', () => {
  const lengths = Array.from({ length: 23 }, (_, i) => 5 + ((i * 7) % 11));
  const options: BatchPlanOptions = {
    batchSize: 4,
    seed: 7,
    epoch: 0,
    bucketOf: (length) => length,
    groupByLength: true,
  };
  const examples = (more: Partial<BatchPlanOptions> = {}) =>
    planEpoch(lengths, { ...options, ...more }).map((batch) => [...batch.examples]);
  const inOrder = lengths.map((_, i) => i);

  it('have every example once, in another order each epoch', () => {
    for (const groupByLength of [true, false]) {
      const first = examples({ groupByLength });
      assert.deepEqual(first.flat().sort((a, b) => a - b), inOrder); // prettier-ignore
      assert.notDeepEqual(first, examples({ groupByLength, epoch: 1 }));
      assert.deepEqual(first, examples({ groupByLength, shuffle: true, dropLast: false }));
    }
  });

  it('without shuffling have the order of the file, whatever the lengths, in every epoch', () => {
    for (const epoch of [0, 1]) assert.deepEqual(examples({ shuffle: false, epoch }).flat(), inOrder);
    const [batch] = planEpoch(lengths, { ...options, shuffle: false });
    assert.equal(batch.length, Math.max(...lengths.slice(0, 4)));
  });

  it('leave out what fills no batch, where they are told to', () => {
    assert.deepEqual(examples({ dropLast: true }).map(({ length }) => length), [4, 4, 4, 4, 4]); // prettier-ignore
    assert.deepEqual(examples({ dropLast: true, shuffle: false }).flat(), inOrder.slice(0, 20));
    assert.equal(examples({ dropLast: true, batchSize: 23 }).length, 1);
    assert.equal(examples({ dropLast: true, batchSize: 24 }).length, 0);
  });
});

describe('the batches of an epoch whose examples are in groups', () => {
  // Queries of 1 to 6 texts, those of one wherever they stand.
  const inOrder = Array.from({ length: 60 }, (_, group) => Array.from({ length: 1 + (group % 6) }, () => group)).flat();
  const groupOf = inOrder.map((_, i) => inOrder[(i * 17) % inOrder.length]);
  const lengths = groupOf.map((group, i) => 5 + ((group * 7 + i) % 23));
  const options = { batchSize: 8, seed: 7, epoch: 0, bucketOf: (length: number) => length, groupByLength: true, mostOfGroup: 8 }; // prettier-ignore
  const sizes = new Map<number, number>();
  for (const group of groupOf) sizes.set(group, (sizes.get(group) ?? 0) + 1);

  /** The groups of a batch, as lists of examples. */
  function parts({ examples, groups }: ReturnType<typeof planGroups>[number]): number[][] {
    let at = 0;
    return groups!.map((size) => examples.slice(at, (at += size)));
  }

  it('have every example once, groups whole, and no more than a batch holds', () => {
    for (const more of [{}, { groupByLength: false }, { epoch: 3 }, { shuffle: false }]) {
      const batches = planGroups(lengths, groupOf, { ...options, ...more });
      assert.deepEqual(batches.flatMap(({ examples }) => examples).sort((a, b) => a - b), [...lengths.keys()]); // prettier-ignore
      for (const batch of batches) {
        assert.ok(batch.examples.length <= 8);
        assert.equal(batch.length, Math.max(...batch.examples.map((i) => lengths[i])));
        for (const part of parts(batch)) {
          assert.equal(new Set(part.map((i) => groupOf[i])).size, 1);
          assert.equal(part.length, sizes.get(groupOf[part[0]]));
        }
      }
      assert.deepEqual(planGroups(lengths, groupOf, { ...options, ...more }), batches);
    }
  });

  it('leave little room empty, and differ from epoch to epoch', () => {
    const [first, second] = [0, 1].map((epoch) => planGroups(lengths, groupOf, { ...options, epoch }));
    assert.notDeepEqual(first, second);
    for (const batches of [first, second]) assert.ok(batches.length <= 1.15 * Math.ceil(lengths.length / 8), `${batches.length}`); // prettier-ignore
  });

  it('deal what a group has beyond the bound anew in each epoch, in parts of like size', () => {
    const one = Array.from({ length: 20 }, () => 0);
    const of = (epoch: number) => planGroups(one.map(() => 9), one, { ...options, epoch, mostOfGroup: 6 }); // prettier-ignore
    assert.deepEqual(of(0).flatMap(({ groups }) => groups), [5, 5, 5, 5]); // prettier-ignore
    const sorted = (epoch: number) => of(epoch).flatMap(parts).map((part) => [...part].sort((a, b) => a - b).join()).sort(); // prettier-ignore
    assert.notDeepEqual(sorted(0), sorted(1));
  });

  it('without shuffling have the order of the file, by the first example of each group', () => {
    const batches = planGroups([9, 9, 9, 9, 9], [1, 0, 1, 0, 2], { ...options, batchSize: 3, shuffle: false });
    assert.deepEqual(batches.map(({ examples }) => examples), [[0, 2], [1, 3, 4]]); // prettier-ignore
  });
});
