import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MedTextError } from '../../src/base/errors';
import { hubSettings } from '../../src/hub/hubSettings';
import { readModelRecord } from '../../src/library/modelRecord';
import { findSources } from '../../src/library/recipeSources';
import { fileOfSplit } from '../../src/library/splitFile';
import { libraryAddress } from '../../src/protocol/recipeAddress';

describe('what a recipe names by address', () => {
  it('the starter encoder is of every library, unpacked when it is first named', async () => {
    const home = mkdtempSync(join(tmpdir(), 'medtext-starter-'));
    try {
      const places = { env: { MEDTEXT_MODELS: join(home, 'models') }, home, settings: hubSettings({}) };
      const { recipe } = await findSources({ model: 'library:starter-zh' }, places);
      assert.equal(recipe.model, join(home, 'models', 'starter-zh'));
      const record = await readModelRecord(recipe.model);
      const again = await findSources({ model: libraryAddress('starter-zh', record!.contentHash) }, places);
      assert.deepEqual(again, { recipe, missing: [] });
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  }).timeout(120_000);

  const shards = ['data/train-00000-of-00002.parquet', 'data/train-00001-of-00002.parquet', 'data/test-00000-of-00001.parquet']; // prettier-ignore
  const rows: [tables: string[], split: string | undefined, found: string | RegExp][] = [
    [['a.csv'], undefined, 'a.csv'],
    [['train.csv', 'dev.csv'], undefined, /has 2 files.*Name one of them/],
    [['train.csv', 'dev.csv'], 'train', 'train.csv'],
    [['train.csv', 'dev.csv'], 'validation', 'dev.csv'],
    [['train.csv', 'validation.csv', 'dev.csv'], 'validation', 'validation.csv'],
    [['KUAKE-QQR_train.json', 'KUAKE-QQR_dev.json'], 'train', 'KUAKE-QQR_train.json'],
    [['KUAKE-QQR_train.json', 'KUAKE-QQR_dev.json'], 'KUAKE-QQR_dev.json', 'KUAKE-QQR_dev.json'],
    [['train/rows.jsonl', 'test/rows.jsonl'], 'test', 'test/rows.jsonl'],
    [['qqr/train.csv', 'qtr/train.csv'], 'qtr/train', 'qtr/train.csv'],
    [['qqr/train.csv', 'qtr/train.csv'], 'train', /is in 2 files/],
    [['training_notes.csv', 'constraint.csv'], 'train', 'training_notes.csv'],
    [['constraint.csv', 'b.csv'], 'train', /no file of the split "train": it has constraint\.csv, b\.csv/],
    [shards, 'train', /is in 2 files/],
    [shards, 'test', 'data/test-00000-of-00001.parquet'],
  ];
  for (const [tables, split, expected] of rows) {
    it(`${tables.join(' ')} # ${split ?? ''}`, () => {
      const find = (): string => fileOfSplit({ tables, splits: {} }, split, 'hf:a/b');
      if (typeof expected === 'string') assert.equal(find(), expected);
      else assert.throws(find, (error: MedTextError) => expected.test(error.message));
    });
  }

  it('a table of splits comes before names', () => {
    const splits = { train: 'x.csv', 'other/train': 'y.csv' };
    const choice = { tables: ['train.csv', 'x.csv', 'y.csv'], splits };
    assert.equal(fileOfSplit(choice, 'train', 'm'), 'x.csv');
    assert.equal(fileOfSplit(choice, 'other/train', 'm'), 'y.csv');
  });
});
