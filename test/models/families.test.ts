/** Encoders of other families, exported by both of PyTorch's exporters: which score, which train, which need exact lengths. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { addGradients } from '../../src/autodiff/gradients';
import { graphReadsPadding } from '../../src/inference/paddingProbe';
import { openClassifier } from '../../src/inference/openClassifier';
import { readOnnxFile } from '../../src/models/checkpoint/onnxWeights';
import { graphClassifier } from '../../src/models/graphClassifier';
import { importModel } from '../../src/models/importModel';
import { openModelFolder } from '../../src/models/modelFolder';
import { Operators } from '../../src/onnx/operators';
import type { Value } from '../../src/onnx/graphBuilder';
import type { Model } from '../../src/onnx/model';
import { readModel } from '../../src/onnx/readModel';
import { writeModel } from '../../src/onnx/writeModel';
import { floatsOf, largestError, runOnnx } from '../onnx/foreignEncoders';
import * as ort from 'onnxruntime-node';

const FIXTURES = join(__dirname, '../fixtures/families');
const EXPORTERS = ['torchscript', 'dynamo'] as const;

interface Reference {
  readonly class: string;
  readonly config: Readonly<Record<string, string | number>>;
  readonly inputs: Readonly<Record<string, readonly (readonly number[])[]>>;
  /** [3, 9, 8] */
  readonly hidden: string;
  /** The last row without its padding: [1, 7, 8]. */
  readonly alone: string;
  readonly loss: number;
  /** Name, sum of values, and of the gradient: sum, sum of squares, sum of cubes, largest magnitude. */
  readonly parameters: readonly (readonly [string, number, number, number, number, number])[];
}

/** Made by make.py beside it. */
const REFERENCE = JSON.parse(readFileSync(join(FIXTURES, 'reference.json'), 'utf8')) as Record<string, Reference>;

/** Which family goes which way; docs/en/models.md says the same. */
const TRAINED = [
  'albert',
  'data2vec-text',
  'deberta-v2',
  'distilbert',
  'eurobert',
  'luke',
  'megatron-bert',
  'modernbert',
  'mpnet',
  'rembert',
  'roformer',
  'xlm-roberta-xl',
];
const SCORED_ONLY = ['convbert', 'nystromformer', 'squeezebert'];
const EXACT_LENGTHS = ['convbert', 'nystromformer'];

const [BATCH, LENGTH, WIDTH] = [3, 9, 8];

function bytesOf(name: string, exporter: string): Uint8Array {
  return gunzipSync(readFileSync(join(FIXTURES, `${name}.${exporter}.onnx.gz`)));
}

function int64(rows: readonly (readonly number[])[]): ort.Tensor {
  return new ort.Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0].length]);
}

/** Within float32's rounding over two layers, as a share of the largest. */
function assertClose(actual: Float32Array, expected: Float32Array, rounding: number): void {
  const largest = Math.max(...expected.map(Math.abs));
  const error = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]))) / largest;
  assert.equal(actual.length, expected.length);
  assert.ok(error <= rounding, `${error}`);
}

const sum = (values: Iterable<number>, power = 1) => {
  let total = 0;
  for (const value of values) total += value ** power;
  return total;
};

describe('encoders of other families', () => {
  it('are all in the table', () => {
    assert.deepEqual(Object.keys(REFERENCE).sort(), [...TRAINED, ...SCORED_ONLY].sort());
  });

  for (const [name, reference] of Object.entries(REFERENCE)) {
    for (const exporter of EXPORTERS) {
      it(`${name}, ${exporter}: hidden states equal PyTorch's`, async () => {
        // EuroBERT's norm, of this exporter, multiplies by Reciprocal(Sqrt(x)): one rounding more at every norm.
        const rounding = name === 'eurobert' && exporter === 'dynamo' ? 7e-7 : 5e-7;
        const bytes = bytesOf(name, exporter);
        const feeds = Object.fromEntries(Object.entries(reference.inputs).map(([key, rows]) => [key, int64(rows)]));
        const { last_hidden_state: hidden } = await runOnnx(bytes, feeds);
        assertClose(hidden.data as Float32Array, floatsOf(reference.hidden), rounding);
        const last = Object.fromEntries(
          Object.entries(reference.inputs).map(([key, rows]) => [key, int64([rows[2].slice(0, 7)])]),
        );
        const alone = (await runOnnx(bytes, last)).last_hidden_state;
        assertClose(alone.data as Float32Array, floatsOf(reference.alone), rounding);
      });
    }
  }

  for (const name of TRAINED) {
    for (const exporter of EXPORTERS) {
      it(`${name}, ${exporter}: trained through its graph, every gradient equals PyTorch's`, () =>
        assertTrains(name, readModel(bytesOf(name, exporter))));
    }
  }

  for (const name of SCORED_ONLY) {
    for (const exporter of EXPORTERS) {
      it(`${name}, ${exporter}: refused for training, its operator named`, () => {
        assert.throws(() => graphClassifier(readModel(bytesOf(name, exporter)), configOf(name), 3, `${name}.onnx`), {
          code: 'NO_GRADIENT',
          message: new RegExp(`^${name}\\.onnx cannot be trained: .*operator Conv .*It can score`),
        });
      });
    }
  }
});

