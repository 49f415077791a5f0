/**
 * Type and shape inference over static shapes, with one row for each operator of opset 20. An operator without a row is
 * refused by name. Source: the ONNX operator specification (onnx/docs/Operators.md), opset 20.
 */
import { MedTextError } from '../base/errors';
import { dataTypeOfCode, elementCount, type DataType } from './dataType';
import type { Attribute, Tensor } from './model';
import { broadcastShapes, normalizeAxis, sameShape, type Shape } from './shapes';

export interface TensorType {
  readonly dataType: DataType;
  readonly shape: Shape;
}

/** The type of an input, and its contents where they are known. */
export interface KnownTensor extends TensorType {
  readonly constant?: Tensor;
}

export interface NodeCall {
  readonly opType: string;
  /** The inputs. Undefined stands for an omitted optional input. */
  readonly inputs: readonly (KnownTensor | undefined)[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly outputCount: number;
}

/** The attributes of a node, with the operator's defaults. */
export class Attributes {
  constructor(
    private readonly attributes: Readonly<Record<string, Attribute>>,
    private readonly opType = '',
  ) {}

  int(name: string, fallback?: number): number {
    return this.get(name, 'int', fallback);
  }
  float(name: string, fallback?: number): number {
    return this.get(name, 'float', fallback);
  }
  string(name: string, fallback?: string): string {
    return this.get(name, 'string', fallback);
  }
  ints(name: string, fallback?: readonly number[]): readonly number[] {
    return this.get(name, 'ints', fallback);
  }
  tensor(name: string): Tensor | undefined {
    const attribute = this.attributes[name];
    return attribute?.type === 'tensor' ? attribute.value : undefined;
  }
  has(name: string): boolean {
    return name in this.attributes;
  }

