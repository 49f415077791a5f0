import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MedTextError } from '../../src/base/errors';
import { openEmbedder } from '../../src/inference/embedder';
import { openPairScorer } from '../../src/inference/pairScorer';
import { cosine } from '../../src/inference/vectorScorer';
import { sentenceTransformersFiles, type SentenceLayout } from '../../src/models/sentenceTransformers';
import { SIMILARITY_REFERENCE } from '../../src/models/similarityReference';
import { rankOf } from '../../src/protocol/scores';
import { tinyConfig, writeTinyModel } from '../cli/support/tinyModel';

const PLAIN: SentenceLayout = {
  pooling: 'mean',
  normalize: false,
  maxLength: undefined,
  lowerCase: false,
  prompts: {},
  defaultPrompt: null,
  includesPrompt: true,
  similarity: 'cosine',
};

describe('scores of an encoder without a head', () => {
  let home: string;
  let folder: string;
  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'medtext-vectors-'));
    folder = await writeTinyModel(join(home, 'encoder'), {});
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  const describedAs = (layout: Partial<SentenceLayout>) => {
    for (const [name, content] of Object.entries(sentenceTransformersFiles({ ...PLAIN, ...layout }, tinyConfig()))) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
  };

  it('are cosines of its vectors, and say so: no probability, no logit', async () => {
    describedAs({ normalize: true });
    const scorer = await openPairScorer(folder, { device: 'cpu', threads: 1 });
    const embedder = await openEmbedder(folder, { device: 'cpu', threads: 1 });
    try {
      const [first, second] = ['肺炎怎么治疗', '感冒吃什么药'];
      const [score] = await scorer.score([{ first, second }]);
      const vectors = await embedder.embed([first, second]);
      const { dimensions } = embedder;
      const expected = cosine(vectors.subarray(0, dimensions), vectors.subarray(dimensions));
      assert.deepEqual(score, { similarity: score.similarity, measure: 'cosine', probabilities: {}, logits: [] });
      // One batch of two texts, or two of the same: sums of float32 in another order.
      assert.ok(Math.abs(score.similarity! - expected) < 1e-6);
      assert.equal(rankOf(score), score.similarity);
      assert.equal(scorer.task, 'encoder');
      const [same] = await scorer.score([{ first, second: first }]);
      assert.ok(Math.abs(same.similarity! - 1) < 1e-6);
    } finally {
      await scorer.close();
      await embedder.close();
    }
  });

  it('put the default prompt before each text, as sentence-transformers does', async () => {
    const vectorOf = async (text: string) => {
      const embedder = await openEmbedder(folder, { device: 'cpu', threads: 1 });
      const vector = await embedder.embed([text]);
      await embedder.close();
      return vector;
    };
    describedAs({});
    const plain = await vectorOf('糖尿病肺炎');
    describedAs({ prompts: { query: '糖尿病', passage: '' }, defaultPrompt: 'query' });
    assert.deepEqual(await vectorOf('肺炎'), plain);
    describedAs({ prompts: { query: '糖尿病' }, defaultPrompt: null });
    assert.notDeepEqual(await vectorOf('肺炎'), plain);
  });

  it('stand in the reference distribution that the folder holds', async () => {
    const ends = { pairs: 2, quantiles: [-1, 1] };
    writeFileSync(join(folder, SIMILARITY_REFERENCE), JSON.stringify({ measure: 'cosine', source: '', random: ends, same: ends })); // prettier-ignore
    const scorer = await openPairScorer(folder, { device: 'cpu', threads: 1 });
    try {
      const [{ similarity, place }] = await scorer.score([{ first: '肺炎', second: '胃镜' }]);
      assert.ok(Math.abs(place!.random - (similarity! + 1) / 2) < 1e-9);
    } finally {
      await scorer.close();
      rmSync(join(folder, SIMILARITY_REFERENCE));
    }
  });

  it('are of two texts', async () => {
    const scorer = await openPairScorer(folder, { device: 'cpu', threads: 1 });
    await assert.rejects(scorer.score([{ first: '肺炎' }]), (error: MedTextError) => error.code === 'UNSUPPORTED');
    await scorer.close();
  });
});
