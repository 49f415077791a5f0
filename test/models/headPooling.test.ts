/** A classification head on the mean of the tokens, or on the first token as it is, beside PyTorch's. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addGradients } from '../../src/autodiff/gradients';
import type { MedTextError } from '../../src/base/errors';
import { exportModel } from '../../src/exports/exportModel';
import { openClassifier } from '../../src/inference/openClassifier';
import { bertNetwork, declareInputs } from '../../src/models/encoder';
import { loadParameters, openModelFolder } from '../../src/models/modelFolder';
import { encoderParameterSpecs } from '../../src/models/parameterNames';
import { sequenceHead } from '../../src/models/heads/sequence';
import type { Value } from '../../src/onnx/graphBuilder';
import { Operators } from '../../src/onnx/operators';
import { softCrossEntropy } from '../../src/tasks/losses/crossEntropy';
import { medtextJson } from '../cli/support/commandLine';
import { writeTinyModel } from '../cli/support/tinyModel';
import expected from '../fixtures/headPooling/expected.json';
import { runGraph } from '../support/graphRunner';

const QUERY = 'bert.encoder.layer.0.attention.self.query.weight';
const ENCODER = join(__dirname, '../fixtures/layouts/sentences-mean');

describe('what a classification head reads', () => {
  for (const pooling of ['mean', 'cls'] as const) {
    it(`${pooling}: logits, loss and gradients are PyTorch's`, async () => {
      const folder = await openModelFolder(ENCODER);
      const config = { ...folder.config, headPooling: pooling };
      const specs = [...encoderParameterSpecs(config), ...sequenceHead.specs(config, 3)];
      assert.ok(specs.every(({ name }) => !name.includes('pooler')));
      const { parameters } = await loadParameters(folder, specs, { seed: 1 });
      parameters.values('classifier.weight').set(expected.weight.flat());
      parameters.values('classifier.bias').set(expected.bias);
      const [batch, length] = [expected.ids.length, expected.ids[0].length];
      const g = new Operators();
      const inputs = declareInputs(g, batch, length);
      const values = new Map<string, Value>();
      const parameter = (name: string) => {
        const value = values.get(name) ?? g.input(name, 'float32', parameters.shape(name));
        values.set(name, value);
        return value;
      };
      const logits = bertNetwork(config, sequenceHead, 3).build(g, inputs, { parameter });
      const targets = g.input('targets', 'float32', [batch, 3]);
      const loss = g.div(softCrossEntropy(g, logits, targets), batch);
      g.output(logits, 'logits');
      g.output(loss, 'loss');
      const watched = ['classifier.weight', QUERY];
      const gradients = addGradients(g, loss, watched.map((name) => values.get(name)!)); // prettier-ignore
      watched.forEach((name) => g.output(gradients.get(name)!, `grad.${name}`));
      const oneHot = expected.labels.flatMap((label) => [0, 1, 2].map((id) => Number(id === label)));
      const result = await runGraph(g.build('head'), {
        ...Object.fromEntries(specs.map(({ name }) => [name, parameters.values(name)])),
        inputIds: expected.ids.flat(),
        tokenTypeIds: new Array(batch * length).fill(0),
        attentionMask: expected.mask.flat(),
        targets: oneHot,
      });
      const of = expected[pooling];
      // float32 sums in another order, two layers deep.
      const near = (ours: readonly number[], theirs: readonly number[], what: string) =>
        theirs.forEach((value, i) => assert.ok(Math.abs(ours[i] - value) < 2e-5, `${what} ${i}: ${ours[i]}, ${value}`));
      near(result.logits, of.logits.flat(), 'logit');
      near(result.loss, [of.loss], 'loss');
      near(result['grad.classifier.weight'], of.weightGradient.flat(), 'gradient of the classifier');
      near(result[`grad.${QUERY}`], of.queryGradient, 'gradient of a query');
      assert.ok(Math.abs(Math.hypot(...result[`grad.${QUERY}`]) - of.queryGradientNorm) < 1e-5);
    });
  }

  it('is a field of the recipe, by default what the folder says; ONNX holds it, Hugging Face’s classes do not', async () => {
    const home = mkdtempSync(join(tmpdir(), 'medtext-pooling-'));
    try {
      const encoder = await writeTinyModel(join(home, 'encoder'), {});
      const modules = [{ type: 'sentence_transformers.models.Transformer', path: '' }, { type: 'sentence_transformers.models.Pooling', path: '1_Pooling' }]; // prettier-ignore
      const rows = ['肺炎怎么治疗', '感冒吃什么药', '头痛挂什么科', '胃镜手术'].map((text, i) => ({ text, label: String(i % 2) })); // prettier-ignore
      const data = join(home, 'train.json');
      writeFileSync(data, JSON.stringify(rows));
      const train = async (name: string, ...set: string[]) => {
        const flags = ['--model', encoder, '--train', data, '--validation', data, '--epochs', '1', '--device', 'cpu', '--threads', '1']; // prettier-ignore
        const lines = await medtextJson(['finetune', ...flags, '--set', `work_dir=${join(home, name)}`, ...set]);
        return lines.at(-1).model as string;
      };
      const poolingOf = (model: string) => JSON.parse(readFileSync(join(model, 'config.json'), 'utf8')).medtext.pooling;
      assert.equal(poolingOf(await train('plain')), undefined);
      writeFileSync(join(encoder, 'modules.json'), JSON.stringify(modules));
      mkdirSync(join(encoder, '1_Pooling'));
      writeFileSync(join(encoder, '1_Pooling', 'config.json'), JSON.stringify({ pooling_mode_mean_tokens: true }));
      const mean = await train('mean');
      assert.equal(poolingOf(mean), 'mean');
      assert.equal(poolingOf(await train('pooler', '--set', 'model_head.pooling=pooler')), 'pooler');
      const classifier = await openClassifier(mean, { device: 'cpu', threads: 1 });
      assert.equal(classifier.folder.config.headPooling, 'mean');
      await classifier.close();
      const { largestDifference } = await exportModel(mean, join(home, 'onnx'), { format: 'onnx', threads: 1 });
      assert.ok(largestDifference! < 1e-5, String(largestDifference));
      for (const format of ['huggingface', 'modelscope'] as const) {
        await assert.rejects(exportModel(mean, join(home, format), { format }), (error: MedTextError) => {
          assert.equal(error.code, 'UNSUPPORTED');
          assert.match(error.message, /the mean of the tokens.*onnx/);
          return true;
        });
        assert.ok(!existsSync(join(home, format)));
      }
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
