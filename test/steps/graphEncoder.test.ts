import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { openClassifier } from '../../src/inference/openClassifier';
import { declareInputs } from '../../src/models/encoder';
import { graphClassifier } from '../../src/models/graphClassifier';
import { sequenceHead } from '../../src/models/heads/sequence';
import { loadNetwork } from '../../src/models/loadNetwork';
import { openModelFolder } from '../../src/models/modelFolder';
import { Parameters } from '../../src/models/parameters';
import type { Model } from '../../src/onnx/model';
import { Operators } from '../../src/onnx/operators';
import { readModel } from '../../src/onnx/readModel';
import { writeModel } from '../../src/onnx/writeModel';
import { resolveRecipe, validateRecipe, type Recipe } from '../../src/protocol/recipe';
import type { TrainingReport } from '../../src/protocol/trainer';
import { evaluateModel } from '../../src/evaluation/evaluateModel';
import { exportModel } from '../../src/exports/exportModel';
import { crossEntropy } from '../../src/tasks/losses/crossEntropy';
import { finetune } from '../../src/training/finetune';
import { decayName, trainedGraphParameters } from '../../src/training/trainable';
import { Trainer } from '../../src/steps/trainer';
import {
  encoderBytes,
  floatsOf,
  FIXTURES,
  LAYOUTS,
  REFERENCE,
  runOnnx,
  encoderFeeds,
  type Layout,
} from '../onnx/foreignEncoders';

/** The layout's encoder with the -3.4e38 that it hides padding by replaced by -Infinity, as other exporters write it. */
function hidingByInfinity(layout: Layout): Buffer {
  const float = (value: number) => Buffer.from(Float32Array.of(value).buffer);
  const bytes = Buffer.from(encoderBytes(layout));
  const at = bytes.indexOf(float(-3.4028234663852886e38));
  assert.ok(at > 0, layout);
  float(-Infinity).copy(bytes, at);
  return bytes;
}

interface Steps {
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
  readonly sumsOfSquares: Readonly<Record<string, number>>;
}
const STEPS = JSON.parse(readFileSync(join(__dirname, '../fixtures/foreignTraining/steps.json'), 'utf8')) as {
  learningRate: number;
  batches: { inputIds: number[]; tokenTypeIds: number[]; label: number }[][];
  classifier: { weight: string; bias: string };
  pooled: Steps;
  firstToken: Steps;
};
const CONFIG = { model_type: 'bert', vocab_size: 40, hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 16, max_position_embeddings: 12 }; // prettier-ignore
const VOCABULARY = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...'肺炎感冒高血压糖尿病怎么治疗吃药头痛胃'];

