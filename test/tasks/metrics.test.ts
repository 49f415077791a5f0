import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EvaluationMetrics } from '../../src/protocol/evaluation';
import { classificationReport, improves, metricValue, regressionReport } from '../../src/tasks/evaluationReport';
import {
  bootstrapMacroF1Interval,
  pairedDifferenceInterval,
  pearsonInterval,
  spearmanInterval,
  wilsonInterval,
} from '../../src/tasks/intervals';
import { confusionMatrix, ranks, spearmanCorrelation } from '../../src/tasks/metrics';

const fixture = JSON.parse(readFileSync(join(__dirname, '../fixtures/metrics/metrics.json'), 'utf8'));

function close(actual: unknown, expected: unknown, what: string): void {
  if (Array.isArray(expected)) {
    assert.equal((actual as unknown[]).length, expected.length, what);
    expected.forEach((value, index) => close((actual as unknown[])[index], value, `${what}[${index}]`));
  } else if (typeof expected === 'number') {
    // Both sides compute in float64; only the order of a few sums differs.
    assert.ok(
      typeof actual === 'number' && Math.abs(actual - expected) <= 1e-12 * Math.max(1, Math.abs(expected)),
      `${what}: ${String(actual)} is not ${expected}`,
    );
  } else assert.deepEqual(actual, expected, what);
}

describe('metrics: classification as scikit-learn', () => {
  for (const { name, targets, logits, expected } of fixture.classification) {
    it(name, () => {
      const labels = logits[0].map((_: number, id: number) => `label ${id}`);
      const report = classificationReport({ labels, targets, logits: logits.flat() });
      assert.equal(report.rows, targets.length);
      assert.deepEqual(report.labels, labels);
      for (const metric of [
        'accuracy',
        'accuracyInterval',
        'majorityBaseline',
        'microF1',
        'macroF1',
        'confusionMatrix',
      ]) {
        close((report as any)[metric], expected[metric], metric);
      }
      // scikit-learn clips probabilities at float64's epsilon, which "huge logits" would show beyond 36 nats.
      close(report.loss, expected.loss, 'loss');
      close(report.binaryF1, expected.binaryF1 ?? undefined, 'binaryF1');
      for (const score of ['precision', 'recall', 'f1', 'support'] as const) {
        close(
          labels.map((label: string) => report.perClass[label][score]),
          expected[score],
          score,
        );
      }
    });
  }

  it('says what is wrong with nothing to evaluate and with ids out of range', () => {
    assert.throws(() => classificationReport({ labels: ['a', 'b'], targets: [], logits: [] }), { code: 'DATA_FORMAT' });
    assert.throws(() => regressionReport({ targets: [], predictions: [] }), { code: 'DATA_FORMAT' });
    assert.throws(() => confusionMatrix([0, 2], [0, 1], 2), { code: 'INTERNAL', message: /Row 1/ });
    assert.throws(() => confusionMatrix([-1], [0], 2), { code: 'INTERNAL' });
  });

  it('takes labels of any name and survives JSON', () => {
    const report = classificationReport({ labels: ['2', '__proto__'], targets: [0, 1], logits: [1, 0, 0, 1] });
    const read = JSON.parse(JSON.stringify(report));
    assert.deepEqual(Object.keys(read.perClass), ['2', '__proto__']);
    assert.deepEqual(Object.keys(read), [
      'rows',
      'loss',
      'accuracy',
      'accuracyInterval',
      'majorityBaseline',
      'microF1',
      'macroF1',
      'macroF1Interval',
      'binaryF1',
      'perClass',
      'confusionMatrix',
      'labels',
    ]);
  });
});

describe('metrics: regression as scikit-learn and SciPy', () => {
  for (const { name, targets, predictions, expected } of fixture.regression) {
    it(name, () => {
      const report = regressionReport({ targets, predictions });
      for (const [metric, value] of Object.entries(expected)) close((report as any)[metric], value, metric);
      assert.equal(report.loss, report.mse);
    });
  }

  it('ranks ties by their mean and has no order with NaN', () => {
    assert.deepEqual([...ranks([10, 20, 10, 5])], [2.5, 4, 2.5, 1]);
    assert.ok(Number.isNaN(spearmanCorrelation([1, NaN, 3], [1, 2, 3])));
  });
});

