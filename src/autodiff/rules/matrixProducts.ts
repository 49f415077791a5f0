import type { Value } from '../../onnx/graphBuilder';
import type { Operators } from '../../onnx/operators';
import { allAxes } from '../../onnx/shapes';
import type { GradientRule } from '../gradientRule';

/**
 * Y = A B: dA = dY B', dB = A' dY. When B is one matrix, the leading axes of A are rows, and both products are Gemms
 * over all rows at once. A vector is a matrix of one row or column.
 */
export const matMulRule: GradientRule = [
  ({ g, x, dy }) => {
    const { a, b, product } = asMatrices(g, x[0], x[1], dy);
    const da =
      b.shape.length === 2
        ? rows(g, g.gemm(rows(g, product), b, undefined, { transB: true }), a.shape)
        : g.matMul(product, transposed(g, b));
    return sumAndReshape(g, da, a, x[0]);
  },
  ({ g, x, dy }) => {
    const { a, b, product } = asMatrices(g, x[0], x[1], dy);
    const db =
      b.shape.length === 2
        ? g.gemm(rows(g, a), rows(g, product), undefined, { transA: true })
        : g.matMul(transposed(g, a), product);
    return sumAndReshape(g, db, b, x[1]);
  },
];

/** Y = op(A) op(B) + C. */
export const gemmRule: GradientRule = [
  ({ g, x, dy, attributes }) => {
    const dp = scaled(g, dy, attributes.float('alpha', 1));
    const transB = attributes.int('transB', 0) === 1;
    if (attributes.int('transA', 0) === 1) return g.gemm(x[1], dp, undefined, { transA: transB, transB: true });
    return g.gemm(dp, x[1], undefined, { transB: !transB });
  },
  ({ g, x, dy, attributes }) => {
    const dp = scaled(g, dy, attributes.float('alpha', 1));
    const transA = attributes.int('transA', 0) === 1;
    if (attributes.int('transB', 0) === 1) return g.gemm(dp, x[0], undefined, { transA: true, transB: transA });
    return g.gemm(x[0], dp, undefined, { transA: !transA });
  },
  ({ g, dy, attributes }) => scaled(g, dy, attributes.float('beta', 1)),
];

function scaled(g: Operators, x: Value, factor: number): Value {
  return factor === 1 ? x : g.mul(x, factor);
}

function asMatrices(g: Operators, a: Value, b: Value, dy: Value) {
  const batch = dy.shape.slice(0, dy.shape.length - (a.shape.length === 1 ? 0 : 1) - (b.shape.length === 1 ? 0 : 1));
  const matrixA = a.shape.length === 1 ? g.reshape(a, [1, a.shape[0]]) : a;
  const matrixB = b.shape.length === 1 ? g.reshape(b, [b.shape[0], 1]) : b;
  const product = g.reshape(dy, [...batch, matrixA.shape.at(-2)!, matrixB.shape.at(-1)!]);
  return { a: matrixA, b: matrixB, product };
}

/** Merges all axes of a value except the last. With a shape, restores that shape. */
function rows(g: Operators, x: Value, shape?: readonly number[]): Value {
  return g.reshape(x, shape ?? [x.shape.slice(0, -1).reduce((p, d) => p * d, 1), x.shape.at(-1)!]);
}

function transposed(g: Operators, x: Value): Value {
  const axes = allAxes(x.shape.length);
  const [row, column] = axes.splice(-2);
  return g.transpose(x, [...axes, column, row]);
}

/** Sums the batch axes that were broadcast, and then restores a vector's own shape. */
function sumAndReshape(g: Operators, gradient: Value, matrix: Value, original: Value): Value {
  return g.reshape(g.sumTo(gradient, matrix.shape), original.shape);
}
