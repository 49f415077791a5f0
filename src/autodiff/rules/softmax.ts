import { normalizeAxis } from '../../onnx/shapes';
import type { GradientRule } from '../gradientRule';

/** dx = y (dy - sum(dy y)). */
export const softmaxRule: GradientRule = [
  ({ g, y, dy, attributes }) => {
    const axis = normalizeAxis(attributes.int('axis', -1), dy.shape.length);
    return g.mul(y[0], g.sub(dy, g.reduceSum(g.mul(dy, y[0]), [axis], true)));
  },
];

/** dx = dy - softmax(x) sum(dy). */
export const logSoftmaxRule: GradientRule = [
  ({ g, y, dy, attributes }) => {
    const axis = normalizeAxis(attributes.int('axis', -1), dy.shape.length);
    return g.sub(dy, g.mul(g.exp(y[0]), g.reduceSum(dy, [axis], true)));
  },
];
