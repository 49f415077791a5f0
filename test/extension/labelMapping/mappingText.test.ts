import assert from 'node:assert/strict';
import { changedMapping, readMapping } from '../../../src/extension/labelMapping/mappingText';
import type { MappingOperation } from '../../../src/protocol/labelMappingEditor';
import { recipeProblems } from '../../../src/protocol/recipe';

const facts = { inferred: ['0', '1', '2'], known: new Set(['0', '1', '2', 'NA']) };

/** What remains of a labels file after the operations. */
function after(file: object, ...operations: readonly MappingOperation[]): any {
  const text = operations.reduce(
    (before, operation) => changedMapping(before, 'labels', operation, facts),
    JSON.stringify(file),
  );
  return JSON.parse(text);
}

const three = { labels: ['0', '1', '2'], label_mapping: { NA: null } };

describe('operations on a label mapping', () => {
  const rows: readonly [string, object, MappingOperation, object][] = [
    ['maps a value', three, { kind: 'assign', values: ['x', 'NA'], to: '1' }, { labels: ['0', '1', '2'], label_mapping: { NA: '1', x: '1' } }],
    ['leaves a value out', three, { kind: 'assign', values: ['0'], to: null }, { labels: ['0', '1', '2'], label_mapping: { NA: null, '0': null } }],
    ['says nothing of a value that is its own class', { ...three, label_mapping: { '0': '1' } }, { kind: 'assign', values: ['0'], to: '0' }, { labels: ['0', '1', '2'] }],
    ['forgets a value', three, { kind: 'unassign', values: ['NA'] }, { labels: ['0', '1', '2'] }],
    ['lists the labels of the data with the first change', {}, { kind: 'assign', values: ['NA'], to: '0' }, { labels: ['0', '1', '2'], label_mapping: { NA: '0' } }],
    ['or when told to', {}, { kind: 'listLabels' }, { labels: ['0', '1', '2'] }],
    ['adds a class', three, { kind: 'add', name: ' new ' }, { ...three, labels: ['0', '1', '2', 'new'] }],
    ['splits values off', { ...three, label_mapping: { a: '0', b: '0' } }, { kind: 'splitOff', values: ['a', 'b'], name: 'a' }, { labels: ['0', '1', '2', 'a'], label_mapping: { b: 'a' } }],
    ['renames, keeping the old name understood', { ...three, label_mapping: { NA: '2' }, label_details: { '2': { score: 1 } } }, { kind: 'rename', label: '2', name: '相同' }, { labels: ['0', '1', '相同'], label_mapping: { NA: '相同', '2': '相同' }, label_details: { 相同: { score: 1 } } }],
    ['renames back without a trace', { labels: ['0', '1', 'x'], label_mapping: { '2': 'x' } }, { kind: 'rename', label: 'x', name: '2' }, { labels: ['0', '1', '2'] }],
    ['merges', { ...three, label_mapping: { a: '1' }, label_details: { '1': { score: 1 } } }, { kind: 'merge', label: '1', into: '2' }, { labels: ['0', '2'], label_mapping: { a: '2', '1': '2' } }],
    ['removes', { ...three, label_mapping: { a: '1' } }, { kind: 'remove', label: '1' }, { labels: ['0', '2'], label_mapping: { a: null, '1': null } }],
    ['removes a class nobody has without a trace', { labels: ['0', 'z'] }, { kind: 'remove', label: 'z' }, { labels: ['0'] }],
    ['orders', three, { kind: 'move', label: '0', to: 2 }, { ...three, labels: ['1', '2', '0'] }],
    ['orders up', three, { kind: 'move', label: '2', to: 0 }, { ...three, labels: ['2', '0', '1'] }],
    ['describes', three, { kind: 'describe', label: '0', description: ' 不同 ' }, { ...three, label_details: { '0': { description: '不同' } } }],
    ['colours', three, { kind: 'color', label: '0', color: '#ff0000' }, { ...three, label_details: { '0': { color: '#ff0000' } } }],
    ['scores', three, { kind: 'score', label: '0', score: 0.25 }, { ...three, label_details: { '0': { score: 0.25 } } }],
    ['takes details back', { ...three, label_details: { '0': { score: 0.25 } } }, { kind: 'score', label: '0', score: null }, three],
  ]; // prettier-ignore
  for (const [name, before, operation, expected] of rows) {
    it(name, () => assert.deepEqual(after(before, operation), expected));
  }

  it('refuses what makes no sense', () => {
    const refused = (operation: MappingOperation, code: string, file: object = three) =>
      assert.throws(() => after(file, operation), { code }, JSON.stringify(operation));
    refused({ kind: 'assign', values: ['x'], to: 'absent' }, 'NOT_FOUND');
    refused({ kind: 'rename', label: 'absent', name: 'x' }, 'NOT_FOUND');
    refused({ kind: 'rename', label: '0', name: '1' }, 'LABELS');
    refused({ kind: 'rename', label: '0', name: ' ' }, 'LABELS');
    refused({ kind: 'rename', label: '0', name: 'NA' }, 'LABELS');
    refused({ kind: 'splitOff', values: ['x'], name: '0' }, 'LABELS');
    refused({ kind: 'merge', label: '0', into: 'absent' }, 'NOT_FOUND');
    refused({ kind: 'score', label: '0', score: 1.1 }, 'LABELS');
    refused({ kind: 'color', label: '0', color: 'red' }, 'LABELS');
    refused({ kind: 'add', name: '' }, 'LABELS');
  });

  it('says a value once that was said twice', () => {
    const text = '{ "labels": ["a", "b"], "label_mapping": { "x": "a", "y": "a", "x": "b" } }';
    assert.deepEqual([...readMapping(text, 'labels').content.twice], [['x', ['a', 'b']]]);
    const changed = changedMapping(text, 'labels', { kind: 'once', value: 'x' }, facts);
    assert.equal(changed, '{ "labels": ["a", "b"], "label_mapping": { "y": "a", "x": "b" } }');
  });

  it('takes names of JavaScript objects and markup for names', () => {
    const names = ['__proto__', 'constructor', '<img src=x>', '"', '\\', '\u202e', '😀'];
    let file = '{ "labels": ["a"] }';
    for (const name of names) file = changedMapping(file, 'labels', { kind: 'add', name }, facts);
    for (const name of names) {
      const values = [`${name}!`, name === '__proto__' ? 'x' : `${name}?`];
      file = changedMapping(file, 'labels', { kind: 'assign', values, to: name }, facts);
      file = changedMapping(file, 'labels', { kind: 'describe', label: name, description: name }, facts);
    }
    file = changedMapping(file, 'labels', { kind: 'assign', values: ['__proto__'], to: null }, facts);
    const { content } = readMapping(file, 'labels');
    assert.deepEqual(content.labels, ['a', ...names]);
    assert.equal(content.mapping.get('__proto__'), null);
    assert.equal(content.mapping.size, 2 * names.length + 1);
    assert.equal(content.details.get('__proto__')?.description, '__proto__');
  });

  it('in a recipe leaves everything else alone, and takes other splits and class weights along', () => {
    const recipe = `{
  // for the ward
  "task": "sentence-similarity",
  "model":   "m",
  "dataset": {
    "train": { "file": "a.json", "labels": [0, 1, 2], "label_mapping": { "NA": null } },
    "validation": { "file": "b.json", "labels": ["0", "1", "2"], "label_mapping": { "no": "0" } }
  },
  "train": { "class_weights": [1, 2, 3] }
}
`;
    const renamed = changedMapping(recipe, 'recipe', { kind: 'rename', label: '0', name: '不同' }, facts);
    assert.equal(
      renamed,
      recipe
        .replace('"labels": [0, 1, 2], "label_mapping": { "NA": null }', '"labels": ["不同", 1, 2], "label_mapping": { "NA": null, "0": "不同" }') // prettier-ignore
        .replace('"labels": ["0", "1", "2"], "label_mapping": { "no": "0" }', '"labels": ["不同", "1", "2"], "label_mapping": { "no": "不同", "0": "不同" }'), // prettier-ignore
    );
    const ordered = changedMapping(recipe, 'recipe', { kind: 'move', label: '2', to: 0 }, facts);
    assert.match(ordered, /"class_weights": \[3, 1, 2\]/);
    assert.match(ordered, /"labels": \[2, 0, 1\]/);
    const merged = changedMapping(recipe, 'recipe', { kind: 'merge', label: '1', into: '0' }, facts);
    assert.match(merged, /"class_weights": \[1, 3\]/);
    for (const text of [renamed, ordered, merged]) {
      assert.deepEqual(recipeProblems(JSON.parse(text.replace('// for the ward', ''))), []);
    }
    const adopted = changedMapping(recipe, 'recipe', { kind: 'adopt', split: 'validation' }, facts);
    assert.match(adopted, /"validation": \{ "file": "b.json" \}/);
  });

  it('tells whether suspect labels can be looked for: where a row has one class', () => {
    const finds = (task: unknown) => readMapping(JSON.stringify({ task }), 'recipe').findsSuspects;
    assert.deepEqual(['sentence-similarity', 'pair-classification', 'text-classification'].map(finds), [
      true,
      true,
      true,
    ]);
    assert.deepEqual(['multi-label-classification', 'token-classification', 'regression'].map(finds), [
      false,
      false,
      false,
    ]);
    // The recipe of a file of labels is not known here, nor is a task that is being typed.
    assert.deepEqual([readMapping('{}', 'labels').findsSuspects, finds('text-')], [true, true]);
  });

  it('reads what a person may have written, and refuses what it cannot show', () => {
    const { content, splits, isRegression, labelsFile } = readMapping(
      '{ "task": "regression", "dataset": { "train": { "file": "a", "label": 2, "labels_file": "x.labels.json" }, "test": { "file": 3 } } }',
      'recipe',
    );
    assert.equal(content.labels, undefined);
    assert.deepEqual(splits, [{ name: 'train', fields: { file: 'a', label: 2, labels_file: 'x.labels.json' }, own: undefined, answer: 'number' }]); // prettier-ignore
    assert.deepEqual([isRegression, labelsFile], [true, 'x.labels.json']);
    const countsOf = (task: string) => readMapping(`{"task":"${task}","dataset":{"train":{"file":"a"}}}`, 'recipe').countsEntities; // prettier-ignore
    assert.deepEqual(['token-classification', 'text-classification', 'masked-language-modeling', 'x'].map(countsOf), [true, false, false, false]); // prettier-ignore
    for (const text of [
      '{ "labels": "a" }',
      '{ "labels": [[]] }',
      '{ "label_mapping": [] }',
      '{ "label_mapping": { "a": 1 } }',
      '{',
    ]) {
      // prettier-ignore
      assert.throws(() => readMapping(text, 'labels'), { code: 'RECIPE' }, text);
    }
  });
});
