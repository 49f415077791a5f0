import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openClassifier } from '../../src/inference/openClassifier';
import { Session } from '../../src/inference/session';
import { Operators } from '../../src/onnx/operators';
import { readModel } from '../../src/onnx/readModel';
import { withSymbolicShapes, type Sizes } from '../../src/onnx/symbolicShapes';
import { medtextFails, medtextJson } from './support/commandLine';
import { writeTinyModel } from './support/tinyModel';

describe('medtext export', () => {
  let folder: string;
  let model: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-export-'));
    model = await writeTinyModel(join(folder, 'model'), {
      labels: ['0', '1', '2'],
      layers: 2,
      usage: { task: 'sentence-similarity', max_length: 24, label_scores: { '0': 0, '1': 0.2, '2': 1 } },
    });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('ONNX: any batch and length, the logits of the engine', async () => {
    const output = join(folder, 'onnx');
    const [exported] = await medtextJson(['export', model, '--format', 'onnx', '--output', output]);
    assert.ok(exported.largestDifference < 1e-5);
    for (const name of ['model.onnx', 'config.json', 'vocab.txt', 'label_mapping.json']) {
      assert.ok(exported.files.includes(name) && existsSync(join(output, name)), name);
    }
    const bytes = readFileSync(join(output, 'model.onnx'));
    const { graph } = readModel(bytes);
    assert.deepEqual(
      [...graph.inputs, ...graph.outputs].map(({ name, shape }) => [name, shape]),
      [
        ['input_ids', ['batch', 'sequence']],
        ['attention_mask', ['batch', 'sequence']],
        ['token_type_ids', ['batch', 'sequence']],
        ['logits', ['batch', 3]],
      ],
    );
    const classifier = await openClassifier(model);
    const session = await Session.create(bytes);
    for (const batch of [['肺炎'], ['肺炎怎么治疗', '感冒'], Array<string>(5).fill('高血压吃什么药能治')]) {
      const encoded = batch.map((text) => classifier.tokenizer.encodePair(text, '胃', 24));
      const length = Math.max(...encoded.map((e) => e.length));
      const feed = (of: (e: (typeof encoded)[number], i: number) => number) => ({
        dataType: 'int64' as const,
        shape: [batch.length, length],
        data: BigInt64Array.from(encoded.flatMap((e) => Array.from({ length }, (_, i) => BigInt(of(e, i))))),
      });
      const { logits } = await session.run({
        input_ids: feed((e, i) => e.inputIds[i] ?? 0),
        attention_mask: feed((e, i) => (i < e.length ? 1 : 0)),
        token_type_ids: feed((e, i) => e.tokenTypeIds[i] ?? 0),
      });
      assert.deepEqual(logits.shape, [batch.length, 3]);
      const expected = await classifier.logits(batch.map((first) => ({ first, second: '胃' })));
      expected.forEach((value, i) => assert.ok(Math.abs(value - Number(logits.data[i])) < 1e-5));
    }
    await session.release();
    await classifier.close();
  });

  it('a model folder: the same scores, label scores included; never over other files', async () => {
    const output = join(folder, 'huggingface');
    await medtextJson(['export', model, '--output', output]);
    const [a] = await medtextJson(['score', model, '肺炎', '感冒']);
    const [b] = await medtextJson(['score', output, '肺炎', '感冒']);
    assert.deepEqual(a, b);
    assert.ok(Math.abs(a.similarity - (0.2 * a.probabilities['1'] + a.probabilities['2'])) < 1e-12);
    await medtextFails(['export', model, '--output', output], 1, 'IO');
    assert.match(await medtextFails(['export', model, '--output', 'x', '--format', 'onx'], 2, 'USAGE'), /mean onnx/);
  });

  it('ModelScope: pytorch_model.bin in place of safetensors, with the same scores', async () => {
    const output = join(folder, 'modelscope');
    const [exported] = await medtextJson(['export', model, '--format', 'modelscope', '--output', output]);
    assert.ok(exported.files.includes('pytorch_model.bin') && !exported.files.includes('model.safetensors'));
    const [a] = await medtextJson(['score', model, '肺炎', '感冒']);
    const [b] = await medtextJson(['score', output, '肺炎', '感冒']);
    assert.deepEqual(a, b);
  });

  it('refuses graphs that differ in more than shapes', () => {
    const options = {
      samples: [{ n: 2 }, { n: 3 }, { n: 5 }] as [Sizes, Sizes, Sizes],
      dimensions: { n: { input: 'x', axis: 0 } },
    };
    const scaled = ({ n }: Sizes) => {
      const g = new Operators();
      g.output(g.mul(g.input('x', 'float32', [n]), n), 'y');
      return g.build('scaled');
    };
    assert.throws(() => withSymbolicShapes(scaled, options), { code: 'GRAPH' });
    const squared = ({ n }: Sizes) => {
      const g = new Operators();
      g.output(g.expand(g.input('x', 'float32', [n]), [n * n * n, n]), 'y');
      return g.build('squared');
    };
    assert.throws(() => withSymbolicShapes(squared, options), { code: 'GRAPH', message: /no expression of n/ });
  });
});
