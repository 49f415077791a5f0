import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Distribution, FindingKind } from '../../src/protocol/datasetPreview';
import { TestPreview } from './previewSupport';

const folder = join(__dirname, '../fixtures/preview');

interface Reference {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly median: number;
  readonly std: number;
  readonly counts: readonly number[];
  readonly edges: readonly number[];
}

interface Expected {
  readonly rows: number;
  readonly columns: Record<string, { missing: number; distinct: number; top: [string, number][]; length: Reference | null }>; // prettier-ignore
  readonly score: Reference;
  readonly labels: Record<string, number>;
  readonly majority: { readonly accuracy: number; readonly macroF1: number };
  readonly overlap: number[];
  readonly nearOverlapOrExact: number[];
  readonly [finding: string]: unknown;
}

const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected;

const close = (a: number, b: number, what: string) => assert.ok(Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b)), `${what}: ${a} for ${b}`); // prettier-ignore

function sameDistribution(ours: Distribution | null, theirs: Reference, what: string): void {
  for (const name of ['min', 'max', 'mean', 'median', 'std'] as const) close(ours![name], theirs[name], `${what} ${name}`); // prettier-ignore
  assert.deepEqual(ours!.bins.map(({ count }) => count), theirs.counts, what); // prettier-ignore
  ours!.bins.forEach(({ from, to }, i) => {
    close(from, theirs.edges[i], `${what} edge`);
    close(to, theirs.edges[i + 1], `${what} edge`);
  });
}

describe("a preview's statistics", function () {
  this.timeout(120_000);

  for (const name of ['train.jsonl', 'train.csv']) {
    it(`equal those of pandas, NumPy and scikit-learn: ${name}`, async () => {
      const preview = await TestPreview.open({ train: join(folder, name), validation: join(folder, 'dev.jsonl') });
      const { insights, findings } = await preview.settledStatistics();
      assert.deepEqual([insights.work, findings.work].map(({ error, cancelled }) => [error, cancelled]), [[null, false], [null, false]]); // prettier-ignore

      assert.equal(insights.rows, expected.rows);
      for (const column of insights.columns) {
        const theirs = expected.columns[column.column];
        assert.deepEqual([column.count, column.missing, column.distinct, column.distinctIsExact], [expected.rows, theirs.missing, theirs.distinct, true], column.column); // prettier-ignore
        assert.deepEqual(column.top.slice(0, 3).map(({ count }) => count), theirs.top.map(([, count]) => count), column.column); // prettier-ignore
        if (theirs.length) sameDistribution(column.characters, theirs.length, column.column);
      }
      const score = insights.columns.find(({ column }) => column === 'score')!;
      assert.deepEqual(insights.columns.map(({ type }) => type), ['text', 'category', 'category', 'category', 'number'].map((type, i) => (i === 1 || i === 2 ? insights.columns[i].type : type))); // prettier-ignore
      sameDistribution(score.numbers, expected.score, 'score');
      assert.deepEqual(insights.labels.map(({ split, rows }) => [split, rows]), [['train', 600], ['validation', 120]]); // prettier-ignore
      assert.deepEqual(Object.fromEntries(insights.labels[0].counts.map(({ text, count }) => [text, count])), expected.labels); // prettier-ignore

      const rowsOf = async (id: string): Promise<{ rows: number[]; groups: (number | null)[] }> => preview.view({ filters: [{ kind: 'finding', id }] }); // prettier-ignore
      for (const id of ['duplicates', 'contradictions', 'nearDuplicates', 'swappedPairs']) {
        const { rows, groups } = await rowsOf(id);
        const found: number[][] = [];
        rows.forEach((row, i) => (found[groups[i]!] ??= []).push(row));
        const theirs = expected[id] as number[][];
        assert.deepEqual([...found].sort((a, b) => a[0] - b[0] || a[1] - b[1]), [...theirs].sort((a, b) => a[0] - b[0] || a[1] - b[1]), id); // prettier-ignore
        const finding = findings.findings.find((each) => each.id === id)!;
        assert.deepEqual([finding.rows, finding.groups, finding.examples.length], [rows.length, theirs.length, 3], id);
        const isAlike = id === 'nearDuplicates' || id === 'swappedPairs';
        for (const { message, other } of finding.examples) assert.equal(other !== undefined && other !== message, isAlike, id); // prettier-ignore
      }
      for (const id of ['equalSides', 'emptyInputs', 'missingLabels']) {
        assert.deepEqual(
          (await rowsOf(id)).rows.sort((a, b) => a - b),
          expected[id],
          id,
        );
      }
      const overlap = (await rowsOf('overlap:validation')).rows.sort((a, b) => a - b);
      assert.deepEqual(overlap, expected.overlap);
      const near = (await rowsOf('nearOverlap:validation')).rows;
      assert.deepEqual(
        [...overlap, ...near].sort((a, b) => a - b),
        expected.nearOverlapOrExact,
      );
      const majority = findings.findings.find(({ kind }) => kind === 'majorityBaseline')!;
      assert.equal(majority.label, '0');
      close(majority.accuracy!, expected.majority.accuracy, 'accuracy');
      close(majority.macroF1!, expected.majority.macroF1, 'macro F1');
      await preview.session.close();
    });
  }

  it('count tokens of columns and examples, and find those that are too long', async () => {
    const model = { name: 'm', description: '', folder: '/nowhere' };
    const preview = await TestPreview.open({ train: join(folder, 'train.jsonl') }, { model, maxLength: 24 });
    const { insights, findings } = await preview.settledStatistics();
    const of = (name: string) => insights.columns.find(({ column }) => column === name)!;
    // The test's tokens are characters.
    assert.deepEqual(of('query1').tokens?.distribution, of('query1').characters);
    assert.equal(of('label').tokens, null);
    const { filters } = { filters: [{ kind: 'range', column: null, measure: 'tokens', from: 25, to: 1e9, closed: false } as const] }; // prettier-ignore
    const tooLong = (await preview.view({ filters })).rows;
    assert.ok(tooLong.length > 5 && insights.examples!.over === tooLong.length);
    const finding = (kind: FindingKind) => preview.findings.at(-1)!.findings.find((each) => each.kind === kind);
    assert.equal(findings.findings.find(({ kind }) => kind === 'overlong')?.rows, tooLong.length);
    assert.deepEqual((await preview.view({ filters: [{ kind: 'finding', id: 'overlong' }] })).rows, tooLong);
    preview.session.setMaxLength(1000);
    assert.equal(finding('overlong'), undefined);
    assert.equal(preview.insights.at(-1)!.examples!.over, 0);
    await preview.session.close();
  });

  it('stop when told to, with what was counted, and begin again', async () => {
    const preview = await TestPreview.open({ train: join(folder, 'train.jsonl') });
    preview.session.cancel('insights');
    preview.session.cancel('findings');
    const { insights, findings } = await preview.settledStatistics();
    assert.deepEqual([insights.work.cancelled, findings.work.cancelled], [true, true]);
    preview.session.start('insights');
    await preview.until(() => preview.insights.at(-1)!.rows === 600 && !preview.insights.at(-1)!.work.working);
    assert.equal(preview.insights.at(-1)!.work.cancelled, false);
    await preview.session.close();
  });
});
