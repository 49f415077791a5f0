import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tokenCounter } from '../../src/worker/tokenCounter';

describe("a model folder's token counter", () => {
  it("counts as the model's own tokenizer", async () => {
    const counter = await tokenCounter(join(__dirname, '../fixtures/checkpoints/structbert'));
    assert.equal(counter.countTokens('糖尿病'), 3);
    assert.deepEqual([counter.specialTokenCount(false), counter.specialTokenCount(true)], [2, 3]);
  });

  it('is refused with a code for a folder that holds no model', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'medtext-no-model-'));
    await assert.rejects(tokenCounter(folder), (error: { code?: string }) => error.code !== 'INTERNAL' && error.code !== undefined); // prettier-ignore
    rmSync(folder, { recursive: true });
  });
});
