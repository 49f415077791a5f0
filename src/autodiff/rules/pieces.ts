/** Rules of powers and of functions defined piecewise. */
import type { Value } from '../../onnx/graphBuilder';
import type { Operators } from '../../onnx/operators';
import type { GradientCall, GradientRule } from '../gradientRule';

/** x where the condition holds, 0 elsewhere. */
export function onlyWhere(g: Operators, condition: Value, x: Value): Value {
  return g.where(condition, x, g.scalar(0, x.dataType));
}

/**
 * x^p: the gradient of x is p x^(p-1), and 0 where p is 0, also at x = 0. The gradient of the exponent is y log(x), and
 * 0 where x is 0. The square, which LayerNorm uses, is written as a product.
 */
export const powRule: GradientRule = [
  ({ g, x, dy }) => {
    const exponent = x[1].constant?.data.length === 1 ? Number(x[1].constant.data[0]) : undefined;
    if (exponent === 2) return g.mul(dy, g.mul(x[0], 2));
    const p = g.cast(x[1], x[0].dataType);
    const slope = g.mul(p, g.pow(x[0], g.sub(p, 1)));
    return g.mul(
      dy,
      exponent !== undefined && exponent !== 0 ? slope : g.where(g.equal(p, 0), g.scalar(0, p.dataType), slope),
    );
  },
  ({ g, x, y, dy }) => {
    const isZero = g.equal(x[0], 0);
    const logarithm = g.log(g.where(isZero, g.scalar(1, x[0].dataType), x[0]));
    return g.mul(dy, g.mul(y[0], logarithm));
  },
];

/** Min and Max: the inputs that equal the result share its gradient equally, as in PyTorch. */
export const extremumRule: GradientRule = ({ g, x, y, dy }: GradientCall, input: number) => {
  const chosen = x.map((value) => g.cast(g.equal(value, y[0]), dy.dataType));
  const count = chosen.reduce((sum, mask) => g.add(sum, mask));
  return g.mul(chosen[input], g.div(dy, count));
};

/** Strictly inside the bounds the gradient reaches x, as in PyTorch's clamp. Outside it reaches the bound. */
export const clipRule: GradientRule = [
  ({ g, x, dy }) => {
    const above = x[1] ? onlyWhere(g, g.greater(x[0], x[1]), dy) : dy;
    return x[2] ? onlyWhere(g, g.less(x[0], x[2]), above) : above;
  },
  ({ g, x, dy }) => onlyWhere(g, g.less(x[0], x[1]), dy),
  ({ g, x, dy }) => onlyWhere(g, g.greater(x[0], x[2]), dy),
];
