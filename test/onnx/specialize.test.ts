import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { MedTextError, type ErrorCode } from '../../src/base/errors';
import { RandomStream } from '../../src/base/random';
import { DATA_TYPES, type DataType } from '../../src/onnx/dataType';
import { widenTensor } from '../../src/onnx/halfPrecision';
import { liftParameters } from '../../src/onnx/liftParameters';
import type { Attribute, Graph, GraphNode, Model, Tensor, ValueInfo } from '../../src/onnx/model';
import { printGraph } from '../../src/onnx/printGraph';
import { readModel } from '../../src/onnx/readModel';
import { asModel, specialize, type SpecializeOptions } from '../../src/onnx/specialize';
import { writeModel } from '../../src/onnx/writeModel';
import {
  encoderBytes,
  encoderFeeds,
  FIXTURES,
  floatsOf,
  largestError,
  LAYOUTS,
  REFERENCE,
  runOnnx,
  type EncoderInputs,
} from './foreignEncoders';

const shapesOf = ({ shape }: EncoderInputs) => ({ input_ids: shape, attention_mask: shape, token_type_ids: shape });

// --- small graphs by hand ---

type Values = readonly (number | bigint)[];
const tensor = (dataType: DataType, shape: readonly number[], values: Values): Tensor => {
  const data = new DATA_TYPES[dataType].array(values.length);
  values.forEach((value, i) => (data[i] = (typeof data[i] === 'bigint' ? BigInt(value) : Number(value)) as never));
  return { dataType, shape, data };
};
const float = (shape: readonly number[], values: Values) => tensor('float32', shape, values);
const long = (shape: readonly number[], values: Values) => tensor('int64', shape, values);
const bool = (shape: readonly number[], values: Values) => tensor('bool', shape, values);
const floats = (...shape: number[]) =>
  float(
    shape,
    Array.from({ length: shape.reduce((p, d) => p * d, 1) }, (_, i) => Math.sin(i * 1.7 + 0.3)),
  );

const int = (value: number): Attribute => ({ type: 'int', value });
const ints = (...value: number[]): Attribute => ({ type: 'ints', value });
const asFloat = (value: number): Attribute => ({ type: 'float', value });

const node = (
  opType: string,
  inputs: string[],
  outputs: string[],
  attributes: Record<string, Attribute> = {},
  domain = '',
): GraphNode => ({
  name: `${opType}.${outputs[0]}`,
  opType,
  domain,
  inputs,
  outputs,
  attributes,
});
const info = (name: string, of: Tensor): ValueInfo => ({ name, dataType: of.dataType, shape: of.shape });

function modelOf(opset: number, graph: Partial<Graph>): Model {
  const opsets = new Map([['', opset], ['com.microsoft', 1]]); // prettier-ignore
  return {
    irVersion: 8,
    producerName: 'test',
    opsets,
    graph: { name: 'g', nodes: [], inputs: [], outputs: [], initializers: new Map(), ...graph },
  };
}

/** What the model's outputs are declared as does not matter to ONNX Runtime when they have no shape. */
const openOutput = (name: string, dataType: DataType): ValueInfo => ({ name, dataType, shape: [], unranked: true });

function ortTensor({ dataType, shape, data }: Tensor): ort.Tensor {
  return new ort.Tensor(dataType as 'float32', data as never, [...shape]);
}

function failsWith(code: ErrorCode, pattern: RegExp, run: () => unknown): void {
  assert.throws(
    run,
    (e: unknown) => (e instanceof MedTextError && e.code === code && pattern.test(e.message)) || assert.fail(String(e)),
  );
}

