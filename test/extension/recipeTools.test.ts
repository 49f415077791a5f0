import assert from 'node:assert/strict';
import { countsFor } from '../../src/protocol/answers';
import { libraryAddress } from '../../src/protocol/recipeAddress';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countRawLabels } from '../../src/data/labelCounts';
import { readRecipeSplit } from '../../src/data/recipeSplit';
import {
  draftedLabels,
  freeRecipeFile,
  pretrainingRecipeText,
  recipeText,
} from '../../src/extension/recipe/recipeDraft';
import { modelPositions } from '../../src/extension/recipe/modelPositions';
import { problemsOfRecipe } from '../../src/extension/recipe/recipeProblems';
import { untranslated, type Translate } from '../../src/base/translate';
import { hasAmounts } from '../../src/protocol/labelScheme';
import { recipeProblems } from '../../src/protocol/recipe';
import type { DataInfo } from '../../src/protocol/scorer';
import { temporaryFolder } from '../data/support';

const info: DataInfo = {
  file: '/w/a.json',
  format: 'json',
  header: false,
  columns: ['q1', 'q2', 'label'],
  rows: 9,
  badRows: 0,
  first: 'q1',
  second: 'q2',
  label: 'label',
  labels: [
    { value: '2', count: 4 },
    { value: '10', count: 3 },
    { value: 'NA', count: 2 },
  ],
};
const recipe = (train: object) => ({
  task: 'sentence-similarity',
  model: 'm',
  dataset: { train: { file: 'a.json', ...train } },
});
const check = (json: object, surroundings = {}) => {
  const text = JSON.stringify(json, undefined, 2);
  const all = { exists: () => true, dataInfo: async () => info, ...surroundings };
  return problemsOfRecipe(text, '/w', all, untranslated).then((problems) =>
    problems.map((problem) => ({ ...problem, at: text.slice(problem.start, problem.end) })),
  );
};

describe('a recipe of continued pretraining', () => {
  it('names texts and terms from where it lies, and is valid', () => {
    const choices = { model: '/w/models/m', texts: ['/w/notes', '/w/more.md'], terms: '/w/terms.txt', structBert: true, device: 'auto' }; // prettier-ignore
    const recipe = JSON.parse(pretrainingRecipeText(choices, '/w/notes.medtext.json'));
    assert.deepEqual(recipeProblems(recipe), []);
    assert.deepEqual(recipe.dataset, { train: { file: 'notes', files: ['more.md'] }, split: { validation: 0.05 } });
    assert.deepEqual(recipe.train.masking, { whole_word: true, terms: 'terms.txt' });
    assert.deepEqual([recipe.train.struct_bert, recipe.train.optimizer.lr], [{}, 5e-5]);
    const whole = JSON.parse(pretrainingRecipeText({ ...choices, texts: ['/w'], terms: null, structBert: false }, '/w/w.medtext.json')); // prettier-ignore
    assert.deepEqual([whole.dataset.train.file, 'struct_bert' in whole.train], ['.', false]);
    const table = JSON.parse(
      pretrainingRecipeText({ ...choices, texts: ['/w/a.csv'], column: '病历' }, '/w/a.medtext.json'),
    );
    assert.deepEqual([table.dataset.train, recipeProblems(table)], [{ file: 'a.csv', first_sequence: '病历' }, []]);
  });
});

