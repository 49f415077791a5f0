/**
 * The gradient test table: what is differentiated, on which shapes, with values from where, to which tolerance.
 * Every operator with a gradient rule has rows; the checkers (checkGradient, mutations, PyTorch's numbers) read them.
 */
import { MedTextError } from '../../src/base/errors';
import type { Value } from '../../src/onnx/graphBuilder';
import type { Attribute } from '../../src/onnx/model';
import type { Operators } from '../../src/onnx/operators';
import type { Shape } from '../../src/onnx/shapes';

/** Where an input's values come from. Kinks and poles are kept further away than a finite-difference step reaches. */
export type Domain =
  | 'any' // [-2, 2]
  | 'positive' // [0.5, 2.5]
  | 'awayFromZero' // 0.3 <= |x| <= 2
  | 'distinct' // values 0.4 apart, so that no maximum changes hands
  | 'atKink'; // only the values of PyTorch's fixture: there is no finite difference at a kink

export interface GradientRow {
  /** The operator whose rule the row tests; 'composed' for functions of several operators. */
  readonly operator: string;
  /** Unique; names the row in reports and in PyTorch's fixture. */
  readonly name: string;
  readonly shapes: readonly Shape[];
  readonly domains: readonly Domain[];
  readonly build: (g: Operators, x: readonly Value[]) => readonly Value[];
  readonly dataType: 'float32' | 'float64';
  /** Largest difference, relative to the sum of |gradient * direction|, and why it is what it is. */
  readonly tolerance: number;
  readonly reason: string;
}

interface RowOptions {
  domain?: Domain | readonly Domain[];
  precision?: keyof typeof PRECISIONS;
}

/** Step and order of the differences are in checkGradient. */
const PRECISIONS = {
  double: {
    dataType: 'float64',
    tolerance: 1e-9,
    reason: 'float64: rounding 1e-16 over a step of 1e-3, and a fourth-order difference errs by 1e-13 or so',
  },
  single: {
    dataType: 'float32',
    tolerance: 5e-5,
    reason: 'the CPU provider has Erf and Gelu in float32 only: rounding 6e-8 over a step of 0.05, some terms',
  },
  singleStatistics: {
    dataType: 'float64',
    tolerance: 2e-6,
    reason:
      'LayerNormalization gives mean and deviation in float32 whatever the type of x: 6e-8 relative, amplified by centring',
  },
} as const;

function row(
  operator: string,
  variant: string,
  shapes: readonly Shape[],
  build: (g: Operators, ...x: Value[]) => Value | readonly Value[],
  options: RowOptions = {},
): GradientRow {
  const domain = options.domain ?? 'any';
  return {
    operator,
    name: `${operator}: ${variant}`,
    shapes,
    domains: typeof domain === 'string' ? shapes.map(() => domain) : domain,
    build: (g, x) => [build(g, ...x)].flat(),
    ...PRECISIONS[options.precision ?? 'double'],
  };
}

// --- abbreviations of rows ---

const int = (value: number): Attribute => ({ type: 'int', value });
const ints = (...value: number[]): Attribute => ({ type: 'ints', value });
const float = (value: number): Attribute => ({ type: 'float', value });

/** The operator on the inputs as they are. */
const op =
  (opType: string, attributes: Record<string, Attribute> = {}, outputs = 1) =>
  (g: Operators, ...x: Value[]): Value[] =>
    g.emit(opType, x, attributes, outputs);

/** A tensor of int64. */
const indices = (g: Operators, shape: Shape, values: readonly number[]): Value =>
  g.constant({ dataType: 'int64', shape, data: BigInt64Array.from(values, BigInt) });

/** The same, but not known when the graph is built. */
const ofTheRun = (g: Operators, shape: Shape, values: readonly number[]): Value =>
  g.identity(indices(g, shape, values));

