/**
 * The vocabulary, and what gradient rules add, are operators that the WebGPU provider has: another one is no error to
 * the runtime, it runs on the CPU with copies around it, and a GPU graph turns slow without a message.
 */
import assert from 'node:assert/strict';
import { addGradients } from '../../src/autodiff/gradients';
import type { Value } from '../../src/onnx/graphBuilder';
import { Operators } from '../../src/onnx/operators';
import { lossGraph, sampleOf } from '../autodiff/checkGradient';
import { GRADIENT_TABLE } from '../autodiff/gradientTable';

/** Kernels of the provider in onnxruntime-node 1.30.0, as named in its shipped library; of opset 20's operators. */
const WEBGPU_OPERATORS = new Set([
  'Abs', 'Add', 'And', 'Cast', 'Ceil', 'Clip', 'Concat', 'Cos', 'CumSum', 'Div', 'Equal', 'Erf', 'Exp', 'Expand',
  'Flatten', 'Floor', 'Gather', 'GatherElements', 'GatherND', 'Gelu', 'Gemm', 'Greater', 'GreaterOrEqual', 'Identity',
  'LayerNormalization', 'Less', 'LessOrEqual', 'Log', 'MatMul', 'Max', 'Min', 'Mul', 'Neg', 'Not', 'Pad', 'Pow',
  'Range', 'Reciprocal', 'ReduceMax', 'ReduceMean', 'ReduceMin', 'ReduceProd', 'ReduceSum', 'ReduceSumSquare', 'Relu',
  'Reshape', 'ScatterElements', 'ScatterND', 'Shape', 'Sigmoid', 'Sin', 'Slice', 'Softmax', 'Split', 'Sqrt', 'Squeeze',
  'Sub', 'Tanh', 'Tile', 'Transpose', 'Trilu', 'Unsqueeze', 'Where',
]); // prettier-ignore

/** Known to be absent there; none of these may ever enter the list above by accident. */
const ABSENT = ['ConstantOfShape', 'Dropout', 'IsNaN', 'LogSoftmax', 'Loop', 'Mod', 'OneHot', 'Scan', 'Sign', 'SoftmaxCrossEntropyLoss']; // prettier-ignore

/** Emitted although absent: operator to reason. */
const EXCEPTIONS: Readonly<Record<string, string>> = {};

