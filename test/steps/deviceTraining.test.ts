/** The graphs that only devices run, run on the CPU: their numbers, not their speed. */
import assert from 'node:assert/strict';
import { ClassifierRunner } from '../../src/inference/classifierRunner';
import { FedNetwork } from '../../src/inference/fedNetwork';
import { Session, type Feed } from '../../src/inference/session';
import { bertNetwork } from '../../src/models/encoder';
import { sequenceHead } from '../../src/models/heads/sequence';
import { elementCount } from '../../src/onnx/dataType';
import type { ProductStyle } from '../../src/inference/productStyle';
import { selfTestMaterial } from '../../src/devices/doctor';
import type { Graph } from '../../src/onnx/model';
import { buildLoopGraph } from '../../src/steps/loopGraph';
import { LoopTrainer } from '../../src/steps/loopTrainer';
import { Trainer } from '../../src/steps/trainer';
import type { TrainerOptions, TrainingSteps } from '../../src/steps/trainingSteps';
import { encoderParameterSpecs } from '../../src/models/parameterNames';
import { LossScale } from '../../src/steps/lossScale';
import {
  gather,
  layoutOf,
  scatter,
  stackedShape,
  stackSites,
  type ParameterLayout,
} from '../../src/steps/parameterGroups';
import { Parameters } from '../../src/models/parameters';
import { buildResidentGraph } from '../../src/steps/residentGraph';
import { batchFeeds, partsOf } from '../../src/steps/stepInputs';
import { RowGradient } from '../../src/steps/rowGradient';
import { int32Feed, TOKEN_SLOTS, tokenRows } from '../../src/steps/tokenRows';
import { buildTrainingGraph, type TrainingGraphOptions } from '../../src/steps/trainingGraph';
import { crossEntropy } from '../../src/tasks/losses/crossEntropy';
import { squaredError } from '../../src/tasks/losses/squaredError';
import { setAll } from '../support/allValues';

const { parameters, batch, config } = selfTestMaterial();
const network = bertNetwork(config, sequenceHead, 3);
const trained = new Set(parameters.names.filter((name) => !name.includes('position_embeddings')));
const objective = crossEntropy({ labelCount: 3, labelSmoothing: 0 });
const options: TrainingGraphOptions = {
  network,
  specs: parameters.specs,
  trained,
  objective,
  logits: false,
};
const adamW = { weightDecay: 0.01, decays: (name: string) => !/bias|LayerNorm/.test(name) };
const rows = batch.examples.length;
const batchInputs = batchFeeds(batch, rows, partsOf([batch], rows, objective)[0].share, { objective, padTokenId: 0 });
const { ids, slots } = tokenRows(batchInputs.inputIds.data as Int32Array);
const inputs = { ...batchInputs, [TOKEN_SLOTS]: int32Feed([rows, batch.length], slots) };
/** The only parameter whose gradient is rows. */
const EMBEDDING = 'bert.embeddings.word_embeddings.weight';
const feed = (shape: readonly number[], data: Float32Array): Feed => ({ dataType: 'float32', shape, data });

/** Loss, squared norm and gradients by parameter, of the graph that the CPU trains with. */
async function expectedGradients() {
  const session = await Session.create(buildTrainingGraph(options, rows, batch.length).model, { threads: 1 });
  const own = parameters.specs.map(({ name, shape }): [string, Feed] => [name, feed(shape, parameters.values(name))]);
  const outputs = await session.run({ ...Object.fromEntries(own), ...inputs });
  await session.release();
  const gradients = new Parameters(parameters.specs.filter(({ name }) => trained.has(name)));
  for (const name of gradients.names) {
    const values = outputs[`grad.${name}`].data as Float32Array;
    if (name === EMBEDDING) spread(values, gradients.values(name));
    else gradients.values(name).set(values);
  }
  return { loss: Number(outputs.loss.data[0]), squares: Number(outputs.gradientSquares.data[0]), gradients };
}

/** A gradient of rows in the place of one of the parameter's shape. */
function spread(values: Float32Array, into: Float32Array): void {
  new RowGradient(ids, values.subarray(0, ids.length * config.hiddenSize)).copy(0, into);
}

async function groupedGradients(products: ProductStyle, layout: ParameterLayout, scale = 1) {
  const { model } = buildResidentGraph({ ...options, products }, layout, rows, batch.length);
  const session = await Session.create(model, { threads: 1 });
  const groups = layout.groups.map((group, k): [string, Feed] => [`p.${k}`, feed(stackedShape(group), gather(group, parameters))]); // prettier-ignore
  const fixed = layout.fixed.map((name): [string, Feed] => [
    name,
    feed(parameters.shape(name), parameters.values(name)),
  ]);
  const lossScale = feed([], Float32Array.of(scale));
  const outputs = await session.run({ ...Object.fromEntries([...groups, ...fixed]), ...inputs, lossScale });
  await session.release();
  const gradients = new Parameters(parameters.specs.filter(({ name }) => trained.has(name)));
  layout.groups.forEach((group, k) => {
    const values = outputs[`grad.${k}`].data as Float32Array;
    if (group.isRows) spread(values, gradients.values(EMBEDDING));
    else scatter(group, values, gradients);
  });
  return { loss: Number(outputs.loss.data[0]), squares: Number(outputs.gradientSquares.data[0]), gradients };
}