describe('problems of a recipe that a schema cannot see', () => {
  it('a sheet that the workbook lacks, with those it has as fixes; columns are those of the sheet', async () => {
    const book = { ...info, format: 'xlsx' as const, sheet: 'cover', sheets: ['cover', 'data'] };
    const asked: (string | undefined)[] = [];
    const dataInfo = async (_: string, sheet?: string) => (asked.push(sheet), sheet === 'data' ? { ...book, sheet } : { ...book, columns: ['x'] }); // prettier-ignore
    const [missing] = await check(recipe({ sheet: 'Data' }), { dataInfo });
    assert.deepEqual([missing.at, missing.message], ['"Data"', 'a.json has no sheet Data; it has cover, data.']);
    assert.deepEqual(
      missing.fixes.map(({ replacement }) => replacement),
      ['"cover"', '"data"'],
    );
    assert.deepEqual(await check(recipe({ sheet: 'data', label: 'label' }), { dataInfo }), []);
    assert.deepEqual(asked, [undefined, undefined, 'data']);
    const [none] = await check(recipe({ sheet: 'data' }));
    assert.match(none.message, /is not a workbook/);
  });

  it('missing files, at their paths', async () => {
    const problems = await check(recipe({}), { exists: () => false });
    assert.deepEqual(
      problems.map(({ at }) => at),
      ['"m"', '"a.json"'],
    );
  });

  it('missing files, with those of a like name as fixes', async () => {
    const problems = await check(recipe({ file: 'data/train.json' }), {
      exists: () => false,
      dataFiles: async () => ['/w/notes.txt', '/w/data/train.jsonl', '/else/train.json'],
      modelFolders: () => ['/w/models/a'],
    });
    assert.deepEqual(
      problems.map(({ fixes }) => fixes.map(({ replacement }) => replacement)),
      [['"models/a"'], ['"../else/train.json"', '"data/train.jsonl"', '"notes.txt"']],
    );
  });

  it('unknown columns, with the known ones as fixes; columns by position and null are right', async () => {
    const [problem, ...others] = await check(recipe({ first_sequence: 'query' }));
    assert.deepEqual([problem.at, others.length], ['"query"', 0]);
    assert.deepEqual(
      problem.fixes.map(({ replacement }) => replacement),
      ['"q1"', '"q2"', '"label"'],
    );
    assert.deepEqual(await check(recipe({ first_sequence: 0, label: '2', labels: ['2', '10', 'NA'] })), []);
    assert.equal((await check(recipe({ first_sequence: 3 }))).length, 1);
  });

  it('labels in the data that are neither listed nor mapped', async () => {
    const [problem] = await check(recipe({ labels: ['2', '3'], label_mapping: { NA: null } }));
    assert.match(problem.message, /not listed: 10 \(3\)$/);
    assert.equal(problem.fixes[0].replacement, '["2","3","10"]');
    assert.deepEqual(await check(recipe({ labels: ['2', '10'], label_mapping: { NA: null } })), []);
  });

  it('labels of several in a cell, which its separator parts, and none where that is left to be recognised', async () => {
    const cells = [['a', 3], ['a; b', 2], ['["b", "c"]', 1], ['', 4]].map(([value, count]) => ({ value: String(value), count: Number(count) })); // prettier-ignore
    const dataInfo = async () => ({ ...info, labels: cells });
    const several = (train: object) => check({ ...recipe({ label: 'label', second_sequence: null, ...train }), task: 'multi-label-classification' }, { dataInfo }); // prettier-ignore
    assert.deepEqual(await several({ labels: ['a', 'b', 'c'], label_separator: ';' }), []);
    assert.deepEqual(await several({ labels: ['a', 'b'] }), []);
    const [problem] = await several({ labels: ['a', 'b'], label_separator: ';' });
    assert.match(problem.message, /not listed: c \(1\)$/);
    const [whole] = await several({ labels: ['a', 'b', 'c'], label_separator: null });
    assert.match(whole.message, /not listed: a; b \(2\)$/);
  });

  it('of values that say that there is no label the fix makes no class: it leaves the rows out, where labels are mapped', async () => {
    const fixed = async (train: object, validation?: object) => {
      const given = recipe(train);
      const json = { ...given, dataset: { ...given.dataset, ...(validation && { validation }) } };
      const text = JSON.stringify(json, undefined, 2);
      const all = { exists: () => true, dataInfo: async () => info };
      const problem = (await problemsOfRecipe(text, '/w', all, untranslated)).at(-1)!;
      assert.deepEqual(problem.fixes.map(({ title }) => title), ['Leave the rows without a label out']); // prettier-ignore
      const { at, replacement } = problem.fixes[0];
      return JSON.parse(text.slice(0, at!.start) + replacement + text.slice(at!.end)).dataset;
    };
    const labels = ['2', '10'];
    assert.deepEqual((await fixed({ labels })).train.label_mapping, { NA: null });
    assert.deepEqual((await fixed({ labels, label_mapping: {} })).train.label_mapping, { NA: null });
    assert.deepEqual((await fixed({ labels, label_mapping: { x: '2' } })).train.label_mapping, { NA: null, x: '2' });
    const both = await fixed({ labels }, { file: 'b.json' });
    assert.deepEqual([both.train.label_mapping, both.validation], [{ NA: null }, { file: 'b.json' }]);
    const own = await fixed({ labels, label_mapping: { NA: null } }, { file: 'b.json', label_mapping: { y: '2' } });
    assert.deepEqual(own.validation.label_mapping, { NA: null, y: '2' });
  });

  it('contradictions, but nothing that the schema reports, and no crash on broken text', async () => {
    const problems = await check(recipe({ labels: ['a', 'a'] }), { dataInfo: async () => undefined });
    assert.ok(problems.some(({ message }) => /listed twice/.test(message)));
    assert.deepEqual(await check({ ...recipe({}), task: 'poetry', nonsense: 1 }), []);
    for (const text of ['', '{', '[]', '{"dataset": 3, "model": {}}', 'null']) {
      await problemsOfRecipe(text, '/w', { exists: () => true, dataInfo: async () => info }, untranslated);
    }
  });
});