describe('specialising foreign encoders', () => {
  for (const layout of LAYOUTS) {
    it(`${layout}: the static graph gives PyTorch's outputs for each shape`, async () => {
      const model = readModel(encoderBytes(layout));
      for (const reference of REFERENCE.cases) {
        const graph = specialize(model, { inputShapes: shapesOf(reference) });
        const outputs = await runOnnx(writeModel(asModel(graph)).bytes, encoderFeeds(reference));
        assert.ok(
          largestError(outputs.last_hidden_state.data as Float32Array, floatsOf(reference.last_hidden_state)) < 1e-5,
        );
        if (layout === 'torchscript') {
          assert.ok(largestError(outputs.pooler_output.data as Float32Array, floatsOf(reference.pooler_output)) < 1e-5);
        }
        const shapeOperators = [
          'Shape',
          'ConstantOfShape',
          'Range',
          'Constant',
          'Identity',
          'Unsqueeze',
          'Expand',
          'Equal',
          'Concat',
        ];
        assert.deepEqual(
          graph.nodes.filter((n) => shapeOperators.includes(n.opType)).map((n) => n.opType),
          [],
        );
      }
    });

    it(`${layout}: every parameter is lifted, nothing else, and the graph is fed with them`, async () => {
      const [reference] = REFERENCE.cases;
      const outputs = ['last_hidden_state'];
      const { graph, parameters } = liftParameters(
        specialize(readModel(encoderBytes(layout)), { inputShapes: shapesOf(reference), outputs }),
      );
      const expected = Object.entries(REFERENCE.parameterNames[layout]).filter(
        ([, { parameter }]) => !parameter.startsWith('pooler.'),
      );
      assert.deepEqual([...parameters.keys()].sort(), expected.map(([name]) => name).sort());
      const feeds = {
        ...encoderFeeds(reference),
        ...Object.fromEntries([...parameters].map(([name, t]) => [name, ortTensor(t)])),
      };
      const result = await runOnnx(writeModel(asModel(graph)).bytes, feeds);
      assert.ok(
        largestError(result.last_hidden_state.data as Float32Array, floatsOf(reference.last_hidden_state)) < 1e-5,
      );
      const kept = liftParameters(
        specialize(readModel(encoderBytes(layout)), { inputShapes: shapesOf(reference), outputs }),
        (name) => !name.startsWith('embeddings'),
      );
      assert.equal(
        kept.parameters.size,
        parameters.size - expected.filter(([name]) => name.startsWith('embeddings')).length,
      );
    });
  }

  it('the static graph of the optimum layout reads as in the golden file', () => {
    const graph = specialize(readModel(encoderBytes('optimum')), { inputShapes: shapesOf(REFERENCE.cases[0]) });
    const text = printGraph(graph);
    const file = join(FIXTURES, 'optimum.2x7.txt');
    if (process.env.UPDATE_GOLDENS) writeFileSync(file, text);
    assert.equal(text, readFileSync(file, 'utf8'));
  });

  it('half-precision weights become float32', async () => {
    const model = readModel(encoderBytes('optimum'));
    // The weights rounded to bfloat16, stored as such between Casts as exporters do.
    const halves = new Map(
      [...model.graph.initializers].map(([name, t]) => [name, t.dataType === 'float32' ? toBfloat16(t) : t]),
    );
    const casts = [...halves]
      .filter(([, t]) => t.dataType === 'bfloat16')
      .map(([name]) => node('Cast', [name], [`${name}.wide`], { to: int(1) }));
    const renamed = model.graph.nodes.map((n) => ({
      ...n,
      inputs: n.inputs.map((i) => (halves.get(i)?.dataType === 'bfloat16' ? `${i}.wide` : i)),
    }));
    const foreign = { ...model, graph: { ...model.graph, initializers: halves, nodes: [...casts, ...renamed] } };
    const [reference] = REFERENCE.cases;
    const graph = specialize(foreign, { inputShapes: shapesOf(reference) });
    assert.ok([...graph.initializers.values()].every((t) => !/float16/.test(t.dataType)));
    assert.equal(liftParameters(graph).parameters.size, casts.length);
    assert.equal(graph.nodes.filter((n) => n.opType === 'Cast' && n.inputs[0] !== 'attention_mask').length, 0);
    const rounded = {
      ...model,
      graph: { ...model.graph, initializers: new Map([...halves].map(([name, t]) => [name, widened(t)])) },
    };
    const expected = await runOnnx(writeModel(rounded).bytes, encoderFeeds(reference));
    const outputs = await runOnnx(writeModel(asModel(graph)).bytes, encoderFeeds(reference));
    assert.ok(
      largestError(outputs.last_hidden_state.data as Float32Array, expected.last_hidden_state.data as Float32Array) <
        1e-5,
    );
    assert.ok(
      largestError(outputs.last_hidden_state.data as Float32Array, floatsOf(reference.last_hidden_state)) > 1e-4,
    );
  });

  it('every float16 value becomes its float32', () => {
    const bits = Uint16Array.of(0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x3c00, 0xc000, 0x7bff, 0x7c00, 0xfc00, 0x7e00);
    const values = [0, -0, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 1, -2, 65504, Infinity, -Infinity, NaN];
    const half: Tensor = { dataType: 'float16', shape: [11], data: bits };
    assert.deepEqual(Array.from(widenTensor(half).data as Float32Array), values);
  });
});

function toBfloat16(t: Tensor): Tensor {
  const bits = new Uint32Array((t.data as Float32Array).slice().buffer);
  return { dataType: 'bfloat16', shape: t.shape, data: Uint16Array.from(bits, (b) => b >>> 16) };
}

function widened(t: Tensor): Tensor {
  if (t.dataType !== 'bfloat16') return t;
  return {
    dataType: 'float32',
    shape: t.shape,
    data: new Float32Array(Uint32Array.from(t.data as Uint16Array, (b) => b << 16).buffer),
  };
}

