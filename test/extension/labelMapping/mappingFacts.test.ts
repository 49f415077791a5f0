import assert from 'node:assert/strict';
import { mappingFacts, resembling, type SplitFacts } from '../../../src/extension/labelMapping/mappingFacts';
import { readMapping } from '../../../src/extension/labelMapping/mappingText';

const split = (name: string, counts: Record<string, number>, own?: object): SplitFacts => ({
  name,
  file: `${name}.json`,
  counts: {
    column: 'label',
    rows: Object.values(counts).reduce((sum, count) => sum + count, 0),
    badRows: 0,
    values: Object.entries(counts).map(([value, count], i) => ({ value, count, firstLine: i + 2 })),
    otherRows: 0,
  },
  error: undefined,
  own: own && readMapping(JSON.stringify(own), 'labels').content,
  ownBefore: own && readMapping(JSON.stringify(own), 'labels').content,
});
const of = (file: object) => readMapping(JSON.stringify(file), 'labels');
const train = split('train', { a0: 5, a1: 3, aNA: 2, ax: 1 });
const base = { labels: ['a0', 'a1'], label_mapping: { aNA: null } };

describe('what the label mapping editor shows', () => {
  it('every value with its counts and where it goes', () => {
    const facts = mappingFacts(of(base), of(base), [train, split('validation', { a1: 4, ay: 1 })]);
    assert.deepEqual(
      facts.values.map(({ value, counts, state, to, isExplicit }) => [value, ...counts, state, to, isExplicit]),
      [
        ['a1', 3, 4, 'mapped', 'a1', false],
        ['a0', 5, 0, 'mapped', 'a0', false],
        ['aNA', 2, 0, 'dropped', null, true],
        ['ax', 1, 0, 'unmapped', null, false],
        ['ay', 0, 1, 'unmapped', null, false],
      ],
    );
    assert.deepEqual([facts.unmapped.after, facts.dropped.after, facts.changedRows], [[1, 1], [2, 0], [0, 0]]); // prettier-ignore
  });

  it('the effect of a change: a merge moves rows, a rename moves none', () => {
    const merged = mappingFacts(of({ labels: ['a0'], label_mapping: { aNA: null, a1: 'a0' } }), of(base), [train]);
    assert.deepEqual(merged.classes.map(({ name, before, after }) => [name, before, after]), [['a0', [5], [8]]]); // prettier-ignore
    assert.deepEqual([merged.changedRows, merged.gone], [[3], [{ name: 'a1', before: [3] }]]);
    const mapped = mappingFacts(of({ ...base, label_mapping: { aNA: null, ax: 'a1' } }), of(base), [train]);
    assert.deepEqual([mapped.changedRows, mapped.unmapped], [[1], { before: [1], after: [0] }]);
    const renamed = mappingFacts(of({ labels: ['a0', '相同'], label_mapping: { aNA: null, a1: '相同' } }), of(base), [train]); // prettier-ignore
    assert.deepEqual([renamed.changedRows, renamed.gone], [[0], []]);
    assert.deepEqual([renamed.classes[1].earlierName, renamed.classes[1].before], ['a1', [3]]);
  });

  it('classes taken from the data while none are listed', () => {
    const facts = mappingFacts(of({ label_mapping: { ax: 'a1', aNA: null } }), of({}), [train]);
    assert.deepEqual([facts.labelsAreInferred, facts.classes.map(({ name }) => name)], [true, ['a0', 'a1']]);
    assert.deepEqual(facts.classes.map(({ impliedScore }) => impliedScore), [null, null], 'their names say nothing'); // prettier-ignore
    assert.equal(facts.gone.length, 2);
  });

  it('conflicts: said twice, leading nowhere, another split says otherwise', () => {
    const text = '{ "labels": ["a0", "a1"], "label_mapping": { "ax": "a0", "ax": "a1", "ay": "b" } }';
    const facts = mappingFacts(readMapping(text, 'labels'), of(base), [
      train,
      split('validation', { a1: 4 }, { label_mapping: { a1: 'a0' } }),
    ]);
    assert.deepEqual(facts.conflicts, [
      { kind: 'twice', value: 'ax', targets: ['a0', 'a1'], rows: 1 },
      { kind: 'absent', value: 'ay', to: 'b', rows: 0 },
      { kind: 'differs', split: 'validation', value: 'a1', here: 'a0', there: 'a1', rows: 4 },
    ]);
  });

  it('splits that are still counted, failed, or have too many values', () => {
    const waiting: SplitFacts = { ...train, counts: undefined };
    const many = Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`v${i}`, 1]));
    const facts = mappingFacts(of(base), of(base), [
      split('train', many),
      waiting,
      { ...waiting, error: { message: 'gone' } },
    ]);
    assert.deepEqual(facts.splits.map(({ state }) => state), ['ready', 'counting', 'failed']); // prettier-ignore
    assert.deepEqual([facts.values.length, facts.moreValues], [1000, 501]);
  });

  it('a test split may come without labels, another may not', () => {
    const bare = {
      ...train,
      counts: undefined,
      error: { code: 'DATA_FORMAT', message: 'no column' },
      isUnlabelled: true,
    };
    const facts = mappingFacts(of(base), of(base), [train, { ...bare, name: 'test' }, { ...bare, name: 'validation' }]);
    assert.deepEqual(facts.splits.map(({ state }) => state), ['ready', 'unlabelled', 'failed']); // prettier-ignore
  });

  it('suggests a class only for another spelling of it', () => {
    const classes = ['0', '1', 'unrelated', '相同'];
    const values = [' １ ', '1.0', '3', 'Unrelated!', 'unrelatd', '相 同', '不同', '', 'x'];
    assert.deepEqual(
      values.map((value) => resembling(value, classes)),
      ['1', '1', undefined, 'unrelated', 'unrelated', '相同', undefined, undefined, undefined],
    );
  });
});
