/** Files of entities in the preview: types as labels, entities in their texts, what is odd about them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PredictedEntity, RowFilter } from '../../src/protocol/datasetPreview';
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
      { text: '查tct没事', mention_data: [{ mention: 'TCT', type: 'test', offset: '1' }, { mention: '没事', type: 'x', offset: '3' }] },
      { text: '胸闷', mention_data: [{ mention: '胸闷', type: 'a', offset: '0' }, { mention: '胸闷', type: 'b', offset: 0 }] },
    ]; // prettier-ignore
    const preview = await opened(folder.file('odd.jsonl', rows.map((row) => JSON.stringify(row)).join('\n')));
    const { findings } = await preview.settledStatistics();
    assert.deepEqual(findings.findings.map(({ kind, examples }) => [kind, examples[0].message]), [
      ['misplacedEntities', '1: the entity "没事" (x) is not at 3 (there is "t没"), but at 4'],
      ['normalizedEntities', '1: the entity "TCT" (test) at 1 is written "tct" in the text'],
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

  it('keeps what a model marks: compared, counted, filtered, sorted and exported', async () => {
    const rows = [
      { text: '𠮷肺炎与发热', label: [[1, 3, 'dis'], [4, 6, 'sym']] },
      { text: '肺炎', label: [[0, 2, 'dis']] },
      { text: '无', label: [] },
    ]; // prettier-ignore
    const preview = await opened(folder.file('said.jsonl', rows.map((row) => JSON.stringify(row)).join('\n')));
    const inputs = await preview.session.inputs([0, 2]);
    assert.deepEqual(inputs[0], { first: '𠮷肺炎与发热', second: null, label: null, entities: [{ start: 2, end: 4, type: 'dis' }, { start: 5, end: 7, type: 'sym' }] }); // prettier-ignore
    assert.deepEqual(inputs[1]!.entities, []);
    const said = (probability: number | null, ...entities: PredictedEntity[]) => ({ label: null, probability, similarity: null, entities }); // prettier-ignore
    const first = said(0.5, { start: 2, end: 4, type: 'dis', outcome: 'same' }, { start: 5, end: 7, type: 'dis', outcome: 'spurious' }, { start: 5, end: 7, type: 'sym', outcome: 'missed' }); // prettier-ignore
    const predictions = [first, said(0.9, { start: 0, end: 2, type: 'dis', outcome: 'same' }), said(null)];
    // Told twice, counted once.
    await preview.session.predicted([0, 1, 2], predictions);
    const counts = await preview.session.predicted([0, 1, 2], predictions);
    assert.deepEqual(counts, { differs: [true, false, false], done: 3, compared: 3, disagreements: 1, counts: [{ text: 'dis', count: 3 }] }); // prettier-ignore
    const view = async (filters: RowFilter[]) => (await preview.view({ search: null, filters, sort: { kind: 'disagreement' } })).rows; // prettier-ignore
    assert.deepEqual(await view([{ kind: 'disagreement' }]), [0]);
    assert.deepEqual(await view([{ kind: 'predicted', label: 'dis' }]), [0, 1]);
    assert.deepEqual(await view([{ kind: 'predicted', label: 'sym' }]), []);
    const { rows: shown } = await preview.session.rows(preview.state.view.id, 0, 3);
    assert.deepEqual(shown, []);
    await view([]);
    const [again] = (await preview.session.rows(preview.state.view.id, 0, 3)).rows;
    assert.deepEqual(again.prediction, { ...first, differs: true });
    const output = folder.path('said.out.jsonl');
    await preview.session.export(preview.state.view.id, { columns: ['text'], format: 'jsonl', predictions: true, file: output }, () => undefined, new AbortController().signal); // prettier-ignore
    const written = readFileSync(output, 'utf8').trim().split('\n').map((line) => JSON.parse(line)); // prettier-ignore
    assert.deepEqual(written[0].predicted_entities, [{ start: 1, end: 3, type: 'dis', text: '肺炎' }, { start: 4, end: 6, type: 'dis', text: '发热' }]); // prettier-ignore
    assert.deepEqual(written.map(({ predicted_entities }) => predicted_entities.length), [2, 1, 0]); // prettier-ignore
    // A classifier's label has nothing to be compared with here.
    const other = await preview.session.predicted([0, 1], [0, 1].map(() => ({ label: 'x', probability: 1, similarity: null }))); // prettier-ignore
    assert.deepEqual([other.done, other.compared], [3, 1]);
    await preview.session.close();
  });
});
