/**
 * The operators that graphs are built with, one method for each. All are standard operators of opset 20 that the CPU,
 * WebGPU, CUDA, DirectML and CoreML providers can run.
 */
import { DATA_TYPES, type DataType } from './dataType';
import { GraphBuilder, type Value } from './graphBuilder';
import type { Attribute, Graph, ValueInfo } from './model';
import type { TensorType } from './typeInference';
import { allAxes, broadcastAxes, normalizeAxis, sameShape, type Shape } from './shapes';

const int = (value: number): Attribute => ({ type: 'int', value });
const float = (value: number): Attribute => ({ type: 'float', value });
const ints = (value: readonly number[]): Attribute => ({ type: 'ints', value });
const string = (value: string): Attribute => ({ type: 'string', value });

/** A value, or a number that becomes a constant of the other operand's type. */
export type Operand = Value | number;

/**
 * The type of the factors of matrix products. In half precision the factors and the products are rounded to float16.
 * All other values stay in float32.
 */
export type FactorType = 'float32' | 'float16';

export class Operators extends GraphBuilder {
  private readonly detachedNames = new Set<string>();
  private readonly halves = new Map<string, Value>();

  constructor(
    prefix = '',
    private readonly factors: FactorType = 'float32',
  ) {
    super(prefix);
  }

  /** The names of values that gradients do not flow through. */
  get detached(): ReadonlySet<string> {
    return this.detachedNames;
  }

  /**
   * The same value, which reverse-mode differentiation treats as a constant (PyTorch's `detach`, JAX's
   * `stop_gradient`).
   */
  detach(x: Value): Value {
    const y = this.identity(x);
    this.detachedNames.add(y.name);
    return y;
  }

  // --- elementwise, broadcasting ---
  add(a: Operand, b: Operand): Value {
    return this.binary('Add', a, b);
  }
  sub(a: Operand, b: Operand): Value {
    return this.binary('Sub', a, b);
  }
  mul(a: Operand, b: Operand): Value {
    return this.binary('Mul', a, b);
  }
  div(a: Operand, b: Operand): Value {
    return this.binary('Div', a, b);
  }
  pow(a: Operand, b: Operand): Value {
    return this.binary('Pow', a, b);
  }
  equal(a: Operand, b: Operand): Value {
    return this.binary('Equal', a, b);
  }
  greater(a: Operand, b: Operand): Value {
    return this.binary('Greater', a, b);
  }
  less(a: Operand, b: Operand): Value {
    return this.binary('Less', a, b);
  }
  greaterOrEqual(a: Operand, b: Operand): Value {
    return this.binary('GreaterOrEqual', a, b);
  }
  and(a: Value, b: Value): Value {
    return this.one('And', [a, b]);
  }
  where(condition: Value, a: Value, b: Value): Value {
    return this.one('Where', [condition, a, b]);
  }

  // --- elementwise, unary ---
  not(x: Value): Value {
    return this.one('Not', [x]);
  }
  neg(x: Value): Value {
    return this.one('Neg', [x]);
  }
  abs(x: Value): Value {
    return this.one('Abs', [x]);
  }
  /** x with elements below `min` raised to `min` and elements above `max` lowered to `max`. */
  clip(x: Value, min: number, max: number): Value {
    return this.one('Clip', [x, this.scalar(min, x.dataType), this.scalar(max, x.dataType)]);
  }
  exp(x: Value): Value {
    return this.one('Exp', [x]);
  }
  log(x: Value): Value {
    return this.one('Log', [x]);
  }
  sqrt(x: Value): Value {
    return this.one('Sqrt', [x]);
  }
  reciprocal(x: Value): Value {
    return this.one('Reciprocal', [x]);
  }
  tanh(x: Value): Value {
    return this.one('Tanh', [x]);
  }
  erf(x: Value): Value {
    return this.one('Erf', [x]);
  }
  sigmoid(x: Value): Value {
    return this.one('Sigmoid', [x]);
  }
  sin(x: Value): Value {
    return this.one('Sin', [x]);
  }
  cos(x: Value): Value {
    return this.one('Cos', [x]);
  }
  relu(x: Value): Value {
    return this.one('Relu', [x]);
  }
  /** GELU. With `approximate` 'none' it is x * Phi(x) by erf; 'tanh' is BERT's gelu_new. */
  gelu(x: Value, approximate: 'none' | 'tanh' = 'none'): Value {
    return this.one('Gelu', [x], { approximate: string(approximate) });
  }
  identity(x: Value): Value {
    return this.one('Identity', [x]);
  }
  cast(x: Value, to: DataType): Value {
    return x.dataType === to ? x : this.one('Cast', [x], { to: int(DATA_TYPES[to].code) });
  }

