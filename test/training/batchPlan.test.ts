import assert from 'node:assert/strict';
import { planEpoch, type BatchPlanOptions } from '../../src/training/batchPlan';

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
