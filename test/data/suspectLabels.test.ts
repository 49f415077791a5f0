import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { confidentLearning } from '../../src/data/suspectLabels';

interface Case {
  labels: number[];
  probabilities: number[][];
  thresholds: number[];
  confidentJoint: number[][];
  selfConfidence: number[];
  normalizedMargin: number[];
  issues: { normalized_margin: number[]; self_confidence: number[] };
}
const cases = JSON.parse(
  readFileSync(join(__dirname, '../fixtures/suspectLabels/expected.json'), 'utf8'),
) as readonly Case[];

/** Sums in another order than NumPy's differ in the last bits. */
const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} ${expected}`);

describe('suspect labels are cleanlab’s', () => {
  for (const expected of cases) {
    const classes = expected.thresholds.length;
    const probabilities = expected.probabilities.flat();

    it(`${classes} classes: thresholds, confident joint, issues and their order`, () => {
      const found = confidentLearning(expected.labels, probabilities, classes);
      found.thresholds.forEach((threshold, label) => near(threshold, expected.thresholds[label]));
      assert.deepEqual(found.confidentJoint, expected.confidentJoint);
      for (const { index, selfConfidence, margin, given, suggested, probability } of found.suspects) {
        near(selfConfidence, expected.selfConfidence[index]);
        near((margin + 1) / 2, expected.normalizedMargin[index]);
        assert.equal(given, expected.labels[index]);
        assert.equal(probability, Math.max(...expected.probabilities[index]));
        assert.equal(expected.probabilities[index][suggested], probability);
        assert.notEqual(suggested, given);
      }
      const places = found.suspects.map(({ index }) => index);
      assert.ok(places.length > 5);
      sameRanking(places, expected.issues.normalized_margin, (index) => expected.normalizedMargin[index]);
      const byConfidence = confidentLearning(expected.labels, probabilities, classes, 'selfConfidence').suspects;
      sameRanking(
        byConfidence.map(({ index }) => index),
        expected.issues.self_confidence,
        (index) => expected.selfConfidence[index],
      );
    });
  }

  it('a class nobody was given is never believed in, and nothing at all gives nothing', () => {
    const { thresholds, confidentJoint } = confidentLearning([0, 0, 1], [0.1, 0.1, 0.8, 0.9, 0.1, 0, 0.2, 0.8, 0], 3);
    assert.equal(thresholds[2], 2);
    assert.deepEqual(confidentJoint, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]); // prettier-ignore
    assert.deepEqual(confidentLearning([], [], 2).suspects, []);
  });
});

/** Equal scores may stand in any order. */
function sameRanking(actual: readonly number[], expected: readonly number[], score: (index: number) => number): void {
  assert.deepEqual([...actual].sort(), [...expected].sort());
  actual.forEach((index, rank) => near(score(index), score(expected[rank])));
}