  // --- linear algebra ---
  matMul(a: Value, b: Value): Value {
    return this.cast(this.one('MatMul', [this.factor(a), this.factor(b)]), a.dataType);
  }
  /** op(a) op(b) + c for matrices. c is broadcast. */
  gemm(a: Value, b: Value, c?: Value, options: { transA?: boolean; transB?: boolean } = {}): Value {
    const { transA = false, transB = false } = options;
    const [x, y] = [this.factor(a), this.factor(b)];
    const attributes = { ...(transA ? { transA: int(1) } : {}), ...(transB ? { transB: int(1) } : {}) };
    if (x === a) return this.one('Gemm', c ? [a, b, c] : [a, b], attributes);
    const product = this.cast(this.one('Gemm', [x, y], attributes), a.dataType);
    return c ? this.add(product, c) : product;
  }

  // --- reductions; axes default to all ---
  reduceSum(x: Value, axes: readonly number[] = allAxes(x.shape.length), keepDims = false): Value {
    return this.reduce('ReduceSum', x, axes, keepDims);
  }
  reduceMean(x: Value, axes: readonly number[] = allAxes(x.shape.length), keepDims = false): Value {
    return this.reduce('ReduceMean', x, axes, keepDims);
  }
  reduceMax(x: Value, axes: readonly number[] = allAxes(x.shape.length), keepDims = false): Value {
    return this.reduce('ReduceMax', x, axes, keepDims);
  }
  reduceSumSquare(x: Value, axes: readonly number[] = allAxes(x.shape.length), keepDims = false): Value {
    return this.reduce('ReduceSumSquare', x, axes, keepDims);
  }

  // --- normalisation ---
  softmax(x: Value, axis = -1): Value {
    return this.one('Softmax', [x], { axis: int(axis) });
  }
  /** Normalises over the last axis. */
  layerNormalization(x: Value, scale: Value, bias: Value, epsilon: number): Value {
    return this.one('LayerNormalization', [x, scale, bias], { axis: int(-1), epsilon: float(epsilon) });
  }
  /** (x - mean) / deviation over the last axis, and 1 / deviation [..., 1]. */
  standardize(x: Value, epsilon: number): { standardized: Value; inverseDeviation: Value } {
    const width = x.shape[x.shape.length - 1];
    const [one, zero] = [this.vector(1, width, x.dataType), this.vector(0, width, x.dataType)];
    const attributes = { axis: int(-1), epsilon: float(epsilon) };
    const [standardized, , inverse] = this.emit('LayerNormalization', [x, one, zero], attributes, 3);
    // Statistics are float32 whatever the type of x.
    return { standardized, inverseDeviation: this.cast(inverse, x.dataType) };
  }

  // --- shape ---
  transpose(x: Value, permutation: readonly number[]): Value {
    return permutation.every((p, i) => p === i) ? x : this.one('Transpose', [x], { perm: ints(permutation) });
  }
  reshape(x: Value, shape: Shape): Value {
    return sameShape(x.shape, shape) ? x : this.one('Reshape', [x, this.integers(shape)]);
  }
  /** Adds an axis of size 1 at the end. The sizes of the other axes may be open. */
  unsqueezeLast(x: Value): Value {
    return this.one('Unsqueeze', [x, this.integers([x.shape.length])]);
  }
  expand(x: Value, shape: Shape): Value {
    return sameShape(x.shape, shape) ? x : this.one('Expand', [x, this.integers(shape)]);
  }
  concat(parts: readonly Value[], axis: number): Value {
    return parts.length === 1 ? parts[0] : this.one('Concat', parts, { axis: int(axis) });
  }
  /** Splits x into `count` equal parts along an axis. */
  split(x: Value, count: number, axis: number): Value[] {
    if (count === 1) return [x];
    const parts = this.integers(Array.from({ length: count }, () => x.shape[axis] / count));
    return this.emit('Split', [x, parts], { axis: int(axis) }, count);
  }
  slice(
    x: Value,
    starts: readonly number[],
    ends: readonly number[],
    axes: readonly number[],
    steps?: readonly number[],
  ): Value {
    const inputs = [x, this.integers(starts), this.integers(ends), this.integers(axes)];
    return this.one('Slice', steps ? [...inputs, this.integers(steps)] : inputs);
  }
  /** Adds `before` and `after` zeros to each axis. */
  pad(x: Value, before: readonly number[], after: readonly number[]): Value {
    if ([...before, ...after].every((n) => n === 0)) return x;
    return this.one('Pad', [x, this.integers([...before, ...after])]);
  }

