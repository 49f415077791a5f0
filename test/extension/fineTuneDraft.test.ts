import assert from 'node:assert/strict';
import {
  draftWarnings,
  likelyTrainFile,
  scaleIsOpen,
  splitFilesOf,
  splitSheetsOf,
} from '../../src/extension/recipe/fineTuneDraft';
import { recipeText } from '../../src/extension/recipe/recipeDraft';
import { untranslated as t } from '../../src/base/translate';
import { recipeProblems } from '../../src/protocol/recipe';
import type { DataInfo, LabelCounts } from '../../src/protocol/scorer';
import { dataInfo } from '../../src/worker/dataInfo';
import { temporaryFolder } from '../data/support';

const noSignal = new AbortController().signal;

describe('a draft of a fine-tuning', () => {
  const temporary = temporaryFolder();

  it('recognises the files of a data set together, by their names', () => {
    const cblue = [
      '/d/KUAKE-QQR_train.json',
      '/d/KUAKE-QQR_dev.json',
      '/d/KUAKE-QQR_test.json',
      '/d/example_gold.json',
    ];
    assert.deepEqual(splitFilesOf(cblue[0], cblue), { validation: cblue[1], test: cblue[2] });
    const others = ['/d/train.csv', '/d/valid.csv', '/d/test.jsonl', '/e/valid.csv', '/d/training-notes.csv'];
    assert.deepEqual(splitFilesOf('/d/train.csv', others), { validation: '/d/valid.csv' });
    assert.deepEqual(splitFilesOf('/d/训练集.xlsx', ['/d/训练集.xlsx', '/d/验证集.xlsx', '/d/测试集.xlsx']), { validation: '/d/验证集.xlsx', test: '/d/测试集.xlsx' }); // prettier-ignore
    assert.deepEqual(splitFilesOf('/d/a.json', ['/d/a.json', '/d/dev.json']), {}, 'nothing says that they belong together'); // prettier-ignore
    assert.deepEqual(splitFilesOf('/d/contrast.json', ['/d/contrast.json', '/d/latest.json']), {});
    assert.equal(likelyTrainFile([...cblue].reverse()), cblue[0]);
    assert.equal(likelyTrainFile(['/d/only.json']), '/d/only.json');
    assert.equal(likelyTrainFile(['/d/a.json', '/d/b.json']), undefined, 'the first of a folder may be anything');
  });

  it('recognises the sheets of one workbook that are the splits of a data set', () => {
    assert.deepEqual(splitSheetsOf(['说明', '训练集', '验证集', '测试集']), {
      train: '训练集',
      validation: '验证集',
      test: '测试集',
    });
    assert.deepEqual(splitSheetsOf(['train', 'dev']), { train: 'train', validation: 'dev' });
    assert.deepEqual(splitSheetsOf(['Sheet1', 'test']), {}, 'nothing says that the first is trained on');
  });

  it('writes the sheets into the recipe, each beside its file', () => {
    const book = '/w/book.xlsx';
    const choices = { model: '/m', trainFile: book, trainSheet: 'train', validationFile: book, validationSheet: 'dev', testFile: '/w/t.csv', task: 'text-classification' as const, first: 'a', label: 'l', device: 'auto' }; // prettier-ignore
    const { dataset } = JSON.parse(recipeText(choices, '/w/x.medtext.json'));
    assert.deepEqual([dataset.train.sheet, dataset.validation, dataset.test], ['train', { file: 'book.xlsx', sheet: 'dev' }, { file: 't.csv' }]); // prettier-ignore
  });

  it('warns of what is hardly meant', () => {
    const facts = [
      { name: 'label', kind: 'text' as const, values: 200, distinct: 200, canBeText: true, canBeLabel: false },
    ];
    const info: DataInfo = {
      file: '/d',
      format: 'csv',
      header: true,
      columns: ['label'],
      rows: 300,
      badRows: 2,
      facts,
    };
    const values = Array.from({ length: 60 }, (_, i) => ({ value: `v${i}`, count: 5, firstLine: i + 1 }));
    const counts: LabelCounts = { column: 'label', rows: 310, badRows: 2, values: [...values, { value: 'NA', count: 10, firstLine: 90 }], otherRows: 0 }; // prettier-ignore
    const draft = {
      info,
      counts,
      task: 'text-classification' as const,
      label: 'label',
      validation: '',
      skipsBadRows: false,
      forecast: null,
    };
    const warnings = draftWarnings(draft, t).join('\n');
    for (const wanted of [/different value in/, /60 labels/, /10 rows are marked/, /2 rows cannot be read\. The training stops/, /Without validation/]) assert.match(warnings, wanted); // prettier-ignore
    const fine = draftWarnings({ ...draft, info: { ...info, badRows: 0, facts: [{ ...facts[0], distinct: 3 }] }, counts: { ...counts, values: values.slice(0, 3) }, validation: 'holdOut' }, t); // prettier-ignore
    assert.deepEqual(fine, []);
    assert.match(draftWarnings({ ...draft, skipsBadRows: true }, t).join(), /They are left out/);
    assert.deepEqual(
      draftWarnings({ ...draft, info: { ...info, badRows: 0 }, task: 'regression', validation: 'x' }, t),
      [],
    );
  });

  it('asks for the scale of pairs whose labels do not tell it', () => {
    assert.equal(scaleIsOpen('sentence-similarity', ['A', 'B'], {}), true);
    assert.equal(scaleIsOpen('sentence-similarity', ['A', 'B'], { A: 1 }), true);
    assert.equal(scaleIsOpen('sentence-similarity', ['A', 'B'], { A: 1, B: 0 }), false);
    assert.equal(scaleIsOpen('sentence-similarity', ['相同', '不同'], {}), false);
    assert.equal(scaleIsOpen('text-classification', ['A', 'B'], {}), false);
  });

  it('holds a part out, takes a test file and leaves bad rows out, as a recipe that runs', () => {
    const choices = { model: '/m', trainFile: '/w/train.csv', testFile: '/w/test.csv', holdsOut: true, skipsBadRows: true, task: 'sentence-similarity' as const, first: 'a', second: 'b', label: 'l', labels: ['0', '1'], device: 'auto' }; // prettier-ignore
    const recipe = JSON.parse(recipeText(choices, '/w/x.medtext.json'));
    assert.deepEqual(recipe.dataset.split, { validation: 0.1, stratify: true, group_by: 'first_sequence' });
    assert.deepEqual([recipe.dataset.test.file, recipe.dataset.train.on_bad_row], ['test.csv', 'skip']);
    assert.deepEqual(recipeProblems(recipe, t), []);
  });

  it('shows two values of each column', async () => {
    const file = temporary.file(
      'a.csv',
      `id,text,label\n${['x', 'x', 'y'].map((text, i) => `${i},${text.repeat(200)},1`).join('\n')}\n`,
    );
    const { examples } = await dataInfo({ file }, noSignal);
    assert.deepEqual([examples!.id, examples!.label], [['0', '1'], ['1']]); // prettier-ignore
    assert.equal(examples!.text.length, 2);
    assert.ok(examples!.text.every((text) => text.length <= 81));
  });
});
