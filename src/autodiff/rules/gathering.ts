/**
 * The gradient of Gather adds the rows that share an index. ScatterND with addition cannot do it: on several threads
 * ONNX Runtime's ScatterND loses additions to the same row (microsoft/onnxruntime #18048, #23396). On a GPU the order
 * of its additions changes from run to run. A product with a one-hot matrix adds the rows in a fixed order on every
 * device.
 */
import { integersOf } from '../../onnx/typeInference';
import type { Value } from '../../onnx/graphBuilder';
import type { Operators } from '../../onnx/operators';
import { elementCount } from '../../onnx/dataType';
import { allAxes, inversePermutation, normalizeAxis, type Shape } from '../../onnx/shapes';
import type { GradientRule } from '../gradientRule';

/**
 * The transpose of Gather: zeros of `shape`, to which `dy` is added along `axis` at `indices`. `dy` has the axes of
 * `indices` in place of `axis`.
 */
export function scatterAlongAxis(g: Operators, dy: Value, indices: Value, axis: number, shape: Shape): Value {
  const places = integersOf(indices)?.map((place) => (place < 0 ? place + shape[axis] : place));
  const start = places?.[0] ?? 0;
  if (places && places.length > 0 && places.every((place, i) => place === start + i)) {
    return padAlongAxis(g, dy, axis, start, places.length, shape);
  }
  const indexAxes = allAxes(indices.shape.length).map((i) => axis + i);
  const otherAxes = allAxes(dy.shape.length).filter((i) => !indexAxes.includes(i));
  const toFront = [axis, ...allAxes(shape.length).filter((i) => i !== axis)];
  const front = toFront.map((i) => shape[i]);
  const [size, width] = [front[0], elementCount(front.slice(1))];
  const rows = g.reshape(g.transpose(dy, [...indexAxes, ...otherAxes]), [elementCount(indices.shape), width]);
  const isDistinct = places !== undefined && new Set(places).size === places.length;
  const sums = isDistinct ? putRows(g, rows, g.integers(places), size) : addRows(g, rows, indices, size);
  return g.transpose(g.reshape(sums, front), inversePermutation(toFront));
}

/** Puts zeros before and after dy, for indices that are a range. */
function padAlongAxis(g: Operators, dy: Value, axis: number, start: number, length: number, shape: Shape): Value {
  const inside = g.reshape(dy, shape.map((size, i) => (i === axis ? length : size))); // prettier-ignore
  const around = (count: number) => shape.map((_, i) => (i === axis ? count : 0));
  return g.pad(inside, around(start), around(shape[axis] - start - length));
}

/** Zeros [size, width] with `rows` [n, width] put at `places`, int64 [n]. No place may occur twice. */
function putRows(g: Operators, rows: Value, places: Value, size: number): Value {
  const zeros = g.fill(0, [size, rows.shape[1]], rows.dataType);
  return g.scatterNd(zeros, g.reshape(places, [rows.shape[0], 1]), rows);
}

/** The sums [size, width] of `rows` [n, width] that share an index. */
function addRows(g: Operators, rows: Value, indices: Value, size: number): Value {
  const count = rows.shape[0];
  // The cast comes first, because WebGPU has no Reshape of int64.
  const given = g.reshape(g.cast(indices, 'int32'), [count]);
  const places = g.where(g.less(given, 0), g.add(given, size), given);
  return size <= 2 * count ? sumOfRows(g, rows, places, size) : spreadSums(g, rows, places, size);
}

/**
 * Adds rows where a one-hot matrix of all of them would be too large. Each row gets the sum of all rows with its index.
 * The first row of an index takes the sum to the index's place. The other rows take it behind the last place, where it
 * is cut off. So no place occurs twice.
 */
function spreadSums(g: Operators, rows: Value, places: Value, size: number): Value {
  const [count, width] = rows.shape;
  // Gather cuts out a part, because WebGPU has no Slice of int32.
  const part = (from: number, to: number) =>
    to - from === count ? places : g.gather(places, g.range(to - from, from));
  const sums = oneHotProduct(g, rows, places, count, part);
  const own = g.range(count);
  const earlier = inParts(g, count, count, (from, to) => {
    const equal = g.equal(g.reshape(part(from, to), [to - from, 1]), g.reshape(places, [1, count]));
    const before = g.less(g.reshape(own, [1, count]), g.reshape(g.range(to - from, from), [to - from, 1]));
    return g.reduceMax(g.cast(g.and(equal, before), 'float32'), [1]);
  });
  const targets = g.where(g.greater(earlier, 0), g.add(own, size), places);
  const zeros = g.expand(zeroOf(g, places, rows.dataType), [size + count, width]);
  const spread = g.scatterNd(zeros, g.cast(g.reshape(targets, [count, 1]), 'int64'), sums);
  return g.slice(spread, [0], [size], [0]);
}

/**
 * The sums [slots, width] of `rows` [n, width] by their slot, int32 [n]. A slot without rows has zeros. The product is
 * computed in float32 even where other products are in half precision.
 */
export function sumOfRows(g: Operators, rows: Value, slotOfRow: Value, slots: number): Value {
  return oneHotProduct(g, rows, slotOfRow, slots, (from, to) => g.range(to - from, from));
}

/**
 * For each of `slots` slots, the sum of the rows [n, width] with that slot. `slotOfRow` is int32 [n]; the result is
 * [slots, width].
 * @param wanted the slots in a range of places, int32
 */
function oneHotProduct(
  g: Operators,
  rows: Value,
  slotOfRow: Value,
  slots: number,
  wanted: (from: number, to: number) => Value,
): Value {
  const [count] = rows.shape;
  return inParts(g, slots, count, (from, to) => {
    const isOf = g.equal(g.reshape(wanted(from, to), [to - from, 1]), g.reshape(slotOfRow, [1, count]));
    return g.emit('MatMul', [g.cast(isOf, rows.dataType), rows])[0];
  });
}

/** The largest number of elements of a one-hot matrix: 64 MB. */
const MOST_ELEMENTS = 16 << 20;

/** Makes `rows` rows from `columns` elements each, in parts that are concatenated. */
function inParts(g: Operators, rows: number, columns: number, make: (from: number, to: number) => Value): Value {
  const size = Math.max(1, Math.floor(MOST_ELEMENTS / columns));
  const parts: Value[] = [];
  for (let from = 0; from < rows; from += size) parts.push(make(from, Math.min(rows, from + size)));
  return g.concat(parts, 0);
}

/** A scalar 0 that the runtime cannot fold. Each session would keep zeros made of a constant in full size. */
export function zeroOf(g: Operators, integers: Value, dataType: Value['dataType'] = 'float32'): Value {
  const first = integers.shape.reduce((x) => g.gather(x, g.scalar(0, 'int64')), integers);
  return g.cast(g.mul(first, 0), dataType);
}

export const gatherRule: GradientRule = [
  ({ g, x, dy, attributes }) => {
    const axis = normalizeAxis(attributes.int('axis', 0), x[0].shape.length);
    return scatterAlongAxis(g, dy, x[1], axis, x[0].shape);
  },
  null,
];

/** ScatterElements adds one element after another on the CPU. On a GPU the order is not fixed. */
export const gatherElementsRule: GradientRule = [
  ({ g, x, dy, attributes }) =>
    g.scatterElementsAdd(g.fill(0, x[0].shape, dy.dataType), x[1], dy, attributes.int('axis', 0)),
  null,
];
