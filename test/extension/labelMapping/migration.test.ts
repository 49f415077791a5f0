import assert from 'node:assert/strict';
import { migratedModel, migratedRecipe, withWeightsOfFile } from '../../../src/extension/labelMapping/migration';
import { parseLabels } from '../../../src/models/configJson';

const facts = { inferred: [], known: new Set(['0', '1', '2']) };
const scheme = { labels: ['0', '1', '2'], files: ['/w/a.json'] };
const recipe = (train: object): string =>
  JSON.stringify({ task: 'sentence-similarity', model: 'm', dataset: { train: { file: 'a.json', ...train } } });
const migrated = (text: string, folder = '/w') =>
  migratedRecipe(text, { kind: 'rename', label: '2', name: '相同' }, scheme, (names) => names.map((name) => `${folder}/${name}`), facts); // prettier-ignore

describe('a renamed class in other files', () => {
  it('is renamed in recipes that share a data file or the labels', () => {
    const shared = migrated(recipe({ labels: ['2', '0'] }))!;
    assert.deepEqual(JSON.parse(shared).dataset.train, { file: 'a.json', labels: ['相同', '0'], label_mapping: { '2': '相同' } }); // prettier-ignore
    assert.ok(migrated(recipe({ labels: ['2', '1', '0'] }), '/elsewhere'));
  });

  it('is left alone where another thing is meant, or nothing', () => {
    assert.equal(migrated(recipe({ labels: ['2', '3'] }), '/elsewhere'), undefined);
    assert.equal(migrated(recipe({ labels: ['0', '1'] })), undefined);
    assert.equal(migrated(recipe({ labels_file: 'x.labels.json' })), undefined);
    assert.equal(migrated('{ broken'), undefined);
    assert.equal(migrated(recipe({ labels: ['2', '相同'] })), undefined);
  });

  it('moves class weights of recipes whose labels stand in a file', () => {
    const text = '{ "train": { "class_weights": [1, 2, 3] } }';
    const move = { kind: 'move', label: '2', to: 0 } as const;
    assert.equal(withWeightsOfFile(text, move, ['0', '1', '2'], ['2', '0', '1']), '{ "train": { "class_weights": [3, 1, 2] } }'); // prettier-ignore
    assert.equal(withWeightsOfFile('{}', move, ['0', '1', '2'], ['2', '0', '1']), undefined);
  });

  it('in a fine-tuned model: it answers with the new name and keeps both', () => {
    const config = { id2label: { 0: '0', 1: '1', 2: '2' }, label2id: { 0: 0, 1: 1, 2: 2 }, medtext: { task: 'x', label_mapping: { NA: '2', z: null }, label_scores: { 0: 0, 1: 0.5, 2: 1 } } }; // prettier-ignore
    const texts = { config: JSON.stringify(config, null, 2), labelMapping: '{\n  "0": 0,\n  "1": 1,\n  "2": 2\n}\n' };
    const changed = migratedModel(texts, '2', '相同', scheme.labels)!;
    const after = JSON.parse(changed.config);
    assert.deepEqual(after.id2label, { 0: '0', 1: '1', 2: '相同' });
    assert.deepEqual(after.label2id, { 0: 0, 1: 1, 相同: 2 });
    assert.deepEqual(after.medtext, { task: 'x', label_mapping: { NA: '相同', z: null, '2': '相同' }, label_scores: { 0: 0, 1: 0.5, 相同: 1 } }); // prettier-ignore
    const labelMapping = JSON.parse(changed.labelMapping!);
    assert.deepEqual(labelMapping, { 0: 0, 1: 1, 2: 2, 相同: 2 });
    assert.deepEqual(parseLabels({ config: after, labelMapping }, 'model'), ['0', '1', '相同']);
    assert.equal(migratedModel(texts, '2', 'x', ['0', '2', '1']), undefined);
    assert.equal(migratedModel(texts, '2', 'x', ['0', '1']), undefined);
    assert.equal(migratedModel({ ...texts, config: '{' }, '2', 'x', scheme.labels), undefined);
  });
});