const condition = (g: Operators, shape: Shape, values: readonly number[]): Value =>
  g.constant({ dataType: 'bool', shape, data: Uint8Array.from(values) });

/** Both operands' shapes, for every elementwise operator of two inputs. */
const BROADCASTS: readonly (readonly [string, Shape, Shape])[] = [
  ['same shapes', [2, 3], [2, 3]],
  ['right operand over rows', [2, 3], [3]],
  ['left operand over rows', [3], [2, 3]],
  ['both over size-1 axes', [2, 1, 3], [4, 1]],
  ['right operand a scalar', [2, 3], []],
  ['left operand a scalar', [], [2, 3]],
];

const broadcasting = (operator: string, domain: Domain | readonly Domain[] = 'any'): GradientRow[] =>
  BROADCASTS.map(([variant, a, b]) => row(operator, variant, [a, b], op(operator), { domain }));

const elementwise = (operator: string, options: RowOptions = {}): GradientRow[] => [
  row(operator, 'matrix', [[2, 3]], op(operator), options),
  row(operator, 'scalar', [[]], op(operator), options),
];

const reductions = (operator: string, domain: Domain = 'any'): GradientRow[] => [
  row(operator, 'one axis, kept', [[2, 3, 2]], (g, x) => g.emit(operator, [x, g.integers([1])], { keepdims: int(1) }), { domain }),
  row(operator, 'one axis, dropped', [[2, 3, 2]], (g, x) => g.emit(operator, [x, g.integers([0])], { keepdims: int(0) }), { domain }),
  row(operator, 'negative axis', [[2, 3]], (g, x) => g.emit(operator, [x, g.integers([-1])], { keepdims: int(0) }), { domain }),
  row(operator, 'two axes, dropped', [[2, 3, 2]], (g, x) => g.emit(operator, [x, g.integers([0, -1])], { keepdims: int(0) }), { domain }),
  row(operator, 'all axes by default', [[2, 3]], (g, x) => g.emit(operator, [x], { keepdims: int(0) }), { domain }),
  row(operator, 'size-1 axis', [[3, 1]], (g, x) => g.emit(operator, [x, g.integers([1])], { keepdims: int(0) }), { domain }),
  row(operator, 'no axes, no operation', [[2, 3]], (g, x) => g.exp(g.emit(operator, [x], { noop_with_empty_axes: int(1) })[0]), { domain }),
]; // prettier-ignore

// --- the rows ---

