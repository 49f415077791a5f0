/** The starter encoder as it is shipped: what its build wrote down, and what Python makes of it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedder } from '../../src/inference/embedder';
import { readModelRecord } from '../../src/library/modelRecord';
import { readyStarter, starterPackage, STARTER_NAME } from '../../src/library/starter';
import { openModelFolder, readTokenizerFiles } from '../../src/models/modelFolder';
import { readSimilarityReference } from '../../src/models/similarityReference';
import { loadTokenizer } from '../../src/tokenization/tokenizer';
import expected from '../fixtures/starter/expected.json';

describe('the starter encoder', () => {
  let models: string;
  before(() => void (models = mkdtempSync(join(tmpdir(), 'medtext-models-'))));
  after(() => rmSync(models, { recursive: true, force: true }));

  it('is what its build wrote down: hash, at most 16 MB, counted in training files alone', () => {
    const read = (name: string) => readFileSync(join(starterPackage(), name));
    const { weights, counted } = JSON.parse(read('build.json').toString()) as {
      weights: { file: string; bytes: number; sha256: string };
      counted: { file: string }[];
    };
    const content = read(weights.file);
    assert.equal(content.length, weights.bytes);
    assert.ok(content.length <= 16_000_000, String(content.length));
    assert.equal(createHash('sha256').update(content).digest('hex'), weights.sha256);
    for (const { file } of counted) assert.match(file, /(^|\/)train\.\w+$/);
  });

  it('becomes a model of the library once, with its licence, its card and what its cosines mean', async () => {
    let steps = 0;
    const folder = await readyStarter(models, { onProgress: () => steps++ });
    assert.equal(folder, join(models, STARTER_NAME));
    assert.ok(steps > 0);
    const written = statSync(join(folder, 'model.safetensors')).mtimeMs;
    assert.equal(await readyStarter(models, { onProgress: () => assert.fail('it is there') }), folder);
    assert.equal(statSync(join(folder, 'model.safetensors')).mtimeMs, written);
    const record = await readModelRecord(folder);
    assert.deepEqual([record?.source, record?.license, record?.layers], ['medtext:starter-zh', 'mit', 12]);
    const reference = await readSimilarityReference(folder);
    assert.ok(reference!.random.pairs > 1000 && reference!.same.pairs > 500);
    rmSync(join(folder, 'model.safetensors'));
    await readyStarter(models);
    assert.ok(statSync(join(folder, 'model.safetensors')).size > 1e8);
  });

  it("gives sentence-transformers' tokens and vectors", async () => {
    const folder = await readyStarter(models);
    const tokenizer = loadTokenizer(await readTokenizerFiles(await openModelFolder(folder)), folder);
    const embedder = await openEmbedder(folder, { device: 'cpu', threads: 1 });
    try {
      for (const { text, tokens, vector } of expected) {
        assert.equal(tokenizer.encodePair(text, undefined, Infinity).length, tokens, text);
        const ours = await embedder.embed([text]);
        // Sums of float32 in another order, twelve layers deep; elements of unit vectors.
        vector.forEach((value, i) => assert.ok(Math.abs(value - ours[i]) < 2e-6, `${text} ${i}: ${ours[i]}, ${value}`));
      }
    } finally {
      await embedder.close();
    }
  });
});
