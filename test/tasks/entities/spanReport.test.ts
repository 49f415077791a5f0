/** Scores of entities against seqeval and exact sets: test/fixtures/entities/makeScores.py. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Entity } from '../../../src/data/entities/entity';
import { spanReport } from '../../../src/tasks/entities/spanReport';

type Triple = [start: number, end: number, type: string];
interface Scores {
  precision: number;
  recall: number;
  f1: number;
}

const LABELS = ['bod', 'dis', 'rare', 'sym', 'never'];
const cases = JSON.parse(readFileSync(join(__dirname, '../../fixtures/entities/scores.json'), 'utf8')) as {
  nested: boolean;
  truth: Triple[][];
  found: Triple[][];
  micro: Scores;
  macroF1: number;
  perType: Record<string, Scores & { support: number }>;
  intervals?: { micro: [number, number]; macro: [number, number] };
}[];

const entitiesOf = (rows: readonly Triple[][]): Entity[][] =>
  rows.map((row) => row.map(([start, end, type]) => ({ start, end, type })));
const near = (value: number, expected: number, what: string, tolerance = 1e-12) =>
  assert.ok(Math.abs(value - expected) <= tolerance, `${what}: ${value}, not ${expected}`);

describe('scores of entities', () => {
  for (const one of cases) {
    const kind = one.nested ? 'exact sets' : 'seqeval’s strict mode';
    it(`equal ${kind}, ${one.truth.length} texts`, () => {
      const report = spanReport({ labels: LABELS, truth: entitiesOf(one.truth), found: entitiesOf(one.found) });
      near(report.microF1, one.micro.f1, 'micro F1');
      near(report.microPrecision, one.micro.precision, 'precision');
      near(report.microRecall, one.micro.recall, 'recall');
      near(report.macroF1, one.macroF1, 'macro F1');
      for (const label of LABELS) {
        const { precision, recall, f1, support } = one.perType[label] ?? { precision: 0, recall: 0, f1: 0, support: 0 };
        const found = report.perType[label];
        near(found.precision, precision, `${label} precision`);
        near(found.recall, recall, `${label} recall`);
        near(found.f1, f1, `${label} F1`);
        assert.equal(found.support, support);
      }
      if (one.intervals) {
        for (const side of [0, 1]) {
          near(report.microF1Interval[side], one.intervals.micro[side], 'micro interval', 0.01);
          near(report.macroF1Interval[side], one.intervals.macro[side], 'macro interval', 0.02);
        }
      }
      const { confusionMatrix: matrix, entities, predicted } = report;
      const rowSums = matrix.map((row) => row.reduce((a, b) => a + b, 0));
      const columnSums = matrix[0].map((_, column) => matrix.reduce((sum, row) => sum + row[column], 0));
      LABELS.forEach((label, id) => {
        assert.equal(rowSums[id], report.perType[label].support);
        assert.equal(columnSums[id], report.perType[label].predicted);
      });
      assert.equal(entities, rowSums.slice(0, -1).reduce((a, b) => a + b)); // prettier-ignore
      assert.equal(predicted, columnSums.slice(0, -1).reduce((a, b) => a + b)); // prettier-ignore
    });
  }

  it('tell types taken for another from entities that were missed and stretches that are none', () => {
    const at = (start: number, end: number, type: string) => ({ start, end, type });
    const report = spanReport({
      labels: ['a', 'b'],
      truth: [[at(0, 2, 'a'), at(3, 4, 'b'), at(5, 6, 'a')], [at(0, 1, 'a'), at(0, 1, 'b')]],
      found: [[at(0, 2, 'a'), at(3, 4, 'a'), at(5, 7, 'a')], [at(0, 1, 'b')]],
    }); // prettier-ignore
    // Columns: a, b, missed. Rows: a, b, spurious.
    assert.deepEqual(report.confusionMatrix, [[1, 0, 2], [1, 1, 0], [1, 0, 0]]); // prettier-ignore
  });

  it('are 0 where nothing is there or found, and refused without texts', () => {
    const report = spanReport({ labels: ['a'], truth: [[]], found: [[]] });
    assert.deepEqual([report.microF1, report.macroF1, report.microF1Interval], [0, 0, [0, 0]]);
    assert.throws(() => spanReport({ labels: ['a'], truth: [], found: [] }), { code: 'DATA_FORMAT' });
  });
});
