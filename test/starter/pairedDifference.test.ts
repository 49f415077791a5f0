import assert from 'node:assert/strict';
import { keyOf, uniformAt } from '../../src/base/random';
import { meanOverSeeds, type Predictions } from '../../bench/support/pairedDifference';

const accuracy = (truth: Predictions, predicted: Predictions) => predicted.filter((label, row) => label === truth[row]).length / truth.length; // prettier-ignore
const ROWS = 1500;
const truth = Array.from({ length: ROWS }, (_, row) => row % 3);
/** Predictions that are right with a probability, each draw its own. */
const rightWith = (share: number, stream: number) => truth.map((label, row) => (uniformAt(keyOf(7, stream), row) < share ? label : (label + 1) % 3)); // prettier-ignore
const near = (value: number, expected: number, tolerance: number, what: string) =>
  assert.ok(Math.abs(value - expected) <= tolerance, `${what}: ${value}, expected ${expected}`);

describe('how much better one training is than another, by its predictions', () => {
  it('gives the interval of the normal approximation for one seed, where rows alone vary', () => {
    const [ours, other] = [rightWith(0.75, 1), rightWith(0.7, 2)];
    const { value, interval } = meanOverSeeds(accuracy, truth, [ours], [other]);
    const gains = truth.map((label, row) => Number(ours[row] === label) - Number(other[row] === label));
    const mean = gains.reduce((sum, gain) => sum + gain, 0) / ROWS;
    const deviation = Math.sqrt(gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / ROWS);
    assert.equal(value, accuracy(truth, ours) - accuracy(truth, other));
    const half = (1.96 * deviation) / Math.sqrt(ROWS);
    near(interval[0], mean - half, 0.1 * half, 'low');
    near(interval[1], mean + half, 0.1 * half, 'high');
  });

  it('pairs rows: two trainings that predict the same differ by nothing, however hard the rows are', () => {
    const seeds = [rightWith(0.6, 1), rightWith(0.8, 2)];
    assert.deepEqual(meanOverSeeds(accuracy, truth, seeds, seeds), { value: 0, interval: [0, 0] });
    assert.ok(meanOverSeeds(accuracy, truth, seeds).interval[0] < 0.69);
  });

  it('draws seeds, too: seeds that differ widen the interval beyond that of rows', () => {
    const width = (shares: readonly number[]) => {
      const { value, interval } = meanOverSeeds(accuracy, truth, shares.map((share, i) => rightWith(share, i))); // prettier-ignore
      near(value, 0.7, 0.02, 'mean');
      return interval[1] - interval[0];
    };
    assert.ok(width([0.5, 0.7, 0.9]) > 4 * width([0.7, 0.7, 0.7]));
  });

  it('refuses trainings with other numbers of seeds', () => {
    const run = rightWith(0.7, 1);
    assert.throws(() => meanOverSeeds(accuracy, truth, [run, run], [run]), RangeError);
    assert.throws(() => meanOverSeeds(accuracy, truth, []), RangeError);
  });
});
