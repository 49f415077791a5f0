/** Taggers as transformers writes them (test/fixtures/tokenClassifier/make.py). */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '../../src/inference/openModel';
import { openCheckpoint } from '../../src/models/checkpoint/openCheckpoint';
import { sequenceHead } from '../../src/models/heads/sequence';
import { tokenHead } from '../../src/models/heads/token';
import { importModel } from '../../src/models/importModel';
import { loadNetwork } from '../../src/models/loadNetwork';
import { openModelFolder } from '../../src/models/modelFolder';

const FIXTURES = join(__dirname, '../fixtures/tokenClassifier');
const TAGS = ['O', 'B-disease', 'I-disease', 'B-drug', 'I-drug'];

describe('a head of tokens', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'medtext-tokens-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function assertLogits(path: string, name: string): Promise<void> {
    const expected = JSON.parse(readFileSync(join(FIXTURES, name, 'expected.json'), 'utf8')) as {
      text: string;
      logits: number[][];
    }[];
    const model = await openModel(path, { device: 'cpu', threads: 1 });
    try {
      assert.equal(model.task, 'token-classification');
      assert.deepEqual(model.columns, TAGS);
      const encoded = expected.map(({ text }) => model.tokenizer.encodePair(text, undefined, 32));
      const found: number[][] = [];
      // The shorter text is padded, and its output has none of that.
      await model.outputs(encoded, (at, output) => void (found[at] = [...output]));
      for (const [at, { logits }] of expected.entries()) {
        assert.equal(found[at].length, logits.length * TAGS.length);
        logits.flat().forEach((value, i) => assert.ok(Math.abs(found[at][i] - value) < 2e-5, `${name} ${at} ${i}`));
      }
    } finally {
      await model.close();
    }
  }

  for (const name of ['bert', 'roberta', 'electra']) {
    it(`of ${name} gives transformers' logits, and is written as it reads it`, async () => {
      await assertLogits(join(FIXTURES, name), name);
      const source = join(folder, `${name}-source`);
      cpSync(join(FIXTURES, name), source, { recursive: true });
      await importModel(source, join(folder, name));
      await assertLogits(join(folder, name), name);
      const [before, after] = await Promise.all(
        [source, join(folder, name)].map(async (path) => {
          const checkpoint = await openCheckpoint(join(path, 'model.safetensors'));
          const names = [...checkpoint.tensors.keys()].filter((key) => !key.includes('position_ids')).sort();
          await checkpoint.close();
          return names;
        }),
      );
      assert.deepEqual(after, before);
      const config = JSON.parse(readFileSync(join(folder, name, 'config.json'), 'utf8')) as Record<string, unknown>;
      assert.deepEqual(config.architectures, [{ bert: 'BertForTokenClassification', roberta: 'RobertaForTokenClassification', electra: 'ElectraForTokenClassification' }[name]]); // prettier-ignore
    });
  }

  it('is not taken for one of texts, nor the other way round', async () => {
    const opened = await openModelFolder(join(FIXTURES, 'bert'));
    assert.equal(opened.head, tokenHead);
    const { report } = await loadNetwork(opened, sequenceHead, TAGS.length, { seed: 0 });
    assert.ok(report.missing.some(({ name }) => name === 'classifier.weight'));
    assert.ok(report.leftOver.some(({ name, reason }) => name === 'classifier.weight' && /another task/.test(reason)));
    const more = await loadNetwork(opened, tokenHead, 7, { seed: 0 });
    assert.ok(more.report.leftOver.some(({ reason }) => /5 labels; this model has 7/.test(reason)));
  });
});
