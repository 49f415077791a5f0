/**
 * Operators computed in TypeScript when all their inputs are known: the shape arithmetic that exporters leave in a
 * graph, and the small tables (ranges, masks) made from it. The semantics are those of the ONNX operator specification.
 */
import { MedTextError } from '../base/errors';
import { allocate, elementCount, type TypedArray } from './dataType';
import { Attributes, resolveSlice, type TensorType } from './typeInference';
import type { Attribute, Tensor } from './model';
import { broadcastShapes, inversePermutation, normalizeAxis, stridesOf, type Shape } from './shapes';

export interface ConstantCall {
  readonly opType: string;
  /** The inputs. Undefined stands for an omitted optional input. */
  readonly inputs: readonly (Tensor | undefined)[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** The outputs' types, as type inference found them. */
  readonly outputs: readonly TensorType[];
}

/** The outputs' contents. Undefined when the operator, or this use of it, cannot be computed here. */
export function evaluateConstant(call: ConstantCall): Tensor[] | undefined {
  const evaluator = Object.hasOwn(EVALUATORS, call.opType) ? EVALUATORS[call.opType] : undefined;
  const data = evaluator?.(new Evaluation(call));
  return data && call.outputs.map((type, i) => ({ dataType: type.dataType, shape: type.shape, data: data[i] }));
}

/**
 * The indices of elements that are not zero. NonZero has no static type, because its output's length depends on its
 * input.
 */
export function evaluateNonZero(x: Tensor): Tensor {
  const found: number[] = [];
  for (let i = 0; i < x.data.length; i++) if (Number(x.data[i]) !== 0) found.push(i);
  const strides = stridesOf(x.shape);
  const data = new BigInt64Array(x.shape.length * found.length);
  x.shape.forEach((size, axis) =>
    found.forEach((index, i) => (data[axis * found.length + i] = BigInt(Math.floor(index / strides[axis]) % size))),
  );
  return { dataType: 'int64', shape: [x.shape.length, found.length], data };
}

type Evaluator = (e: Evaluation) => TypedArray[] | undefined;
type Scalar = number | bigint;

class Evaluation {
  readonly attributes: Attributes;
  constructor(readonly call: ConstantCall) {
    this.attributes = new Attributes(call.attributes, call.opType);
  }
  get type(): TensorType {
    return this.call.outputs[0];
  }
  has(index: number): boolean {
    return this.call.inputs[index] !== undefined;
  }
  input(index: number): Tensor {
    const input = this.call.inputs[index];
    if (!input) throw new MedTextError('GRAPH', `${this.call.opType}: input ${index} is missing.`);
    return input;
  }
  integers(index: number): number[] {
    return Array.from(this.input(index).data as ArrayLike<Scalar>, Number);
  }
  optionalIntegers(index: number): number[] | undefined {
    return this.has(index) ? this.integers(index) : undefined;
  }
  /** Makes the first output and fills it element by element. */
  fill(element: (index: number) => Scalar | boolean): TypedArray[] {
    const data = allocate(this.type.dataType, elementCount(this.type.shape));
    for (let i = 0; i < data.length; i++) data[i] = asElement(data, element(i)) as never;
    return [data];
  }
}

function asElement(data: TypedArray, value: Scalar | boolean): Scalar {
  const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array;
  if (typeof value === 'bigint') return isBig ? value : Number(value);
  return isBig ? BigInt(Math.trunc(Number(value))) : Number(value);
}

/** For each element of `shape`, the index of the element of `x` that broadcasting puts there. */
function broadcastIndex(x: Shape, shape: Shape): (index: number) => number {
  const outer = stridesOf(shape);
  const inner = stridesOf(x);
  const extra = shape.length - x.length;
  return (index) => {
    let source = 0;
    for (let axis = 0; axis < x.length; axis++) {
      if (x[axis] !== 1) source += (Math.floor(index / outer[axis + extra]) % shape[axis + extra]) * inner[axis];
    }
    return source;
  };
}

/** The coordinates of an element. */
function coordinates(index: number, shape: Shape, strides: Shape): number[] {
  return shape.map((size, axis) => Math.floor(index / strides[axis]) % size);
}

const unary =
  (compute: (x: number) => number): Evaluator =>
  (e) => {
    const { data } = e.input(0);
    return e.fill((i) => compute(Number(data[i])));
  };

/** A binary operator on doubles. On 64-bit integers it is exact. */
const binary =
  (compute: (a: number, b: number) => number | boolean, exact: (a: bigint, b: bigint) => bigint | boolean): Evaluator =>
  (e) => {
    const [a, b] = [e.input(0), e.input(1)];
    const shape = broadcastShapes(a.shape, b.shape);
    const [ia, ib] = [broadcastIndex(a.shape, shape), broadcastIndex(b.shape, shape)];
    return e.fill((i) => {
      const [p, q] = [a.data[ia(i)], b.data[ib(i)]];
      return typeof p === 'bigint' && typeof q === 'bigint' ? exact(p, q) : compute(Number(p), Number(q));
    });
  };

const compare = (compute: (a: Scalar, b: Scalar) => boolean): Evaluator => binary(compute, compute);
const logical = (compute: (a: boolean, b: boolean) => boolean): Evaluator =>
  binary(
    (a, b) => compute(a !== 0, b !== 0),
    (a, b) => compute(a !== 0n, b !== 0n),
  );

/** Min and Max take any number of inputs. */
const extremum =
  (better: (a: Scalar, b: Scalar) => boolean): Evaluator =>
  (e) => {
    const inputs = e.call.inputs.map((_, i) => e.input(i));
    const sources = inputs.map((x) => broadcastIndex(x.shape, e.type.shape));
    return e.fill((i) =>
      inputs.map((x, k) => x.data[sources[k](i)] as Scalar).reduce((a, b) => (better(b, a) ? b : a)),
    );
  };

const isIntegral = (e: Evaluation): boolean => !/float/.test(e.type.dataType);

const divide: Evaluator = (e) => {
  if (isIntegral(e) && Array.from(e.input(1).data as ArrayLike<Scalar>).some((d) => Number(d) === 0)) return undefined;
  const integral = isIntegral(e);
  return binary(
    (a, b) => (integral ? Math.trunc(a / b) : a / b),
    (a, b) => a / b,
  )(e);
};

const modulo: Evaluator = (e) => {
  if (Array.from(e.input(1).data as ArrayLike<Scalar>).some((d) => Number(d) === 0)) return undefined;
  if (e.attributes.int('fmod', 0) === 1)
    return binary(
      (a, b) => a % b,
      (a, b) => a % b,
    )(e);
  return binary(
    (a, b) => a - b * Math.floor(a / b),
    (a, b) => ((a % b) + b) % b,
  )(e);
};

/** A power modulo 2^64 at each step. BigInt's own ** would build numbers of any length. */
function integerPower(base: bigint, exponent: bigint): bigint {
  if (exponent < 0n) return base === 1n ? 1n : base === -1n ? (exponent % 2n === 0n ? 1n : -1n) : 0n;
  let result = 1n;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n, square = BigInt.asIntN(64, square * square)) {
    if (rest & 1n) result = BigInt.asIntN(64, result * square);
  }
  return result;
}