describe('training an encoder that is an ONNX graph', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'medtext-graph-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** optimum's layout: the graph one folder below configuration and vocabulary. */
  function encoderFolder(layout: Layout, config: object = CONFIG, bytes: Uint8Array = encoderBytes(layout)): string {
    const path = join(folder, 'encoder');
    mkdirSync(join(path, 'onnx'), { recursive: true });
    writeFileSync(join(path, 'onnx/model.onnx'), bytes);
    writeFileSync(join(path, 'config.json'), JSON.stringify(config));
    writeFileSync(join(path, 'vocab.txt'), `${VOCABULARY.join('\n')}\n`);
    return path;
  }

  async function trainSteps(layout: Layout, { batchSize = 4, bytes = encoderBytes(layout) } = {}) {
    const config = (await openModelFolder(encoderFolder(layout))).config;
    const graph = graphClassifier(readModel(bytes), config, 3, layout);
    const parameters = new Parameters(graph.specs);
    for (const [name, tensor] of graph.stored) parameters.values(name).set(tensor.data as Float32Array);
    parameters.values('classifier.weight').set(floatsOf(STEPS.classifier.weight));
    parameters.values('classifier.bias').set(floatsOf(STEPS.classifier.bias));
    const trainer = await Trainer.create({
      network: graph,
      parameters,
      trained: trainedGraphParameters(graph, 'all'),
      objective: crossEntropy({ labelCount: 3, labelSmoothing: 0 }),
      adamW: {
        betas: [0.9, 0.999],
        eps: 1e-8,
        weightDecay: 0.01,
        decays: (name) => !['bias', 'LayerNorm.weight'].some((p) => decayName(name, parameters).includes(p)),
      },
      maxGradientNorm: 1,
      batchSize,
      dropout: 0,
      seed: 1,
      padTokenId: 0,
      session: {},
    });
    const results: { loss: number; gradientNorm: number }[] = [];
    for (const [index, batch] of STEPS.batches.entries()) {
      const examples = batch.map(({ inputIds, tokenTypeIds, label }) => ({
        target: label,
        encoded: {
          inputIds: Int32Array.from(inputIds),
          tokenTypeIds: Int32Array.from(tokenTypeIds),
          length: inputIds.length,
          truncated: false,
        },
      }));
      const length = Math.max(...batch.map(({ inputIds }) => inputIds.length));
      results.push(await trainer.step([{ examples, length }], index + 1, STEPS.learningRate));
    }
    await trainer.close();
    return { results, parameters, graph };
  }

  for (const layout of LAYOUTS) {
    const expected = layout === 'torchscript' ? STEPS.pooled : STEPS.firstToken;
    it(`${layout}: ten steps are PyTorch's, whatever the exporter called the weights`, async () => {
      const { results, parameters } = await trainSteps(layout);
      const near = (actual: number, wanted: number, relative: number, what: string) =>
        assert.ok(Math.abs(actual - wanted) <= relative * Math.abs(wanted), `${what}: ${actual}, PyTorch ${wanted}`);
      results.forEach(({ loss, gradientNorm }, i) => {
        near(loss, expected.losses[i], 1e-4, `loss of step ${i + 1}`);
        near(gradientNorm, expected.gradientNorms[i], 1e-3, `gradient norm of step ${i + 1}`);
      });
      const trained = parameters.names.map((name) => REFERENCE.parameterNames[layout][name]?.parameter ?? name);
      assert.deepEqual([...trained].sort(), Object.keys(expected.sumsOfSquares).sort());
      for (const [i, name] of parameters.names.entries()) {
        // Softmax does not see a key's bias: its gradient is rounding noise, which Adam scales to full steps.
        if (trained[i].endsWith('key.bias')) continue;
        const sum = parameters.values(name).reduce((total, value) => total + value * value, 0);
        near(sum, expected.sumsOfSquares[trained[i]], 1e-3, trained[i]);
      }
    });
  }

  it('rows that fill a batch up change neither loss nor gradient, where padding is hidden by -Infinity too', async () => {
    for (const layout of LAYOUTS) {
      const { results: full } = await trainSteps(layout);
      const { results: filled } = await trainSteps(layout, { batchSize: 6, bytes: hidingByInfinity(layout) });
      filled.forEach(({ loss, gradientNorm }, i) => {
        assert.ok(Math.abs(loss - full[i].loss) < 1e-5, `${layout}, step ${i + 1}: ${loss}, not ${full[i].loss}`);
        const off = Math.abs(gradientNorm - full[i].gradientNorm);
        assert.ok(off < 1e-4 * full[i].gradientNorm, `${layout}, step ${i + 1}: ${gradientNorm}`);
      });
    }
  });

  it('the trained graph takes any batch and length and gives what training computed', async () => {
    for (const layout of LAYOUTS) {
      const { parameters, graph } = await trainSteps(layout);
      const model = graph.trainedModel(parameters);
      const bytes = writeModel(model).bytes;
      assert.equal(model.graph.outputs[0].name, 'logits');
      const again = graphClassifier(readModel(bytes), graph.config, 3, layout);
      assert.deepEqual([...again.stored.keys()].sort(), parameters.names.sort());
      for (const reference of REFERENCE.cases) {
        const { logits } = await runOnnx(bytes, encoderFeeds(reference));
        assert.deepEqual(logits.dims, [reference.shape[0], 3]);
        const known = await openRunner(again, reference.shape, encoderFeeds(reference));
        known.forEach((value, i) => assert.ok(Math.abs(value - Number(logits.data[i])) < 1e-5));
      }
    }
  });

  const pairs = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      query1: ['肺炎怎么治', '感冒吃药', '头痛', '高血压'][i % 4],
      query2: ['肺炎', '胃痛', '糖尿病治疗', '头痛'][(i >> 1) % 4],
      label: String((i * 7 + (i >> 2)) % 3),
    }));

  function recipe(model: string, train: Partial<Recipe['train']> = {}): Recipe {
    const file = join(folder, 'pairs.json');
    writeFileSync(file, JSON.stringify(pairs(24)));
    const split = {
      file,
      first_sequence: 'query1',
      second_sequence: 'query2',
      label: 'label',
      labels: ['0', '1', '2'],
    };
    return {
      task: 'sentence-similarity',
      model,
      dataset: { train: split, validation: split },
      train: {
        max_epochs: 4,
        batch_size: 4,
        optimizer: { lr: 5e-3 },
        evaluate_every: 6,
        early_stopping: null,
        ...train,
      },
      work_dir: join(folder, 'runs'),
    };
  }

  async function run(given: Recipe, options: { stopAfter?: number; resumeFrom?: string } = {}) {
    const stop = new AbortController();
    const reports: TrainingReport[] = [];
    const log: string[] = [];
    const result = await finetune({
      recipe: resolveRecipe(validateRecipe(given, 'test')),
      baseFolder: folder,
      resumeFrom: options.resumeFrom,
      onReport: (report) => {
        reports.push(report);
        if (report.step === options.stopAfter) stop.abort();
      },
      onEvaluation: () => {},
      log: (line) => log.push(line),
      stopSignal: stop.signal,
    });
    return { result, losses: reports.map(({ loss }) => loss), log };
  }

  it('a recipe fine-tunes it, stops, resumes bit for bit; the result scores, evaluates and is trained again', async () => {
    const encoder = encoderFolder('torchscript', CONFIG, anonymised('torchscript'));
    const whole = await run(recipe(encoder));
    assert.ok(
      whole.log.some((line) => line.includes('a new head on pooler_output')),
      whole.log.join('\n'),
    );
    assert.ok(whole.losses.at(-1)! < whole.losses[0], 'it learns');
    const begun = await run(recipe(encoder), { stopAfter: 9 });
    const rest = await run(recipe(encoder), { resumeFrom: begun.result.run });
    assert.deepEqual([...begun.losses, ...rest.losses], whole.losses);

    const { model } = whole.result;
    const report = await evaluateModel(model, join(folder, 'pairs.json'), { threads: 1 });
    assert.deepEqual(JSON.parse(JSON.stringify(report)).confusionMatrix, (whole.result.best!.evaluation as { confusionMatrix: unknown }).confusionMatrix); // prettier-ignore
    const classifier = await openClassifier(model, { threads: 1 });
    assert.deepEqual(classifier.labels, ['0', '1', '2']);
    assert.equal(classifier.task, 'sentence-similarity');
    assert.ok((await classifier.logits([{ first: '肺炎', second: '感冒' }])).every(Number.isFinite));
    await classifier.close();

    const second = await run(recipe(model));
    assert.ok(
      second.log.some((line) => line.includes('its own logits')),
      second.log.join('\n'),
    );
    assert.ok(second.losses[0] < whole.losses[0], 'it goes on from what it learnt');
  });

  it('the result exports to ONNX in every precision, and to no layout that would need names', async () => {
    for (const layout of LAYOUTS) {
      rmSync(join(folder, 'encoder'), { recursive: true, force: true });
      const encoder = encoderFolder(layout, CONFIG, anonymised(layout));
      const { model } = (await run(recipe(encoder, { max_epochs: 1 }))).result;
      const classifier = await openClassifier(model, { threads: 1 });
      const texts = [{ first: '肺炎怎么治', second: '感冒' }, { first: '头痛', second: '高血压' }]; // prettier-ignore
      const expected = await classifier.logits(texts);
      await classifier.close();
      const scale = Math.max(1, ...expected.map(Math.abs));
      for (const [format, tolerance] of [
        ['onnx', 1e-5],
        ['onnx-fp16', 0.01],
        ['onnx-int8', 0.2],
      ] as const) {
        // prettier-ignore
        const output = join(folder, `${layout}-${format}`);
        const exported = await exportModel(model, output, { format, threads: 1 });
        assert.ok(exported.largestDifference! < tolerance * scale, `${layout} ${format}: ${exported.largestDifference}`); // prettier-ignore
        const file = exported.files.find((name) => name.endsWith('.onnx'))!;
        const { graph } = readModel(readFileSync(join(output, file)));
        assert.deepEqual(graph.outputs.map(({ name, dataType }) => [name, dataType]), [['logits', 'float32']]); // prettier-ignore
        assert.ok(graph.outputs[0].shape[0] === '' || typeof graph.outputs[0].shape[0] === 'string');
        const types = [...graph.initializers.values()].filter(({ data }) => data.length > 64).map(({ dataType }) => dataType); // prettier-ignore
        const wanted = { onnx: 'float32', 'onnx-fp16': 'float16', 'onnx-int8': 'int8' }[format];
        // Biases and small tables are not quantised.
        if (format !== 'onnx-int8')
          assert.ok(types.every((type) => type === wanted), `${layout} ${format}: ${types}`); // prettier-ignore
        else assert.ok(types.filter((type) => type === wanted).length >= 12, `${layout} ${format}: ${types}`);
        const again = await openClassifier(output, { threads: 1 });
        const logits = await again.logits(texts);
        await again.close();
        logits.forEach((logit, i) => assert.ok(Math.abs(logit - expected[i]) < tolerance * scale, `${layout} ${format}`)); // prettier-ignore
        if (format === 'onnx-int8') {
          await assert.rejects(exportModel(output, join(folder, 'twice'), { format: 'onnx-fp16' }), { code: 'UNSUPPORTED', message: /quantised.*not be exported/ }); // prettier-ignore
        }
      }
      for (const format of ['huggingface', 'modelscope', 'sentence-transformers'] as const) {
        await assert.rejects(exportModel(model, join(folder, 'no'), { format }), { code: 'UNSUPPORTED', message: new RegExp(`do not have BERT.s names.*${format}`) }); // prettier-ignore
        assert.ok(!existsSync(join(folder, 'no')));
      }
    }
  });

  it('architectures that are not ours are trained through their graph', async () => {
    const { hidden_size, ...config } = CONFIG;
    const encoder = encoderFolder('dynamo', { ...config, model_type: 'distilbert', dim: hidden_size, dropout: 0.1 });
    const { result } = await run(recipe(encoder));
    const written = JSON.parse(readFileSync(join(result.model, 'config.json'), 'utf8'));
    assert.equal(written.model_type, 'distilbert');
    assert.deepEqual(written.id2label, { '0': '0', '1': '1', '2': '2' });
    assert.ok(existsSync(join(result.model, 'model.onnx')));
    assert.ok((await evaluateModel(result.model, join(folder, 'pairs.json'), { threads: 1 })).rows === 24);
  });

  it('says what it cannot train, and why', async () => {
    const config = (await openModelFolder(encoderFolder('optimum'))).config;
    const model = readModel(encoderBytes('optimum'));
    const refuses = (changed: Model, pattern: RegExp, labels = 3) =>
      assert.throws(() => graphClassifier(changed, config, labels, 'x.onnx'), (e: { code: string; message: string }) => {
        assert.equal(e.code, 'UNSUPPORTED');
        assert.match(e.message, pattern);
        return true;
      }); // prettier-ignore
    const { graph } = model;
    const [node] = graph.nodes;
    const withNode = (change: object): Model => ({ ...model, graph: { ...graph, nodes: [{ ...node, ...change }, ...graph.nodes] } }); // prettier-ignore
    refuses(withNode({ opType: 'DynamicQuantizeLinear', name: 'q' }), /quantised \(operator DynamicQuantizeLinear, node "q"\).*not be fine-tuned/); // prettier-ignore
    refuses(withNode({ domain: 'com.microsoft', opType: 'SkipLayerNormalization' }), /optimised for one runtime/);
    const renamed = graph.inputs.map((input) => ({
      ...input,
      name: input.name === 'input_ids' ? 'pixels' : input.name,
    }));
    refuses({ ...model, graph: { ...graph, inputs: renamed } }, /input "pixels"/);

    const graph3 = graphClassifier(model, config, 3, 'x.onnx');
    assert.throws(() => trainedGraphParameters(graph3, { last_layers: 1 }), { code: 'RECIPE' });
    assert.deepEqual([...trainedGraphParameters(graph3, 'head')], ['classifier.weight', 'classifier.bias']);
    const parameters = new Parameters(graph3.specs);
    for (const [name, { data }] of graph3.stored) parameters.values(name).set(data as Float32Array);
    const trained = graph3.trainedModel(parameters);
    // Another number of labels gets a new head on the encoder that is still in the file.
    assert.match(graphClassifier(trained, config, 2, 'x.onnx').readout, /new head on last_hidden_state/);
    const onlyLogits = { ...trained, graph: { ...trained.graph, outputs: trained.graph.outputs.slice(0, 1) } };
    refuses(onlyLogits, /classifier has 3 labels, but the data have 2/, 2);
  });

  it('an ONNX file whose weights tell their names is trained as weights', async () => {
    const loaded = async () => loadNetwork(await openModelFolder(join(folder, 'named')), sequenceHead, 3, { seed: 1 });
    cpSync(join(FIXTURES, '../checkpoints/traced.onnx'), join(folder, 'named/model.onnx'), { recursive: true });
    cpSync(join(FIXTURES, '../checkpoints/structbert/config.json'), join(folder, 'named/config.json'));
    const report = await loaded().catch((error: Error) => error);
    assert.ok(!(report instanceof Error) && report.graph === undefined, String(report));
  });
});