describe('problems of a recipe in Chinese', () => {
  const bundle = JSON.parse(readFileSync(join(__dirname, '../../l10n/bundle.l10n.zh-cn.json'), 'utf8')) as Record<
    string,
    string
  >;
  // A list is nothing but its values.
  const chinese: Translate = (message, ...values) =>
    untranslated(/^(\{\d+\})+$/.test(message) ? message : bundle[message], ...values);
  const { dataset, ...rest } = recipe({});

  it('are worded in Chinese, whatever is wrong', () => {
    const wrong: object[] = [
      {},
      { ...rest, dataset: {} },
      { ...rest, dataset, tain: 1, nothing_like_it: 2 },
      { ...rest, dataset, task: 'poetry', model: 3, device: [] },
      { ...rest, dataset, train: { batch_size: 0, optimizer: { lr: -1, betas: [1] }, trainable: {}, seed: 0.5 } },
      { ...rest, dataset, train: { metric_for_best: 'pearson', length_buckets: [4, 2], class_weights: [0, 0] } },
      {
        ...rest,
        dataset: { train: { file: 'a', labels: ['a', 'a'], label_mapping: { b: 'c' }, second_sequence: null } },
      },
      { ...rest, task: 'regression', dataset, train: { label_smoothing: 0.1, class_weights: 'balanced' } },
      { ...rest, task: 'text-classification', dataset: { train: { file: 'a', second_sequence: 'b', labels: ['a'] } } },
    ];
    for (const json of wrong) {
      const problems = recipeProblems(json, chinese);
      assert.ok(problems.length > 0, JSON.stringify(json));
      for (const { message } of problems) {
        assert.match(message, /\p{Script=Han}/u);
        // Names of fields and values stay; no word of a sentence does.
        const sentence = message.replace(/"[^"]*"|“[^”]*”|[\w-]+-\w+/g, '');
        assert.doesNotMatch(sentence, /\b(expected|unknown|missing|number|text|list|object|of|at|or|and)\b/, message);
      }
    }
  });
});

const counted = (values: readonly string[]) => ({
  values: values.map((value, i) => ({ value, count: 100 - i, firstLine: i + 1 })),
  otherRows: 0,
});