const power = binary((a, b) => a ** b, integerPower);

/** An operator whose output consists of input elements in other places. */
const moved =
  (source: (e: Evaluation) => ((index: number) => number) | undefined): Evaluator =>
  (e) => {
    const { data } = e.input(0);
    const from = source(e);
    return from && e.fill((i) => data[from(i)] as Scalar);
  };

const same = moved(() => (i) => i);
const repeated = moved((e) => {
  const { shape } = e.input(0);
  const [outer, inner] = [stridesOf(e.type.shape), stridesOf(shape)];
  return (i) =>
    shape.reduce((at, size, axis) => at + (coordinate(i, outer[axis], e.type.shape[axis]) % size) * inner[axis], 0);
});

function coordinate(index: number, stride: number, size: number): number {
  return Math.floor(index / stride) % size;
}

const transpose = moved((e) => {
  const x = e.input(0).shape;
  const back = inversePermutation(e.attributes.ints('perm', x.map((_, i) => i).reverse()));
  const [outer, inner] = [stridesOf(e.type.shape), stridesOf(x)];
  return (i) => x.reduce((at, size, axis) => at + coordinate(i, outer[back[axis]], size) * inner[axis], 0);
});

const slice = moved((e) => {
  const { shape } = e.input(0);
  const parts = resolveSlice(shape, e.integers(1), e.integers(2), e.optionalIntegers(3), e.optionalIntegers(4));
  const [outer, inner] = [stridesOf(e.type.shape), stridesOf(shape)];
  return (i) =>
    parts.reduce((at, p, axis) => at + (p.start + coordinate(i, outer[axis], p.length) * p.step) * inner[axis], 0);
});

/** Resolves a negative index, which counts from the end. An index outside the axis is an error of the graph. */
function checkedIndex(index: number, size: number, opType: string): number {
  const normal = index < 0 ? index + size : index;
  if (normal >= 0 && normal < size) return normal;
  throw new MedTextError('GRAPH', `${opType}: index ${index} is outside an axis of ${size} elements.`, { index, size });
}

const gather = moved((e) => {
  const { shape } = e.input(0);
  const indices = e.integers(1);
  const axis = normalizeAxis(e.attributes.int('axis', 0), shape.length);
  const inner = elementCount(shape.slice(axis + 1));
  return (i) => {
    const index = checkedIndex(indices[Math.floor(i / inner) % indices.length], shape[axis], 'Gather');
    return (Math.floor(i / inner / indices.length) * shape[axis] + index) * inner + (i % inner);
  };
});

