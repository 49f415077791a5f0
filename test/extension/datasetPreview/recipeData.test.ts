import assert from 'node:assert/strict';
import { dirname, resolve } from 'node:path';
import { mappingOf, recipeData, splitSetting } from '../../../src/extension/datasetPreview/recipeData';
import { readMapping } from '../../../src/extension/labelMapping/mappingText';
import { dataSplits } from '../../../src/extension/labelMapping/splitCounts';

const recipeFile = resolve('/home/someone/recipes/pairs.medtext.json');
const guess = { first_sequence: 'a', second_sequence: 'b', label: 'y' };

describe('a recipe’s data for the preview', () => {
  it('reads data that the recipe names by address from where they lie, and keeps corrections beside the recipe', () => {
    const address = 'modelscope:chuanqi/CBLUE-KUAKE-QQR#train';
    const text = JSON.stringify({ dataset: { train: { file: address }, test: { file: 'hf:a/b#test' } } });
    const located = new Map([[address, { path: '/library/train.csv' }]]);
    assert.deepEqual(recipeData(text, recipeFile, located).splits.map(({ file }) => file), ['/library/train.csv', 'hf:a/b#test']); // prettier-ignore
    const [split] = dataSplits(readMapping(text, 'recipe').splits, recipeFile, located);
    assert.deepEqual([split.path, split.request.file, split.home], ['/library/train.csv', '/library/train.csv', dirname(recipeFile)]); // prettier-ignore
  });

  it('are its files with how to read them, its columns, classes and longest input', () => {
    const text = `{
      // comments pass
      "dataset": {
        "train": { "file": "../data/train.txt", "format": "text", "encoding": "gb18030", "first_sequence": 1, "second_sequence": null,
          "labels": ["no", "yes"], "label_mapping": { "0": "no", "1": "yes", "NA": null } },
        "validation": { "file": "dev.json", "format": "auto", "header": "auto" },
      },
      "train": { "max_length": 64 },
    }`;
    const { splits, columns, labelNames, maxLength, name } = recipeData(text, recipeFile);
    assert.deepEqual(splits, [
      {
        name: 'train',
        file: resolve('/home/someone/data/train.txt'),
        format: 'text',
        encoding: 'gb18030',
        label_separator: null,
      },
      { name: 'validation', file: resolve('/home/someone/recipes/dev.json'), label_separator: null },
    ]);
    assert.deepEqual(columns, { first_sequence: 1, second_sequence: null });
    assert.deepEqual(labelNames, { 0: 'no', 1: 'yes', NA: '' });
    assert.deepEqual([name, maxLength], ['pairs', 64]);
  });

  it('say what stands between labels where the task gives several, and that a text is one label elsewhere', () => {
    const separators = (task: string, said: string) => recipeData(`{"task":"${task}","dataset":{"train":{"file":"t"${said}}}}`, recipeFile).splits.map((split) => split.label_separator); // prettier-ignore
    assert.deepEqual(separators('multi-label-classification', ',"label_separator":"+"'), ['+']);
    assert.deepEqual(separators('multi-label-classification', ''), [undefined]);
    assert.deepEqual(separators('text-classification', ''), [null]);
  });

  it('names columns by place or name, none where it says so, and leaves the rest to the guess', () => {
    const data = recipeData('{"dataset":{"train":{"file":"t","first_sequence":2,"second_sequence":null}}}', recipeFile);
    assert.deepEqual(mappingOf(data, guess, ['a', 'b', 'c']), { first_sequence: 'c', second_sequence: null, label: 'y' }); // prettier-ignore
  });

  it('keeps the guess where a named column is not in the file', () => {
    const data = recipeData('{"dataset":{"train":{"file":"t","first_sequence":"gone","label":9}}}', recipeFile);
    assert.deepEqual(mappingOf(data, guess, ['a', 'b', 'y']), guess);
  });

  it('say what becomes of rows that cannot be read', () => {
    const data = (train: string) => recipeData(`{"dataset":{"train":{"file":"t"${train}}}}`, recipeFile).onBadRow;
    assert.deepEqual([data(''), data(',"on_bad_row":"skip"'), data(',"on_bad_row":"stop"')], ['stop', 'skip', 'stop']);
  });

  it('takes a length of auto, and none, for none', () => {
    for (const train of ['{"max_length":"auto"}', '{}']) {
      assert.equal(recipeData(`{"dataset":{"train":{"file":"t"}},"train":${train}}`, recipeFile).maxLength, null);
    }
  });
});

describe('a split as a recipe’s setting', () => {
  const options = { train: 0.9, validation: 0.1, test: 0, seed: 5, stratify: 'y', group: 'a' };

  it('is said where the recipe has words for it', () => {
    const said = { validation: 0.1, seed: 5, stratify: true, group_by: 'first_sequence' };
    assert.deepEqual(splitSetting(options, guess), said);
    const plain = { validation: 0.1, seed: 5, stratify: false, group_by: null };
    assert.deepEqual(splitSetting({ ...options, stratify: null, group: null }, guess), plain);
  });

  it('takes files for a test part and for other columns', () => {
    assert.equal(splitSetting({ ...options, train: 0.8, test: 0.1 }, guess), undefined);
    assert.equal(splitSetting({ ...options, group: 'patient' }, guess)?.group_by, 'patient');
    assert.equal(splitSetting({ ...options, group: 'first_sequence' }, guess), undefined);
    assert.equal(splitSetting({ ...options, stratify: 'hospital' }, guess), undefined);
  });
});
