import assert from 'node:assert/strict';
import {
  answerMeasured,
  evaluationMetrics,
  metricMeasured,
  metricsMeasured,
  taskMeasured,
} from '../../src/protocol/evaluation';
import schema from '../../src/protocol/recipe.schema.json';
import { findTask, isLowerBetter, METRIC_NAMES, taskFor, TASKS, usualMetric } from '../../src/protocol/tasks';
import { regressionReport } from '../../src/tasks/evaluationReport';
import { spanReport } from '../../src/tasks/entities/spanReport';
import { multiLabelReport } from '../../src/tasks/multiLabel/multiLabelReport';
import { classificationOf } from '../support/evaluations';

describe('tasks as data', () => {
  it('have the names, aliases and metrics that the recipe schema lets through', () => {
    const names = TASKS.flatMap(({ id, aliases }) => [id, ...aliases]);
    assert.deepEqual([...schema.properties.task.enum].sort(), [...names].sort());
    assert.deepEqual([...schema.properties.train.properties.metric_for_best.enum].sort(), [...METRIC_NAMES].sort());
  });

  it('are found by name and alias, and by what they answer', () => {
    assert.equal(findTask('pair-classification')?.id, 'sentence-similarity');
    assert.equal(findTask('toString'), undefined);
    assert.deepEqual(
      [taskFor('class', true), taskFor('class', false), taskFor('number', true), taskFor('number', false)],
      ['sentence-similarity', 'text-classification', 'regression', 'regression'],
    );
  });

  it('say which way a metric is better', () => {
    assert.deepEqual(METRIC_NAMES.filter(isLowerBetter), ['loss', 'mse', 'mae', 'perplexity']);
    assert.deepEqual([usualMetric('regression'), usualMetric('unheard of')], ['pearson', 'accuracy']);
  });
});

describe('an evaluation', () => {
  const regression = regressionReport({ targets: [0, 1, 1], predictions: [0.1, 0.9, 0.8] });

  it('is known by its metrics', () => {
    assert.deepEqual([answerMeasured(classificationOf()), answerMeasured(regression)], ['class', 'number']);
    assert.equal(metricMeasured({}), undefined);
  });

  it('is known by its metrics whatever the order of the tasks', () => {
    const several = multiLabelReport({ labels: ['a', 'b'], targets: [[0], []], logits: [[1, -1], [2, -2]], thresholds: 'one' }); // prettier-ignore
    const spans = { ...spanReport({ labels: ['drug'], truth: [[]], found: [[]] }), loss: 0 };
    const reports = { class: classificationOf(), number: regression, labels: several, spans };
    for (const tasks of [TASKS, [...TASKS].reverse()]) {
      for (const [answer, report] of Object.entries(reports)) {
        assert.equal(taskMeasured(JSON.parse(JSON.stringify(report)), tasks)?.answer, answer);
      }
    }
  });

  it('has its metrics in the order of its own task', () => {
    const { microF1: _, ...spans } = { ...spanReport({ labels: ['drug'], truth: [[]], found: [[]] }), loss: 0 };
    assert.deepEqual(metricsMeasured({ ...spans, microF1: 0 }).slice(0, 2), ['microF1', 'macroF1']);
    assert.deepEqual(metricsMeasured(classificationOf()).slice(0, 3), ['accuracy', 'macroF1', 'microF1']);
    assert.deepEqual(metricsMeasured({ macroF1: 0 }), ['macroF1']);
  });

  it('passes its check as JSON, too, where a loss is no number any more', () => {
    for (const report of [classificationOf({ loss: NaN }), regression, { ...regression, pearson: null }]) {
      assert.doesNotThrow(() => evaluationMetrics(JSON.parse(JSON.stringify(report))));
    }
  });

  it('fails its check by the field that is wrong', () => {
    const { confusionMatrix: _, ...torn } = classificationOf();
    assert.throws(() => evaluationMetrics(torn, 'test'), /test\.confusionMatrix must be a list/);
    assert.throws(() => evaluationMetrics({ ...regression, spearmanInterval: [1] }, 'best'), /spearmanInterval\[1\]/);
    assert.throws(() => evaluationMetrics(null), /must be an object/);
  });
});
