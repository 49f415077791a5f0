import assert from 'node:assert/strict';
import { assertFollows, expected, trainTrajectory, type TrajectoryOptions } from '../support/trajectory';

describe('training follows PyTorch and transformers', () => {
  it('in a fixture that learns', () => {
    assert.ok(mean(expected.losses.slice(80)) < 0.9 * mean(expected.losses.slice(0, 20)));
  });

  const WAYS: Readonly<Record<string, TrajectoryOptions>> = {
    'in whole batches': {},
    'in batches of 3 whose gradients add up': { parts: 3 },
    'in micro-batches of 3': { microBatchSize: 3 },
  };
  for (const [way, options] of Object.entries(WAYS)) {
    it(`over 100 steps, ${way}`, async () => assertFollows(await trainTrajectory(options)));
  }

  it('with dropout the same in micro-batches as in whole batches', async () => {
    const whole = await trainTrajectory({ dropout: 0.2, steps: 12 });
    for (const microBatchSize of [1, 3, 4]) {
      const parts = await trainTrajectory({ dropout: 0.2, steps: 12, microBatchSize });
      parts.losses.forEach((loss, i) => {
        const difference = Math.abs(loss - whole.losses[i]);
        assert.ok(difference < 1e-5, `step ${i + 1} in parts of ${microBatchSize}: off by ${difference}`);
      });
    }
    const other = await trainTrajectory({ steps: 1 });
    assert.ok(Math.abs(other.losses[0] - whole.losses[0]) > 1e-3, 'dropout does something');
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
