import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MaskFiller } from '../../src/inference/maskFiller';

const fixtures = join(__dirname, '../fixtures');
const expected = JSON.parse(readFileSync(join(fixtures, 'maskFiller/expected.json'), 'utf8'));
const folders: Readonly<Record<string, string>> = {
  bert: join(fixtures, 'checkpoints/masked-lm'),
  roberta: join(fixtures, 'maskFiller/roberta'),
  electra: join(fixtures, 'electra/generator'),
};
const electra = JSON.parse(readFileSync(join(fixtures, 'electra/expected.json'), 'utf8'));
Object.assign(expected, { electra: electra.maskedLogits });
assert.deepEqual([electra.masked, electra.positions], [expected.ids, expected.positions]);

describe('filling in masked words', () => {
  for (const family of ['bert', 'roberta', 'electra']) {
    it(`${family}: logits as transformers gives them`, async () => {
      const filler = await MaskFiller.open(folders[family]);
      const inputIds = Int32Array.from(expected.ids);
      const { length } = inputIds;
      const example = { inputIds, tokenTypeIds: new Int32Array(length), length, truncated: false };
      const logits = await filler.logits(example, expected.positions);
      assert.equal(logits.length, expected[family].length);
      const scale = Math.max(...expected[family].map(Math.abs));
      logits.forEach((logit, i) => assert.ok(Math.abs(logit - expected[family][i]) < 1e-5 * scale, `${i}: ${logit}, not ${expected[family][i]}`)); // prettier-ignore
    });
  }

  it('tells the likeliest tokens of each mask, and refuses what it cannot fill in', async () => {
    const home = mkdtempSync(join(tmpdir(), 'medtext-mask-'));
    try {
      cpSync(folders.bert, home, { recursive: true });
      cpSync(join(fixtures, 'checkpoints/structbert/vocab.txt'), join(home, 'vocab.txt'));
      const filler = await MaskFiller.open(home);
      const filled = await filler.fill('糖[MASK]病[MASK]', 3);
      assert.deepEqual(filled.map(({ tokens }) => tokens.length), [3, 3]); // prettier-ignore
      for (const { tokens } of filled) {
        assert.ok(tokens.every(({ probability }, i) => probability > 0 && (i === 0 || probability <= tokens[i - 1].probability))); // prettier-ignore
      }
      const all = (await filler.fill('糖[MASK]病', 32))[0].tokens.reduce((sum, { probability }) => sum + probability, 0); // prettier-ignore
      assert.ok(Math.abs(all - 1) < 1e-6);
      await assert.rejects(filler.fill('糖尿病', 3), { code: 'USAGE' });
      // A mask that truncation would cut off: none is left out without a word.
      for (const start of ['糖', '糖[MASK]']) {
        await assert.rejects(filler.fill(`${start}${'病'.repeat(600)}[MASK]`, 3), { code: 'USAGE', message: /cut off/ }); // prettier-ignore
      }
      assert.equal((await filler.fill(`糖[MASK]${'病'.repeat(600)}`, 3)).length, 1);
      const untrained = join(__dirname, '../../samples/structbert-tiny');
      await assert.rejects(MaskFiller.open(untrained), { code: 'CHECKPOINT_MISMATCH', message: /untrained/ });
      await assert.rejects(MaskFiller.open(join(fixtures, 'checkpoints/structbert')), { code: 'MODEL_CONFIG' });
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
