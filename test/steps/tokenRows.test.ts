/** Gradients of embeddings as rows: the same updates, to the bit, as with a gradient that is zeros for all other rows. */
import assert from 'node:assert/strict';
import { RandomStream } from '../../src/base/random';
import { Session, type Feed } from '../../src/inference/session';
import type { Network } from '../../src/models/encoder';
import { sequenceHead } from '../../src/models/heads/sequence';
import { Parameters, type ParameterSpec } from '../../src/models/parameters';
import { elementCount } from '../../src/onnx/dataType';
import type { Value } from '../../src/onnx/graphBuilder';
import type { Model } from '../../src/onnx/model';
import { Operators } from '../../src/onnx/operators';
import { AdamW } from '../../src/steps/adamW';
import { buildAdamWGraph, buildDenseGraph, buildGradientSumGraph } from '../../src/steps/adamWGraph';
import { RowGradient } from '../../src/steps/rowGradient';
import { filledIds, int32Feed, rowsRead, TOKEN_SLOTS, tokenRows } from '../../src/steps/tokenRows';
import { buildTrainingGraph } from '../../src/steps/trainingGraph';
import { crossEntropy } from '../../src/tasks/losses/crossEntropy';

const random = new RandomStream(3);
const normal = (length: number) => Float32Array.from({ length }, () => random.normal());
const float32 = (shape: readonly number[], data: Float32Array): Feed => ({ dataType: 'float32', shape, data });

/** Of its shape. */
function spread(gradient: RowGradient, length: number): Float32Array {
  const dense = new Float32Array(length);
  gradient.copy(0, dense);
  return dense;
}

async function outputsOf(model: Model, feeds: Record<string, Feed>) {
  const session = await Session.create(model);
  const outputs = await session.run(feeds);
  await session.release();
  return outputs;
}