function configOf(name: string) {
  const { vocab_size, max_position_embeddings, pad_token_id, model_type } = REFERENCE[name].config;
  return {
    modelType: String(model_type),
    vocabSize: Number(vocab_size),
    hiddenSize: WIDTH,
    layerCount: 2,
    headCount: 2,
    intermediateSize: 12,
    activation: 'gelu' as const,
    maxPositions: Number(max_position_embeddings),
    typeVocabSize: 2,
    positionOffset: 0,
    padTokenId: Number(pad_token_id),
    layerNormEps: 1e-12,
    hiddenDropout: 0,
    attentionDropout: 0,
    classifierDropout: 0,
    initializerRange: 0.02,
  };
}

/** Loss and gradients of a classifier on the first token, as make.py's, against PyTorch's. */
async function assertTrains(name: string, file: Model): Promise<void> {
  const reference = REFERENCE[name];
  const classifier = graphClassifier(file, configOf(name), 3, name);
  const g = new Operators();
  const ids = (key: string) => g.input(key, 'int32', [BATCH, LENGTH]);
  const inputs = {
    inputIds: ids('input_ids'),
    attentionMask: ids('attention_mask'),
    tokenTypeIds: ids('token_type_ids'),
  };
  const parameters = new Map<string, Value>();
  const parameter = (key: string): Value => {
    const shape = classifier.specs.find((spec) => spec.name === key)!.shape;
    const value = parameters.get(key) ?? g.input(key, 'float32', shape);
    parameters.set(key, value);
    return value;
  };
  const logits = classifier.build(g, inputs, { parameter });
  const chosen = g.input('chosen', 'float32', [BATCH, 3]);
  const loss = g.mul(g.reduceSum(g.mul(g.logSoftmax(logits), chosen)), -1 / BATCH);
  const gradients = addGradients(g, loss, [...parameters.values()]);
  g.output(loss, 'loss');
  for (const [key, gradient] of gradients) g.output(gradient, `grad.${key}`);

  const int32 = (rows: readonly (readonly number[])[]) =>
    new ort.Tensor('int32', Int32Array.from(rows.flat()), [BATCH, LENGTH]);
  const zeros = reference.inputs.input_ids.map((row) => row.map(() => 0));
  const feeds: Record<string, ort.Tensor> = {
    input_ids: int32(reference.inputs.input_ids),
    attention_mask: int32(reference.inputs.attention_mask),
    token_type_ids: int32(reference.inputs.token_type_ids ?? zeros),
    chosen: new ort.Tensor('float32', Float32Array.of(1, 0, 0, 0, 0, 1, 0, 1, 0), [BATCH, 3]),
    'classifier.weight': new ort.Tensor(
      'float32',
      Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
      [3, WIDTH],
    ),
    'classifier.bias': new ort.Tensor('float32', new Float32Array(3), [3]),
  };
  for (const [key, { shape, data }] of classifier.stored) {
    feeds[key] = new ort.Tensor('float32', data as Float32Array, [...shape]);
  }
  const outputs = await runOnnx(writeModel(g.build(name)).bytes, feeds);
  assert.ok(Math.abs((outputs.loss.data as Float32Array)[0] - reference.loss) < 2e-6, 'the loss');

  const compared = new Set<string>();
  for (const [key, { data }] of classifier.stored) {
    const values = sum(data as Float32Array);
    const known = reference.parameters.find(([, expected]) => Math.abs(expected - values) < 1e-5);
    // RoFormer's table of sines, which PyTorch freezes.
    if (!known) continue;
    const [expectedName, , total, squares, cubes, largest] = known;
    const gradient = outputs[`grad.${key}`].data as Float32Array;
    const close = (actual: number, expected: number, scale: number) =>
      assert.ok(
        Math.abs(actual - expected) <= 3e-5 * scale + 1e-6,
        `${key} (${expectedName}): ${actual}, not ${expected}`,
      );
    close(sum(gradient), total, largest * gradient.length ** 0.5);
    close(sum(gradient, 2), squares, squares);
    close(sum(gradient, 3), cubes, largest * squares);
    close(
      gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
      largest,
      largest,
    );
    compared.add(expectedName);
  }
  assert.deepEqual(
    reference.parameters.map(([key]) => key).filter((key) => !compared.has(key)),
    [],
  );
}

