import assert from 'node:assert/strict';
import { MedTextError } from '../../src/base/errors';
import { countRawLabels } from '../../src/data/labelCounts';
import { countsFor } from '../../src/protocol/answers';
import { temporaryFolder } from './support';

describe('counts of raw labels', () => {
  const folder = temporaryFolder();

  it('are by value, white space off, with the first line and rows without a label', async () => {
    const file = folder.file('a.csv', 'text,label\n头痛,0\n发烧, 1 \n咳嗽,1\n失眠,\n胃痛,NA\n');
    const counts = await countRawLabels({ file });
    assert.equal(counts.column, 'label');
    assert.deepEqual([counts.rows, counts.badRows, counts.otherRows], [5, 0, 0]);
    assert.deepEqual(counts.values, [
      { value: '0', count: 1, firstLine: 2 },
      { value: '1', count: 2, firstLine: 3 },
      { value: '', count: 1, firstLine: 5 },
      { value: 'NA', count: 1, firstLine: 6 },
    ]);
  });

  it('leave out rows whose label is no value, and count a row without the field as empty', async () => {
    const rows = [{ text: 'a', label: ['0'] }, { text: 'b', label: { x: 1 } }, { text: 'c' }, { text: 'd', label: 2 }];
    const file = folder.file('a.json', JSON.stringify(rows));
    const { rows: count, badRows, values } = await countRawLabels({ file, label: 'label' });
    assert.deepEqual([count, badRows], [2, 2]);
    assert.deepEqual(
      values.map(({ value }) => value),
      ['', '2'],
    );
  });

  it('are of all rows where cells are lists: of every combination, of none, and of those that are no list', async () => {
    const names = Array.from({ length: 150 }, (_, n) => [`a${n}`, 'b']);
    const rows = [...names, [], [], null, [{ x: 1 }]].map((label) => ({ text: 'a', label }));
    const file = folder.file('lists.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'));
    const {
      rows: count,
      badRows,
      values,
      several,
    } = countsFor('labels', await countRawLabels({ file, label: 'label' }));
    assert.deepEqual([count, badRows, values.length], [153, 1, 151]);
    assert.deepEqual([several!.withoutLabel, several!.combinationCount], [3, 151]);
  });

  it('stop remembering where a column holds no classes', async () => {
    const lines = Array.from({ length: 12_000 }, (_, i) => `${JSON.stringify({ text: 'a', label: `v${i}` })}\n`);
    const { values, otherRows, rows } = await countRawLabels({ file: folder.file('many.jsonl', lines.join('')) });
    assert.deepEqual([values.length, otherRows, rows], [10_000, 2000, 12_000]);
  });

  it('say which columns there are when none is named label, and can be cancelled', async () => {
    const file = folder.file('b.csv', '甲,乙\n头痛得厉害怎么办才好呢,发烧三天了怎么办才好\n');
    const isError = (code: string, message: RegExp) => (error: unknown) =>
      error instanceof MedTextError && error.code === code && message.test(error.message);
    await assert.rejects(countRawLabels({ file, label: 'nope' }), isError('NOT_FOUND', /"甲", "乙"/));
    await assert.rejects(countRawLabels({ file }), isError('NOT_FOUND', /recognised as label.*"甲", "乙"/));
    const big = folder.path('many.jsonl');
    await assert.rejects(countRawLabels({ file: big }, AbortSignal.abort()), isError('CANCELLED', /./));
  });
});