const gatherElements = moved((e) => {
  const { shape } = e.input(0);
  const indices = e.integers(1);
  const axis = normalizeAxis(e.attributes.int('axis', 0), shape.length);
  const [outer, inner] = [stridesOf(e.type.shape), stridesOf(shape)];
  return (i) =>
    coordinates(i, e.type.shape, outer).reduce(
      (at, c, k) => at + (k === axis ? checkedIndex(indices[i], shape[k], 'GatherElements') : c) * inner[k],
      0,
    );
});

const gatherNd = moved((e) => {
  if (e.attributes.int('batch_dims', 0) !== 0) return undefined;
  const { shape } = e.input(0);
  const indices = e.integers(1);
  const depth = e.input(1).shape.at(-1)!;
  const inner = elementCount(shape.slice(depth));
  const strides = stridesOf(shape);
  return (i) => {
    const row = Math.floor(i / inner) * depth;
    let at = i % inner;
    for (let k = 0; k < depth; k++) at += checkedIndex(indices[row + k], shape[k], 'GatherND') * strides[k];
    return at;
  };
});

const scatterNd: Evaluator = (e) => {
  if (e.attributes.string('reduction', 'none') !== 'none') return undefined;
  const [x, updates] = [e.input(0), e.input(2)];
  const indices = e.integers(1);
  const depth = e.input(1).shape.at(-1)!;
  const inner = elementCount(x.shape.slice(depth));
  const strides = stridesOf(x.shape);
  const [data] = e.fill((i) => x.data[i] as Scalar);
  for (let row = 0; row * depth < indices.length && depth > 0; row++) {
    let at = 0;
    for (let k = 0; k < depth; k++) at += checkedIndex(indices[row * depth + k], x.shape[k], 'ScatterND') * strides[k];
    for (let i = 0; i < inner; i++) data[at + i] = updates.data[row * inner + i] as never;
  }
  return [data];
};

const concat: Evaluator = (e) => {
  const inputs = e.call.inputs.map((_, i) => e.input(i));
  const axis = normalizeAxis(e.attributes.int('axis'), e.type.shape.length);
  const data = allocate(e.type.dataType, elementCount(e.type.shape));
  let at = 0;
  for (let row = 0; row < elementCount(e.type.shape.slice(0, axis)); row++) {
    for (const input of inputs) {
      const length = elementCount(input.shape.slice(axis));
      for (let i = 0; i < length; i++) data[at++] = input.data[row * length + i] as never;
    }
  }
  return [data];
};

const split: Evaluator = (e) => {
  const x = e.input(0);
  const axis = normalizeAxis(e.attributes.int('axis', 0), x.shape.length);
  const whole = elementCount(x.shape.slice(axis));
  let before = 0;
  return e.call.outputs.map((type) => {
    const data = allocate(type.dataType, elementCount(type.shape));
    const length = elementCount(type.shape.slice(axis));
    for (let i = 0; i < data.length; i++)
      data[i] = x.data[Math.floor(i / length) * whole + before + (i % length)] as never;
    before += length;
    return data;
  });
};

const cast: Evaluator = (e) => {
  const { data } = e.input(0);
  if (e.type.dataType === 'float16' || e.type.dataType === 'bfloat16') return undefined;
  if (e.type.dataType === 'bool') return e.fill((i) => Number(data[i]) !== 0);
  // The integer value of NaN or infinity is not defined.
  if (isIntegral(e) && Array.from(data as ArrayLike<Scalar>).some((v) => !Number.isFinite(Number(v)))) return undefined;
  return e.fill((i) => data[i] as Scalar);
};

const range: Evaluator = (e) => {
  const start = e.input(0).data[0];
  const delta = e.input(2).data[0];
  return e.fill((i) =>
    typeof start === 'bigint' ? start + BigInt(i) * (delta as bigint) : Number(start) + i * Number(delta),
  );
};

const constantOfShape: Evaluator = (e) => {
  const value = e.attributes.tensor('value')?.data[0] ?? 0;
  return e.fill(() => value as Scalar);
};

const where: Evaluator = (e) => {
  const inputs = [e.input(0), e.input(1), e.input(2)];
  const sources = inputs.map((x) => broadcastIndex(x.shape, e.type.shape));
  return e.fill((i) => {
    const chosen = inputs[0].data[sources[0](i)] ? 1 : 2;
    return inputs[chosen].data[sources[chosen](i)] as Scalar;
  });
};

