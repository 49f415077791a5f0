import assert from 'node:assert/strict';
import { addGradients } from '../../src/autodiff/gradients';
import { sequenceHead } from '../../src/models/heads/sequence';
import { Operators } from '../../src/onnx/operators';
import { evaluationMetrics, metricMeasured, type MultiLabelReport } from '../../src/protocol/evaluation';
import { probabilityOf, thresholdsIn } from '../../src/protocol/labelThresholds';
import { resolveRecipe, type Recipe } from '../../src/protocol/recipe';
import { binaryCrossEntropy } from '../../src/tasks/losses/binaryCrossEntropy';
import { multiLabel } from '../../src/tasks/multiLabel/multiLabel';
import { multiLabelReport } from '../../src/tasks/multiLabel/multiLabelReport';
import { chosenThresholds } from '../../src/tasks/multiLabel/thresholds';
import { runGraph } from '../support/graphRunner';
import { multiLabelJson } from '../support/multiLabel';

/** Both sides compute in float64; only the order of a few sums differs. */
function close(actual: unknown, expected: unknown, what: string, tolerance = 1e-12): void {
  if (Array.isArray(expected)) {
    assert.equal((actual as unknown[]).length, expected.length, what);
    expected.forEach((value, index) => close((actual as unknown[])[index], value, `${what}[${index}]`, tolerance));
  } else if (typeof expected === 'number') {
    const isNear =
      typeof actual === 'number' && Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected));
    assert.ok(isNear, `${what}: ${String(actual)} is not ${expected}`);
  } else assert.deepEqual(actual, expected, what);
}

describe('metrics: several labels a row as scikit-learn', () => {
  for (const { name, targets, logits, thresholds, expected, perLabel } of multiLabelJson('metrics.json')) {
    it(name, () => {
      const labels = logits[0].map((_: number, id: number) => `label ${id}`);
      const report = multiLabelReport({ labels, targets, logits, thresholds });
      assert.equal(report.rows, targets.length);
      for (const [metric, value] of Object.entries(expected)) close((report as any)[metric], value, metric);
      for (const [score, values] of Object.entries(perLabel)) {
        close(labels.map((label: string) => (report.perLabel[label] as any)[score]), values, score); // prettier-ignore
      }
      for (const [low, value, high] of [
        [report.microF1Interval[0], report.microF1, report.microF1Interval[1]],
        [report.macroF1Interval[0], report.macroF1, report.macroF1Interval[1]],
      ]) {
        assert.ok(low - 1e-12 <= value && value <= high + 1e-12, `${low} ${value} ${high}`);
      }
    });
  }

  it('is told from other reports by its metrics, and survives JSON', () => {
    const report = multiLabelReport({ labels: ['a', '__proto__'], targets: [[0], []], logits: [[1, -1], [2, -2]], thresholds: 'one' }); // prettier-ignore
    const read = JSON.parse(JSON.stringify(report));
    assert.equal(metricMeasured(read), 'averagePrecision');
    assert.deepEqual(evaluationMetrics(read), read);
    assert.deepEqual(Object.keys((evaluationMetrics(read) as MultiLabelReport).perLabel), ['a', '__proto__']);
    assert.throws(() => multiLabelReport({ labels: ['a', 'b'], targets: [], logits: [], thresholds: 'one' }), { code: 'DATA_FORMAT' }); // prettier-ignore
  });
});

