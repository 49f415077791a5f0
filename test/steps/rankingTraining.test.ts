import assert from 'node:assert/strict';
import { crossEntropy } from '../../src/tasks/losses/crossEntropy';
import { listNet } from '../../src/tasks/losses/listNet';
import { halved, partsOf } from '../../src/steps/stepInputs';
import { RANKING_TRAININGS } from '../support/ranking';
import { assertFollows, batchesOf, trainTrajectory } from '../support/trajectory';

describe('training on rankings follows PyTorch and transformers', () => {
  for (const [name, { options, expected }] of Object.entries(RANKING_TRAININGS)) {
    for (const [way, how] of Object.entries({
      'in whole batches': {},
      'in batches of 4 whose gradients add up': { parts: 4 },
      'in micro-batches of 5, cut between queries': { microBatchSize: 5 },
    })) {
      it(`${name}, ${way}`, async () => assertFollows(await trainTrajectory({ ...options, ...how }), 1e-4, expected));
    }
  }

  it('and queries that are taken for one do not', async () => {
    const { options, expected } = RANKING_TRAININGS['a ranking by ListNet'];
    const asOne = options.groups!.map(() => [8]);
    await assert.rejects(async () => assertFollows(await trainTrajectory({ ...options, groups: asOne, steps: 1 }), 1e-4, expected)); // prettier-ignore
  });
});

describe('the parts of a batch whose examples are compared', () => {
  const batches = batchesOf(1, 8, undefined, [[3, 1, 4]]);
  const sizes = (rows: number, objective: Parameters<typeof partsOf>[2]) =>
    partsOf(batches, rows, objective).map(({ batch, firstRow }) => [firstRow, batch.examples.length]);

  it('keep queries whole', () => {
    assert.deepEqual(sizes(4, listNet(4)), [[0, 4], [4, 4]]); // prettier-ignore
    assert.deepEqual(sizes(6, listNet(4)), [[0, 4], [4, 4]]); // prettier-ignore
    assert.deepEqual(sizes(8, listNet(4)), [[0, 8]]);
    assert.deepEqual(sizes(6, crossEntropy({ labelCount: 3, labelSmoothing: 0 })), [[0, 6], [6, 2]]); // prettier-ignore
  });

  it('are halved as long as a query fits', () => {
    assert.equal(halved(16, listNet(4)), 8);
    assert.equal(halved(7, listNet(4)), 4);
    assert.equal(halved(7, listNet(5)), undefined);
    assert.equal(halved(2, {}), 1);
    assert.equal(halved(1, {}), undefined);
  });
});