describe('older operator sets, said in opset 20', () => {
  const x = floats(2, 3, 4);
  const positive = float(
    [2, 3, 4],
    Array.from(x.data as Float32Array, (v) => v * v + 0.1),
  );
  const initial = (tensors: Record<string, Tensor>) => new Map(Object.entries(tensors));
  const rows: { name: string; opset: number; nodes: GraphNode[]; initializers?: Map<string, Tensor>; x?: Tensor; outputs?: string[] }[] = [
    { name: 'Softmax-11 default axis', opset: 11, nodes: [node('Softmax', ['x'], ['y'])] },
    { name: 'Softmax-11 axis 0', opset: 11, nodes: [node('Softmax', ['x'], ['y'], { axis: int(0) })] },
    { name: 'Softmax-12 axis -1', opset: 12, nodes: [node('Softmax', ['x'], ['y'], { axis: int(-1) })] },
    { name: 'LogSoftmax-11 axis 1', opset: 11, nodes: [node('LogSoftmax', ['x'], ['y'], { axis: int(1) })] },
    { name: 'Softmax-13 axis 1', opset: 13, nodes: [node('Softmax', ['x'], ['y'], { axis: int(1) })] },
    { name: 'Softmax-13 default axis', opset: 13, nodes: [node('Softmax', ['x'], ['y'])] },
    { name: 'Unsqueeze-11 and Squeeze-11', opset: 11, nodes: [node('Unsqueeze', ['x'], ['u'], { axes: ints(0, 2) }), node('Relu', ['u'], ['v']), node('Squeeze', ['v'], ['y'], { axes: ints(0, -3) })] },
    { name: 'Squeeze-11 of all', opset: 11, nodes: [node('Squeeze', ['x'], ['y'])], x: floats(1, 3, 1, 2) },
    { name: 'ReduceSum-11', opset: 11, nodes: [node('ReduceSum', ['x'], ['y'], { axes: ints(1), keepdims: int(0) })] },
    { name: 'ReduceMean-13', opset: 13, nodes: [node('ReduceMean', ['x'], ['y'], { axes: ints(-1, 0) })] },
    { name: 'ReduceMean-13 of all', opset: 13, nodes: [node('ReduceMean', ['x'], ['y'])] },
    { name: 'ReduceMax-11', opset: 11, nodes: [node('ReduceMax', ['x'], ['y'], { axes: ints(2) })] },
    { name: 'Slice-9', opset: 9, nodes: [node('Slice', ['x'], ['y'], { starts: ints(1, -3), ends: ints(2 ** 63, -1), axes: ints(1, 2) })] },
    { name: 'Clip-9', opset: 9, nodes: [node('Clip', ['x'], ['y'], { min: asFloat(-0.5), max: asFloat(0.25) })] },
    { name: 'Clip-9 of one bound', opset: 9, nodes: [node('Clip', ['x'], ['y'], { max: asFloat(0.25) })] },
    { name: 'Pad-10', opset: 10, nodes: [node('Pad', ['x'], ['y'], { pads: ints(0, 1, 0, 1, 0, 2), value: asFloat(7) })] },
    { name: 'Split-11 by sizes', opset: 11, outputs: ['y', 'z'], nodes: [node('Split', ['x'], ['y', 'z'], { axis: int(2), split: ints(3, 1) })] },
    { name: 'Split-13 in equal parts', opset: 13, outputs: ['y', 'z'], nodes: [node('Split', ['x'], ['y', 'z'], { axis: int(-1) })] },
    { name: 'Split-18 num_outputs', opset: 18, outputs: ['y', 'z'], nodes: [node('Split', ['x'], ['y', 'z'], { axis: int(2), num_outputs: int(2) })] },
    { name: 'Dropout-11', opset: 11, nodes: [node('Dropout', ['x'], ['d'], { ratio: asFloat(0.5) }), node('Neg', ['d'], ['y'])] },
    { name: 'Dropout-13', opset: 13, nodes: [node('Dropout', ['x', 'r', 'off'], ['d']), node('Neg', ['d'], ['y'])], initializers: initial({ r: float([], [0.5]), off: bool([], [0]) }) },
    { name: 'Sum-13 of three', opset: 13, nodes: [node('Sum', ['x', 'w', 'x'], ['y'])], initializers: initial({ w: floats(4) }) },
    { name: 'LayerNormalization-17 of one output', opset: 17, nodes: [node('LayerNormalization', ['x', 'w', 'b'], ['y'])], initializers: initial({ w: floats(4), b: floats(4) }) },
    { name: 'contributed Gelu', opset: 14, nodes: [node('Gelu', ['x'], ['y'], {}, 'com.microsoft')] },
    { name: 'contributed BiasGelu', opset: 14, nodes: [node('BiasGelu', ['x', 'w'], ['y'], {}, 'com.microsoft')], initializers: initial({ w: floats(4) }) },
    { name: 'contributed FastGelu', opset: 14, nodes: [node('FastGelu', ['x', 'w'], ['y'], {}, 'com.microsoft')], initializers: initial({ w: floats(4) }) },
    { name: 'contributed SkipLayerNormalization', opset: 14, nodes: [node('SkipLayerNormalization', ['x', 's', 'w', 'b', 'c'], ['y'], { epsilon: asFloat(1e-12) }, 'com.microsoft')], initializers: initial({ s: floats(2, 3, 4), w: floats(4), b: floats(4), c: floats(4) }) },
    { name: 'Reshape with 0 and -1', opset: 14, nodes: [node('Reshape', ['x', 's'], ['y'])], initializers: initial({ s: long([3], [0, -1, 2]) }) },
    { name: 'Expand by less than the input', opset: 14, nodes: [node('Expand', ['x', 's'], ['y'])], initializers: initial({ s: long([4], [2, 1, 1, 4]) }) },
    { name: 'Slice backwards', opset: 14, nodes: [node('Slice', ['x', 's', 'e', 'a', 't'], ['y'])], initializers: initial({ s: long([1], [-1]), e: long([1], [-(2n ** 63n)]), a: long([1], [2]), t: long([1], [-1]) }) },
    { name: 'an output that is an input', opset: 14, nodes: [node('Identity', ['x'], ['y'])] },
    { name: 'an output that is a constant', opset: 14, nodes: [node('Shape', ['x'], ['y'])] },
    { name: 'Constant of each kind', opset: 13, nodes: [
        node('Constant', [], ['i'], { value_ints: ints(2) }), node('Constant', [], ['f'], { value_float: asFloat(0.5) }), node('Constant', [], ['v'], { value_floats: { type: 'floats', value: [1, 2, 3, 4] } }),
        node('Unsqueeze', ['f', 'zero'], ['u']), node('Mul', ['x', 'u'], ['m']), node('Add', ['m', 'v'], ['n']), node('ReduceSum', ['n', 'i'], ['y']),
      ], initializers: initial({ zero: long([1], [0]) }) },
    { name: 'Sqrt and Pow chains', opset: 11, x: positive, nodes: [node('Constant', [], ['two'], { value: { type: 'tensor', value: float([], [2]) } }), node('Sqrt', ['x'], ['s']), node('Pow', ['s', 'two'], ['y'])] },
    ...[
      { kind: 'an added mask', mask: float([2, 1, 3, 3], [0, 0, -1e4, 0, -1e4, 0.5, -0.5, 0, 0, 0, -1e4, -1e4, 0, 0, 0, 1, 2, 3]), attributes: { scale: asFloat(0.3) } as Record<string, Attribute> },
      { kind: 'a mask that keeps', mask: bool([2, 1, 3, 3], [1, 1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1, 0, 1, 1, 1]), attributes: {} },
    ].map(({ kind, mask, attributes }) => ({
      name: `Attention-23 with ${kind}`,
      opset: 23,
      x: floats(2, 2, 3, 4),
      nodes: [node('Neg', ['x'], ['k']), node('Exp', ['x'], ['v']), node('Attention', ['x', 'k', 'v', 'mask'], ['y'], attributes)],
      initializers: initial({ mask }),
    })),
    { name: 'a guard against NaN', opset: 17, x: float([4], [1, NaN, -2, NaN]), nodes: [node('IsNaN', ['x'], ['n']), node('Where', ['n', 'zero', 'x'], ['y'])], initializers: initial({ zero: float([], [0]) }) },
    { name: 'CumSum, Tile and GatherND', opset: 14, nodes: [node('CumSum', ['x', 'one'], ['c']), node('Tile', ['c', 'reps'], ['t']), node('GatherND', ['t', 'at'], ['y'])], initializers: initial({ one: long([], [1]), reps: long([3], [1, 2, 1]), at: long([2, 2], [0, 5, 1, 0]) }) },
  ]; // prettier-ignore

  for (const row of rows) {
    it(row.name, async () => {
      const names = row.outputs ?? ['y'];
      const input = row.x ?? x;
      const isShape = row.nodes.at(-1)!.opType === 'Shape';
      const outputs = names.map((name) => openOutput(name, isShape ? 'int64' : 'float32'));
      const model = modelOf(row.opset, {
        nodes: row.nodes,
        initializers: row.initializers ?? new Map(),
        inputs: [info('x', input)],
        outputs,
      });
      const graph = specialize(model);
      const feeds = { x: ortTensor(input) };
      const expected = await runOnnx(writeModel(model).bytes, feeds);
      const actual = await runOnnx(writeModel(asModel(graph)).bytes, feeds);
      for (const name of names) {
        assert.deepEqual(actual[name].dims, expected[name].dims);
        const numbers = (t: ort.Tensor) => Array.from(t.data as unknown as Iterable<number | bigint>, Number);
        assert.ok(largestError(numbers(actual[name]), numbers(expected[name])) < 1e-6);
      }
    });
  }
});

