import assert from 'node:assert/strict';
import { holdOut } from '../../src/data/holdOut';
import { likelySeparators, readLabelLists } from '../../src/data/labelLists';
import type { RecipeSplit } from '../../src/protocol/recipe';
import { temporaryFolder } from './support';

const TASK = 'multi-label-classification';
const jsonLines = (...rows: object[]) => rows.map((row) => JSON.stringify(row)).join('\n');

describe('several labels a row', () => {
  const temporary = temporaryFolder();
  const read = (name: string, content: string, split: Partial<RecipeSplit> = {}, options = {}) =>
    readLabelLists({ file: temporary.file(name, content), ...split }, TASK, options);
  const namesOf = ({ examples, labels }: Awaited<ReturnType<typeof read>>) =>
    examples.map(({ label }) => label!.map((id) => labels[id]));

  it('are lists, none too, in any order and once each', async () => {
    const data = await read(
      'lists.jsonl',
      jsonLines(
        { text: 'a', label: ['乙', '甲'] },
        { text: 'b', label: [] },
        { text: 'c', label: ['甲', ' 甲 '] },
        { text: 'd', label: null },
        { text: 'e' },
        { text: 'f', label: [3, '10', true] },
        { text: 'g', label: '乙' },
      ),
    );
    assert.deepEqual(data.labels, ['3', '10', 'true', '乙', '甲']);
    assert.deepEqual(namesOf(data), [['乙', '甲'], [], ['甲'], [], [], ['3', '10', 'true'], ['乙']]);
    assert.deepEqual(data.counts, [1, 1, 1, 2, 2]);
    assert.deepEqual(data.idsOf!([1, 3]), [1, 3]);
    assert.match(data.notes!.join(), /rows with several labels: 2, without a label: 3; combinations: 5/);
  });

  it('are lists that a CSV holds as JSON, as Python prints them, or as Label Studio does', async () => {
    const csv = ['text,label', `a,"[""甲"", ""乙""]"`, `b,"['乙']"`, 'c,[]', 'd,"{""choices"":[""甲"",""丙""]}"'].join(
      '\n',
    );
    const data = await read('lists.csv', csv);
    assert.deepEqual(namesOf(data).map((names) => names.sort()), [['乙', '甲'], ['乙'], [], ['丙', '甲']]); // prettier-ignore
    assert.equal(data.labelForm, 'list');
  });

  for (const separator of [';', '|', '、', ',', '，', '/', '；']) {
    it(`stand in a text with ${separator} between them, which is recognised`, async () => {
      const rows = [['甲', '乙'], ['乙'], ['丙', '甲'], [], ['丙', '乙', '甲']];
      const tsv = ['text\tlabel', ...rows.map((labels, i) => `问题${i}\t${labels.join(separator)}`)].join('\n');
      const data = await read(`${separator.codePointAt(0)}.tsv`, tsv);
      assert.deepEqual(data.labelForm, { separator });
      assert.deepEqual(data.labels, ['丙', '乙', '甲']);
      assert.deepEqual(data.counts, [2, 3, 3]);
      assert.match(data.notes!.join(), new RegExp(`^${JSON.stringify(separator).replace('|', '\\|')} separates`));
    });
  }

  it('are recognised by the labels that are known, and with blanks around the separator', async () => {
    const known = { labels: ['甲/乙', '丙', '丁'] };
    const data = await read('known.csv', 'text,label\na,甲/乙 | 丙\nb,丁\n', {}, known);
    assert.deepEqual(data.labelForm, { separator: '|' });
    assert.deepEqual(namesOf(data), [['甲/乙', '丙'], ['丁']]);
    assert.deepEqual(likelySeparators(['急性 支气管炎', '肺炎, 高血压', '高血压', '肺炎']), [',']);
    // Parts that stand nowhere else are no labels.
    assert.deepEqual(likelySeparators(['高血压, 未特指', '肺炎, 细菌性']), []);
  });

  it('are asked for where two separators are as likely, and are named by the recipe', async () => {
    const csv = 'text,label\na,甲/乙;丙\nb,乙/甲\nc,丙;甲/乙\nd,甲\ne,丙;甲\nf,乙\n';
    await assert.rejects(read('two.csv', csv), { code: 'LABELS', message: /two\.csv.*";" or "\/".*label_separator/ });
    const said = await read('said.csv', csv, { label_separator: ';' });
    assert.deepEqual(said.labels, ['丙', '乙', '乙/甲', '甲', '甲/乙']);
    const whole = await read('whole.csv', 'text,label\na,甲;乙\nb,乙;甲\nc,甲\n', { label_separator: null });
    assert.deepEqual(whole.labels, ['乙;甲', '甲', '甲;乙']);
  });

  it('are renamed, merged and left out by the mapping; the row stays, but for one without labels', async () => {
    const lists = [['a', 'b'], ['x'], [], ['c', 'a']];
    const content = jsonLines(...lists.map((label, i) => ({ text: `t${i}`, label })));
    const mapped = await read('map.jsonl', content, { label_mapping: { a: 'b', x: null } });
    assert.deepEqual(namesOf(mapped), [['b'], [], [], ['b', 'c']]);
    assert.equal(mapped.dropped, 0);
    const strict = await read('strict.jsonl', content, { label_mapping: { '': null } });
    assert.deepEqual([strict.examples.length, strict.dropped], [3, 1]);
    const named = await read('named.jsonl', content, { label_mapping: { '': '无' } });
    assert.deepEqual(namesOf(named)[2], ['无']);
  });

  it('that are not known are listed with their counts and lines', async () => {
    const content = jsonLines({ text: 'a', label: ['甲', '戊', '戊'] }, { text: 'b', label: ['戊'] }, { text: 'c', label: ['乙'] }); // prettier-ignore
    await assert.rejects(read('unknown.jsonl', content, {}, { labels: ['甲', '乙'] }), {
      code: 'LABELS',
      message: /unknown\.jsonl.*"戊" in 2 rows, first on line 1/,
    });
  });

  it('that are no list of names are bad rows, and places in a vector are refused', async () => {
    for (const [name, label] of [
      ['nested.jsonl', [['甲']]],
      ['object.jsonl', { a: 1 }],
      ['empty.jsonl', ['甲', '']],
    ] as const) {
      // prettier-ignore
      const content = jsonLines({ text: 'a', label }, { text: 'b', label: ['甲', '乙'] });
      await assert.rejects(read(name, content), { code: 'DATA_FORMAT', message: new RegExp(`${name}.*line 1`, 's') });
    }
    const vectors = jsonLines({ text: 'a', label: [0, 1, 0] }, { text: 'b', label: [1, 1, 0] });
    await assert.rejects(read('vectors.jsonl', vectors), { code: 'LABELS', message: /zeros and ones/ });
  });

  it('are not read for predictions, and are dealt to both parts of held-out data by combination', async () => {
    const lists = Array.from({ length: 40 }, (_, i) => ({
      text: `问题${i}`,
      label: [['甲'], ['甲', '乙'], [], ['乙']][i % 4],
    }));
    const data = await read('deal.jsonl', jsonLines(...lists));
    const { train, validation } = holdOut(data, { validation: 0.2, seed: 1, stratify: true, group_by: null });
    assert.deepEqual([train.examples.length, validation.examples.length], [32, 8]);
    assert.deepEqual(train.counts, [16, 16]);
    assert.deepEqual(validation.counts, [4, 4]);
    const unseen = await read('unseen.jsonl', jsonLines(...lists), {}, { mode: 'predict' });
    assert.equal(unseen.examples[0].label, undefined);
  });

  it('of equal texts are equal in any order', async () => {
    const content = jsonLines({ text: 'a', label: ['甲', '乙'] }, { text: 'a', label: ['乙', '甲'] }, { text: 'b', label: ['甲'] }, { text: 'b', label: [] }); // prettier-ignore
    const { duplicates } = await read('equal.jsonl', content);
    assert.deepEqual([duplicates.exact, duplicates.contradictions], [1, 1]);
  });
});