const ELEMENTWISE: readonly GradientRow[] = [
  ...broadcasting('Add'),
  ...broadcasting('Sub'),
  ...broadcasting('Mul'),
  ...broadcasting('Div', ['any', 'awayFromZero']),
  ...broadcasting('Pow', ['positive', 'any']),
  row('Pow', 'square', [[2, 3]], (g, x) => g.pow(x, 2)),
  row('Pow', 'cube', [[2, 3]], (g, x) => g.pow(x, 3), { domain: 'awayFromZero' }),
  row('Pow', 'root', [[2, 3]], (g, x) => g.pow(x, 0.5), { domain: 'positive' }),
  row('Pow', 'integer exponents, 0 among them', [[2, 3]], (g, x) => g.pow(x, indices(g, [3], [0, 1, 3])), {
    domain: 'awayFromZero',
  }),
  row('Pow', 'square by a tensor that broadcasts the base', [[3]], (g, x) => g.pow(x, g.constant({ dataType: x.dataType, shape: [2, 1], data: Float64Array.of(2, 3) })), { domain: 'awayFromZero' }), // prettier-ignore
  row('Pow', 'base 0', [[4], [4]], op('Pow'), { domain: 'atKink' }),
  ...broadcasting('Min', 'distinct'),
  ...broadcasting('Max', 'distinct'),
  row('Min', 'three operands', [[3, 4], [4], [3, 1]], op('Min'), { domain: 'distinct' }),
  row('Max', 'three operands', [[3, 4], [4], [3, 1]], op('Max'), { domain: 'distinct' }),
  row('Min', 'ties', [[4], [4]], op('Min'), { domain: 'atKink' }),
  row('Max', 'ties', [[4], [4]], op('Max'), { domain: 'atKink' }),
  row('Where', 'same shapes', [[2, 3], [2, 3]], (g, a, b) => g.where(condition(g, [2, 3], [1, 0, 0, 1, 0, 1]), a, b)),
  row('Where', 'a row and a column', [[3], [2, 1]], (g, a, b) => g.where(condition(g, [2, 3], [1, 0, 1, 0, 1, 0]), a, b)),
  row('Where', 'the condition is the largest', [[1], []], (g, a, b) => g.where(condition(g, [2, 2], [1, 0, 1, 1]), a, b)),
  row('Where', 'the condition broadcasts', [[2, 3], [3]], (g, a, b) => g.where(condition(g, [2, 1], [1, 0]), a, b)),

  ...elementwise('Identity'),
  row('Cast', 'to single precision', [[2, 3]], (g, x) => g.cast(x, 'float64'), { precision: 'single' }),
  ...elementwise('Neg'),
  ...elementwise('Abs', { domain: 'awayFromZero' }),
  row('Abs', 'at 0', [[3]], op('Abs'), { domain: 'atKink' }),
  ...elementwise('Exp'),
  ...elementwise('Log', { domain: 'positive' }),
  ...elementwise('Sqrt', { domain: 'positive' }),
  ...elementwise('Reciprocal', { domain: 'awayFromZero' }),
  ...elementwise('Sin'),
  ...elementwise('Cos'),
  ...elementwise('Tanh'),
  ...elementwise('Sigmoid'),
  ...elementwise('Erf', { precision: 'single' }),
  ...elementwise('Relu', { domain: 'awayFromZero' }),
  row('Relu', 'at 0', [[3]], op('Relu'), { domain: 'atKink' }),
  ...elementwise('Gelu', { precision: 'single' }),
  row('Gelu', 'tanh', [[2, 3]], (g, x) => g.gelu(x, 'tanh'), { precision: 'single' }),
  row('Clip', 'two bounds', [[2, 4]], (g, x) => g.emit('Clip', [x, g.scalar(-0.7, x.dataType), g.scalar(0.5, x.dataType)]), { domain: 'distinct' }),
  row('Clip', 'upper bound only', [[2, 4]], (g, x) => g.emit('Clip', [x, undefined, g.scalar(0.5, x.dataType)]), { domain: 'distinct' }),
  row('Clip', 'trained bounds', [[2, 4]], (g, x) => clipAtScaledBounds(g, x), { domain: 'distinct' }),
  row('Clip', 'on its bounds', [[4]], (g, x) => g.emit('Clip', [x, g.scalar(-1, x.dataType), g.scalar(1, x.dataType)]), { domain: 'atKink' }),
]; // prettier-ignore

/** Bounds at about -0.8 and 0.8 that depend on x. */
function clipAtScaledBounds(g: Operators, x: Value): Value[] {
  const small = g.mul(g.reduceMean(g.sin(x)), 0.01);
  return g.emit('Clip', [x, g.sub(small, 0.8), g.add(small, 0.8)]);
}