describe('folding constants', () => {
  const grid = long([2, 3], [5, -3, 7, 0, 2, -1]);
  const row3 = long([3], [2, -2, 3]);
  const fgrid = float([2, 3], [0.5, -1.5, 2.25, 3, -0.75, 1]);
  const flags = bool([2, 3], [1, 0, 1, 0, 0, 1]);
  const vector = (...values: number[]) => long([values.length], values);
  /** Operator, constant inputs, attributes, output type (float32 inputs' type unless told). */
  const rows: [string, Tensor[], Record<string, Attribute>?, DataType?][] = [
    ...['Add', 'Sub', 'Mul', 'Div', 'Mod', 'Min', 'Max'].map((op): [string, Tensor[]] => [op, [grid, row3]]),
    ['Mod', [grid, row3], { fmod: int(1) }],
    ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].map((op): [string, Tensor[], {}, DataType] => [
      op,
      [grid, row3],
      {},
      'bool',
    ]),
    ...['Add', 'Sub', 'Mul', 'Div', 'Min', 'Max', 'Pow'].map((op): [string, Tensor[]] => [
      op,
      [fgrid, float([3], [2, 1, 3])],
    ]),
    ['Pow', [grid, long([], [3])]],
    ...['And', 'Or', 'Xor'].map((op): [string, Tensor[]] => [op, [flags, bool([3], [1, 1, 0])]]),
    ['Not', [flags]],
    ...['Neg', 'Abs', 'Floor', 'Ceil', 'Sign', 'Exp', 'Reciprocal'].map((op): [string, Tensor[]] => [op, [fgrid]]),
    ['Neg', [grid]],
    ['Abs', [grid]],
    ['Sqrt', [float([2], [2, 9])]],
    ['Log', [float([2], [2, 9])]],
    ['IsNaN', [float([2], [NaN, 1])], {}, 'bool'],
    ['Cast', [fgrid], { to: int(7) }, 'int64'],
    ['Cast', [grid], { to: int(1) }, 'float32'],
    ['Cast', [fgrid], { to: int(9) }, 'bool'],
    ['Cast', [flags], { to: int(6) }, 'int32'],
    ['Where', [flags, grid, long([], [9])]],
    ['Range', [long([], [7]), long([], [-2]), long([], [-3])]],
    ['Range', [float([], [0]), float([], [1]), float([], [0.25])]],
    ['ConstantOfShape', [vector(2, 2)], { value: { type: 'tensor', value: float([1], [1.5]) } }, 'float32'],
    ['ConstantOfShape', [vector(2)], {}, 'float32'],
    ['Trilu', [grid], { upper: int(0) }],
    ['Trilu', [grid, long([], [1])]],
    ['Reshape', [grid, vector(3, -1)]],
    ['Flatten', [long([2, 1, 3], [1, 2, 3, 4, 5, 6])], { axis: int(2) }],
    ['Expand', [row3, vector(2, 1, 3)]],
    ['Tile', [grid, vector(2, 2)]],
    ['Transpose', [long([2, 1, 3], [1, 2, 3, 4, 5, 6])], { perm: ints(2, 0, 1) }],
    ['Transpose', [grid]],
    ['Slice', [grid, vector(-1), vector(-9), vector(1), vector(-2)]],
    ['Slice', [grid, vector(1, 0), vector(99, -1)]],
    ['Gather', [grid, long([2, 1], [-1, 0])], { axis: int(1) }],
    ['Gather', [grid, long([], [1])]],
    ['GatherElements', [grid, long([1, 3], [1, -1, 0])], { axis: int(0) }],
    ['GatherND', [grid, long([2, 2], [0, 1, 1, -1])]],
    ['GatherND', [grid, long([1, 1], [1])]],
    ['ScatterND', [grid, long([2, 2], [0, 1, 1, 2]), vector(100, 200)]],
    ['Concat', [grid, grid], { axis: int(1) }],
    ['CumSum', [grid, long([], [1])]],
    ['ReduceSum', [grid, vector(0)]],
    ['ReduceSum', [fgrid], { keepdims: int(0) }],
    ['ReduceProd', [grid, vector(1)], { keepdims: int(0) }],
    ['ReduceMax', [grid, vector(1)]],
    ['ReduceMin', [fgrid, vector(0)]],
    ['ReduceMean', [fgrid, vector(-1)]],
    ['Squeeze', [long([1, 2], [3, 4]), vector(0)]],
    ['Unsqueeze', [row3, vector(-1)]],
    ['NonZero', [flags], {}, 'int64'],
    ['Size', [grid]],
    ['Shape', [grid], { start: int(-1) }],
  ];
  for (const [opType, inputs, attributes = {}, dataType = inputs.at(opType === 'Where' ? 1 : 0)!.dataType] of rows) {
    it(`${opType} ${inputs.map((t) => `${t.dataType}[${t.shape}]`).join(' ')} ${JSON.stringify(attributes)}`, async () => {
      const names = inputs.map((_, i) => `x${i}`);
      const nodes = [node(opType, names, ['y'], attributes)];
      const outputs = [openOutput('y', dataType)];
      const live = modelOf(20, { nodes, outputs, inputs: inputs.map((t, i) => info(names[i], t)) });
      const expected = (
        await runOnnx(writeModel(live).bytes, Object.fromEntries(inputs.map((t, i) => [names[i], ortTensor(t)])))
      ).y;
      const constants = inputs.map((t, i) => node('Constant', [], [names[i]], { value: { type: 'tensor', value: t } }));
      const graph = specialize(modelOf(20, { nodes: [...constants, ...nodes], outputs }));
      assert.deepEqual(
        graph.nodes.map((n) => n.opType),
        ['Identity'],
      );
      const actual = graph.initializers.get(graph.nodes[0].inputs[0])!;
      assert.deepEqual([actual.dataType, actual.shape], [expected.type, expected.dims]);
      if (dataType === 'float32')
        assert.ok(largestError(actual.data as Float32Array, expected.data as Float32Array) < 1e-6);
      else assert.deepEqual(Array.from(actual.data as never), Array.from(expected.data as never));
    });
  }

  it('leaves weights, and what is larger than allowed, to the graph', () => {
    const weights = modelOf(20, {
      nodes: [node('Transpose', ['w'], ['t']), node('MatMul', ['x', 't'], ['y'])],
      inputs: [info('x', floats(2, 3))],
      outputs: [openOutput('y', 'float32')],
      initializers: new Map([['w', floats(4, 3)]]),
    });
    assert.deepEqual(
      specialize(weights).nodes.map((n) => n.opType),
      ['Transpose', 'MatMul'],
    );
    const large = (maxFoldedElements: number) =>
      specialize(
        modelOf(20, {
          nodes: [
            node('Constant', [], ['s'], { value_ints: ints(1000) }),
            node('Constant', [], ['c'], { value_int: int(3) }),
            node('Expand', ['c', 's'], ['y']),
          ],
          outputs: [openOutput('y', 'int64')],
        }),
        { maxFoldedElements },
      ).nodes.map((n) => n.opType);
    assert.deepEqual(large(999), ['Expand']);
    assert.deepEqual(large(1000), ['Identity']);
  });

  it('computes 64-bit integers exactly', () => {
    const big = 2n ** 62n + 1n;
    const nodes = [
      node('Constant', [], ['a'], { value: { type: 'tensor', value: long([1], [big]) } }),
      node('Sub', ['a', 'a'], ['z']),
      node('Add', ['z', 'a'], ['y']),
    ];
    const graph = specialize(modelOf(20, { nodes, outputs: [openOutput('y', 'int64')] }));
    assert.deepEqual([...graph.initializers.values()][0].data, BigInt64Array.of(big));
  });
});