describe('thresholds of several labels', () => {
  const rows = [
    { probabilities: [0.9, 0.2], given: [0, 1] },
    { probabilities: [0.8, 0.1], given: [0] },
    { probabilities: [0.7, 0.15], given: [1] },
    { probabilities: [0.6, 0.05], given: [] },
  ];

  it('give the best F1, of each label or of all', () => {
    assert.deepEqual(chosenThresholds(rows, 2, 'by_label'), [0.75, 0.125]);
    const [one, same] = chosenThresholds(rows, 2, 'one');
    assert.equal(one, same);
    const f1Of = (threshold: number) => {
      const found = rows.flatMap(({ probabilities }, row) => probabilities.flatMap((p, id) => (p >= threshold ? [`${row} ${id}`] : []))); // prettier-ignore
      const given = rows.flatMap((row, at) => row.given.map((id) => `${at} ${id}`));
      return (2 * found.filter((one) => given.includes(one)).length) / (found.length + given.length);
    };
    const best = Math.max(...Array.from({ length: 99 }, (_, i) => f1Of((i + 1) / 100)));
    assert.equal(f1Of(one), best);
  });

  it('stay 0.5 where nothing speaks against it', () => {
    const apart = [{ probabilities: [0.9, 0.3], given: [0] }, { probabilities: [0.1, 0.4], given: [] }]; // prettier-ignore
    assert.deepEqual(chosenThresholds(apart, 2, 'by_label'), [0.5, 0.5]);
  });

  it('are found among two million probabilities in no more memory than these take a few times', () => {
    const labels = Array.from({ length: 200 }, (_, id) => id);
    const rows = Array.from({ length: 10_000 }, (_, row) => ({
      probabilities: Float64Array.from(labels, (id) => (id === row % 200 ? 0.75 : ((row * 7 + id * 13) % 1000) / 2000)),
      given: [row % 200],
    }));
    const before = process.memoryUsage().rss;
    assert.deepEqual(chosenThresholds(rows, 200, 'one'), labels.map(() => 0.5)); // prettier-ignore
    assert.ok(process.memoryUsage().rss - before < 160e6);
  });

  it('tell equal probabilities apart nowhere', () => {
    const tied = [{ probabilities: [0.2], given: [0] }, { probabilities: [0.2], given: [] }]; // prettier-ignore
    const [threshold] = chosenThresholds(tied, 1, 'by_label');
    assert.ok(threshold > 0 && threshold <= 0.2, String(threshold));
  });

  it('of a model are its own, 0.5 where it has none, and refused where they are none', () => {
    assert.deepEqual(thresholdsIn({}, ['a', 'b']), [0.5, 0.5]);
    assert.deepEqual(thresholdsIn({ thresholds: { b: 0.2, a: 0.7 } }, ['a', 'b']), [0.7, 0.2]);
    for (const thresholds of [{ a: 0.5 }, { a: 0.5, b: 2 }, 0.5]) {
      assert.throws(() => thresholdsIn({ thresholds }, ['a', 'b']), { code: 'MODEL_CONFIG', message: /thresholds/ });
    }
  });

  it('that validation chose are kept with the model, and used by it', () => {
    const base: Recipe = { task: 'multi-label-classification', model: 'm', dataset: { train: { file: 'a' } } };
    const recipe = resolveRecipe({ ...base, train: { thresholds: 'by_label' } });
    const labels = ['甲', '乙'];
    const logitOf = (probability: number) => Math.log(probability / (1 - probability));
    const answersOf = (by: Parameters<typeof multiLabel.reading>[0]['by']) => {
      const reading = multiLabel.reading({ head: sequenceHead, labels, columns: labels, examples: rows as never, by });
      rows.forEach(({ probabilities }, example) =>
        reading.take({ example } as never, Float32Array.from(probabilities, logitOf)),
      );
      return reading.answers();
    };
    const examples = rows.map(({ given }) => ({ label: given })) as never;
    const evaluation = multiLabel.report({
      labels,
      examples,
      answers: answersOf({ recipe, trainedOn: {} as never }),
    }) as MultiLabelReport;
    assert.equal(evaluation.thresholdsChosenHere, true);
    const usage = multiLabel.usage({ split: recipe.dataset.train, labels, data: {} as never, recipe, evaluation });
    assert.deepEqual(usage.thresholds, { 甲: 0.75, 乙: 0.125 });
    const used = multiLabel.report({ labels, examples, answers: answersOf({ usage }) }) as MultiLabelReport;
    assert.deepEqual({ ...used, thresholdsChosenHere: true }, evaluation);
    assert.deepEqual(multiLabel.counts(answersOf({ usage }), labels), { 甲: 2, 乙: 2 });
    const said = resolveRecipe({ ...base, train: { thresholds: 0.3 } });
    const unseen = multiLabel.usage({
      split: said.dataset.train,
      labels,
      data: {} as never,
      recipe: said,
      evaluation: undefined,
    });
    assert.deepEqual(unseen.thresholds, { 甲: 0.3, 乙: 0.3 });
  });
});

describe('binary cross-entropy as PyTorch', () => {
  for (const { name, logits, targets, positiveWeights, loss, gradient } of multiLabelJson('loss.json')) {
    it(name, async () => {
      const rows = logits.length;
      const objective = binaryCrossEntropy({ labelCount: 4, positiveWeights: positiveWeights ?? undefined });
      const g = new Operators();
      const x = g.input('logits', 'float32', [rows, 4]);
      const given = g.input('targets', 'float32', [rows, 4, 2]);
      const total = g.identity(objective.lossOf(g, x, () => given));
      g.output(total, 'loss');
      const [[, dx]] = addGradients(g, total, [x]);
      g.output(dx, 'gradient');
      const examples = targets.map((target: number[]) => ({ target }));
      const share = { total: rows, batchExamples: rows, stepExamples: rows, length: 1, sumOf: () => rows };
      const result = await runGraph(g.build('loss'), { logits: logits.flat(), ...objective.feeds(examples, share) });
      // float32: rounding 6e-8, some terms.
      close(result.loss[0], loss, 'loss', 1e-6);
      close(result.gradient, gradient.flat(), 'gradient', 1e-6);
    });
  }

  it('weighs positives by what is asked, and balances by the counts', () => {
    const base: Recipe = { task: 'multi-label-classification', model: 'm', dataset: { train: { file: 'a' } } };
    const feeds = (weights: Recipe['train'], counts = [2, 8, 0]) => {
      const recipe = resolveRecipe({ ...base, train: weights });
      const data = { counts, examples: { length: 10 } } as never;
      const labels = ['a', 'b', 'c'];
      const objective = multiLabel.objective({ head: sequenceHead, columns: labels, recipe, labels, data });
      const share = { total: 1, batchExamples: 1, stepExamples: 1, length: 1, sumOf: () => 1 };
      const example = { target: [0, 1, 2] } as never;
      return Array.from(objective.feeds([example], share).targets, (value) => Number((value * 3).toPrecision(6)));
    };
    assert.deepEqual(feeds({ class_weights: null }), [1, 0, 1, 0, 1, 0]);
    assert.deepEqual(feeds({ class_weights: 'balanced' }), [4, 0, 0.25, 0, 1, 0]);
    assert.deepEqual(feeds({ class_weights: 'balanced' }, [2, 10, 9]).slice(2, 4), [1, 0], 'every row has it');
    assert.deepEqual(feeds({ class_weights: [2, 3, 4] }), [2, 0, 3, 0, 4, 0]);
    assert.throws(() => feeds({ class_weights: [2, 3] }), { code: 'RECIPE' });
  });

  it('has probabilities in float64', () => {
    assert.equal(probabilityOf(0), 0.5);
    assert.equal(probabilityOf(-1000), 0);
  });
});
