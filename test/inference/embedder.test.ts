import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedder } from '../../src/inference/embedder';
import { importModel } from '../../src/models/importModel';
import { writeTinyModel } from '../cli/support/tinyModel';
import { medtextFails, medtextJson } from '../cli/support/commandLine';

const LAYOUTS = join(__dirname, '../fixtures/layouts');
const EXPECTED = JSON.parse(readFileSync(join(LAYOUTS, 'expected.json'), 'utf8')) as {
  readonly texts: readonly string[];
  readonly embeddings: Readonly<Record<string, readonly (readonly number[])[]>>;
};

describe('embeddings', () => {
  for (const [layout, expected] of Object.entries(EXPECTED.embeddings)) {
    it(`of ${layout} are those of PyTorch, alone and in a batch`, async () => {
      const embedder = await openEmbedder(join(LAYOUTS, layout), { threads: 1 });
      try {
        assert.equal(embedder.dimensions, expected[0].length);
        const together = await embedder.embed(EXPECTED.texts);
        for (const [i, text] of EXPECTED.texts.entries()) {
          const alone = await embedder.embed([text]);
          expected[i].forEach((value, j) => {
            const found = [alone[j], together[i * embedder.dimensions + j]];
            for (const one of found) assert.ok(Math.abs(one - value) < 2e-5, `${text} ${j}: ${one}, not ${value}`);
          });
        }
        assert.equal((await embedder.embed([])).length, 0);
      } finally {
        await embedder.close();
      }
    });
  }

  it("says what it read: pooling, scaling, the length that sentence-transformers' file allows", async () => {
    const read = async (name: string) => {
      const embedder = await openEmbedder(join(LAYOUTS, name), { threads: 1 });
      await embedder.close();
      const { pooling, normalize, maxLength } = embedder.layout;
      return { pooling, normalize, maxLength };
    };
    assert.deepEqual(await read('sentences-mean'), { pooling: 'mean', normalize: true, maxLength: 12 });
    assert.deepEqual(await read('sentences-cls'), { pooling: 'cls', normalize: false, maxLength: 12 });
    assert.deepEqual(await read('sentences-max'), { pooling: 'max', normalize: false, maxLength: 12 });
    assert.deepEqual(await read('macbert'), { pooling: 'mean', normalize: false, maxLength: undefined });
  });

  it('ERNIE with task types, imported, is a BERT without them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'medtext-ernie-'));
    try {
      const { report } = await importModel(join(LAYOUTS, 'ernie-task'), join(folder, 'model'));
      assert.match(report.leftOver.find(({ name }) => name.includes('task_type'))!.reason, /added to the token types/);
      const config = JSON.parse(readFileSync(join(folder, 'model/config.json'), 'utf8'));
      assert.deepEqual([config.model_type, config.use_task_id], ['bert', undefined]);
      const embedder = await openEmbedder(join(folder, 'model'), { threads: 1 });
      const values = await embedder.embed(EXPECTED.texts);
      await embedder.close();
      EXPECTED.embeddings['ernie-task'].flat().forEach((value, i) => assert.ok(Math.abs(value - values[i]) < 2e-5));
      // A configuration that asks for task types which the weights lack.
      cpSync(join(LAYOUTS, 'ernie'), join(folder, 'lacking'), { recursive: true });
      const lacking = JSON.parse(readFileSync(join(folder, 'lacking/config.json'), 'utf8'));
      writeFileSync(join(folder, 'lacking/config.json'), JSON.stringify({ ...lacking, use_task_id: true }));
      await assert.rejects(importModel(join(folder, 'lacking'), join(folder, 'out')), { code: 'CHECKPOINT_MISMATCH' });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('medtext embed: one vector a text', async () => {
    const lines = await medtextJson(['embed', join(LAYOUTS, 'sentences-mean'), ...EXPECTED.texts]);
    assert.equal(lines.length, EXPECTED.texts.length);
    lines.forEach(({ text, embedding }, i) => {
      assert.equal(text, EXPECTED.texts[i]);
      const squares = (embedding as number[]).reduce((sum, value) => sum + value * value, 0);
      assert.ok(Math.abs(squares - 1) < 1e-5);
    });
    await medtextFails(['embed', join(LAYOUTS, 'sentences-mean')], 2, 'USAGE');
  });

  it('a folder without weights is untrained, and gives none', async () => {
    const sample = join(__dirname, '../../samples/structbert-tiny');
    await assert.rejects(openEmbedder(sample), { code: 'CHECKPOINT_MISMATCH', message: /untrained/ });
    assert.match(await medtextFails(['embed', sample, '肺炎'], 1, 'CHECKPOINT_MISMATCH'), /has no weights: the model is untrained/); // prettier-ignore
  });

  it('a classifier whose weights were not copied is said to lack them, not its classifier', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'medtext-copied-'));
    try {
      const copied = await writeTinyModel(join(folder, 'model'), { labels: ['a', 'b'] });
      rmSync(join(copied, 'model.safetensors'));
      assert.match(await medtextFails(['score', copied, '肺炎'], 1, 'CHECKPOINT_MISMATCH'), /has no weights: the model is untrained/); // prettier-ignore
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('a classifier gives the vectors of its encoder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'medtext-embed-'));
    try {
      const embedder = await openEmbedder(await writeTinyModel(join(folder, 'model'), { labels: ['a', 'b'] }), { threads: 1 }); // prettier-ignore
      assert.equal((await embedder.embed(['肺炎'])).length, 16);
      await embedder.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
