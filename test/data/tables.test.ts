import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MedTextError } from '../../src/base/errors';
import { keyOf, RandomStream } from '../../src/base/random';
import { openDataFile } from '../../src/data/dataFile';
import { countRawLabels } from '../../src/data/labelCounts';
import { readRecipeSplit } from '../../src/data/recipeSplit';
import { readAll, temporaryFolder } from './support';

const fixture = (name: string): string => join(__dirname, '../fixtures/tables', name);
const codecs = ['snappy', 'zstd', 'gzip', 'brotli', 'lz4', 'none'];

const expected = [
  { query1: '头痛怎么办', query2: '头疼如何缓解', label: 1, weight: 0.5, checked: true },
  { query1: '发热', query2: '咳嗽', label: 0, weight: 1.25, checked: false },
  { query1: '感冒吃什么药', query2: null, label: 2, weight: null, checked: null },
];

describe('workbooks and Parquet files', () => {
  const temporary = temporaryFolder();

  it('a workbook: values, dates, formulas without a stored result, errors, a repeated name, another sheet', async () => {
    const file = await openDataFile(fixture('book.xlsx'));
    assert.equal(file.format, 'xlsx');
    assert.deepEqual(file.columns, ['query1', 'query2', 'label', 'weight', 'checked', 'day', 'label.1']);
    const { rows, bad } = await readAll(fixture('book.xlsx'));
    assert.deepEqual(bad, []);
    const days = ['2024-02-28', '2024-02-29', '2024-02-01'];
    assert.deepEqual(
      rows.map(({ values }) => ({ ...values })),
      expected.map((row, i) => ({ ...row, day: days[i], 'label.1': null })),
    );
    assert.deepEqual(
      rows.map(({ line }) => line),
      [2, 3, 4],
    );
    for await (const _ of file.rows());
    const warnings = file.warnings.join('\n');
    assert.match(warnings, /column 7 repeats the name "label"/);
    assert.match(warnings, /only the sheet "data" is read, not "notes"/);
    assert.match(warnings, /3 cells hold formulas \(first: G2\).*3 without one/);
    assert.match(warnings, /1 cells hold errors.*\(first: D4\)/);
  });

  it('a workbook’s sheet by its name, hidden ones too; the first visible one otherwise', async () => {
    const file = await openDataFile(fixture('splits.xlsx'), { sheet: '验证集' });
    assert.deepEqual(file.workbook, { sheet: '验证集', sheets: ['封面', '训练集', '验证集', '备注'] });
    assert.deepEqual([file.columns, file.warnings], [['query1', 'query2', 'label'], []]);
    assert.deepEqual(
      file.sample.map(({ values }) => ({ ...values })),
      [{ query1: '头痛怎么办', query2: '头疼如何缓解', label: 1 }],
    );
    assert.equal((await openDataFile(fixture('splits.xlsx'), { sheet: '备注' })).sample[0].values.label, '呼吸科');
    await assert.rejects(openDataFile(fixture('splits.xlsx'), { sheet: '图' }), {
      code: 'NOT_FOUND',
      message: `${fixture('splits.xlsx')} has no sheet "图"; its sheets are: "封面", "训练集", "验证集", "备注".`,
    });
    // The first visible one is empty: the next one is read, which is said.
    const recognised = await openDataFile(fixture('splits.xlsx'));
    assert.equal(recognised.workbook?.sheet, '训练集');
    assert.match(recognised.warnings.join(), /only the sheet "训练集" is read, not "封面", "验证集", "备注"/);
    await assert.rejects(openDataFile(fixture('splits.xlsx'), { sheet: '封面' }), (error: MedTextError) => {
      assert.deepEqual(error.detail.sheets, ['封面', '训练集', '验证集', '备注']);
      return error.code === 'DATA_FORMAT' && /"封面" is empty\. The sheets are: "封面", "训练集"/.test(error.message);
    });
    for (const name of ['snappy.parquet', 'make.py'])
      await assert.rejects(openDataFile(fixture(name), { sheet: 'a' }), { code: 'USAGE' });
  });

  it('a recipe’s sheet is of its own file alone', async () => {
    const split = { file: fixture('splits.xlsx'), sheet: '训练集' };
    const { examples } = await readRecipeSplit({ ...split, on_bad_row: 'skip' }, 'sentence-similarity'); // One row has one text.
    assert.equal(examples.length, 2);
    // A column that is not there may be in another sheet.
    await assert.rejects(readRecipeSplit({ ...split, label: '诊断' }, 'sentence-similarity'), {
      code: 'NOT_FOUND',
      message:
        /"诊断" for the label\. Its columns are: .* \(in the sheet "训练集"; the other sheets are: "封面", "验证集", "备注"\)\.$/,
    });
    const counts = await countRawLabels({ ...split, sheet: '备注' });
    assert.deepEqual(
      counts.values.map(({ value }) => value),
      ['呼吸科'],
    );
  });

  for (const codec of codecs) {
    it(`Parquet, ${codec}`, async () => {
      const { rows } = await readAll(fixture(`${codec}.parquet`));
      const more = [
        { big: String(2n ** 60n), list: [1, 2] },
        { big: 1, list: [] },
        { big: null, list: null },
      ];
      assert.deepEqual(
        rows.map(({ values }) => ({ ...values })).map((row) => JSON.stringify(row)),
        expected.map((row, i) => JSON.stringify({ ...row, ...more[i] })),
      );
    });
  }

  it('cut short anywhere: an error with a code, or the rows that are there', async () => {
    for (const name of ['book.xlsx', 'snappy.parquet']) {
      const bytes = readFileSync(fixture(name));
      for (let length = 4; length < bytes.length; length += 97) {
        await assert.rejects(readAll(temporary.file(name, bytes.subarray(0, length))), { code: 'DATA_FORMAT' });
      }
    }
  });

  it('mutated ones are read, or refused with a code', async () => {
    const sources = ['book.xlsx', ...codecs.map((codec) => `${codec}.parquet`)];
    const rounds = Number(process.env.MEDTEXT_FUZZ_ROUNDS ?? 600);
    for (let round = 0; round < rounds; round++) {
      const random = new RandomStream(keyOf(11, round));
      const name = sources[random.integer(sources.length)];
      const bytes = Buffer.from(readFileSync(fixture(name)));
      for (let edits = 1 + random.integer(4); edits > 0; edits--)
        bytes[random.integer(bytes.length)] = random.integer(256);
      try {
        await readAll(temporary.file(name, bytes));
      } catch (error) {
        assert.ok(error instanceof MedTextError, `round ${round}, ${name}: ${(error as Error).stack}`);
        assert.notEqual(error.code, 'INTERNAL', `round ${round}, ${name}: ${error.stack}`);
      }
    }
  });
});
