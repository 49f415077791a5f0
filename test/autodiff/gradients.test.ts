/** The driver: what every rule leaves to it. Numbers are worked out by hand. */
import assert from 'node:assert/strict';
import { addGradients } from '../../src/autodiff/gradients';
import { MedTextError } from '../../src/base/errors';
import type { Value } from '../../src/onnx/graphBuilder';
import { Operators } from '../../src/onnx/operators';
import { runGraph, type Numbers } from '../support/graphRunner';

/** The gradients of the loss that `build` makes of inputs of these shapes, run on their numbers. */
async function gradientsOf(
  inputs: Readonly<Record<string, { shape: readonly number[]; values: readonly number[] }>>,
  build: (g: Operators, x: Readonly<Record<string, Value>>) => Value,
): Promise<Record<string, number[]>> {
  const g = new Operators();
  const x = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape }]) => [name, g.input(name, 'float32', shape)]),
  );
  const gradients = addGradients(g, build(g, x), Object.values(x));
  for (const [name, gradient] of gradients) g.output(gradient, `d.${name}`);
  const feeds: Numbers = Object.fromEntries(Object.entries(inputs).map(([name, { values }]) => [name, values]));
  const outputs = await runGraph(g.build('gradients'), feeds);
  return Object.fromEntries(Object.keys(inputs).map((name) => [name, outputs[`d.${name}`]]));
}

const vector = (...values: number[]) => ({ shape: [values.length], values });

/** The operators of the graph that the outputs need. */
function operatorsOf(g: Operators): string[] {
  return g.build('counted').graph.nodes.map((node) => node.opType);
}