describe('specialise', () => {
  const branch = (name: string, opType: string): Graph => ({
    name,
    nodes: [node(opType, ['x'], ['inner']), node('Mul', ['inner', 'factor'], ['result'])],
    inputs: [],
    outputs: [openOutput('result', 'float32')],
    initializers: new Map([['factor', float([1], [3])]]),
  });
  const conditional = (condition: GraphNode[]): Model =>
    modelOf(17, {
      nodes: [
        ...condition,
        node('If', ['c'], ['a'], {
          then_branch: { type: 'graph', value: branch('then', 'Exp') },
          else_branch: { type: 'graph', value: branch('else', 'Neg') },
        }),
        node('If', ['c'], ['b'], {
          then_branch: { type: 'graph', value: branch('then', 'Abs') },
          else_branch: { type: 'graph', value: branch('else', 'Neg') },
        }),
        node('Add', ['a', 'b'], ['y']),
      ],
      inputs: [{ name: 'x', dataType: 'float32', shape: ['n'] }],
      outputs: [openOutput('y', 'float32')],
      initializers: new Map([['two', long([1], [2])]]),
    });

  it('takes the branch that the shapes choose', async () => {
    const model = conditional([node('Shape', ['x'], ['s']), node('Equal', ['s', 'two'], ['c'])]);
    for (const [n, expected] of [
      [2, ['Exp', 'Mul', 'Abs', 'Mul', 'Add']],
      [3, ['Neg', 'Mul', 'Neg', 'Mul', 'Add']],
    ] as const) {
      const x = floats(n);
      const graph = specialize(model, { inputShapes: { x: [n] } });
      assert.deepEqual(
        graph.nodes.map((k) => k.opType),
        expected,
      );
      const [ours, theirs] = [asModel(graph), model].map((m) => runOnnx(writeModel(m).bytes, { x: ortTensor(x) }));
      assert.ok(largestError((await ours).y.data as Float32Array, (await theirs).y.data as Float32Array) < 1e-6);
    }
    const onData = conditional([node('Greater', ['x', 'x'], ['g']), node('Squeeze', ['g'], ['c'])]);
    failsWith('UNSUPPORTED', /If \(node "If.a"\) depends on data/, () =>
      specialize(onData, { inputShapes: { x: [1] } }),
    );
  });

  it('unties parameters that an exporter merged because they were equal', () => {
    const graph = specialize(
      modelOf(17, {
        nodes: [
          node('Identity', ['a.bias'], ['b.bias']),
          node('Add', ['x', 'a.bias'], ['u']),
          node('Mul', ['u', 'b.bias'], ['y']),
        ],
        inputs: [info('x', floats(2, 3))],
        outputs: [openOutput('y', 'float32')],
        initializers: new Map([['a.bias', floats(3)]]),
      }),
    );
    assert.deepEqual([...liftParameters(graph).parameters.keys()], ['a.bias', 'b.bias']);
  });

  it('tells parameters from numbers', () => {
    const initializers = new Map([
      ['val_1', float([], [2])], ['val_2', float([1], [2])], ['head.bias', float([1], [2])], ['w', floats(3)], ['unused', floats(3)],
      ['ids', long([3], [0, 1, 2])], ['table', floats(3, 2)], ['threshold', floats(3)],
    ]); // prettier-ignore
    const graph = specialize(
      modelOf(20, {
        nodes: [
          node('Mul', ['x', 'val_1'], ['a']), node('Mul', ['a', 'val_2'], ['b']), node('Add', ['b', 'head.bias'], ['c']),
          node('Greater', ['c', 'threshold'], ['g']), node('Where', ['g', 'w', 'c'], ['d']), node('Gather', ['table', 'ids'], ['e']),
          node('MatMul', ['d', 'e'], ['y']),
        ], // prettier-ignore
        inputs: [info('x', floats(2, 3))],
        outputs: [openOutput('y', 'float32')],
        initializers,
      }),
    );
    assert.deepEqual([...liftParameters(graph).parameters.keys()], ['head.bias', 'w', 'table']);
  });

  it('refuses by name, with the node', () => {
    const one = (n: GraphNode, opset = 20, extra: Partial<Graph> = {}) =>
      modelOf(opset, {
        nodes: [n],
        inputs: [info('x', floats(2, 3))],
        outputs: [openOutput('y', 'float32')],
        ...extra,
      });
    failsWith('UNSUPPORTED', /Einsum \(node "Einsum.y"\)/, () => specialize(one(node('Einsum', ['x'], ['y']))));
    failsWith('UNSUPPORTED', /com\.microsoft\.Attention \(node "Attention.y"\)/, () =>
      specialize(one(node('Attention', ['x'], ['y'], {}, 'com.microsoft'))),
    );
    failsWith('UNSUPPORTED', /Loop \(node "Loop.y"\)/, () => specialize(one(node('Loop', ['', '', 'x'], ['y']))));
    failsWith('UNSUPPORTED', /__proto__|toString/, () => specialize(one(node('toString', ['x'], ['y']))));
    failsWith('UNSUPPORTED', /Dropout.*training mode/, () =>
      specialize(one(node('Dropout', ['x', '', 'on'], ['y']), 13, { initializers: new Map([['on', bool([], [1])]]) })),
    );
    failsWith('UNSUPPORTED', /Attention \(node "Attention.y"\) has its heads joined/, () =>
      specialize(one(node('Attention', ['x', 'x', 'x'], ['y']), 23)),
    );
    failsWith('UNSUPPORTED', /operator set 6/, () => specialize(one(node('Neg', ['x'], ['y']), 6)));
    failsWith('GRAPH', /Node "MatMul.y": MatMul/, () => specialize(one(node('MatMul', ['x', 'x'], ['y']))));
    failsWith('GRAPH', /Gather: index 9 is outside/, () =>
      specialize(one(node('Gather', ['i', 'i'], ['y']), 20, { initializers: new Map([['i', long([1], [9])]]) })),
    );
    const dead = one(node('Neg', ['x'], ['y']));
    assert.equal(
      specialize({ ...dead, graph: { ...dead.graph, nodes: [node('Einsum', ['x'], ['z']), ...dead.graph.nodes] } })
        .nodes.length,
      1,
      'dead nodes do no harm',
    );
  });

  it('keeps outputs that are initialisers or inputs', async () => {
    const x = floats(2);
    const graph = specialize(
      modelOf(20, {
        nodes: [node('Add', ['x', 'w'], ['y'])],
        inputs: [info('x', x)],
        outputs: [openOutput('y', 'float32'), openOutput('w', 'float32')],
        initializers: new Map([['w', floats(2)]]),
      }),
    );
    const outputs = await runOnnx(writeModel(asModel(graph)).bytes, { x: ortTensor(x) });
    assert.deepEqual(outputs.w.data, floats(2).data);
  });

  it('mutated graphs are specialised or fail with a code, quickly', () => {
    const started = Date.now();
    const counts = { read: 0, specialized: 0 };
    for (const layout of ['dynamo', 'opset11'] as const) {
      const original = encoderBytes(layout);
      const model = readModel(original);
      const random = new RandomStream(11);
      const pick = <T>(items: readonly T[]): T => items[random.integer(items.length)];
      for (let i = 0; i < 400; i++) {
        // Mutated as bytes, or as a graph whose nodes read other values, have other attributes and other operators.
        const mutated = i % 2 ? tryRead(flipped(original, random)) : { ...model, graph: shuffled(model.graph, pick) };
        if (!mutated) continue;
        counts.read++;
        try {
          specialize(mutated, { inputShapes: shapesOf(REFERENCE.cases[0]) });
          counts.specialized++;
        } catch (error) {
          assert.ok(
            error instanceof MedTextError && error.code !== 'INTERNAL',
            error instanceof Error ? error.stack : '',
          );
        }
      }
    }
    assert.ok(counts.specialized > 20 && counts.read - counts.specialized > 100, JSON.stringify(counts));
    assert.ok(Date.now() - started < 30_000);
  });

  it('impossible shapes and endless powers are refused or bounded', () => {
    const constant = (name: string, value: Tensor) =>
      node('Constant', [], [name], { value: { type: 'tensor', value } });
    const graph = (opType: string, a: Tensor, b: Tensor) =>
      specialize(
        modelOf(20, {
          nodes: [constant('a', a), constant('b', b), node(opType, ['a', 'b'], ['y'])],
          outputs: [openOutput('y', a.dataType)],
        }),
      );
    failsWith('GRAPH', /Expand.y.*impossible shape/, () => graph('Expand', long([], [1]), long([2], [-3, 4])));
    failsWith('GRAPH', /Expand.y.*impossible shape/, () =>
      graph('Expand', long([], [1]), long([5000], new Array<number>(5000).fill(1))),
    );
    assert.equal(graph('Expand', long([], [1]), long([3], [2 ** 17, 2 ** 17, 2 ** 17])).nodes[0].opType, 'Expand');
    const power = graph('Pow', long([], [3]), long([], [2n ** 62n]));
    assert.deepEqual(
      [...power.initializers.values()][0].data,
      BigInt64Array.of(BigInt.asIntN(64, modularPower(3n, 2n ** 62n))),
    );
  });

  it('binds symbolic dimensions once', () => {
    const value = (name: string, shape: (number | string)[]): ValueInfo => ({ name, dataType: 'float32', shape });
    const model = modelOf(20, {
      nodes: [node('Add', ['a', 'b'], ['y'])],
      inputs: [value('a', ['n', 3]), value('b', ['n', ''])],
      outputs: [openOutput('y', 'float32')],
    });
    const bound = (inputShapes: SpecializeOptions['inputShapes']) =>
      specialize(model, { inputShapes }).inputs.map((i) => i.shape);
    assert.deepEqual(bound({ a: [2, 3], b: [2, 1] }), [[2, 3], [2, 1]]); // prettier-ignore
    assert.deepEqual(bound({ b: [2, 1] }), [[2, 3], [2, 1]]); // prettier-ignore
    failsWith('USAGE', /Input "b"/, () => bound({ a: [2, 3] }));
    failsWith('GRAPH', /Input "b" of shape \[n, \]/, () => bound({ a: [2, 3], b: [4, 3] }));
    failsWith('GRAPH', /Input "a"/, () => bound({ a: [2, 4], b: [2, 3] }));
    failsWith('GRAPH', /Input "a"/, () => bound({ a: [2], b: [2, 3] }));
    failsWith('GRAPH', /Input "a"/, () => bound({ a: [-2, 3], b: [-2, 3] }));
    failsWith('USAGE', /no input "c"; it has a, b/, () => bound({ c: [1] }));
    failsWith('USAGE', /no output "z"; it has y/, () =>
      specialize(model, { inputShapes: { b: [2, 1] }, outputs: ['z'] }),
    );
  });
});

