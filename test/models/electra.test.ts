import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedder } from '../../src/inference/embedder';
import { MaskFiller } from '../../src/inference/maskFiller';
import { openClassifier } from '../../src/inference/openClassifier';
import { openCheckpoint } from '../../src/models/checkpoint/openCheckpoint';
import { importModel } from '../../src/models/importModel';
import { loadNetwork } from '../../src/models/loadNetwork';
import { openModelFolder } from '../../src/models/modelFolder';
import { sequenceHead } from '../../src/models/heads/sequence';
import { exportModel } from '../../src/exports/exportModel';
import { medtextJson } from '../cli/support/commandLine';

const FIXTURES = join(__dirname, '../fixtures/electra');
const EXPECTED = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8')) as {
  readonly pairs: readonly (readonly [string, string])[];
  readonly logits: readonly number[];
  readonly embeddings: readonly number[];
};
const PAIRS = EXPECTED.pairs.map(([first, second]) => ({ first, second }));

/** float32 sums in another order than PyTorch's; the values are below 4. */
const TOLERANCE = 2e-5;

async function assertLogits(folder: string, expected: ArrayLike<number> = EXPECTED.logits): Promise<void> {
  const classifier = await openClassifier(folder, { threads: 1 });
  const logits = await classifier.logits(PAIRS);
  await classifier.close();
  assert.equal(logits.length, expected.length);
  logits.forEach((logit, i) => assert.ok(Math.abs(logit - expected[i]) < TOLERANCE, `${i}: ${logit}, not ${expected[i]}`)); // prettier-ignore
}

async function assertEmbeddings(folder: string): Promise<void> {
  const embedder = await openEmbedder(folder, { threads: 1 });
  const values = await embedder.embed(PAIRS.map(({ first }) => first));
  await embedder.close();
  assert.equal(embedder.dimensions, 16);
  EXPECTED.embeddings.forEach((value, i) => assert.ok(Math.abs(value - values[i]) < TOLERANCE, `${i}: ${values[i]}`));
}

const configOf = (folder: string) => JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));

async function tensorsOf(file: string): Promise<Map<string, readonly number[]>> {
  const checkpoint = await openCheckpoint(file);
  await checkpoint.close();
  return new Map([...checkpoint.tensors].map(([name, { shape }]) => [name, shape]));
}

describe('ELECTRA with narrower embeddings', () => {
  let home: string;
  const at = (name: string) => join(home, name);
  before(() => {
    home = mkdtempSync(join(tmpdir(), 'medtext-electra-'));
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  it("a classifier's logits and an encoder's embeddings are those of transformers", async () => {
    await assertLogits(join(FIXTURES, 'classifier'));
    await assertEmbeddings(join(FIXTURES, 'discriminator'));
  });

  it('imported, it is what it was: every tensor under its own name', async () => {
    for (const name of ['classifier', 'generator']) {
      const { report } = await importModel(join(FIXTURES, name), at(name));
      const { architectures, model_type, embedding_size, hidden_size } = configOf(at(name));
      const architecture = { classifier: 'ElectraForSequenceClassification', generator: 'ElectraForMaskedLM' }[name];
      assert.deepEqual([architectures, model_type, embedding_size, hidden_size], [[architecture], 'electra', 8, 16]);
      const read = await tensorsOf(join(FIXTURES, name, 'model.safetensors'));
      const tied = name === 'generator' ? ['generator_lm_head.weight'] : [];
      for (const gone of tied) read.delete(gone);
      assert.deepEqual(await tensorsOf(join(at(name), 'model.safetensors')).then((map) => [...map].sort()), [...read].sort()); // prettier-ignore
      assert.deepEqual(report.missing.map((one) => one.name), name === 'classifier' ? [] : ['bert.pooler.dense.weight', 'bert.pooler.dense.bias']); // prettier-ignore
    }
    await assertLogits(at('classifier'));
    const filler = await MaskFiller.open(at('generator'));
    assert.equal((await filler.fill('头[MASK]怎么治疗', 2))[0].tokens.length, 2);
  });

  it('a discriminator, fine-tuned, exports to every format with the same logits', async () => {
    const { report } = await importModel(join(FIXTURES, 'discriminator'), at('discriminator'));
    assert.ok(report.leftOver.some(({ name, reason }) => name.startsWith('discriminator_predictions.') && /ELECTRA/.test(reason))); // prettier-ignore
    await assertEmbeddings(at('discriminator'));
    const rows = PAIRS.map(({ first, second }, i) => ({ query1: first, query2: second, label: String(i) }));
    writeFileSync(at('pairs.json'), JSON.stringify(rows));
    const reports = await medtextJson([
      'finetune', '--model', at('discriminator'), '--train', at('pairs.json'), '--task', 'sentence-similarity',
      '--epochs', '60', '--lr', '1e-2', '--threads', '1', '--output', at('runs'), '--set', 'train.dropout=0',
    ]); // prettier-ignore
    const steps = reports.filter(({ step, loss }) => step !== undefined && loss !== undefined);
    assert.ok(steps.at(-1).loss < 0.2 && steps[0].loss > 0.8, `${steps[0].loss}, then ${steps.at(-1).loss}`);
    const model = join(at('runs'), readdirSync(at('runs'))[0], 'model');
    assert.deepEqual(configOf(model).architectures, ['ElectraForSequenceClassification']);
    const classifier = await openClassifier(model, { threads: 1 });
    const logits = await classifier.logits(PAIRS);
    await classifier.close();
    for (const format of ['huggingface', 'modelscope', 'onnx'] as const) {
      await exportModel(model, at(format), { format, threads: 1 });
      await assertLogits(at(format), logits);
    }
    for (const format of ['onnx-fp16', 'onnx-int8'] as const) {
      const { largestDifference } = await exportModel(model, at(format), { format, threads: 1 });
      assert.ok(largestDifference! > 0);
    }
    await exportModel(model, at('sentences'), { format: 'sentence-transformers', threads: 1 });
    const names = [...(await tensorsOf(at('sentences/model.safetensors'))).keys()];
    // ElectraModel has no pooler and no head.
    assert.ok(names.length > 0 && names.every((name) => /^electra\.(embeddings|embeddings_project|encoder)\./.test(name)), names.join()); // prettier-ignore
    assert.deepEqual(configOf(at('sentences')).architectures, ['ElectraModel']);
    // An ONNX file of it tells its weights, which another training goes on from.
    const loaded = await loadNetwork(await openModelFolder(at('onnx')), sequenceHead, 3, { seed: 0 });
    assert.equal(loaded.graph, undefined);
  });

  it("takes ElectraConfig's own default for a size that is not said, and refuses weights of another", async () => {
    cpSync(join(FIXTURES, 'classifier'), at('unsaid'), { recursive: true });
    const { embedding_size: _, ...config } = configOf(at('unsaid'));
    writeFileSync(at('unsaid/config.json'), JSON.stringify(config));
    await assert.rejects(openClassifier(at('unsaid')), {
      code: 'CHECKPOINT_MISMATCH',
      message: /\[23,8\].*\[23,128\]/,
    });
  });
});
