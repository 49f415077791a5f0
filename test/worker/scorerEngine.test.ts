import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scorerEngine } from '../../src/worker/scorerEngine';

const checkpoint = join(__dirname, '../fixtures/checkpoints/structbert');

describe("the scorer's import of a model", () => {
  let home: string;
  beforeEach(() => void (home = mkdtempSync(join(tmpdir(), 'medtext-engine-'))));
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('tells how far it is, up to the whole', async () => {
    const told: [number, number | null][] = [];
    const output = join(home, 'model');
    const { folder } = await scorerEngine.importModel(checkpoint, output, (done, total) => void told.push([done, total]), new AbortController().signal); // prettier-ignore
    assert.equal(folder, output);
    const [done, total] = told.at(-1)!;
    assert.ok(total !== null && total > 0);
    assert.equal(done, total);
    assert.ok(told.every(([part], i) => i === 0 || part >= told[i - 1][0]));
  });

  it('leaves nothing behind when it is cancelled on the way', async () => {
    const abort = new AbortController();
    const cancelled = scorerEngine.importModel(checkpoint, join(home, 'model'), () => abort.abort(), abort.signal);
    await assert.rejects(cancelled, { code: 'CANCELLED' });
    assert.deepEqual(readdirSync(home), []);
  });
});

describe("the scorer's export of a model", () => {
  it('tells how far it is, writes the format asked for, and leaves nothing when cancelled', async () => {
    const home = mkdtempSync(join(tmpdir(), 'medtext-engine-'));
    try {
      const told: number[] = [];
      const job = { signal: new AbortController().signal, onProgress: (done: number) => void told.push(done) };
      const exported = await scorerEngine.exportModel(checkpoint, join(home, 'out'), { ...job, format: 'modelscope' });
      assert.ok(exported.files.includes('pytorch_model.bin'));
      assert.ok(told.length > 1 && told.every((done, i) => i === 0 || done >= told[i - 1]));
      const abort = new AbortController();
      const options = { format: 'huggingface' as const, signal: abort.signal, onProgress: () => abort.abort() };
      await assert.rejects(scorerEngine.exportModel(checkpoint, join(home, 'cut'), options), { code: 'CANCELLED' });
      assert.deepEqual(readdirSync(home), ['out']);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
