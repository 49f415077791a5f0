import type { Value } from '../../onnx/graphBuilder';
import type { Operators } from '../../onnx/operators';
import { allAxes, inversePermutation, normalizeAxis, type Shape } from '../../onnx/shapes';
import type { GradientRule } from '../gradientRule';

/**
 * Zeros of `shape` with `dy` added along `axis` at `indices`; the transpose of Gather. `dy` has `indices`' axes in
 * the place of `axis`. ScatterND adds along the leading axis, so the axis is moved there and back.
 */
export function scatterAlongAxis(g: Operators, dy: Value, indices: Value, axis: number, shape: Shape): Value {
  const indexRank = indices.shape.length;
  const indexAxes = allAxes(indexRank).map((i) => axis + i);
  const otherAxes = allAxes(dy.shape.length).filter((i) => !indexAxes.includes(i));
  const toFront = [axis, ...allAxes(shape.length).filter((i) => i !== axis)];
  const updates = g.transpose(dy, [...indexAxes, ...otherAxes]);
  const zeros = g.fill(
    0,
    toFront.map((i) => shape[i]),
    dy.dataType,
  );
  // Reshaped first: WebGPU has no Reshape of int64.
  const rows = g.cast(g.reshape(indices, [...indices.shape, 1]), 'int64');
  return g.transpose(g.scatterNdAdd(zeros, rows, updates), inversePermutation(toFront));
}

export const gatherRule: GradientRule = [
  ({ g, x, dy, attributes }) => {
    const axis = normalizeAxis(attributes.int('axis', 0), x[0].shape.length);
    return scatterAlongAxis(g, dy, x[1], axis, x[0].shape);
  },
  null,
];

export const gatherElementsRule: GradientRule = [
  ({ g, x, dy, attributes }) =>
    g.scatterElementsAdd(g.fill(0, x[0].shape, dy.dataType), x[1], dy, attributes.int('axis', 0)),
  null,
];