describe('a drafted recipe', () => {
  it('of several labels a row names what stands between them, and keeps rows without any', () => {
    const value = (name: string, count: number) => ({ value: name, count, firstLine: 2 });
    const counts = countsFor('labels', {
      ...{ column: 'labels', rows: 5, badRows: 0, otherRows: 0 },
      values: [value('内科;儿科', 2), value('', 1), value('儿科', 2)],
      several: {
        separator: ';',
        rows: 5,
        values: [value('内科', 2), value('儿科', 4)],
        withoutLabel: 1,
        combinations: [{ labels: ['内科', '儿科'], count: 2 }, { labels: ['儿科'], count: 2 }, { labels: [], count: 1 }], // prettier-ignore
        combinationCount: 3,
      },
    });
    const choices = { model: '/m', trainFile: '/d/a.csv', task: 'multi-label-classification' as const, first: 'text', label: 'labels', labelSeparator: ';', device: 'cpu', ...draftedLabels(counts) }; // prettier-ignore
    const { train } = JSON.parse(recipeText(choices, '/d/a.medtext.json')).dataset;
    assert.deepEqual(train, { file: 'a.csv', first_sequence: 'text', label: 'labels', label_separator: ';', labels: ['儿科', '内科'] }); // prettier-ignore
  });

  const folder = temporaryFolder();

  it('is valid, with near paths relative and labels in order', () => {
    const choices = {
      model: '/far/away/model',
      trainFile: '/home/me/w/data/a.json',
      task: 'sentence-similarity' as const,
      first: 'q1',
      second: 'q2',
      label: 'label',
      ...draftedLabels(counted(info.labels!.map(({ value }) => value))),
      device: 'auto',
    };
    const json = JSON.parse(recipeText(choices, '/home/me/w/a.medtext.json'));
    assert.deepEqual(recipeProblems(json), []);
    assert.deepEqual([json.model, json.dataset.train.file], ['/far/away/model', 'data/a.json']);
    assert.deepEqual(json.dataset.train.labels, ['2', '10']);
    assert.deepEqual(json.dataset.train.label_mapping, { NA: null });
    assert.deepEqual(json.train, { max_epochs: 3, batch_size: 16, max_length: 'auto', optimizer: { lr: 3e-5 }, seed: 2021 }); // prettier-ignore
    // A model of the library is named by its content, not by where this machine keeps it.
    const address = libraryAddress('structbert', `sha256:${'0123456789abcdef'.repeat(4)}`);
    const travels = JSON.parse(recipeText({ ...choices, model: address }, '/home/me/w/a.medtext.json'));
    assert.equal(travels.model, 'library:structbert@0123456789ab');
    assert.deepEqual(recipeProblems(travels), []);
  });

  it('says before the start that a model reads fewer tokens', async () => {
    const text = JSON.stringify({ task: 'text-classification', model: 'm', dataset: { train: { file: 'a' } }, train: { max_length: 600 } }); // prettier-ignore
    const problemsAt = async (positions: number | undefined) =>
      (await problemsOfRecipe(text, '/w', { exists: () => true, dataInfo: async () => undefined, positions: (folder) => (folder === '/w/m' ? positions : undefined) }, untranslated)); // prettier-ignore
    const [problem] = await problemsAt(512);
    assert.equal(text.slice(problem.start, problem.end), '600');
    assert.deepEqual(problem.fixes.map(({ replacement }) => replacement), ['512', '"auto"']); // prettier-ignore
    assert.deepEqual([await problemsAt(600), await problemsAt(undefined)], [[], []]);
    const folder = mkdtempSync(join(tmpdir(), 'medtext-positions-'));
    const of = (config: object) => (writeFileSync(join(folder, 'config.json'), JSON.stringify(config)), modelPositions(folder)); // prettier-ignore
    assert.equal(of({ model_type: 'bert', max_position_embeddings: 512 }), 512);
    assert.equal(of({ model_type: 'xlm-roberta', max_position_embeddings: 514, pad_token_id: 1 }), 512);
    assert.equal(of({}), undefined);
    assert.equal(modelPositions(join(folder, 'absent')), undefined);
    rmSync(folder, { recursive: true });
  });

  it('writes what labels count for in a similarity, where they are words that say it or a person does', () => {
    const scoresOfRecipe = (labels: string[], more: object = {}) => {
      const given = { model: '/m', trainFile: '/w/a.csv', task: 'sentence-similarity' as const, first: 'a', second: 'b', label: 'l', labels, device: 'cpu', ...more }; // prettier-ignore
      return JSON.parse(recipeText(given, '/w/a.medtext.json')).dataset.train.label_details;
    };
    assert.deepEqual(scoresOfRecipe(['不同', '相同']), { 不同: { score: 0 }, 相同: { score: 1 } });
    assert.deepEqual(scoresOfRecipe(['相同', '不同']), { 相同: { score: 1 }, 不同: { score: 0 } });
    assert.deepEqual(scoresOfRecipe(['A', 'B'], { scale: { A: 1, B: 0 } }), { A: { score: 1 }, B: { score: 0 } });
    assert.equal(scoresOfRecipe(['0', '1', '2']), undefined, 'numbers say it themselves');
    assert.equal(scoresOfRecipe(['A', 'B']), undefined, 'nobody has said it');
    assert.equal(scoresOfRecipe(['不同', '相同'], { task: 'text-classification', second: undefined }), undefined);
  });

  it('lists labels as the training orders them, whichever is the commonest, and leaves out what is none', () => {
    const values = ['相同', '不同', '10', '9', 'NA', '', 'nan'];
    const { labels, labelMapping } = draftedLabels(counted(values));
    assert.deepEqual(labels, ['9', '10', '不同', '相同']);
    assert.deepEqual(labelMapping, { NA: null, '': null, nan: null });
    // What only the validation data has is left out, too; a class of theirs alone is not one of the recipe's.
    const { labels: same, labelMapping: both } = draftedLabels(counted(['0', '1']), counted(['1', 'NA', '7']));
    assert.deepEqual([same, both], [['0', '1'], { NA: null }]);
    const declared = { ...counted(['b', 'NA']), declared: ['b', 'a', 'NA'] };
    assert.deepEqual(draftedLabels(declared), { labels: ['b', 'a', 'NA'] });
    assert.deepEqual(draftedLabels(counted(['0'])), {});
    assert.deepEqual(draftedLabels(counted(Array.from({ length: 100 }, (_, i) => `v${i}`))), {});
  });

  it('for data with an NA is one that can be read, with the ids that training would give', async () => {
    const row = (i: number, label: unknown) => ({ query1: `头痛第${i}天怎么办`, query2: `发热第${i}天怎么办`, label });
    const file = (name: string, labels: readonly unknown[]) => folder.file(name, JSON.stringify(labels.map((label, i) => row(i, label)))); // prettier-ignore
    const train = file('train.json', ['相同', '不同', '相同', '相同']);
    const dev = file('dev.json', ['不同', 'NA', '相同', null]);
    const [trained, validated] = await Promise.all([train, dev].map((path) => countRawLabels({ file: path })));
    const { labels, labelMapping } = draftedLabels(trained, validated);
    assert.deepEqual([labels, labelMapping], [['不同', '相同'], { NA: null, '': null }]);
    const unnamed = await readRecipeSplit({ file: train }, 'sentence-similarity');
    assert.deepEqual(unnamed.labels, labels);
    const read = await readRecipeSplit({ file: dev, labels: [...labels!], label_mapping: labelMapping }, 'sentence-similarity'); // prettier-ignore
    assert.deepEqual([read.examples.map(({ label }) => label), read.dropped], [[0, 1], 2]);
  });

  it('takes the task from the columns and a name that is free', () => {
    assert.equal(hasAmounts(['a', '1']), false);
    assert.equal(hasAmounts(['0', '1', '2']), false);
    assert.equal(hasAmounts(['0.5', '1', 'NA']), true);
    assert.equal(hasAmounts(['0.0', '1.0', '']), false, 'classes of a column with gaps');
    assert.equal(hasAmounts(['0.5', 'x']), false);
    assert.equal(
      freeRecipeFile('/d/a.json', '/w', (path) => path === '/w/a.medtext.json'),
      '/w/a-2.medtext.json',
    );
  });
});