describe('addGradients', () => {
  it('adds up what flows back from several uses', async () => {
    // loss = sum(x x + 3 x), and x twice into one node
    const { x } = await gradientsOf({ x: vector(1, -2) }, (g, v) => g.reduceSum(g.add(g.mul(v.x, v.x), g.mul(v.x, 3))));
    assert.deepEqual(x, [5, -1]);
  });

  it('sums over what was broadcast, on either side and for scalars', async () => {
    const inputs = { a: { shape: [2, 1], values: [1, 2] }, b: vector(3, 4, 5), c: { shape: [], values: [2] } };
    const d = await gradientsOf(inputs, (g, v) => g.reduceSum(g.mul(g.mul(v.a, v.b), v.c)));
    assert.deepEqual(d, { a: [24, 24], b: [6, 6, 6], c: [36] });
  });

  it("gives gradients in the parameters' shape and type", () => {
    const g = new Operators();
    const w = g.input('layer.weight', 'float64', [2, 3]);
    const gradient = addGradients(g, g.reduceSum(g.exp(w)), [w]).get('layer.weight')!;
    assert.deepEqual({ dataType: gradient.dataType, shape: gradient.shape }, { dataType: 'float64', shape: [2, 3] });
  });

  it('stops at a detached value, and only there', async () => {
    const d = await gradientsOf({ x: vector(2, 3) }, (g, v) => g.reduceSum(g.mul(v.x, g.detach(g.mul(v.x, v.x)))));
    assert.deepEqual(d.x, [4, 9]);
  });

  it('gives zeros to a parameter that the loss does not reach', async () => {
    const d = await gradientsOf({ x: vector(1, 2), unused: { shape: [2, 2], values: [1, 2, 3, 4] } }, (g, v) => {
      g.exp(v.unused); // used, but not by the loss
      return g.reduceSum(v.x);
    });
    assert.deepEqual(d, { x: [1, 1], unused: [0, 0, 0, 0] });
  });

  it('differentiates with respect to a value inside the graph', async () => {
    const g = new Operators();
    const x = g.input('x', 'float32', [2]);
    const h = g.mul(x, 3);
    const gradients = addGradients(g, g.reduceSum(g.mul(h, h)), [h, x]);
    g.output(gradients.get(h.name)!, 'dh');
    g.output(gradients.get('x')!, 'dx');
    assert.deepEqual(await runGraph(g.build('inside'), { x: [1, 2] }), { dh: [6, 12], dx: [18, 36] });
  });

  it('multiplies everything by a given seed', async () => {
    const g = new Operators();
    const x = g.input('x', 'float32', [2]);
    const seed = g.input('lossScale', 'float32', []);
    g.output(addGradients(g, g.reduceSum(g.mul(x, x)), [x], { seed }).get('x')!, 'dx');
    assert.deepEqual(await runGraph(g.build('scaled'), { x: [1, 2], lossScale: [1024] }), { dx: [2048, 4096] });
  });

  it('serves a second loss on the same graph, which does not disturb the first', async () => {
    const g = new Operators();
    const x = g.input('x', 'float32', [2]);
    const h = g.mul(x, x);
    const first = addGradients(g, g.reduceSum(h), [x]).get('x')!;
    const second = addGradients(g, g.reduceSum(g.mul(h, x)), [x]).get('x')!;
    assert.notEqual(first.name, second.name);
    g.output(first, 'first');
    g.output(second, 'second');
    assert.deepEqual(await runGraph(g.build('two losses'), { x: [2, -1] }), { first: [4, -2], second: [12, 3] });
  });

  it('differentiates a gradient once more', async () => {
    const g = new Operators();
    const x = g.input('x', 'float32', [2]);
    const gradient = addGradients(g, g.reduceSum(g.mul(g.mul(x, x), x)), [x]).get('x')!; // 3 x^2
    g.output(addGradients(g, g.reduceSum(gradient), [x]).get('x')!, 'second derivative');
    assert.deepEqual(await runGraph(g.build('twice'), { x: [1, -2] }), { 'second derivative': [6, -12] });
  });

  describe('adds no nodes for what is not trained', () => {
    const layers = () => {
      const g = new Operators();
      const x = g.input('x', 'float32', [2, 3]);
      const w1 = g.input('w1', 'float32', [3, 4]);
      const w2 = g.input('w2', 'float32', [4, 1]);
      const loss = g.reduceSum(g.matMul(g.tanh(g.matMul(x, w1)), w2));
      return { g, w1, w2, loss, forward: g.nodes.length };
    };

    it('nothing below the lowest trained layer', () => {
      const { g, w2, loss, forward } = layers();
      g.output(addGradients(g, loss, [w2]).get('w2')!);
      // dy by Expand, one Gemm for w2 (vectors need no other reshape than dy's), and the name.
      const added = g.nodes.slice(forward).map((node) => node.opType);
      assert.deepEqual(
        added.filter((opType) => opType === 'Gemm' || opType === 'MatMul'),
        ['Gemm'],
      );
      assert.ok(!added.includes('Mul') && !added.includes('Sub'), `a Tanh was differentiated: ${added}`);
    });

    it('no gradient of an input beside a trained weight', () => {
      const { g, w1, w2, loss, forward } = layers();
      addGradients(g, loss, [w1, w2]);
      const products = g.nodes.slice(forward).filter((node) => node.opType === 'Gemm' || node.opType === 'MatMul');
      assert.equal(products.length, 3); // dw2, d tanh, dw1, but no dx
    });

    it('nothing at all for a loss that does not depend on it', () => {
      const { g, loss, forward } = layers();
      const other = g.input('other', 'float32', [2]);
      addGradients(g, loss, [other]);
      assert.deepEqual(
        g.nodes.slice(forward).map((node) => node.opType),
        ['Expand'],
      );
    });

    it('nothing below a trained value inside the graph, so operators without a rule may stand there', () => {
      const g = new Operators();
      const h = g.emit('Floor', [g.input('x', 'float32', [2])])[0];
      const loss = g.reduceSum(g.mul(h, 2));
      assert.doesNotThrow(() => addGradients(g, loss, [h]));
    });

    it('no power for a square', () => {
      const g = new Operators();
      const x = g.input('x', 'float32', [2]);
      const loss = g.reduceSum(g.pow(x, 2));
      g.output(addGradients(g, loss, [x]).get('x')!);
      assert.ok(!operatorsOf(g).includes('Pow'));
    });

    it('nothing through comparisons and integers', () => {
      const g = new Operators();
      const x = g.input('x', 'float32', [3]);
      const loss = g.reduceSum(g.mul(g.cast(g.greater(x, 0), 'float32'), x));
      g.output(addGradients(g, loss, [x]).get('x')!);
      assert.equal(operatorsOf(g).filter((opType) => opType === 'Cast').length, 1);
    });
  });

  describe('refuses', () => {
    const refused = (build: (g: Operators, x: Value) => Value, shape: readonly number[], expected: RegExp, code = 'NO_GRADIENT') => {
      const g = new Operators();
      const x = g.input('x', 'float32', shape);
      const loss = build(g, x);
      assert.throws(
        () => addGradients(g, loss, [x]),
        (error) => {
          assert.ok(error instanceof MedTextError, String(error));
          assert.equal(error.code, code);
          assert.match(error.message, expected);
          return true;
        },
      );
    }; // prettier-ignore

    it('an operator without a rule, naming it and its node', () => {
      const build = (g: Operators, x: Value) =>
        g.scope('encoder', () => g.scope('layer.3', () => g.reduceSum(g.emit('Floor', [x])[0])));
      refused(build, [2], /Floor.*encoder\/layer\.3\/Floor/);
    });

    it('that operator only where something trained passes through it', () => {
      const g = new Operators();
      const x = g.input('x', 'float32', [2]);
      const other = g.input('other', 'float32', [2]);
      const loss = g.reduceSum(g.mul(x, g.emit('Floor', [other])[0]));
      assert.doesNotThrow(() => addGradients(g, loss, [x]));
    });

    it('a rule that the table merely inherits', () => {
      const g = new Operators();
      const x = g.input('x', 'float32', []);
      const loss = g.emit('Floor', [x])[0];
      assert.throws(() => addGradients(g, loss, [x], { rules: Object.create({ Floor: [() => x] }) }), {
        code: 'NO_GRADIENT',
      });
    });

    it('a loss that is not a scalar', () => {
      refused((g, x) => g.exp(x), [2], /scalar.*\[2\]/, 'GRAPH');
    });

    it('padding by reflection', () => {
      const mode = { mode: { type: 'string', value: 'reflect' } } as const;
      refused((g, x) => g.reduceSum(g.emit('Pad', [x, g.integers([1, 1])], mode)[0]), [3], /reflect/);
    });

    it('LayerNormalization over other axes than the last, or with trained statistics', () => {
      const ones = (g: Operators, shape: readonly number[]) => g.fill(1, shape);
      const axis = { axis: { type: 'int', value: 0 } } as const;
      refused((g, x) => g.reduceSum(g.emit('LayerNormalization', [x, ones(g, [2, 3])], axis)[0]), [2, 3], /axis 0/);
      refused((g, x) => g.reduceSum(g.emit('LayerNormalization', [x, ones(g, [3])], {}, 3)[1]), [2, 3], /mean/);
    });
  });

  it('builds gradients in half precision', () => {
    const g = new Operators();
    const x = g.input('x', 'float16', [2, 4]);
    const scale = g.input('scale', 'float16', [4]);
    const bias = g.input('bias', 'float16', [4]);
    const y = g.gelu(g.abs(g.relu(g.layerNormalization(x, scale, bias, 1e-5))));
    for (const gradient of addGradients(g, g.reduceSum(y), [x, scale, bias]).values()) {
      assert.equal(gradient.dataType, 'float16');
    }
  });
});