function modularPower(base: bigint, exponent: bigint): bigint {
  return exponent === 0n
    ? 1n
    : (modularPower((base * base) % 2n ** 64n, exponent / 2n) * (exponent % 2n ? base : 1n)) % 2n ** 64n;
}

function flipped(bytes: Uint8Array, random: RandomStream): Uint8Array {
  const mutated = new Uint8Array(bytes);
  for (let flips = 1 + random.integer(3); flips > 0; flips--)
    mutated[random.integer(mutated.length)] = random.integer(256);
  return mutated;
}

function tryRead(bytes: Uint8Array): Model | undefined {
  try {
    return readModel(bytes);
  } catch {
    return undefined;
  }
}

/** The graph with a few nodes given another node's operator or attributes, or an earlier value as input. */
function shuffled(graph: Graph, pick: <T>(items: readonly T[]) => T): Graph {
  const nodes = [...graph.nodes];
  for (let i = 0; i < 3; i++) {
    const at = pick([...nodes.keys()]);
    const other = pick(nodes);
    const values = [
      ...graph.initializers.keys(),
      ...graph.inputs.map((v) => v.name),
      ...nodes.slice(0, at).flatMap((n) => n.outputs),
    ];
    nodes[at] = pick([
      { ...nodes[at], opType: other.opType },
      { ...nodes[at], attributes: other.attributes },
      { ...nodes[at], inputs: nodes[at].inputs.map((name) => pick([name, pick(values)])) },
    ]);
  }
  return { ...graph, nodes };
}
