import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readsSingleTexts } from '../../src/extension/scoringService';
import { openPairScorer } from '../../src/inference/pairScorer';
import { writeTinyModel } from '../cli/support/tinyModel';

describe('pair scorer', () => {
  let home: string;
  beforeEach(() => void (home = mkdtempSync(join(tmpdir(), 'medtext-scorer-'))));
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('gives a model of single texts no pair, and says so in a way that editors know', async () => {
    const usage = { task: 'text-classification' };
    const folder = await writeTinyModel(join(home, 'single'), { labels: ['内科', '外科'], usage });
    const scorer = await openPairScorer(folder);
    try {
      await assert.rejects(scorer.score([{ first: '头痛', second: '胃痛' }]), (error) => {
        assert.ok(readsSingleTexts(error));
        assert.match(String(error), /one text at a time/);
        return true;
      });
      const [{ probabilities }] = await scorer.score([{ first: '头痛' }]);
      assert.deepEqual(Object.keys(probabilities), ['内科', '外科']);
    } finally {
      await scorer.close();
    }
  });

  it('other failures are faults', () => assert.ok(!readsSingleTexts(new Error('RUNTIME'))));
});