  private get<T>(name: string, type: Attribute['type'], fallback: T | undefined): T {
    const attribute = this.attributes[name];
    if (attribute?.type === type) return attribute.value as T;
    if (attribute === undefined && fallback !== undefined) return fallback;
    throw new MedTextError('GRAPH', `${this.opType}: attribute "${name}" must be of type ${type}.`, { name, type });
  }
}

/** The integers of a constant input (axes, shapes, splits). Undefined where they are not known. */
export function integersOf(input: KnownTensor | undefined): number[] | undefined {
  return input?.constant ? Array.from(input.constant.data as ArrayLike<number | bigint>, Number) : undefined;
}

type Rule = (call: Call) => TensorType[];

/** A node call with the accessors that the rows use. */
class Call {
  readonly attributes: Attributes;
  constructor(private readonly call: NodeCall) {
    this.attributes = new Attributes(call.attributes, call.opType);
  }
  get outputCount(): number {
    return this.call.outputCount;
  }
  get inputCount(): number {
    return this.call.inputs.length;
  }
  has(index: number): boolean {
    return this.call.inputs[index] !== undefined;
  }
  input(index: number): KnownTensor {
    const input = this.call.inputs[index];
    if (!input) this.fail(`input ${index} is missing`);
    return input;
  }
  inputs(): KnownTensor[] {
    return this.call.inputs.map((_, i) => this.input(i));
  }
  integers(index: number, what: string): number[] {
    return integersOf(this.input(index)) ?? this.fail(`${what} must be known when the graph is built`);
  }
  optionalIntegers(index: number, what: string): number[] | undefined {
    return this.has(index) ? this.integers(index, what) : undefined;
  }
  fail(reason: string): never {
    const shapes = this.call.inputs.map((i) => (i ? `${i.dataType}[${i.shape}]` : '-')).join(', ');
    throw new MedTextError('GRAPH', `${this.call.opType}(${shapes}): ${reason}.`, { opType: this.call.opType });
  }
}

const like = (type: TensorType): TensorType => ({ dataType: type.dataType, shape: type.shape });
const unary: Rule = (c) => [like(c.input(0))];

const broadcasting =
  (result?: DataType): Rule =>
  (c) => {
    const inputs = c.inputs();
    for (const input of inputs) {
      if (input.dataType !== inputs[0].dataType) c.fail('the inputs differ in type');
    }
    const shape = inputs.map((i) => i.shape).reduce(broadcastShapes);
    return [{ dataType: result ?? inputs[0].dataType, shape }];
  };

const reduction: Rule = (c) => {
  const x = c.input(0);
  const keep = c.attributes.int('keepdims', 1) === 1;
  let axes = c.attributes.has('axes') ? [...c.attributes.ints('axes')] : c.optionalIntegers(1, 'axes');
  if (!axes?.length) {
    if (c.attributes.int('noop_with_empty_axes', 0) === 1) return [like(x)];
    axes = x.shape.map((_, i) => i);
  }
  const reduced = new Set(axes.map((a) => normalizeAxis(a, x.shape.length)));
  return [{ dataType: x.dataType, shape: x.shape.flatMap((d, i) => (!reduced.has(i) ? [d] : keep ? [1] : [])) }];
};

const matMul: Rule = (c) => {
  const [a, b] = [c.input(0), c.input(1)];
  if (a.dataType !== b.dataType) c.fail('the inputs differ in type');
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
  if (left.length < 2 || right.length < 2 || left.at(-1) !== right.at(-2)) c.fail('the inner dimensions differ');
  const batch = broadcastShapes(left.slice(0, -2), right.slice(0, -2));
  const rows = a.shape.length === 1 ? [] : [left.at(-2)!];
  const columns = b.shape.length === 1 ? [] : [right.at(-1)!];
  return [{ dataType: a.dataType, shape: [...batch, ...rows, ...columns] }];
};

const gemm: Rule = (c) => {
  const [a, b] = [c.input(0), c.input(1)];
  if (a.shape.length !== 2 || b.shape.length !== 2) c.fail('both factors must be matrices');
  const [m, k] = c.attributes.int('transA', 0) ? [a.shape[1], a.shape[0]] : a.shape;
  const [k2, n] = c.attributes.int('transB', 0) ? [b.shape[1], b.shape[0]] : b.shape;
  if (k !== k2) c.fail('the inner dimensions differ');
  if (c.has(2) && !sameShape(broadcastShapes(c.input(2).shape, [m, n]), [m, n])) c.fail('the bias does not fit');
  return [{ dataType: a.dataType, shape: [m, n] }];
};

const reshape: Rule = (c) => {
  const x = c.input(0);
  const target = c.integers(1, 'the shape');
  const copyZero = c.attributes.int('allowzero', 0) === 0;
  const shape = target.map((d, i) => (d === 0 && copyZero ? x.shape[i] : d));
  const known = shape.filter((d) => d !== -1).reduce((p, d) => p * d, 1);
  const total = elementCount(x.shape);
  const full = shape.map((d) => (d === -1 ? total / known : d));
  if (elementCount(full) !== total || full.some((d) => !Number.isInteger(d))) {
    c.fail(`${total} elements cannot take the shape [${target}]`);
  }
  return [{ dataType: x.dataType, shape: full }];
};

const squeeze: Rule = (c) => {
  const x = c.input(0);
  const axes = c.optionalIntegers(1, 'axes')?.map((a) => normalizeAxis(a, x.shape.length));
  const drop = new Set(axes ?? x.shape.flatMap((d, i) => (d === 1 ? [i] : [])));
  for (const axis of drop) if (x.shape[axis] !== 1) c.fail(`axis ${axis} has ${x.shape[axis]} elements, not 1`);
  return [{ dataType: x.dataType, shape: x.shape.filter((_, i) => !drop.has(i)) }];
};

const unsqueeze: Rule = (c) => {
  const x = c.input(0);
  const axes = c.integers(1, 'axes');
  const rank = x.shape.length + axes.length;
  const added = new Set(axes.map((a) => normalizeAxis(a, rank)));
  let next = 0;
  return [
    { dataType: x.dataType, shape: Array.from({ length: rank }, (_, i) => (added.has(i) ? 1 : x.shape[next++])) },
  ];
};

const concat: Rule = (c) => {
  const inputs = c.inputs();
  const first = inputs[0];
  const axis = normalizeAxis(c.attributes.int('axis'), first.shape.length);
  for (const input of inputs) {
    const fits =
      input.shape.length === first.shape.length && input.shape.every((d, i) => i === axis || d === first.shape[i]);
    if (!fits || input.dataType !== first.dataType) c.fail(`the inputs cannot be joined along axis ${axis}`);
  }
  const total = inputs.reduce((sum, input) => sum + input.shape[axis], 0);
  return [{ dataType: first.dataType, shape: first.shape.map((d, i) => (i === axis ? total : d)) }];
};

const split: Rule = (c) => {
  const x = c.input(0);
  const axis = normalizeAxis(c.attributes.int('axis', 0), x.shape.length);
  const size = x.shape[axis];
  const chunk = Math.ceil(size / c.outputCount);
  const parts =
    c.optionalIntegers(1, 'split') ??
    Array.from({ length: c.outputCount }, (_, i) => Math.max(0, Math.min(chunk, size - i * chunk)));
  if (parts.length !== c.outputCount || parts.reduce((a, b) => a + b, 0) !== size)
    c.fail(`[${parts}] does not split ${size}`);
  return parts.map((part) => ({ dataType: x.dataType, shape: x.shape.map((d, i) => (i === axis ? part : d)) }));
};

/** The starts, ends and steps of Slice for each axis, clamped as the specification says. */
export function resolveSlice(
  shape: Shape,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[] = starts.map((_, i) => i),
  steps: readonly number[] = starts.map(() => 1),
): { start: number; end: number; step: number; length: number }[] {
  const result = shape.map((d) => ({ start: 0, end: d, step: 1, length: d }));
  axes.forEach((axisRaw, i) => {
    const axis = normalizeAxis(axisRaw, shape.length);
    const size = shape[axis];
    const step = steps[i];
    if (step === 0) throw new MedTextError('GRAPH', 'Slice: a step is 0.');
    const clamp = (value: number, low: number, high: number) =>
      Math.min(Math.max(value < 0 ? value + size : value, low), high);
    const start = step > 0 ? clamp(starts[i], 0, size) : clamp(starts[i], 0, size - 1);
    const end = step > 0 ? clamp(ends[i], 0, size) : clamp(ends[i], -1, size - 1);
    result[axis] = { start, end, step, length: Math.max(0, Math.ceil((end - start) / step)) };
  });
  return result;
}

const slice: Rule = (c) => {
  const x = c.input(0);
  const starts = c.integers(1, 'starts');
  const parts = resolveSlice(
    x.shape,
    starts,
    c.integers(2, 'ends'),
    c.optionalIntegers(3, 'axes'),
    c.optionalIntegers(4, 'steps'),
  );
  return [{ dataType: x.dataType, shape: parts.map((p) => p.length) }];
};

const pad: Rule = (c) => {
  const x = c.input(0);
  const pads = c.integers(1, 'pads');
  const rank = x.shape.length;
  const axes = c.optionalIntegers(3, 'axes')?.map((a) => normalizeAxis(a, rank)) ?? x.shape.map((_, i) => i);
  const shape = [...x.shape];
  axes.forEach((axis, i) => (shape[axis] += pads[i] + pads[i + axes.length]));
  return [{ dataType: x.dataType, shape }];
};

const gather: Rule = (c) => {
  const [x, indices] = [c.input(0), c.input(1)];
  const axis = normalizeAxis(c.attributes.int('axis', 0), x.shape.length);
  return [{ dataType: x.dataType, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] }];
};