/** The largest difference, as a share of the tensor's largest element. */
function worst(actual: Parameters, wanted: Parameters, scale = 1): number {
  return Math.max(
    ...wanted.names.map((name) => {
      const theirs = wanted.values(name);
      const largest = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
      return Math.max(...actual.values(name).map((value, i) => Math.abs(value / scale - theirs[i]) / largest));
    }),
  );
}

const largest = Math.max(...parameters.specs.map(({ shape }) => elementCount(shape)));

describe('gradients in groups', () => {
  const STYLES: Readonly<Record<string, ProductStyle>> = {
    'products as Gemm': { asMatMul: false, factors: 'float32' },
    'products as MatMul': { asMatMul: true, factors: 'float32' },
  };
  for (const [name, style] of Object.entries(STYLES)) {
    it(`are those of the parameters, ${name}`, async () => {
      const expected = await expectedGradients();
      for (const most of [Infinity, largest, 1]) {
        const actual = await groupedGradients(style, layoutOf(options, adamW, most));
        assert.ok(Math.abs(actual.loss - expected.loss) < 1e-6);
        assert.ok(Math.abs(actual.squares / expected.squares - 1) < 1e-5);
        // Float32 sums in another order.
        assert.ok(worst(actual.gradients, expected.gradients) < 2e-5);
      }
    });
  }

  it('in half precision are near, however the loss is scaled', async () => {
    const expected = await expectedGradients();
    const { gradients } = expected;
    // Key biases have no gradient but rounding: softmax does not see them.
    for (const name of gradients.names) if (name.endsWith('key.bias')) gradients.values(name).fill(0);
    for (const asMatMul of [false, true]) {
      for (const scale of [1, 8192]) {
        const actual = await groupedGradients({ asMatMul, factors: 'float16' }, layoutOf(options, adamW), scale);
        for (const name of gradients.names) if (name.endsWith('key.bias')) actual.gradients.values(name).fill(0);
        assert.ok(Math.abs(actual.loss - expected.loss) < 2e-3, `loss ${actual.loss}, ${expected.loss}`);
        // Half precision has 11 bits: 5e-4 a factor, through two layers there and back.
        const off = worst(actual.gradients, gradients, scale);
        assert.ok(off < 1e-2, `scale ${scale}: off by ${off}`);
        assert.ok(off > 1e-6, 'half precision was used');
      }
    }
  });

  it('hold every trained parameter once, none above the limit, decay apart', () => {
    for (const most of [Infinity, largest, 1]) {
      const { groups, fixed } = layoutOf(options, adamW, most);
      const names = groups.flatMap((group) => group.names);
      assert.deepEqual([...names].sort(), [...trained].sort());
      assert.deepEqual(fixed, ['bert.embeddings.position_embeddings.weight']);
      for (const group of groups) {
        assert.ok(group.names.length === 1 || elementCount(stackedShape(group)) <= most);
        for (const name of group.names) assert.equal(adamW.decays(name), group.decays, name);
      }
    }
  });

  it('are of one product for Q, K and V where their parameters lie together', () => {
    const self = (layer: number) => `bert.encoder.layer.${layer}.attention.self`;
    const joined = ['weight', 'bias'].map((part) => ['query', 'key', 'value'].map((kind) => `${self(0)}.${kind}.${part}`)); // prettier-ignore
    /** Matrix products of a layer's projections: of the last layer, where queries are of first tokens only, three. */
    const products = (given: TrainingGraphOptions, layout: ParameterLayout) =>
      [0, 1].map((layer) => {
        const { nodes } = buildResidentGraph(given, layout, rows, batch.length).model.graph;
        return nodes.filter(({ name, opType }) => opType === 'Gemm' && name.startsWith(self(layer))).length;
      });
    const together = layoutOf(options, adamW);
    assert.deepEqual(together.joints, joined);
    assert.deepEqual(products(options, together), [1, 3]);
    const apart = layoutOf(options, adamW, 1);
    assert.deepEqual(apart.joints, []);
    assert.deepEqual(products(options, apart), [3, 3]);
    const half = { ...options, trained: new Set([...trained].filter((name) => !name.endsWith('key.bias'))) };
    assert.deepEqual(layoutOf(half, adamW).joints, []);
  });

  it('of masks: every site once, in stacks of one shape and probability', () => {
    const { randomSites } = buildTrainingGraph({ ...options, dropout: 0.1 }, rows, batch.length);
    for (const most of [Infinity, 2000, 1]) {
      const stacks = stackSites(randomSites, most);
      const names = stacks.flatMap(({ sites }) => sites.map(({ name }) => name));
      assert.deepEqual([...names].sort(), randomSites.map(({ name }) => name).sort());
      for (const { sites } of stacks) assert.equal(new Set(sites.map(({ shape }) => `${shape}`)).size, 1);
    }
  });
});

