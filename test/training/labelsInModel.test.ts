import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MedTextError } from '../../src/base/errors';
import { resolveRecipe, validateRecipe, type Recipe, type RecipeSplit } from '../../src/protocol/recipe';
import { evaluateModel } from '../../src/evaluation/evaluateModel';
import { withModel } from '../../src/evaluation/withModel';
import { checkRows } from '../../src/exports/checkRows';
import { finetune } from '../../src/training/finetune';
import { withLabelsFiles } from '../../src/recipes/labelsFile';
import { labelUsage } from '../../src/tasks/labelUsage';
import { writeTinyModel } from '../cli/support/tinyModel';

const scheme = {
  labels: ['不同', '相同'],
  label_mapping: { '0': '不同', '1': '相同', '2': '相同', NA: null },
  label_details: { 相同: { description: '同一个问题', color: '#3794ff', score: 0.9 } },
};

describe('labels in a model', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-labels-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const write = (name: string, value: unknown): string => {
    writeFileSync(join(folder, name), JSON.stringify(value));
    return join(folder, name);
  };

  /** The recipe's run and model, with the lines that the training has logged. */
  const trained = async (recipe: Recipe) => {
    const log: string[] = [];
    const ended = await finetune({
      recipe: resolveRecipe(validateRecipe(recipe, 'here')),
      baseFolder: folder,
      onReport: () => undefined,
      onEvaluation: () => undefined,
      log: (line) => log.push(line),
      stopSignal: new AbortController().signal,
    });
    return { ...ended, log };
  };

  it('are those of the file that the recipe names; evaluating raw values then needs no mapping', async () => {
    const raw = ['0', '1', '2', 'NA'];
    const rows = Array.from({ length: 16 }, (_, i) => ({ query1: '肺炎', query2: '感冒', label: raw[i % 4] }));
    const data = write('data.json', rows);
    write('questions.labels.json', scheme);
    const recipe: Recipe = {
      task: 'sentence-similarity',
      model: await writeTinyModel(join(folder, 'encoder'), {}),
      dataset: { train: { file: 'data.json', labels_file: 'questions.labels.json' } },
      train: { max_epochs: 1, batch_size: 12 },
    };
    const complete = await withLabelsFiles(recipe, folder);
    assert.deepEqual(complete.dataset.train, { file: 'data.json', ...scheme });
    const { model } = await trained(complete);
    const config = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'));
    assert.deepEqual(config.id2label, { '0': '不同', '1': '相同' });
    assert.deepEqual(config.medtext.label_mapping, scheme.label_mapping);
    assert.deepEqual(config.medtext.label_scores, { 不同: 0, 相同: 0.9 });
    assert.deepEqual(config.medtext.label_details, { 相同: { description: '同一个问题', color: '#3794ff' } });

    const metrics = await evaluateModel(model, data, { threads: 1 });
    assert.equal(metrics.rows, 12);
    // What is said at evaluation wins.
    const all = await evaluateModel(model, data, { threads: 1, labelMapping: { NA: '不同' } });
    assert.equal(all.rows, 16);
  });

  it('are found in validation data that have only one of them, in the column of the training data', async () => {
    const reports = (labels: readonly string[]) => Array.from({ length: 12 }, (_, i) => ({ 报告: `肺部结节第${i}例，建议复查`, 是否恶性: labels[i % labels.length] })); // prettier-ignore
    write('reports.json', reports(['是', '否', '否']));
    write('benign.json', reports(['否']));
    const recipe: Recipe = {
      task: 'text-classification',
      model: await writeTinyModel(join(folder, 'reader'), {}),
      dataset: { train: { file: 'reports.json' }, validation: { file: 'benign.json' }, test: { file: 'longer.json' } },
      train: { max_epochs: 1, batch_size: 12 },
    };
    write('longer.json', [{ 报告: '肺部结节，建议复查。'.repeat(9), 是否恶性: '否' }]);
    const { run, model, log } = await trained(recipe);
    const { data } = JSON.parse(readFileSync(join(run, 'run.json'), 'utf8'));
    assert.deepEqual(data.validation.counts, { 否: 12, 是: 0 });
    assert.match(log.join('\n'), /1 of 1 rows are longer than \d+ tokens, which the model reads/);
    // What the model is checked with later are the same rows.
    const checked = await withModel(model, {}, (opened) => checkRows(opened, {}));
    assert.deepEqual([checked.of, checked.rows.length], ['validation', 12]);
    assert.equal((await evaluateModel(model, join(folder, 'benign.json'), { threads: 1 })).rows, 12);
  });

  it('of a workbook: which sheet the validation data were taken from is said before the training', async () => {
    const file = join(__dirname, '../fixtures/tables/splits.xlsx');
    const recipe: Recipe = {
      task: 'sentence-similarity',
      model: await writeTinyModel(join(folder, 'sheets'), {}),
      dataset: { train: { file, sheet: '训练集', labels: ['0', '1', '2'], on_bad_row: 'skip' }, validation: { file } },
      train: { max_epochs: 1, batch_size: 12 },
    };
    const { log } = await trained(recipe);
    assert.equal(log.filter((line) => line.includes('only the sheet "训练集" is read, not "封面", "验证集", "备注"')).length, 1); // prettier-ignore
  });

  it('say nothing where nobody said anything', () => {
    assert.deepEqual(labelUsage({ file: 'f' } as never, ['0', '1']), {});
  });

  it('of a file are refused when it is broken, missing or said twice', async () => {
    const train = (more: Partial<RecipeSplit>) => ({ task: 'text-classification', model: 'm', dataset: { train: { file: 'f', ...more } } }) as Recipe; // prettier-ignore
    const fails = (code: string, more: Partial<RecipeSplit>) =>
      assert.rejects(withLabelsFiles(train(more), folder), (error) => (error as MedTextError).code === code);
    await fails('NOT_FOUND', { labels_file: 'absent.labels.json' });
    write('broken.labels.json', { labels: ['a', 'a'] });
    await fails('RECIPE', { labels_file: 'broken.labels.json' });
    write('fine.labels.json', { labels: ['a', 'b'] });
    await fails('RECIPE', { labels_file: 'fine.labels.json', labels: ['a', 'b'] });
    assert.deepEqual(await withLabelsFiles(train({}), folder), train({}));
  });
});
