/** Files whose rows may have several labels in the preview: labels and combinations counted, rows with one label shown. */
import assert from 'node:assert/strict';
import { temporaryFolder } from '../data/support';
import { TestPreview } from './previewSupport';

const folder = temporaryFolder();
const mapping = { first_sequence: 'text', second_sequence: null, label: 'labels' };

const rows: readonly [string, readonly string[]][] = [
  ['发烧三天', ['发热']],
  ['发烧，咳嗽', ['发热', '咳嗽']],
  ['咳嗽，发烧', ['咳嗽', '发热']],
  ['挂号', []],
  ['咳嗽有痰', ['咳嗽']],
  ['胸痛', ['胸痛', '胸痛']],
  ['胸痛，咳嗽', ['咳嗽', '胸痛']],
  ['发烧三天', ['咳嗽']],
  ['发烧，咳嗽', ['咳嗽', '发热']],
];
const lists = rows.map(([text, labels]) => JSON.stringify({ text, labels })).join('\n');
const separated = (separator: string) => ['text\tlabels', ...rows.map(([text, labels]) => `${text}\t${labels.join(separator)}`)].join('\n'); // prettier-ignore

async function opened(name: string, content: string, more = {}): Promise<TestPreview> {
  const file = folder.file(name, content);
  const splits = ['train', 'validation'].map((split) => ({ name: split, file, ...more }));
  const preview = await TestPreview.open({ train: file }, { splits, mapping, mappingSource: 'person' });
  await preview.indexed();
  return preview;
}

describe('labels that a mapping leaves out', () => {
  const predicted = (labels: readonly string[]) => labels.map((label) => ({ label, probability: 0.9, similarity: null })); // prettier-ignore

  it('are compared with no prediction, where a row has one label', async () => {
    const file = folder.file('left-out.jsonl', ['a', 'other', 'other'].map((label, n) => `{"text":"t${n}","labels":"${label}"}`).join('\n')); // prettier-ignore
    const preview = await TestPreview.open({ train: file }, { mapping, mappingSource: 'person', labelNames: { other: '' } }); // prettier-ignore
    await preview.indexed();
    const { compared, disagreements } = await preview.session.predicted([0, 1, 2], predicted(['a', 'a', 'b']));
    assert.deepEqual([compared, disagreements], [1, 0]);
    await preview.session.close();
  });

  it('are no labels of a row that may have several', async () => {
    const file = folder.file('left-out-several.jsonl', '{"text":"t","labels":["a","other"]}');
    const preview = await TestPreview.open({ train: file }, { mapping, mappingSource: 'person', labelNames: { other: '' } }); // prettier-ignore
    await preview.indexed();
    const [answer] = predicted(['a']);
    const { compared, disagreements } = await preview.session.predicted([0], [{ ...answer, labels: ['a'] }]);
    assert.deepEqual([compared, disagreements], [1, 0]);
    await preview.session.close();
  });
});

describe('a preview of several labels', () => {
  for (const [name, content] of [
    ['lists.jsonl', lists],
    ['bars.tsv', separated('|')],
    ['commas.tsv', separated(', ')],
  ]) {
    it(`counts labels and combinations of every split: ${name}`, async () => {
      const preview = await opened(name, content);
      const { insights, findings } = await preview.settledStatistics();
      assert.deepEqual(insights.labels.map(({ split }) => split), ['train', 'validation']); // prettier-ignore
      for (const { rows: counted, missing, counts, combinations } of insights.labels) {
        assert.deepEqual([counted, missing], [9, 1]);
        assert.deepEqual(Object.fromEntries(counts.map(({ text, count }) => [text, count])), { 咳嗽: 6, 发热: 4, 胸痛: 2 }); // prettier-ignore
        const byLabels = combinations!.most.map(({ labels, count }) => [[...labels].sort().join('+'), count]);
        assert.deepEqual(Object.fromEntries(byLabels), { '发热': 1, '咳嗽': 2, '胸痛': 1, '': 1, [['发热', '咳嗽'].sort().join('+')]: 3, [['咳嗽', '胸痛'].sort().join('+')]: 1 }); // prettier-ignore
        assert.deepEqual([combinations!.most[0].count, combinations!.total], [3, 6]);
      }
      const { top, missing } = insights.columns.find(({ column }) => column === 'labels')!;
      assert.deepEqual([top[0], missing], [{ text: '咳嗽', count: 6 }, 1]);
      // The order of labels is no contradiction, a row without any no fault, and no single label is the majority.
      assert.deepEqual(findings.findings.map(({ kind, rows: found }) => [kind, found]), [['duplicates', 2], ['contradictions', 2], ['overlap', 9]]); // prettier-ignore
      await preview.session.close();
    });

    it(`shows the rows with a label: ${name}`, async () => {
      const preview = await opened(name, content);
      await preview.settledStatistics();
      const rowsOf = async (values: string[], { missing = false, exclude = false } = {}) => {
        const filters = [{ kind: 'value', column: 'labels', values, missing, exclude } as const];
        return (await preview.view({ search: null, filters, sort: null })).rows;
      };
      assert.deepEqual(await rowsOf(['胸痛']), [5, 6]);
      assert.deepEqual(await rowsOf(['发热', '胸痛']), [0, 1, 2, 5, 6, 8]);
      assert.deepEqual(await rowsOf(['咳嗽'], { exclude: true }), [0, 3, 5]);
      assert.deepEqual(await rowsOf([], { missing: true }), [3]);
      assert.deepEqual(await rowsOf(['胸痛'], { missing: true }), [3, 5, 6]);
      await preview.session.close();
    });
  }

  it('counts whole cells where the recipe says that a text is one label', async () => {
    const preview = await opened('whole.tsv', separated('|'), { label_separator: null });
    const [{ counts, combinations }] = (await preview.settledStatistics()).insights.labels;
    assert.equal(combinations, undefined);
    assert.equal(counts.find(({ text }) => text === '发热|咳嗽')?.count, 1);
    await preview.session.close();
  });
});