const MATRIX_PRODUCTS: readonly GradientRow[] = [
  row('MatMul', 'matrices', [[2, 3], [3, 4]], op('MatMul')),
  row('MatMul', 'row vector and matrix', [[3], [3, 4]], op('MatMul')),
  row('MatMul', 'matrix and column vector', [[2, 3], [3]], op('MatMul')),
  row('MatMul', 'two vectors', [[3], [3]], op('MatMul')),
  row('MatMul', 'batch of rows and one matrix', [[2, 2, 3], [3, 2]], op('MatMul')),
  row('MatMul', 'one matrix and a batch', [[2, 3], [2, 3, 2]], op('MatMul')),
  row('MatMul', 'two batches', [[2, 2, 3], [2, 3, 2]], op('MatMul')),
  row('MatMul', 'batches that broadcast both ways', [[2, 1, 2, 3], [3, 3, 2]], op('MatMul')),
  row('MatMul', 'vector and batch', [[3], [2, 3, 2]], op('MatMul')),
  row('MatMul', 'batch and vector', [[2, 2, 3], [3]], op('MatMul')),
  row('MatMul', 'inner dimension 1', [[2, 1], [1, 3]], op('MatMul')),
  ...[0, 1].flatMap((transA) =>
    [0, 1].map((transB) =>
      row('Gemm', `transA ${transA}, transB ${transB}`, [transA ? [3, 2] : [2, 3], transB ? [4, 3] : [3, 4], [4]],
        op('Gemm', { transA: int(transA), transB: int(transB), alpha: float(0.5), beta: float(-1.5) })),
    ),
  ),
  row('Gemm', 'no bias', [[2, 3], [3, 4]], op('Gemm')),
  row('Gemm', 'bias by column', [[2, 3], [3, 2], [2, 1]], op('Gemm')),
  row('Gemm', 'scalar bias', [[2, 3], [3, 2], []], op('Gemm')),
  row('Gemm', 'full bias', [[2, 3], [3, 2], [2, 2]], op('Gemm', { beta: float(2) })),
]; // prettier-ignore

const NORMALISATIONS: readonly GradientRow[] = [
  ...(['Softmax', 'LogSoftmax'] as const).flatMap((operator) => [
    row(operator, 'last axis by default', [[2, 3]], op(operator)),
    row(operator, 'first axis', [[3, 2]], op(operator, { axis: int(0) })),
    row(operator, 'middle axis', [[2, 3, 2]], op(operator, { axis: int(1) })),
    row(operator, 'axis counted from the end', [[2, 3, 2]], op(operator, { axis: int(-2) })),
    row(operator, 'size-1 axis beside', [[2, 1, 3]], op(operator, { axis: int(-1) })),
  ]),
  ...([[4], [2, 4], [2, 3, 4], [2, 1, 2, 3]] as const).map((shape) =>
    row('LayerNormalization', `rank ${shape.length}`, [shape, shape.slice(-1), shape.slice(-1)],
      (g, x, scale, bias) => g.layerNormalization(x, scale, bias, 1e-5), { precision: 'singleStatistics' }),
  ),
  row('LayerNormalization', 'without statistics', [[2, 3, 4], [4], [4]],
    op('LayerNormalization', { axis: int(-1), epsilon: float(0.125) }), { precision: 'singleStatistics' }),
  row('LayerNormalization', 'no bias, last axis by its number', [[2, 4], [4]],
    (g, x, scale) => g.emit('LayerNormalization', [x, scale], { axis: int(1) }, 3)[0], { precision: 'singleStatistics' }),
]; // prettier-ignore

const REDUCTIONS: readonly GradientRow[] = [
  ...reductions('ReduceSum'),
  ...reductions('ReduceMean'),
  ...reductions('ReduceMax', 'distinct'),
  row('ReduceMax', 'ties', [[2, 3]], (g, x) => g.reduceMax(x, [1]), { domain: 'atKink' }),
  ...reductions('ReduceSumSquare').filter((r) => !r.name.endsWith('no operation')), // undefined in the specification
];