const gatherNd: Rule = (c) => {
  const [x, indices] = [c.input(0), c.input(1)];
  const batch = c.attributes.int('batch_dims', 0);
  const depth = indices.shape.at(-1) ?? Infinity;
  if (batch + depth > x.shape.length) c.fail('the indices do not fit');
  return [{ dataType: x.dataType, shape: [...indices.shape.slice(0, -1), ...x.shape.slice(batch + depth)] }];
};

const tile: Rule = (c) => {
  const x = c.input(0);
  const repeats = c.integers(1, 'the repeats');
  if (repeats.length !== x.shape.length) c.fail(`[${repeats}] does not repeat a value of rank ${x.shape.length}`);
  return [{ dataType: x.dataType, shape: x.shape.map((d, i) => d * repeats[i]) }];
};

const expand: Rule = (c) => [
  { dataType: c.input(0).dataType, shape: broadcastShapes(c.input(0).shape, c.integers(1, 'the shape')) },
];

const layerNormalization: Rule = (c) => {
  const x = c.input(0);
  const axis = normalizeAxis(c.attributes.int('axis', -1), x.shape.length);
  const statistics = { dataType: 'float32' as const, shape: x.shape.map((d, i) => (i < axis ? d : 1)) };
  return [like(x), statistics, statistics].slice(0, c.outputCount);
};

const dropout: Rule = (c) => {
  const x = c.input(0);
  return [like(x), { dataType: 'bool' as const, shape: x.shape }].slice(0, c.outputCount);
};

const transpose: Rule = (c) => {
  const x = c.input(0);
  const permutation = c.attributes.ints('perm', x.shape.map((_, i) => i).reverse());
  if ([...permutation].sort((a, b) => a - b).some((p, i) => p !== i) || permutation.length !== x.shape.length) {
    c.fail(`[${permutation}] is not a permutation of its axes`);
  }
  return [{ dataType: x.dataType, shape: permutation.map((p) => x.shape[p]) }];
};