const trilu: Evaluator = (e) => {
  const { data, shape } = e.input(0);
  const k = e.optionalIntegers(1)?.[0] ?? 0;
  const upper = e.attributes.int('upper', 1) === 1;
  const [rows, columns] = shape.slice(-2);
  return e.fill((i) => {
    const offset = (i % columns) - (Math.floor(i / columns) % rows) - k;
    return (upper ? offset >= 0 : offset <= 0) ? (data[i] as Scalar) : 0;
  });
};

const reduction =
  (
    start: number | undefined,
    combine: (a: Scalar, b: Scalar) => Scalar,
    finish = (sum: Scalar, _count: number): Scalar => sum,
  ): Evaluator =>
  (e) => {
    const x = e.input(0);
    let axes = e.optionalIntegers(1) ?? [];
    if (axes.length === 0) axes = e.attributes.int('noop_with_empty_axes', 0) === 1 ? [] : x.shape.map((_, i) => i);
    const reduced = new Set(axes.map((a) => normalizeAxis(a, x.shape.length)));
    const kept = x.shape.map((d, i) => (reduced.has(i) ? 1 : d));
    const [outer, inner] = [stridesOf(x.shape), stridesOf(kept)];
    const results = new Array<Scalar | undefined>(elementCount(kept));
    for (let i = 0; i < x.data.length; i++) {
      let at = 0;
      for (let k = 0; k < kept.length; k++) if (!reduced.has(k)) at += coordinate(i, outer[k], kept[k]) * inner[k];
      const value = x.data[i] as Scalar;
      results[at] = results[at] === undefined ? value : combine(results[at]!, value);
    }
    if (start === undefined && results.some((r) => r === undefined)) return undefined;
    const count = x.data.length / Math.max(1, results.length);
    return e.fill((i) => finish(results[i] ?? start!, count));
  };

const plus = (a: Scalar, b: Scalar): Scalar => (typeof a === 'bigint' ? a + (b as bigint) : a + Number(b));
const times = (a: Scalar, b: Scalar): Scalar => (typeof a === 'bigint' ? a * (b as bigint) : a * Number(b));

const cumulativeSum: Evaluator = (e) => {
  const { data, shape } = e.input(0);
  if (e.attributes.int('exclusive', 0) || e.attributes.int('reverse', 0)) return undefined;
  const axis = normalizeAxis(e.integers(1)[0], shape.length);
  const stride = stridesOf(shape)[axis];
  const sums: Scalar[] = [];
  return e.fill((i) => {
    const value = data[i] as Scalar;
    sums.push(coordinate(i, stride, shape[axis]) > 0 ? plus(sums[i - stride], value) : value);
    return sums[i];
  });
};

const EVALUATORS: Readonly<Record<string, Evaluator>> = {
  Add: binary((a, b) => a + b, (a, b) => a + b),
  Sub: binary((a, b) => a - b, (a, b) => a - b),
  Mul: binary((a, b) => a * b, (a, b) => a * b),
  Div: divide, Mod: modulo, Pow: power,
  Min: extremum((a, b) => a < b), Max: extremum((a, b) => a > b),
  Equal: compare((a, b) => a === b), Greater: compare((a, b) => a > b), GreaterOrEqual: compare((a, b) => a >= b),
  Less: compare((a, b) => a < b), LessOrEqual: compare((a, b) => a <= b),
  And: logical((a, b) => a && b), Or: logical((a, b) => a || b), Xor: logical((a, b) => a !== b),
  Not: unary((x) => (x === 0 ? 1 : 0)),
  Neg: (e) => e.fill((i) => { const v = e.input(0).data[i]; return -v; }),
  Abs: (e) => e.fill((i) => { const v = e.input(0).data[i]; return v < 0 ? -v : v; }),
  Sqrt: unary(Math.sqrt), Exp: unary(Math.exp), Log: unary(Math.log), Reciprocal: unary((x) => 1 / x),
  Floor: unary(Math.floor), Ceil: unary(Math.ceil), Sign: unary(Math.sign), IsNaN: unary((x) => (x !== x ? 1 : 0)),
  Cast: cast, Where: where, Range: range, ConstantOfShape: constantOfShape, Trilu: trilu,
  Identity: same, Reshape: same, Flatten: same, Squeeze: same, Unsqueeze: same,
  Expand: moved((e) => broadcastIndex(e.input(0).shape, e.type.shape)), Tile: repeated,
  Transpose: transpose, Slice: slice, Gather: gather, GatherElements: gatherElements, GatherND: gatherNd,
  ScatterND: scatterNd, Concat: concat, Split: split, CumSum: cumulativeSum,
  ReduceSum: reduction(0, plus), ReduceProd: reduction(1, times),
  ReduceMax: reduction(undefined, (a, b) => (b > a ? b : a)), ReduceMin: reduction(undefined, (a, b) => (b < a ? b : a)),
  ReduceMean: reduction(undefined, plus, (sum, n) => (typeof sum === 'bigint' ? sum / BigInt(n) : sum / n)),
}; // prettier-ignore
