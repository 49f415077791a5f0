/** Arithmetic on static shapes. */
import { MedTextError } from '../base/errors';

export type Shape = readonly number[];

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, i) => dimension === b[i]);
}

/**
 * The shape that NumPy-style broadcasting of the two gives. @throws MedTextError GRAPH, showing both, if they do not
 * fit.
 */
export function broadcastShapes(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[a.length - rank + i] ?? 1;
    const right = b[b.length - rank + i] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new MedTextError('GRAPH', `Shapes [${a}] and [${b}] cannot be broadcast together.`, { a, b });
    }
    return left === 1 ? right : left;
  });
}

/** The axes of `from` along which a value of shape `to` was repeated. A gradient is summed over them. */
export function broadcastAxes(from: Shape, to: Shape): number[] {
  const extra = from.length - to.length;
  return from.flatMap((dimension, i) => (i < extra || (to[i - extra] === 1 && dimension !== 1) ? [i] : []));
}

/** The axis from the beginning. A negative axis counts from the end. */
export function normalizeAxis(axis: number, rank: number): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (normal < 0 || normal >= Math.max(rank, 1)) {
    throw new MedTextError('GRAPH', `Axis ${axis} is outside a value of rank ${rank}.`, { axis, rank });
  }
  return normal;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

/** The permutation that undoes `permutation`. */
export function inversePermutation(permutation: readonly number[]): number[] {
  const inverse = new Array<number>(permutation.length);
  permutation.forEach((from, to) => (inverse[from] = to));
  return inverse;
}

/** All axes of a rank: 0, 1, ..., rank - 1. */
export function allAxes(rank: number): number[] {
  return Array.from({ length: rank }, (_, i) => i);
}