const SHAPES: readonly GradientRow[] = [
  row('Reshape', 'explicit', [[2, 3]], (g, x) => g.reshape(x, [3, 2])),
  row('Reshape', 'copied and inferred dimensions', [[2, 3, 2]], (g, x) => g.emit('Reshape', [x, g.integers([0, -1])])),
  row('Flatten', 'from axis 2', [[2, 3, 2]], op('Flatten', { axis: int(2) })),
  row('Flatten', 'from axis 0', [[2, 3]], op('Flatten', { axis: int(0) })),
  row('Squeeze', 'named axes', [[1, 3, 1]], (g, x) => g.emit('Squeeze', [x, g.integers([-1])])),
  row('Squeeze', 'all of size 1', [[1, 3, 1]], op('Squeeze')),
  row('Unsqueeze', 'two axes', [[2, 3]], (g, x) => g.emit('Unsqueeze', [x, g.integers([0, -1])])),
  row('Transpose', 'reversed by default', [[2, 3, 4]], op('Transpose')),
  row('Transpose', 'a cycle', [[2, 3, 4]], op('Transpose', { perm: ints(1, 2, 0) })),
  row('Transpose', 'heads', [[2, 3, 2, 2]], op('Transpose', { perm: ints(0, 2, 1, 3) })),
  row('Expand', 'size-1 axis and new axis', [[3, 1]], (g, x) => g.expand(x, [2, 3, 2])),
  row('Expand', 'a scalar', [[]], (g, x) => g.expand(x, [2, 2])),
  row('Expand', 'to a smaller shape', [[2, 3]], (g, x) => g.emit('Expand', [x, g.integers([3])])),
  row('Tile', 'two of three axes', [[2, 3, 2]], (g, x) => g.emit('Tile', [x, g.integers([2, 1, 3])])),
  row('Tile', 'a size-1 axis', [[3, 1]], (g, x) => g.emit('Tile', [x, g.integers([1, 4])])),
  row('Tile', 'once', [[2, 3]], (g, x) => g.emit('Tile', [x, g.integers([1, 1])])),
  row('Concat', 'three along axis 0', [[1, 2], [3, 2], [2, 2]], op('Concat', { axis: int(0) })),
  row('Concat', 'three along the last axis', [[2, 1], [2, 2], [2, 3]], op('Concat', { axis: int(-1) })),
  row('Split', 'named parts', [[2, 5]], (g, x) => g.emit('Split', [x, g.integers([2, 3])], { axis: int(1) }, 2)),
  row('Split', 'equal parts of axis 0', [[4, 2]], op('Split', { num_outputs: int(2) }, 2)),
  row('Split', 'a last part that is shorter', [[2, 5]], op('Split', { axis: int(-1), num_outputs: int(3) }, 3)),
  row('Split', 'a part that the loss does not read', [[2, 5]], (g, x) => {
    const [first, , last] = g.emit('Split', [x, g.integers([2, 1, 2])], { axis: int(1) }, 3);
    return [first, last];
  }),
  row('Split', 'only the last part is read', [[4, 2]], (g, x) => g.emit('Split', [x], { num_outputs: int(2) }, 2)[1]),
  row('Slice', 'two axes', [[3, 4]], (g, x) => g.slice(x, [1, 0], [3, 2], [0, 1])),
  row('Slice', 'negative bounds and axis', [[3, 4]], (g, x) => g.slice(x, [-3], [-1], [-1])),
  row('Slice', 'bounds beyond the ends', [[3, 4]], (g, x) => g.slice(x, [-9, 1], [9, 99], [0, 1])),
  row('Slice', 'no axes named', [[3, 4]], (g, x) => g.emit('Slice', [x, g.integers([1, 2]), g.integers([2, 4])])),
  row('Slice', 'steps of 2', [[5, 3]], (g, x) => g.slice(x, [1], [5], [0], [2])),
  row('Slice', 'negative step', [[2, 5]], (g, x) => g.slice(x, [4], [0], [1], [-2])),
  row('Slice', 'reversed to the very start', [[2, 4]], (g, x) => g.slice(x, [-1], [-99], [1], [-1])),
  row('Slice', 'steps on two axes, bounds on a third', [[4, 3, 3]], (g, x) => g.slice(x, [0, 2, 1], [4, -9, 3], [0, 1, 2], [3, -2, 1])),
  row('Pad', 'every axis', [[2, 3]], (g, x) => g.pad(x, [1, 0], [0, 2])),
  row('Pad', 'named axes', [[2, 3]], (g, x) => g.emit('Pad', [x, g.integers([1, 2]), undefined, g.integers([-1])])),
  row('Pad', 'cropped', [[3, 4]], (g, x) => g.emit('Pad', [x, g.integers([-1, 1, 0, -2])])),
  row('Pad', 'trained constant', [[2, 2], []], (g, x, c) => g.emit('Pad', [x, g.integers([1, 0, 0, 2]), c])),
]; // prettier-ignore