describe('metrics: intervals', () => {
  it("Wilson's stays within [0, 1] at the ends", () => {
    assert.equal(wilsonInterval(0, 10)[0], 0);
    assert.equal(wilsonInterval(10, 10)[1], 1);
    assert.deepEqual(wilsonInterval(0, 0), [0, 1]);
  });

  it("Agresti and Min's of a difference on the same rows: by the published formula, in Python", () => {
    close(pairedDifferenceInterval(2, 9, 200), [-0.06792346863771129, -0.0013834620553580257], 'mostly lost');
    close(pairedDifferenceInterval(0, 0, 50), [-0.037691615087308734, 0.037691615087308734], 'nothing changed');
    close(pairedDifferenceInterval(40, 3, 400), [0.06097591507646574, 0.123103686913584], 'mostly gained');
    assert.deepEqual(pairedDifferenceInterval(0, 0, 0), [-1, 1]);
  });

  it('the bootstrap repeats with its seed and is as wide as theory says', () => {
    const matrix = [
      [50, 10],
      [5, 35],
    ];
    const interval = bootstrapMacroF1Interval(matrix, { seed: 3 });
    assert.deepEqual(interval, bootstrapMacroF1Interval(matrix, { seed: 3 }));
    assert.notDeepEqual(interval, bootstrapMacroF1Interval(matrix, { seed: 4 }));
    // Balanced binary labels, each answered rightly with the same probability: macro F1 is near accuracy, whose
    // normal interval at 85 of 100 is 0.85 ± 0.07.
    assert.ok(interval[0] > 0.74 && interval[0] < 0.8, String(interval[0]));
    assert.ok(interval[1] > 0.89 && interval[1] < 0.94, String(interval[1]));
  });

  it("Fisher's is undefined below four rows, and a point at perfect correlation", () => {
    assert.equal(pearsonInterval(0.5, 3), null);
    assert.equal(pearsonInterval(NaN, 30), null);
    assert.deepEqual(pearsonInterval(1, 30), [1, 1]);
    const [low, high] = spearmanInterval(0.5, 30)!;
    const [lowPearson, highPearson] = pearsonInterval(0.5, 30)!;
    assert.ok(low < lowPearson && high > highPearson);
  });
});

describe('metrics: choosing the best', () => {
  const report = classificationReport({ labels: ['a', 'b'], targets: [0, 1], logits: [1, 0, 0, 1] });

  it('reads a metric by name and names those there are', () => {
    assert.equal(metricValue(report, 'macroF1'), 1);
    assert.equal(metricValue({ ...report, loss: NaN } as EvaluationMetrics, 'loss'), NaN);
    assert.equal(metricValue(regressionReport({ targets: [1, 2], predictions: [1, 1] }), 'pearson'), NaN);
    assert.throws(() => metricValue(report, 'pearson'), { code: 'RECIPE', message: /accuracy, macroF1/ });
    const three = classificationReport({ labels: ['a', 'b', 'c'], targets: [0], logits: [1, 0, 0] });
    assert.throws(() => metricValue(three, 'binaryF1'), { code: 'RECIPE' });
  });

  it('knows the direction of each and that undefined never wins', () => {
    assert.ok(improves('accuracy', 0.6, 0.5));
    assert.ok(!improves('accuracy', 0.5, 0.5));
    assert.ok(!improves('accuracy', 0.55, 0.5, 0.1));
    assert.ok(improves('loss', 0.4, 0.5));
    assert.ok(!improves('mse', 0.6, 0.5));
    assert.ok(improves('mae', 0.1, undefined));
    assert.ok(!improves('loss', NaN, undefined));
    assert.ok(improves('loss', 3, NaN));
  });
});
