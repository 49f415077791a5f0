import assert from 'node:assert/strict';
import { fingerprintFile } from '../../src/data/fingerprint';
import { splitRows } from '../../src/data/splits';
import { characterCount, duplicatesOf, lengthStatistics, normalizedText } from '../../src/data/statistics';
import { expected, temporaryFolder } from './support';

describe('data statistics', () => {
  const temporary = temporaryFolder();
  const near = (actual: number, wanted: number) =>
    assert.ok(Math.abs(actual - wanted) < 1e-9, `${actual} is not ${wanted}`);

  it('lengths equal NumPy’s', () => {
    const { values, counts, edges, ...wanted } = expected.lengths;
    const actual = lengthStatistics(values);
    for (const key of ['mean', 'median', 'p90', 'p95', 'p99'] as const) near(actual[key], wanted[key]);
    assert.deepEqual([actual.count, actual.min, actual.max], [values.length, Math.min(...values), Math.max(...values)]);
    assert.deepEqual(actual.histogram.counts, counts);
    actual.histogram.edges.forEach((edge, i) => near(edge, edges[i]));
    assert.deepEqual(lengthStatistics([5, 5]).histogram.counts, [0, 0, 0, 0, 0, 2, 0, 0, 0, 0]);
    assert.equal(lengthStatistics([]).count, 0);
  });

  it('characters are code points', () => {
    for (const text of ['', 'abc', '高血压', '𠮷字', '🍺🍺', '\uD800x', 'x\uDC00', '\uD83C']) {
      assert.equal(characterCount(text), [...text].length, JSON.stringify(text));
    }
  });

  it('duplicates, contradictions and equal sides', () => {
    const rows: [string, string, number][] = [
      ['a', 'b', 0],
      ['a', 'b', 0],
      ['a', 'b', 1],
      ['ab', '', 0],
      ['b', 'a', 0],
      ['c', 'c', 1],
      ['d', 'e', 2],
      ['d', 'e', 2],
      ['d', 'e', 2],
    ];
    const found = duplicatesOf(
      rows.map(([first, second, label], i) => ({ first, second, label, line: i + 1, row: i })),
    );
    assert.deepEqual(found, {
      exact: 3,
      contradictions: 1,
      contradictoryRows: 3,
      equalSides: 1,
      examples: {
        exact: [
          [1, 2, 3],
          [7, 8, 9],
        ],
        contradictions: [[1, 2, 3]],
        equalSides: [6],
        rows: {
          exact: [
            [0, 1, 2],
            [6, 7, 8],
          ],
          contradictions: [[0, 1, 2]],
          equalSides: [5],
        },
      },
    });
  });

  it('text for comparing has neither punctuation nor width nor case, unless it is nothing else', () => {
    assert.equal(normalizedText('高血压 能吃柚子吗？ＡＢＣ'), '高血压能吃柚子吗abc');
    assert.equal(normalizedText('？！'), '?!');
  });

  describe('splits', () => {
    const shares = { train: 0.8, validation: 0.1, test: 0.1 };
    const labelOf = (row: number) => (row % 10 === 0 ? 'rare' : row % 3 === 0 ? 'some' : 'most');
    const all = (split: Record<string, number[]>) => Object.values(split).flat();

    it('hold every row once, repeat with the seed and change with it', () => {
      const split = splitRows(1000, { shares, seed: 1, stratifyBy: labelOf });
      assert.deepEqual(
        all(split).sort((a, b) => a - b),
        Array.from({ length: 1000 }, (_, i) => i),
      );
      assert.deepEqual(splitRows(1000, { shares, seed: 1, stratifyBy: labelOf }), split);
      assert.notDeepEqual(splitRows(1000, { shares, seed: 2, stratifyBy: labelOf }), split);
    });

    it('keep each label’s share within one row', () => {
      for (let seed = 0; seed < 20; seed++) {
        for (const count of [7, 50, 333, 1000]) {
          const split = splitRows(count, { shares, seed, stratifyBy: labelOf });
          for (const label of ['rare', 'some', 'most']) {
            const total = all(split).filter((row) => labelOf(row) === label).length;
            for (const [name, rows] of Object.entries(split)) {
              const wanted = total * shares[name as keyof typeof shares];
              const actual = rows.filter((row) => labelOf(row) === label).length;
              assert.ok(Math.abs(actual - wanted) <= 1, `${name} ${label}: ${actual} for ${wanted}`);
            }
          }
          for (const [name, rows] of Object.entries(split)) {
            assert.ok(Math.abs(rows.length - count * shares[name as keyof typeof shares]) <= 3);
          }
        }
      }
    });

    it('keep groups together and labels near their shares', () => {
      const queryOf = (row: number) => `q${Math.floor(row / (1 + (row % 7)))}`;
      const split = splitRows(2000, { shares, seed: 3, stratifyBy: labelOf, groupBy: queryOf });
      const seen = new Map<string, string>();
      for (const [name, rows] of Object.entries(split)) {
        for (const row of rows) {
          assert.equal(seen.get(queryOf(row)) ?? name, name);
          seen.set(queryOf(row), name);
        }
        const wanted = 2000 * shares[name as keyof typeof shares];
        assert.ok(Math.abs(rows.length - wanted) < 10, `${name}: ${rows.length}`);
        const rare = rows.filter((row) => labelOf(row) === 'rare').length;
        assert.ok(Math.abs(rare - wanted / 10) < 10, `${name}: ${rare} rare`);
      }
    });

    it('refuse shares that make no whole', () => {
      for (const bad of [{ train: 0.5 }, { train: 1, test: 0 }, { train: NaN }, {}] as Record<string, number>[]) {
        assert.throws(() => splitRows(10, { shares: bad, seed: 1 }), { code: 'USAGE' });
      }
    });
  });

  it('fingerprints are SHA-256 and size', async () => {
    const path = temporary.file('abc.txt', 'abc');
    assert.deepEqual(await fingerprintFile(path), {
      file: path,
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      sizeBytes: 3,
    });
    await assert.rejects(fingerprintFile(temporary.path('absent')), { code: 'NOT_FOUND' });
  });
});
