import assert from 'node:assert/strict';
import { ChosenSheets } from '../../../src/extension/datasetPreview/chosenSheets';

describe('the chosen sheet of a workbook', () => {
  const stored = new Map<string, unknown>();
  const memory = {
    get: <T>(key: string) => structuredClone(stored.get(key)) as T | undefined,
    update: async (key: string, value: unknown) => void stored.set(key, structuredClone(value)),
  };
  beforeEach(() => stored.clear());

  it('is kept for each file, also for the next window, until it is forgotten', async () => {
    const sheets = new ChosenSheets(memory);
    assert.equal(sheets.of('/a.xlsx'), undefined);
    await sheets.choose('/a.xlsx', 'train');
    await sheets.choose('/b.xlsx', 'dev');
    await sheets.choose('/a.xlsx', 'test');
    const next = new ChosenSheets(memory);
    assert.deepEqual([next.of('/a.xlsx'), next.of('/b.xlsx')], ['test', 'dev']);
    await next.forget('/a.xlsx');
    assert.deepEqual([sheets.of('/a.xlsx'), sheets.of('/b.xlsx')], [undefined, 'dev']);
  });

  it('of many files, those that were chosen last', async () => {
    const sheets = new ChosenSheets(memory);
    for (let file = 0; file < 250; file++) await sheets.choose(`/${file}.xlsx`, 'train');
    assert.deepEqual([sheets.of('/49.xlsx'), sheets.of('/50.xlsx'), sheets.of('/249.xlsx')], [undefined, 'train', 'train']); // prettier-ignore
  });
});