const flatten: Rule = (c) => {
  const x = c.input(0);
  const raw = c.attributes.int('axis', 1);
  const axis = raw < 0 ? raw + x.shape.length : raw;
  return [{ dataType: x.dataType, shape: [elementCount(x.shape.slice(0, axis)), elementCount(x.shape.slice(axis))] }];
};

const constantOfShape: Rule = (c) => [
  { dataType: c.attributes.tensor('value')?.dataType ?? 'float32', shape: c.integers(0, 'the shape') },
];

const range: Rule = (c) => {
  const [start, limit, delta] = [0, 1, 2].map((i) => c.integers(i, 'start, limit and delta')[0]);
  return [{ dataType: c.input(0).dataType, shape: [Math.max(0, Math.ceil((limit - start) / delta))] }];
};

const cast: Rule = (c) => {
  const dataType = dataTypeOfCode(c.attributes.int('to'));
  return dataType ? [{ dataType, shape: c.input(0).shape }] : c.fail('it casts to an unsupported type');
};

const constant: Rule = (c) => {
  const value = c.attributes.tensor('value');
  return value ? [like(value)] : c.fail('only constants with a tensor value are supported');
};

const RULES: Readonly<Record<string, Rule>> = {
  Add: broadcasting(), Sub: broadcasting(), Mul: broadcasting(), Div: broadcasting(), Mod: broadcasting(),
  Min: broadcasting(), Max: broadcasting(),
  Pow: (c) => [{ dataType: c.input(0).dataType, shape: broadcastShapes(c.input(0).shape, c.input(1).shape) }],
  Equal: broadcasting('bool'), Greater: broadcasting('bool'), GreaterOrEqual: broadcasting('bool'),
  Less: broadcasting('bool'), LessOrEqual: broadcasting('bool'), And: broadcasting('bool'), Or: broadcasting('bool'),
  Xor: broadcasting('bool'),
  Where: (c) => [{ dataType: c.input(1).dataType, shape: c.inputs().map((i) => i.shape).reduce(broadcastShapes) }],
  Not: unary, Neg: unary, Abs: unary, Exp: unary, Log: unary, Sqrt: unary, Reciprocal: unary, Tanh: unary, Erf: unary,
  Sigmoid: unary, Relu: unary, Gelu: unary, Sin: unary, Cos: unary, Floor: unary, Ceil: unary, Sign: unary,
  Softmax: unary, LogSoftmax: unary, Identity: unary, Clip: unary, Trilu: unary,
  IsNaN: (c) => [{ dataType: 'bool', shape: c.input(0).shape }],
  ReduceSum: reduction, ReduceMean: reduction, ReduceMax: reduction, ReduceMin: reduction, ReduceSumSquare: reduction,
  ReduceProd: reduction,
  MatMul: matMul, Gemm: gemm, LayerNormalization: layerNormalization, Dropout: dropout,
  Transpose: transpose, Reshape: reshape, Flatten: flatten, Squeeze: squeeze, Unsqueeze: unsqueeze, Expand: expand,
  Concat: concat, Split: split, Slice: slice, Pad: pad,
  Gather: gather,
  GatherElements: (c) => [{ dataType: c.input(0).dataType, shape: c.input(1).shape }],
  GatherND: gatherNd, ScatterND: unary, ScatterElements: unary, Tile: tile, CumSum: unary,
  Cast: cast, Constant: constant, ConstantOfShape: constantOfShape, Range: range,
  Shape: (c) => [{ dataType: 'int64', shape: [c.input(0).shape.length] }],
  Size: () => [{ dataType: 'int64', shape: [] }],
}; // prettier-ignore

/** The operators that graphs may contain. */
export const SUPPORTED_OPERATORS: readonly string[] = Object.keys(RULES);

/**
 * The types of a node's outputs.
 * @throws MedTextError UNSUPPORTED for an operator without a row, GRAPH for inputs that do not fit.
 */
export function inferTypes(call: NodeCall, nodeName = ''): TensorType[] {
  const rule = Object.hasOwn(RULES, call.opType) ? RULES[call.opType] : undefined;
  if (!rule) {
    const where = nodeName ? ` (node "${nodeName}")` : '';
    throw new MedTextError('UNSUPPORTED', `The operator ${call.opType}${where} is not supported.`, {
      opType: call.opType,
      node: nodeName,
    });
  }
  try {
    return rule(new Call(call));
  } catch (error) {
    if (!(error instanceof MedTextError) || !nodeName) throw error;
    throw new MedTextError(error.code, `Node "${nodeName}": ${error.message}`, { ...error.detail, node: nodeName });
  }
}
