import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scorerEngine } from '../../src/worker/scorerEngine';

const checkpoint = join(__dirname, '../fixtures/checkpoints/structbert');

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

describe('the scorer with a model of entities', () => {
  it('marks texts, and says that it has no scores', async () => {
    const folder = join(__dirname, '../fixtures/tokenClassifier/bert');
    const scorer = await scorerEngine.openPairScorer(folder, { device: 'cpu' });
    try {
      const text = '糖尿病与肺炎';
      const [marked, none] = await scorer.mark!([text, '']);
      assert.deepEqual(none, []);
      for (const { start, end, type, probability } of marked) {
        assert.ok(start >= 0 && end > start && end <= text.length && scorer.labels.includes(type));
        assert.ok(probability > 0 && probability <= 1);
      }
      await assert.rejects(scorer.score([{ first: text }]), { code: 'UNSUPPORTED' });
    } finally {
      await scorer.close();
    }
    const classifier = await scorerEngine.openPairScorer(checkpoint, { device: 'cpu' });
    assert.equal(classifier.mark, undefined);
    await classifier.close();
  });
});
