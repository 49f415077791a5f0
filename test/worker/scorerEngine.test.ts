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

describe('what the scorer says of a file of entities', () => {
  const fixture = (name: string) => join(__dirname, '../fixtures/entities', name);
  const { signal } = new AbortController();

  it('is its columns, its types, and whether it tells what ends mean', async () => {
    const info = await scorerEngine.dataInfo({ file: fixture('cmeee.jsonl') }, signal);
    assert.deepEqual([info.first, info.second, info.label, info.entities], ['text', undefined, 'entities', { endsAreTold: true }]); // prettier-ignore
    assert.deepEqual(info.labels!.map(({ value }) => value).sort(), ['bod', 'dis', 'dru', 'pro', 'sym']);
    const counts = await scorerEngine.labelCounts({ file: fixture('doccano.jsonl') }, signal);
    assert.equal(counts.column, 'label');
    assert.deepEqual(counts.values.map(({ value, count }) => [value, count]), [['sym', 2], ['time', 1], ['test', 1]]); // prettier-ignore
    const plain = await scorerEngine.dataInfo({ file: join(__dirname, '../fixtures/data/lines.jsonl') }, signal);
    assert.equal(plain.entities, undefined);
  });
});