/** An export whose initialisers have lost all their names, biases and embeddings too. */
function anonymised(layout: Layout): Uint8Array {
  const model = readModel(encoderBytes(layout));
  const { graph } = model;
  const names = new Map([...graph.initializers.keys()].map((name, i) => [name, `onnx::Param_${i}`]));
  const initializers = new Map([...graph.initializers].map(([name, tensor]) => [names.get(name)!, tensor]));
  const nodes = graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map((name) => names.get(name) ?? name) }));
  return writeModel({ ...model, graph: { ...graph, nodes, initializers } }).bytes;
}

/** The logits of the engine's own static graph of the classifier. */
async function openRunner(
  graph: ReturnType<typeof graphClassifier>,
  [batch, length]: readonly number[],
  feeds: ReturnType<typeof encoderFeeds>,
): Promise<Float32Array> {
  const g = new Operators();
  const values = new Map([...graph.stored].map(([name, tensor]) => [name, g.constant(tensor, name)]));
  g.output(graph.build(g, declareInputs(g, batch, length), { parameter: (name) => values.get(name)! }), 'logits');
  const narrow = (name: string) => new ort.Tensor('int32', Int32Array.from(feeds[name].data as BigInt64Array, Number), [batch, length]); // prettier-ignore
  const outputs = await runOnnx(writeModel(g.build('static')).bytes, {
    inputIds: narrow('input_ids'),
    attentionMask: narrow('attention_mask'),
    tokenTypeIds: narrow('token_type_ids'),
  });
  return outputs.logits.data as Float32Array;
}
