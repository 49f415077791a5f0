import assert from 'node:assert/strict';
import { Session } from '../../src/inference/session';
import { Operators } from '../../src/onnx/operators';
import { quantizeLater, quantizeWeights } from '../../src/onnx/quantize';
import { emulateHalf, RANGES } from '../../src/onnx/emulateHalf';
import { halfBits, halfTable } from '../../src/onnx/halfPrecision';
import { toFloat16 } from '../../src/onnx/toFloat16';
import type { LaterTensor, Model, Tensor } from '../../src/onnx/model';
import { modelChunks, writeModel } from '../../src/onnx/writeModel';

const WIDTH = 32;
const ROWS = 1100;

const wave = (shape: readonly number[], step: number, size = 1): Tensor => ({
  dataType: 'float32',
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => size * Math.sin(i * step)),
});

/** A table of embeddings, a normalisation and a linear layer: ids [4] to [4, 16]. */
function small(): Model {
  const g = new Operators();
  const words = g.gather(g.constant(wave([ROWS, WIDTH], 0.7, 3), 'words'), g.input('ids', 'int64', [4]));
  const normal = g.layerNormalization(words, g.constant(wave([WIDTH], 1.1), 'gain'), g.constant(wave([WIDTH], 0.3), 'shift'), 1e-12); // prettier-ignore
  const linear = g.gemm(normal, g.constant(wave([16, WIDTH], 0.9), 'weight'), g.constant(wave([16], 2), 'bias'), { transB: true }); // prettier-ignore
  g.output(g.softmax(linear), 'y');
  return g.build('small');
}

async function run(model: Model): Promise<Float32Array> {
  const session = await Session.create(writeModel(model).bytes, { threads: 1 });
  try {
    const ids = { dataType: 'int64' as const, shape: [4], data: BigInt64Array.of(0n, 17n, 1099n, 512n) };
    return (await session.run({ ids })).y.data as Float32Array;
  } finally {
    await session.release();
  }
}

describe('precisions of a graph', () => {
  it('int8 and float16 compute nearly what float32 does, and leave the given model alone', async () => {
    const model = small();
    const before = writeModel(model).bytes;
    const expected = await run(model);
    for (const [made, tolerance] of [
      [quantizeWeights(model).model, 0.03],
      [toFloat16(model), 0.003],
    ] as const) {
      const values = await run(made);
      assert.equal(values.length, expected.length);
      values.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < tolerance, `${value} ${expected[i]}`));
      assert.ok(values.some((value, i) => value !== expected[i]));
    }
    assert.deepEqual(writeModel(model).bytes, before);
  });

  it('emulates half precision: each value is rounded as binary16 holds it, and its range is told before', async () => {
    const g = new Operators();
    const x = g.input('x', 'float32', [3]);
    const product = g.mul(x, g.constant({ dataType: 'float32', shape: [3], data: Float32Array.of(3, 3, 3) }, 'three'));
    // Half precision loses the small number, and infinity less infinity is no number.
    g.output(g.sub(g.add(product, 1e-3), product), 'y');
    const { model, values } = emulateHalf(g.build('rounding'));
    const session = await Session.create(writeModel(model).bytes, { threads: 1 });
    const half = (value: number) => halfTable()[halfBits(value)];
    for (const data of [Float32Array.of(1, 1 / 3, -2.5), Float32Array.of(1, 30_000, 2)]) {
      const outputs = await session.run({ x: { dataType: 'float32', shape: [3], data } });
      const products = data.map((value) => half(3 * half(value)));
      const sums = products.map((value) => half(value + half(1e-3)));
      assert.deepEqual([...outputs.y.data], [...sums.map((value, i) => half(value - products[i]))]);
      const ranges = [...(outputs[RANGES].data as Float32Array)];
      assert.equal(ranges.length, values.length);
      const largest = Math.max(...data.map((value) => Math.abs(3 * half(value))));
      assert.ok(
        Math.abs(ranges[values.findIndex((name) => /Mul/.test(name))] / largest - 1) < 1e-6,
        `${values} ${ranges}`,
      );
    }
    await session.release();
  });

  it('quantises large tables by row and linear layers by output, each within half a step', () => {
    const model = small();
    const { model: made, quantized } = quantizeWeights(model);
    assert.deepEqual(quantized, ['words', 'weight']);
    const { initializers } = made.graph;
    assert.ok(!initializers.has('words') && !initializers.has('weight'));
    const original = (name: string) => model.graph.initializers.get(name)!.data as Float32Array;
    const [rows, rowScales] = ['words/int8', 'words/scale'].map((name) => initializers.get(name)!);
    assert.deepEqual([rows.shape, rowScales.shape], [[ROWS, WIDTH], [ROWS, 1]]); // prettier-ignore
    original('words').forEach((value, i) => {
      const scale = Number(rowScales.data[Math.floor(i / WIDTH)]);
      assert.ok(Math.abs(Number(rows.data[i]) * scale - value) <= scale * 0.5001);
    });
    const [columns, scales] = ['weight/int8', 'weight/scale'].map((name) => initializers.get(name)!);
    assert.deepEqual(columns.shape, [WIDTH, 16]);
    original('weight').forEach((value, i) => {
      const [output, input] = [Math.floor(i / WIDTH), i % WIDTH];
      const scale = Number(scales.data[output]);
      assert.ok(Math.abs(Number(columns.data[input * 16 + output]) * scale - value) <= scale * 0.5001);
    });
  });

  it('is written weight by weight: the same bytes, each weight read once and no two at a time', async () => {
    const model = small();
    const log: string[] = [];
    const scratch = new Float32Array(ROWS * WIDTH);
    const later = ([name, { dataType, shape, data }]: [string, Tensor]): [string, Tensor | LaterTensor] => {
      // One array for all weights, as files are read.
      const values = async () => {
        log.push(name);
        scratch.set(data as Float32Array);
        return scratch.subarray(0, data.length);
      };
      return [name, dataType === 'float32' ? { dataType, shape, values } : { dataType, shape, data }];
    };
    const unread = { ...model, graph: { ...model.graph, initializers: new Map([...model.graph.initializers].map(later)) } }; // prettier-ignore
    const { model: made, quantized } = quantizeLater(unread);
    assert.deepEqual(quantized, ['words', 'weight']);
    assert.deepEqual(log, [], 'nothing is read before the file is written');
    const copies: Uint8Array[] = [];
    for await (const chunk of modelChunks(made).chunks) copies.push(chunk.slice());
    assert.deepEqual(new Uint8Array(Buffer.concat(copies)), writeModel(quantizeWeights(model).model).bytes);
    assert.deepEqual([...log].sort(), ['bias', 'gain', 'shift', 'weight', 'words']);
  });

  it('a weight read in both precisions is there in both', async () => {
    const g = new Operators();
    const shared = g.constant(wave([WIDTH], 1.1), 'shared');
    const x = g.gather(g.constant(wave([ROWS, WIDTH], 0.7), 'words'), g.input('ids', 'int64', [4]));
    g.output(g.layerNormalization(g.mul(x, shared), shared, shared, 1e-5), 'y');
    const model = g.build('shared');
    const made = toFloat16(model);
    assert.equal(made.graph.initializers.get('shared')?.dataType, 'float16');
    assert.equal(made.graph.initializers.get('shared/float32')?.dataType, 'float32');
    const expected = await run(model);
    (await run(made)).forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 0.01));
  });
});