describe('graphs whose answers depend on padding', () => {
  let home: string;
  before(() => (home = mkdtempSync(join(tmpdir(), 'medtext-padding-'))));
  after(() => rmSync(home, { recursive: true, force: true }));

  /** A folder with the encoder and a classifier on its first token, as an exporter would write it. */
  function classifierFolder(name: string, exporter: string): string {
    const folder = join(home, `${name}-${exporter}`);
    mkdirSync(folder, { recursive: true });
    const file = readModel(bytesOf(name, exporter));
    const { graph } = file;
    const weight = { dataType: 'float32' as const, shape: [3, WIDTH], data: Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)) }; // prettier-ignore
    const model: Model = {
      ...file,
      graph: {
        ...graph,
        initializers: new Map([...graph.initializers, ['head.first', { dataType: 'int64', shape: [], data: BigInt64Array.of(0n) }], ['head.weight', weight]]), // prettier-ignore
        nodes: [
          ...graph.nodes,
          { name: 'head/Gather', opType: 'Gather', domain: '', inputs: ['last_hidden_state', 'head.first'], outputs: ['head.states'], attributes: { axis: { type: 'int', value: 1 } } }, // prettier-ignore
          { name: 'head/Gemm', opType: 'Gemm', domain: '', inputs: ['head.states', 'head.weight'], outputs: ['logits'], attributes: { transB: { type: 'int', value: 1 } } }, // prettier-ignore
        ],
        outputs: [{ name: 'logits', dataType: 'float32', shape: ['batch', 3] }],
      },
    };
    writeFileSync(join(folder, 'model.onnx'), writeModel(model).bytes);
    const pieces = Array.from({ length: 35 }, (_, i) => String.fromCharCode(0x4e00 + i));
    const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...pieces];
    writeFileSync(join(folder, 'vocab.txt'), vocabulary.join('\n'));
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...REFERENCE[name].config, num_labels: 3 }));
    return folder;
  }

  it('a graph that gives float16 gives the numbers of the same graph in float32', async () => {
    for (const name of ['albert', 'convbert']) {
      const depends = EXACT_LENGTHS.includes(name);
      const [whole, half] = [classifierFolder(name, 'dynamo'), join(home, `${name}-half`)];
      cpSync(whole, half, { recursive: true });
      const { graph, ...file } = readModel(readFileSync(join(whole, 'model.onnx')));
      const nodes = graph.nodes.map((node) => (node.name === 'head/Gemm' ? { ...node, outputs: ['wide'] } : node));
      const cast = { name: 'head/Cast', opType: 'Cast', domain: '', inputs: ['wide'], outputs: ['logits'], attributes: { to: { type: 'int', value: 10 } } } as const; // prettier-ignore
      const outputs = [{ name: 'logits', dataType: 'float16', shape: ['batch', 3] }] as const;
      const model: Model = { ...file, graph: { ...graph, nodes: [...nodes, cast], outputs } };
      writeFileSync(join(half, 'model.onnx'), writeModel(model).bytes);
      const folder = await openModelFolder(half);
      assert.equal(await graphReadsPadding(model, folder.weightsPath!, folder), depends);

      const logitsOf = async (path: string) => {
        const classifier = await openClassifier(path, { threads: 1 });
        const logits = await classifier.logits([{ first: '一丁' }, { first: '一丁丂七丄' }]);
        await classifier.close();
        return logits;
      };
      assert.ok(largestError(await logitsOf(half), await logitsOf(whole)) < 2e-3);
    }
  });

  for (const name of ['convbert', 'nystromformer', 'squeezebert', 'albert']) {
    const depends = EXACT_LENGTHS.includes(name);
    it(`${name}: ${depends ? 'found at import, and scored at exact lengths' : 'padded as usual'}`, async () => {
      const source = classifierFolder(name, 'dynamo');
      const folder = await openModelFolder(source);
      const { model } = await readOnnxFile(folder.weightsPath!);
      assert.equal(await graphReadsPadding(model, folder.weightsPath!, folder), depends);

      const kept = join(home, `${name}-kept`);
      const { report } = await importModel(source, kept, { readsPadding: graphReadsPadding });
      const remarks = (report.remarks ?? []).join('\n');
      assert.equal(/depend on padding/.test(remarks), depends);
      assert.equal(/cannot be trained.*operator Conv/.test(remarks), SCORED_ONLY.includes(name));
      const config = JSON.parse(readFileSync(join(kept, 'config.json'), 'utf8')) as { medtext: JsonRecord };
      assert.equal(config.medtext.exact_lengths, depends);

      // Texts of 4, 6 and 7 tokens with the special ones; of each alone the runtime gives the true logits.
      const texts = ['一丁', '一丁丂七', '一丁丂七丄'];
      for (const path of [kept, source]) {
        const classifier = await openClassifier(path, { threads: 1 });
        const logits = await classifier.logits(texts.map((first) => ({ first })));
        const bytes = readFileSync(join(path, 'model.onnx'));
        for (const [row, text] of texts.entries()) {
          const { inputIds } = classifier.tokenizer.encodePair(text, undefined, 99);
          const rows = (fill?: number) => int64([Array.from(inputIds, (id) => fill ?? id)]);
          const feeds = { input_ids: rows(), attention_mask: rows(1), token_type_ids: rows(0) };
          const expected = (await runOnnx(bytes, feeds)).logits.data as Float32Array;
          const actual = logits.subarray(3 * row, 3 * row + 3);
          assert.ok(
            largestError(actual, expected) < 2e-6,
            `${text}: ${[...actual].join()}, not ${[...expected].join()}`,
          );
        }
        await classifier.close();
      }
    });
  }
});

type JsonRecord = Readonly<Record<string, unknown>>;