const INDEXING: readonly GradientRow[] = [
  row('Gather', 'rows, one twice', [[4, 2]], (g, x) => g.gather(x, indices(g, [3], [2, 0, 2]))),
  row('Gather', 'middle axis, matrix of indices', [[2, 3, 2]], (g, x) => g.gather(x, indices(g, [2, 2], [1, 1, 2, 1]), 1)),
  row('Gather', 'last axis, axis from the end', [[2, 3]], (g, x) => g.gather(x, indices(g, [4], [0, 0, 2, 0]), -1)),
  row('Gather', 'one row', [[3, 2]], (g, x) => g.gather(x, indices(g, [], [1]))),
  row('Gather', 'indices from the end', [[3, 2]], (g, x) => g.gather(x, indices(g, [2], [-1, 0]))),
  row('Gather', 'int32 indices', [[3, 2]], (g, x) => g.gather(x, g.constant({ dataType: 'int32', shape: [2], data: Int32Array.of(1, 1) }))),
  row('Gather', 'a range of indices', [[2, 5, 2]], (g, x) => g.gather(x, indices(g, [3], [1, 2, 3]), 1)),
  row('Gather', 'indices of the run, few rows', [[3, 2]], (g, x) => g.gather(x, ofTheRun(g, [2, 2], [2, 0, -1, 0]))),
  row('Gather', 'indices of the run, many rows', [[9, 2]], (g, x) => g.gather(x, ofTheRun(g, [4], [7, 1, -2, 7]))),
  row('Gather', 'indices of the run, many rows of the middle axis', [[2, 7, 2]], (g, x) => g.gather(x, ofTheRun(g, [3], [6, 2, 6]), 1)),
  row('GatherElements', 'axis 0 by default, repeated', [[3, 2]], (g, x) => g.emit('GatherElements', [x, indices(g, [2, 2], [0, 2, 0, 1])])),
  row('GatherElements', 'axis 1, one class a row', [[3, 4]], (g, x) => g.gatherElements(x, indices(g, [3, 1], [2, 0, 3]), 1)),
  row('GatherElements', 'last axis', [[2, 2, 2]], (g, x) => g.gatherElements(x, indices(g, [2, 1, 2], [1, 1, 0, 1]), -1)),
]; // prettier-ignore