  // --- indexing ---
  gather(x: Value, indices: Value, axis = 0): Value {
    return this.one('Gather', [x, indices], { axis: int(axis) });
  }
  gatherElements(x: Value, indices: Value, axis: number): Value {
    return this.one('GatherElements', [x, indices], { axis: int(axis) });
  }
  /** x with `updates` at the places that `indices` names. No place may occur twice. */
  scatterNd(x: Value, indices: Value, updates: Value): Value {
    return this.one('ScatterND', [x, indices, updates]);
  }
  scatterElementsAdd(x: Value, indices: Value, updates: Value, axis: number): Value {
    return this.one('ScatterElements', [x, indices, updates], { axis: int(axis), reduction: string('add') });
  }

  /** The numbers first, first + 1, … as int32 [count]. */
  range(count: number, first = 0): Value {
    return this.one(
      'Range',
      [first, first + count, 1].map((value) => this.scalar(value, 'int32')),
    );
  }

  // --- control flow ---
  /**
   * The outputs of one of two graphs. Both read values of this graph by name ({@link capture}) and give the same types.
   */
  ifElse(condition: Value, thenBranch: Graph, elseBranch: Graph): Value[] {
    const types = thenBranch.outputs.map(staticType);
    return this.emitControl('If', [condition], { then_branch: thenBranch, else_branch: elseBranch }, types);
  }
  /**
   * Runs `body` up to `count` times (int64 []), until its first output is false.
   * @param state the state for the first run of the body. Each later run takes the state that the run before gave.
   * @param body inputs: the run's number int64 [], whether to go on bool [], the state. Outputs: whether to go on, the
   * new state, and values that are stacked.
   * @returns the last state, then the stacked values, whose first axis has one element for each run
   */
  loop(count: Value, state: readonly Value[], body: Graph, mostRuns: number): Value[] {
    const outputs = body.outputs.slice(1).map(staticType);
    const types = outputs.map((type, i) => (i < state.length ? type : { ...type, shape: [mostRuns, ...type.shape] }));
    return this.emitControl('Loop', [count, undefined, ...state], { body }, types);
  }

  // --- composed ---
  /** A value filled with one number. It uses Expand, because WebGPU has no ConstantOfShape. */
  fill(value: number, shape: Shape, dataType: DataType = 'float32'): Value {
    return this.expand(this.scalar(value, dataType), shape);
  }
  /** x summed over the axes along which `shape` was broadcast to x's shape, as gradients need it. */
  sumTo(x: Value, shape: Shape): Value {
    const axes = broadcastAxes(x.shape, shape);
    const summed = axes.length > 0 ? this.reduceSum(x, axes) : x;
    return this.reshape(summed, shape);
  }
  /** log(softmax(x)) over the last axis, by the shifted sum of exponentials, because WebGPU has no LogSoftmax. */
  logSoftmax(x: Value): Value {
    const axis = normalizeAxis(-1, x.shape.length);
    // The shift changes neither the result nor the gradient.
    const shifted = this.sub(x, this.detach(this.reduceMax(x, [axis], true)));
    return this.sub(shifted, this.log(this.reduceSum(this.exp(shifted), [axis], true)));
  }

  /** A factor of a matrix product, in the type of factors. Each value is rounded once. */
  private factor(x: Value): Value {
    if (this.factors === 'float32' || x.dataType !== 'float32') return x;
    const half = this.halves.get(x.name) ?? this.cast(x, 'float16');
    this.halves.set(x.name, half);
    return half;
  }

  private binary(opType: string, a: Operand, b: Operand): Value {
    const dataType = typeof a !== 'number' ? a.dataType : typeof b !== 'number' ? b.dataType : 'float32';
    const operand = (x: Operand) => (typeof x === 'number' ? this.scalar(x, dataType) : x);
    return this.one(opType, [operand(a), operand(b)]);
  }

  private reduce(opType: string, x: Value, axes: readonly number[], keepDims: boolean): Value {
    // In ONNX an empty list of axes means all axes; here it means none.
    if (axes.length === 0) return opType === 'ReduceSumSquare' ? this.mul(x, x) : x;
    const keepdims = int(keepDims ? 1 : 0);
    // ReduceMean, ReduceMax and ReduceSumSquare take axes as an input since opset 18, ReduceSum since 13.
    return this.one(opType, [x, this.integers(axes)], { keepdims });
  }

  private one(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Record<string, Attribute> = {},
  ): Value {
    return this.emit(opType, inputs, attributes)[0];
  }
}

function staticType({ dataType, shape }: ValueInfo): TensorType {
  return { dataType, shape: shape as readonly number[] };
}
