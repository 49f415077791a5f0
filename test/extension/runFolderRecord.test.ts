import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fineTuningOf } from '../../src/extension/runFolderRecord';

describe('where a fine-tuned model comes from', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-run-'));
    mkdirSync(join(folder, 'model'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const say = (text: string) => writeFileSync(join(folder, 'run.json'), text);

  it('stands in its run', async () => {
    const model = { path: '/models/structbert', parameterCount: 102_000_000 };
    const data = { train: { file: '/data/train.json', rows: 15_000 } };
    say(JSON.stringify({ model, data, best: { metric: 'accuracy', value: 0.84 }, updatedAt: '2026-01-02T03:04:05Z' }));
    assert.deepEqual(await fineTuningOf(join(folder, 'model')), {
      baseModel: '/models/structbert',
      parameterCount: 102_000_000,
      trainingData: '/data/train.json',
      rows: 15_000,
      best: { metric: 'accuracy', value: 0.84 },
      endedAt: '2026-01-02T03:04:05Z',
    });
    say(JSON.stringify({ model: { ...model, randomStart: true } }));
    assert.equal((await fineTuningOf(join(folder, 'model')))?.isRandomStart, true);
  });

  it('is unknown without a run, or with one that says something else', async () => {
    for (const text of ['{', 'null', '{"model": 3}', '{"model": {"path": 7}}']) {
      say(text);
      assert.equal(await fineTuningOf(join(folder, 'model')), undefined, text);
    }
    say(JSON.stringify({ model: { path: 'a', parameterCount: 'many' }, data: 5 }));
    assert.deepEqual((await fineTuningOf(join(folder, 'model')))?.parameterCount, undefined);
    assert.equal(await fineTuningOf(join(folder, 'nothing', 'model')), undefined);
  });
});