/** What training graphs are made of. */
const COMPOSED: readonly GradientRow[] = [
  row('composed', 'cross-entropy by hand', [[3, 4]], (g, x) => g.neg(g.reduceMean(g.gatherElements(g.logSoftmax(x), indices(g, [3, 1], [2, 0, 3]), 1)))),
  row('composed', 'binary cross-entropy of pairs', [[3, 2]], (g, x) => g.neg(g.reduceMean(g.mul(g.logSoftmax(g.mul(g.reshape(x, [3, 2, 1]), g.constant({ dataType: x.dataType, shape: [2], data: x.dataType === 'float64' ? Float64Array.of(1, 0) : Float32Array.of(1, 0) }))), g.constant({ dataType: x.dataType, shape: [3, 2, 2], data: (x.dataType === 'float64' ? Float64Array : Float32Array).of(3, 0, 0, 1, 0, 1, 2, 0, 3, 0, 2, 0) }))))),
  row('composed', 'ListNet of two lists', [[5, 1]], (g, x) => {
    const lists = g.constant({ dataType: 'int32', shape: [5, 1], data: Int32Array.of(0, 0, 1, 1, 1) });
    const isOfList = g.equal(lists, g.reshape(lists, [1, 5]));
    const listScores = g.where(isOfList, g.reshape(x, [1, 5]), g.constant({ dataType: x.dataType, shape: [], data: (x.dataType === 'float64' ? Float64Array : Float32Array).of(-30000) }));
    const largest = g.detach(g.reduceMax(listScores, [1], true));
    const sum = g.reshape(g.log(g.reduceSum(g.exp(g.sub(listScores, largest)), [1])), [5, 1]);
    const weights = g.constant({ dataType: x.dataType, shape: [5, 1], data: (x.dataType === 'float64' ? Float64Array : Float32Array).of(0.375, 0.125, 0.25, 0.125, 0.125) });
    return g.neg(g.reduceSum(g.mul(weights, g.sub(x, g.add(sum, largest)))));
  }),
  row('composed', 'one value used four times', [[2, 3]], (g, x) => g.mul(g.add(x, x), g.mul(x, g.sin(x)))),
  row('composed', 'shared matrix', [[3, 3]], (g, x) => g.matMul(g.matMul(x, x), g.transpose(x, [1, 0]))),
  row('composed', 'attention of two heads', [[2, 3, 4], [4, 4], [4, 4], [4, 4]], (g, x, q, k, v) => {
    const heads = (w: Value) => g.transpose(g.reshape(g.matMul(x, w), [2, 3, 2, 2]), [0, 2, 1, 3]);
    const scores = g.mul(g.matMul(heads(q), g.transpose(heads(k), [0, 1, 3, 2])), Math.SQRT1_2);
    return g.reshape(g.transpose(g.matMul(g.softmax(scores), heads(v)), [0, 2, 1, 3]), [2, 3, 4]);
  }),
  row('composed', 'layer normalisation by hand', [[2, 4], [4], [4]], (g, x, scale, bias) => {
    const centred = g.sub(x, g.reduceMean(x, [-1], true));
    const deviation = g.sqrt(g.add(g.reduceMean(g.pow(centred, 2), [-1], true), 1e-5));
    return g.add(g.mul(g.div(centred, deviation), scale), bias);
  }),
  row('composed', 'Gelu by Erf', [[2, 3]], (g, x) => g.mul(g.mul(x, g.add(g.erf(g.div(x, Math.SQRT2)), 1)), 0.5), { precision: 'single' }),
  row('composed', 'cosine similarity', [[2, 3], [2, 3]], (g, a, b) => {
    const norm = (x: Value) => g.sqrt(g.reduceSumSquare(x, [1]));
    return g.div(g.reduceSum(g.mul(a, b), [1]), g.mul(norm(a), norm(b)));
  }, { domain: 'awayFromZero' }),
  row('composed', 'clipped global norm', [[2, 3], [4]], (g, a, b) => {
    const norm = g.sqrt(g.add(g.reduceSumSquare(a), g.reduceSumSquare(b)));
    const factor = g.emit('Min', [g.scalar(1, a.dataType), g.reciprocal(norm)])[0];
    return [g.mul(a, factor), g.mul(b, factor)];
  }, { domain: 'awayFromZero' }),
]; // prettier-ignore

export const GRADIENT_TABLE: readonly GradientRow[] = [
  ...ELEMENTWISE,
  ...MATRIX_PRODUCTS,
  ...NORMALISATIONS,
  ...REDUCTIONS,
  ...SHAPES,
  ...INDEXING,
  ...COMPOSED,
];

/** The row of that name. */
export function gradientRow(name: string): GradientRow {
  const found = GRADIENT_TABLE.find((candidate) => candidate.name === name);
  if (!found) throw new MedTextError('NOT_FOUND', `The gradient table has no row "${name}".`);
  return found;
}