/** One call of every method that emits. */
const CALLS: Readonly<Record<string, (g: Operators, x: Value, condition: Value, indices: Value) => Value>> = {
  detach: (g, x) => g.detach(x),
  add: (g, x) => g.add(x, x),
  sub: (g, x) => g.sub(x, x),
  mul: (g, x) => g.mul(x, 2),
  div: (g, x) => g.div(1, x),
  pow: (g, x) => g.pow(x, 2),
  equal: (g, x) => g.equal(x, x),
  greater: (g, x) => g.greater(x, 0),
  less: (g, x) => g.less(x, 0),
  greaterOrEqual: (g, x) => g.greaterOrEqual(x, 0),
  and: (g, _, condition) => g.and(condition, condition),
  where: (g, x, condition) => g.where(condition, x, x),
  not: (g, _, condition) => g.not(condition),
  neg: (g, x) => g.neg(x),
  abs: (g, x) => g.abs(x),
  clip: (g, x) => g.clip(x, -1, 1),
  exp: (g, x) => g.exp(x),
  log: (g, x) => g.log(x),
  sqrt: (g, x) => g.sqrt(x),
  reciprocal: (g, x) => g.reciprocal(x),
  tanh: (g, x) => g.tanh(x),
  erf: (g, x) => g.erf(x),
  sigmoid: (g, x) => g.sigmoid(x),
  sin: (g, x) => g.sin(x),
  cos: (g, x) => g.cos(x),
  relu: (g, x) => g.relu(x),
  gelu: (g, x) => g.gelu(x),
  identity: (g, x) => g.identity(x),
  cast: (g, x) => g.cast(x, 'float16'),
  matMul: (g, x) => g.matMul(x, g.transpose(x, [1, 0])),
  gemm: (g, x) => g.gemm(x, x, undefined, { transB: true }),
  reduceSum: (g, x) => g.reduceSum(x),
  reduceMean: (g, x) => g.reduceMean(x),
  reduceMax: (g, x) => g.reduceMax(x),
  reduceSumSquare: (g, x) => g.reduceSumSquare(x),
  softmax: (g, x) => g.softmax(x),
  layerNormalization: (g, x) => g.layerNormalization(x, g.fill(1, [3]), g.fill(0, [3]), 1e-12),
  standardize: (g, x) => g.standardize(x, 1e-12).standardized,
  transpose: (g, x) => g.transpose(x, [1, 0]),
  reshape: (g, x) => g.reshape(x, [3, 2]),
  unsqueezeLast: (g, x) => g.unsqueezeLast(x),
  expand: (g, x) => g.expand(x, [2, 2, 3]),
  concat: (g, x) => g.concat([x, x], 0),
  split: (g, x) => g.split(x, 3, 1)[2],
  slice: (g, x) => g.slice(x, [0], [1], [0]),
  pad: (g, x) => g.pad(x, [1, 0], [0, 0]),
  gather: (g, x, _, indices) => g.gather(x, indices),
  gatherElements: (g, x, _, indices) => g.gatherElements(x, g.reshape(indices, [1, 2]), 0),
  scatterNd: (g, x, _, indices) => g.scatterNd(x, g.reshape(indices, [2, 1]), x),
  scatterElementsAdd: (g, x) => g.scatterElementsAdd(x, g.constant({ dataType: 'int64', shape: [2, 3], data: new BigInt64Array(6) }), x, 0),
  range: (g) => g.range(3),
  fill: (g) => g.fill(0, [2]),
  sumTo: (g, x) => g.sumTo(x, [3]),
  logSoftmax: (g, x) => g.logSoftmax(x),
}; // prettier-ignore

/** Methods that emit nothing by themselves: the accessor and what all methods share. */
const NOT_OPERATORS = ['constructor', 'detached', 'factor', 'binary', 'reduce', 'one'];

/** Only in graphs for devices whose tensors the binding cannot keep, which WebGPU is not. */
const CONTROL_FLOW = ['ifElse', 'loop'];

function assertOnDevice(opTypes: Iterable<string>, where: string): void {
  for (const opType of opTypes) {
    assert.ok(WEBGPU_OPERATORS.has(opType) || opType in EXCEPTIONS, `${where} emits ${opType}, which WebGPU has not`);
  }
}

describe('operators that WebGPU has', () => {
  it('are listed without those known to be absent', () => {
    for (const opType of ABSENT) assert.ok(!WEBGPU_OPERATORS.has(opType), opType);
    for (const opType of Object.keys(EXCEPTIONS))
      assert.ok(!WEBGPU_OPERATORS.has(opType), `${opType} needs no exception`);
  });

  it('are all that the vocabulary emits', () => {
    const methods = Object.getOwnPropertyNames(Operators.prototype).filter(
      (name) => ![...NOT_OPERATORS, ...CONTROL_FLOW].includes(name),
    );
    assert.deepEqual(Object.keys(CALLS).sort(), methods.sort(), 'every method has a call here');
    for (const [method, call] of Object.entries(CALLS)) {
      const g = new Operators();
      const x = g.input('x', 'float32', [2, 3]);
      const condition = g.input('condition', 'bool', [2, 3]);
      call(g, x, condition, g.integers([0, 1]));
      assert.ok(g.nodes.length > 0, method);
      assertOnDevice(g.nodes.map((node) => node.opType), method); // prettier-ignore
    }
  });

  it('are all that gradients add', () => {
    for (const row of GRADIENT_TABLE) {
      const { g, x, loss } = lossGraph(row, sampleOf(row).weights);
      const forward = g.nodes.length;
      addGradients(g, loss, x);
      assertOnDevice(g.nodes.slice(forward).map((node) => node.opType), `the gradient of ${row.name}`); // prettier-ignore
    }
  });
});
