import assert from 'node:assert/strict';
import { compareFigures, type SuiteFile } from '../../bench/support/compareFigures';
import type { Figure } from '../../bench/support/report';

const fileOf = (figures: readonly Figure[], more: Partial<SuiteFile> = {}): SuiteFile => ({
  isQuick: false,
  threads: 2,
  machine: { cpu: 'one', cores: 2 },
  parts: [{ name: 'scoring', figures }],
  ...more,
});
const hover: Figure = { name: 'hover', value: 0.03, unit: 's', ratio: 0.5, peer: 'transformers' };
const start: Figure = { name: 'start', value: 40, unit: 's' };

describe('two runs of the benchmarks', () => {
  it('are compared by ratios where both have one, whatever the machine was doing', () => {
    const later = fileOf([{ ...hover, value: 0.09, ratio: 0.52 }, start]);
    const { rows, regressions } = compareFigures(fileOf([hover, start]), later, 0.15);
    assert.deepEqual(regressions, []);
    assert.deepEqual(rows.map(([name, by, , , change]) => [name, by, change]), [['hover', 'ratio to transformers', '+4 %'], ['start', 's', '0 %']]); // prettier-ignore
  });

  it('name what is worse by more than the tolerance, and not what is better', () => {
    const worse = fileOf([
      { ...hover, ratio: 0.6 },
      { ...start, value: 20 },
    ]);
    assert.deepEqual(compareFigures(fileOf([hover, start]), worse, 0.15).regressions, ['hover']);
    assert.deepEqual(compareFigures(fileOf([hover, start]), worse, 0.25).regressions, []);
  });

  it('leave times of another machine out, and say where nothing is left', () => {
    const elsewhere = fileOf(
      [
        { ...hover, ratio: 0.4 },
        { ...start, value: 400 },
      ],
      { machine: { cpu: 'two', cores: 2 } },
    );
    const { rows, regressions } = compareFigures(fileOf([hover, start]), elsewhere, 0.15);
    assert.deepEqual([rows.length, regressions], [1, []]);
    assert.throws(() => compareFigures(fileOf([start]), { ...elsewhere, parts: [{ name: 'start', figures: [start] }] }, 0.15), /nothing|no figure/); // prettier-ignore
  });

  it('count a benchmark that failed, and take a quick run with another one alone', () => {
    const broken = fileOf([], { parts: [{ name: 'step', failed: 'ended with 1' }] });
    assert.deepEqual(compareFigures(fileOf([hover]), broken, 0.15).failed, ['step']);
    const quick = fileOf([hover], { isQuick: true });
    assert.throws(() => compareFigures(quick, fileOf([hover]), 0.15), /quick/);
    const slower = fileOf([{ ...hover, ratio: 0.6 }], { isQuick: true });
    assert.deepEqual(compareFigures(quick, slower, 0.15).regressions, ['hover']);
  });
});
