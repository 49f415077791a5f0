import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MedTextError } from '../../src/base/errors';
import {
  placeOf,
  quantilesOf,
  readSimilarityReference,
  SIMILARITY_REFERENCE,
  type SimilarityReference,
} from '../../src/models/similarityReference';

describe('what cosines of an encoder mean', () => {
  const reference: SimilarityReference = {
    measure: 'cosine',
    source: 'made up',
    random: { pairs: 5, quantiles: [0.8, 0.82, 0.84, 0.86, 0.9] },
    same: { pairs: 3, quantiles: [0.86, 0.9, 1] },
  };

  it('places a cosine among random pairs and pairs of one meaning', () => {
    const near = (cosine: number, random: number, same: number) => {
      const place = placeOf(cosine, reference);
      assert.ok(Math.abs(place.random - random) < 1e-9 && Math.abs(place.same - same) < 1e-9, JSON.stringify(place));
    };
    near(0.5, 0, 0);
    near(0.83, 0.375, 0);
    near(0.88, 0.875, 0.25);
    near(0.95, 1, 0.75);
    near(1, 1, 1);
  });

  it('takes quantiles in a hundred steps, as numpy does', () => {
    const quantiles = quantilesOf([0.3, 0.1, 0.2]);
    assert.equal(quantiles.length, 101);
    assert.deepEqual([quantiles[0], quantiles[25], quantiles[50], quantiles[100]], [0.1, 0.15, 0.2, 0.3]);
  });

  it('reads one beside a model, none where there is none, and refuses a broken one', async () => {
    const home = mkdtempSync(join(tmpdir(), 'medtext-reference-'));
    try {
      assert.equal(await readSimilarityReference(home), undefined);
      const write = (value: unknown) => writeFileSync(join(home, SIMILARITY_REFERENCE), JSON.stringify(value));
      write(reference);
      assert.deepEqual(await readSimilarityReference(home), reference);
      for (const broken of [
        {},
        { ...reference, measure: 'dot' },
        { ...reference, random: { pairs: 1, quantiles: [1] } },
        { ...reference, same: { pairs: 2, quantiles: [0.9, 0.8] } },
      ]) {
        write(broken);
        await assert.rejects(readSimilarityReference(home), (error: MedTextError) => error.code === 'MODEL_CONFIG');
      }
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