describe('a loop in half precision', () => {
  /** Matrix products inside the graph, those of inner graphs too, by whether their factors are float16; without sums of rows. */
  function products(graph: Graph, counts = { half: 0, single: 0 }) {
    const halves = new Set(graph.nodes.filter(({ opType, attributes }) => opType === 'Cast' && attributes.to.value === 10).map(({ outputs }) => outputs[0])); // prettier-ignore
    const views = ['Transpose', 'Reshape', 'Split'];
    for (const { name, opType, inputs, outputs, attributes } of graph.nodes) {
      // Products that only add keep float32: their factors are ones and zeros.
      if (/rows\/|Gather/.test(name) && opType === 'MatMul') continue;
      if (views.includes(opType) && halves.has(inputs[0])) halves.add(outputs[0]);
      const isProduct = opType === 'MatMul' || opType === 'Gemm';
      if (isProduct) counts[inputs.slice(0, 2).every((name) => halves.has(name)) ? 'half' : 'single']++;
      if (isProduct && halves.has(inputs[0])) halves.add(outputs[0]);
      for (const attribute of Object.values(attributes))
        if (attribute.type === 'graph') products(attribute.value, counts);
    }
    return counts;
  }
  const loopOptions = { ...options, adamW: { betas: [0.9, 0.999], eps: 1e-8, ...adamW }, maxGradientNorm: 1 } as const;
  const layout = layoutOf(options, adamW);
  for (const lengths of [[8], [8, 12]]) {
    for (const accumulates of [false, true]) {
      it(`has every product of weights in it, over ${lengths.length} lengths${accumulates ? ' and in parts' : ''}`, () => {
        const shape = { rows, lengths, accumulates, steps: 2, parts: 2 };
        const count = (factors: 'float32' | 'float16') =>
          products(buildLoopGraph({ ...loopOptions, products: { asMatMul: false, factors } }, layout, shape).graph);
        const [single, half] = [count('float32'), count('float16')];
        assert.equal(single.half, 0);
        assert.deepEqual(half, { half: single.single, single: 0 });
      });
    }
  }
});

describe('the factor of a loss in half precision', () => {
  it('is one where it is not needed, and shrinks by powers of two down to one', () => {
    assert.equal(new LossScale(false).value, 1);
    assert.equal(new LossScale(false).shrink(), false);
    const scale = new LossScale(true);
    const values = [scale.value];
    while (scale.shrink()) values.push(scale.value);
    assert.deepEqual(values, [8192, 1024, 128, 16, 2, 1]);
  });
});

describe('many batches in one run', () => {
  it('give the logits of one batch after the other', async () => {
    const examples = Array.from({ length: 75 }, (_, i) => batch.examples[i % rows].encoded);
    const logits = async (isLooped: boolean) => {
      const fed = new FedNetwork(network, parameters, { padTokenId: 0, threads: 1, isLooped });
      const runner = new ClassifierRunner(network, fed);
      const progress: number[] = [];
      const result = await runner.logits(examples, { onProgress: (done) => progress.push(done) });
      await runner.close();
      return { result: Array.from(result), progress };
    };
    const [one, many] = [await logits(false), await logits(true)];
    assert.ok(many.progress.length < one.progress.length, `${many.progress} runs, ${one.progress} batches`);
    assert.equal(many.progress.at(-1), 75);
    many.result.forEach((value, i) => assert.ok(Math.abs(value - one.result[i]) < 1e-6, `logit ${i}`));
  });
});

describe('a regression on a device that loops', () => {
  it('learns as on the processor', async () => {
    const regression = bertNetwork(config, sequenceHead, 1);
    const losses = async (create: (options: TrainerOptions) => Promise<TrainingSteps>) => {
      const specs = [...encoderParameterSpecs(config), ...sequenceHead.specs(config, 1)];
      const own = new Parameters(specs);
      setAll(own, (i) => 0.2 * Math.sin(i));
      const trainer = await create({
        network: regression,
        parameters: own,
        trained: new Set(own.names),
        objective: squaredError(),
        adamW: { betas: [0.9, 0.999], eps: 1e-8, ...adamW },
        maxGradientNorm: null,
        batchSize: rows,
        dropout: 0.1,
        seed: 1,
        padTokenId: 0,
        session: {},
      });
      const results: number[] = [];
      for (let step = 1; step <= 4; step++) results.push((await trainer.step([batch], step, 1e-3)).loss);
      await trainer.close();
      return results;
    };
    const expected = await losses((options) => Trainer.create(options));
    const actual = await losses(async (options) => new LoopTrainer(options));
    actual.forEach((loss, i) => assert.ok(Math.abs(loss - expected[i]) < 1e-5, `step ${i + 1}: ${loss}`));
    assert.ok(Math.abs(expected[3] - expected[0]) > 1e-3, 'it learns');
  });
});
