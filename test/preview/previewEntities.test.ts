/** Files of entities in the preview: types as labels, entities in their texts, what is odd about them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { temporaryFolder } from '../data/support';
import { TestPreview } from './previewSupport';

const fixture = (name: string) => join(__dirname, '../fixtures/entities', name);
const folder = temporaryFolder();

async function opened(file: string): Promise<TestPreview> {
  const preview = await TestPreview.open({ train: file });
  await preview.indexed();
  return preview;
}

describe('a preview of entities', () => {
  it('knows the column, counts types, and places entities in their texts', async () => {
    const preview = await opened(fixture('cmeee.jsonl'));
    assert.deepEqual(preview.state.mapping, { first_sequence: 'text', second_sequence: null, label: 'entities' });
    const { insights, findings } = await preview.settledStatistics();
    const [{ counts, rows, areEntities }] = insights.labels;
    assert.deepEqual([rows, areEntities], [5, true]);
    assert.deepEqual(Object.fromEntries(counts.map(({ text, count }) => [text, count])), { dis: 1, pro: 1, sym: 1, bod: 1, dru: 1 }); // prettier-ignore
    const { rows: shown } = await preview.session.rows(preview.state.view.id, 0, 3);
    const text = shown[0].cells[0]!.text;
    assert.deepEqual(shown[0].entities!.map(({ start, end, type }) => `${text.slice(start, end)} ${type}`), ['2型糖尿病 dis', 'ＣＴ pro', '左肺上叶结节 sym', '左肺上叶 bod']); // prettier-ignore
    assert.equal(shown[1].entities, undefined);
    assert.deepEqual(findings.findings.map(({ kind, rows }) => [kind, rows]), [['overlappingEntities', 1]]); // prettier-ignore
    assert.match(findings.findings[0].examples[0].message, /"左肺上叶结节" \(sym\) and "左肺上叶" \(bod\) overlap/);
    await preview.session.close();
  });

  it('shows the texts with entities of a type', async () => {
    const preview = await opened(fixture('cmeee.jsonl'));
    await preview.settledStatistics();
    const rowsOf = async (values: string[], exclude = false) => {
      const filters = [{ kind: 'value', column: 'entities', values, missing: false, exclude } as const];
      return (await preview.view({ search: null, filters, sort: null })).rows;
    };
    assert.deepEqual(await rowsOf(['dru']), [2]);
    assert.deepEqual(await rowsOf(['bod', 'dru']), [0, 2]);
    assert.deepEqual(await rowsOf(['bod'], true), [1, 2]);
    await preview.session.close();
  });

  it('finds entities that are not where they say, and stretches of several types', async () => {
    const rows = [
      { text: '查tct没事', mention_data: [{ mention: 'TCT', type: 'test', offset: '1' }, { mention: '没事', type: 'x', offset: '4' }] },
      { text: '胸闷', mention_data: [{ mention: '胸闷', type: 'a', offset: '0' }, { mention: '胸闷', type: 'b', offset: 0 }] },
    ]; // prettier-ignore
    const preview = await opened(folder.file('odd.jsonl', rows.map((row) => JSON.stringify(row)).join('\n')));
    const { findings } = await preview.settledStatistics();
    assert.deepEqual(findings.findings.map(({ kind, examples }) => [kind, examples[0].message]), [
      ['misplacedEntities', '1: the entity "TCT" (test) is not at 1, where "tct" stands'],
      ['contradictoryEntities', '2: "胸闷" is both a and b'],
    ]); // prettier-ignore
    await preview.session.close();
  });

  it('opens tags and standoff, and says where the ends of entities are not told', async () => {
    const tags = await opened(fixture('tags.conll'));
    const { rows } = await tags.session.rows(tags.state.view.id, 0, 2);
    assert.deepEqual([rows[1].cells[0]!.text, rows[1].entities], ['HBsAg阳性3 days', [{ start: 0, end: 5, type: 'test' }, { start: 7, end: 13, type: 'time' }]]); // prettier-ignore
    assert.deepEqual(tags.state.file!.warnings, []);
    await tags.session.close();
    const untold = [{ text: '有糖尿病史', label: [[1, 3, 'dis']] }];
    const unclear = await opened(folder.file('untold.jsonl', `${JSON.stringify(untold[0])}\n`));
    assert.match(unclear.state.file!.warnings[0].message, /span_end/);
    const { rows: shown } = await unclear.session.rows(unclear.state.view.id, 0, 1);
    assert.equal(shown[0].entities, undefined);
    await unclear.session.close();
  });
});