describe('rows of a gradient', () => {
  it("are of the batch's ids, each once, ascending; a token's slot is its id's place", () => {
    const { ids, slots } = tokenRows(Int32Array.of(7, 101, 0, 7, 20_000, 0));
    assert.deepEqual([...ids], [0, 7, 101, 20_000]);
    assert.deepEqual([...slots], [1, 2, 0, 1, 3, 0]);
    const filled = filledIds(ids, 6);
    assert.deepEqual([...filled], [0, 7, 101, 20_000, 1, 2]);
    assert.deepEqual([...filledIds(Int32Array.of(0, 2), 3)], [0, 2, 1]);
  });

  for (const width of [1, 3, 100, 9000]) {
    it(`of ${width} elements are copied wherever a piece begins and ends`, () => {
      const ids = Int32Array.of(0, 2, 3, 9);
      const gradient = new RowGradient(ids, normal(4 * width));
      const whole = new Float32Array(12 * width);
      ids.forEach((id, row) => whole.set(gradient.values.subarray(row * width, (row + 1) * width), id * width));
      for (const size of [1, width, width + 1, 2.5 * width, 8192, 12 * width].map(Math.ceil)) {
        for (let start = 0; start < whole.length; start += Math.max(size, Math.ceil(whole.length / 50))) {
          const piece = new Float32Array(Math.min(size, whole.length - start)).fill(NaN);
          gradient.copy(start, piece);
          assert.deepEqual(piece, whole.subarray(start, start + piece.length));
        }
      }
    });
  }

  it('add up with those of another batch', () => {
    const a = new RowGradient(Int32Array.of(1, 4), Float32Array.of(1, 2, 3, 4));
    const b = new RowGradient(Int32Array.of(0, 4), Float32Array.of(10, 20, 30, 40));
    assert.deepEqual([...spread(a.plus(b), 10)], [10, 20, 1, 2, 0, 0, 0, 0, 33, 44]);
    const none = new RowGradient(new Int32Array(0), new Float32Array(0));
    assert.deepEqual(none.plus(a), a);
    assert.deepEqual([...spread(none, 3)], [0, 0, 0]);
  });

  for (const [rows, width] of [
    [300, 100],
    [4, 9000],
    [50, 1],
  ] as const) {
    it(`update ${rows} rows of ${width} to the bit as a gradient of all does, in the kernel and in the graph`, async () => {
      const specs: ParameterSpec[] = [{ name: 'w', shape: [rows, width], initial: 'zeros' }];
      const betas = [0.9, 0.999] as const;
      const constants = { betas, eps: 1e-8, weightDecay: 0.1, decays: () => true };
      const first = normal(rows * width);
      const states = [0, 1, 2].map(() => [first.slice(), new Float32Array(first.length), new Float32Array(first.length)].map((values) => new Parameters(specs, () => values))); // prettier-ignore
      const optimizers = states.map(([p, m, v]) => new AdamW(p, { firstMoments: m, secondMoments: v }, constants));
      const models = [true, false].map((isRows) => buildAdamWGraph([{ shape: [rows, width], decays: true, isRows }], constants)); // prettier-ignore
      for (let step = 1; step <= 3; step++) {
        // Moments of rows that are not there any more go on.
        const ids = Int32Array.from({ length: Math.ceil(rows / 3) }, (_, i) => 3 * i + (step % 2)).filter((id) => id < rows); // prettier-ignore
        const gradient = new RowGradient(ids, normal(ids.length * width));
        const dense = spread(gradient, rows * width);
        const rates = { step, learningRate: 1e-2, gradientScale: 0.5 };
        const state = Object.fromEntries(['p', 'm', 'v'].map((name, i) => [`${name}.0`, float32([rows, width], states[2][i].values('w'))])); // prettier-ignore
        const scalars = Object.fromEntries(Object.entries({ gradientScale: 0.5, shrink: 0.999, stepSize: 1e-2, rootScale: 2 }).map(([name, value]) => [name, float32([], Float32Array.of(value))])); // prettier-ignore
        const filled = filledIds(ids, Math.min(rows, ids.length + 2));
        const padded = new Float32Array(filled.length * width);
        padded.set(gradient.values);
        const byRows = await outputsOf(models[0], { ...state, ...scalars, 'g.0': float32([filled.length, width], padded), 'ids.0': int32Feed([filled.length], filled) }); // prettier-ignore
        const byAll = await outputsOf(models[1], { ...state, ...scalars, 'g.0': float32([rows, width], dense) });
        for (const name of ['newP.0', 'newM.0', 'newV.0']) assert.deepEqual(byRows[name].data, byAll[name].data, name);
        optimizers[0].update(new Map([['w', gradient]]), rates);
        for (const optimizer of optimizers.slice(1)) optimizer.update(new Map([['w', dense]]), rates);
        states[0].forEach((state, i) => assert.deepEqual(state.values('w'), states[1][i].values('w')));
      }
      assert.notDeepEqual(states[0][0].values('w'), first);
    });
  }

  it('add to a gradient of all, and become one', async () => {
    const [rows, width] = [9, 4];
    const gradient = new RowGradient(Int32Array.of(1, 5, 8), normal(12));
    const all = normal(rows * width);
    const feeds = { ids: int32Feed([3], gradient.ids), rows: float32([3, width], gradient.values) };
    const { dense } = await outputsOf(buildDenseGraph([rows, width]), feeds);
    assert.deepEqual(dense.data, spread(gradient, rows * width));
    const sumGraph = buildGradientSumGraph([{ shape: [rows, width], decays: false, isRows: true }]);
    const sums = await outputsOf(sumGraph, { 'a.0': float32([rows, width], all), 'b.0': feeds.rows, 'ids.0': feeds.ids }); // prettier-ignore
    assert.deepEqual(sums['sum.0'].data, all.map((value, i) => value + (dense.data[i] as number))); // prettier-ignore
  });
});

describe('a parameter has rows for its gradient', () => {
  const graph = () => {
    const g = new Operators();
    return { g, w: g.input('w', 'float32', [9, 4]), ids: g.input('ids', 'int32', [2, 3]) };
  };
  const count = (build: (g: Operators, w: Value, ids: Value) => unknown): number | undefined => {
    const { g, w, ids } = graph();
    build(g, w, ids);
    return rowsRead(g.nodes, w, ids)?.length;
  };

  it('if all that reads it takes rows by the token ids, however they are cast', () => {
    assert.equal(count((g, w, ids) => g.gather(w, ids)), 1); // prettier-ignore
    assert.equal(count((g, w, ids) => [g.gather(w, ids), g.gather(w, g.reshape(g.cast(ids, 'int64'), [6]))]), 2); // prettier-ignore
  });

  it('else not', () => {
    const others: readonly ((g: Operators, w: Value, ids: Value) => unknown)[] = [
      (g, w, ids) => [g.gather(w, ids), g.mul(w, 2)],
      (g, w, ids) => g.gather(w, ids, 1),
      (g, w, ids) => g.gather(w, g.add(ids, 1)),
      (g, w, ids) => g.gather(w, g.transpose(ids, [1, 0])),
      (g, w, ids) => g.gather(w, g.cast(g.cast(ids, 'float32'), 'int32')),
      (g, w) => g.gather(w, g.input('others', 'int32', [2, 3])),
      () => undefined,
    ];
    for (const [i, build] of others.entries()) assert.equal(count(build), undefined, `case ${i}`);
  });
});

describe('an embedding whose weights are read otherwise, too (as a tied decoder does)', () => {
  const [batch, length, vocabulary, width] = [3, 5, 40, 6];
  /** Logits of all words from the mean of the embeddings. */
  const network = (decoder: string): Network => ({
    config: {} as Network['config'],
    head: sequenceHead,
    columns: vocabulary,
    output: sequenceHead.output(vocabulary),
    build: (g, { inputIds }, { parameter }) => {
      const mean = g.reduceMean(g.gather(parameter('embedding'), inputIds), [1]);
      return g.gemm(mean, parameter(decoder), undefined, { transB: true });
    },
  });
  const spec = (name: string): ParameterSpec => ({ name, shape: [vocabulary, width], initial: 'zeros' });
  const weights = normal(vocabulary * width);
  const inputIds = Int32Array.from({ length: batch * length }, (_, i) => (i * i) % vocabulary);
  const { ids, slots } = tokenRows(inputIds);

  async function gradients(decoder: string, names: readonly string[]) {
    const options = { network: network(decoder), specs: names.map(spec), trained: new Set(names), objective: crossEntropy({ labelCount: vocabulary, labelSmoothing: 0 }) }; // prettier-ignore
    const { model, rowParameters } = buildTrainingGraph(options, batch, length);
    const outputs = await outputsOf(model, {
      ...Object.fromEntries(names.map((name) => [name, float32([vocabulary, width], weights)])),
      inputIds: int32Feed([batch, length], inputIds),
      [TOKEN_SLOTS]: int32Feed([batch, length], slots),
      targets: float32([batch, vocabulary], new Float32Array(elementCount([batch, vocabulary])).fill(0.01)),
    });
    return { outputs, rowParameters: [...rowParameters] };
  }

  it('has the sum of both gradients, of its own shape', async () => {
    const apart = await gradients('decoder', ['embedding', 'decoder']);
    const tied = await gradients('embedding', ['embedding']);
    assert.deepEqual([apart.rowParameters, tied.rowParameters], [['embedding'], []]);
    const read = apart.outputs['grad.embedding'].data as Float32Array;
    const rows = spread(new RowGradient(ids, read.subarray(0, ids.length * width)), vocabulary * width);
    const expected = rows.map((value, i) => value + (apart.outputs['grad.decoder'].data[i] as number));
    const actual = tied.outputs['grad.embedding'].data as Float32Array;
    assert.equal(actual.length, expected.length);
    actual.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-7, `${i}: ${value}, ${expected[i]}`));
    assert.ok(actual.some((value) => Math.abs(value) > 1e-3));
    const norms = [apart, tied].map(({ outputs }) => Number(outputs.gradientSquares.data[0]));
    assert.ok(Math.abs(norms[1] - actual.reduce((sum, value) => sum + value * value, 0)) < 1e-6, `${norms}`);
  });
});
