import type { Value } from '../../onnx/graphBuilder';
import type { Operators } from '../../onnx/operators';

/** exp() of it is 0: what is left out of a {@link logSumExp}. Half precision holds it. */
export const NOTHING = -30000;

/** log(sum of exp(x)) over the last axis. The shift changes nothing of the result, so nothing of the gradient either. */
export function logSumExp(g: Operators, x: Value): Value {
  const axis = x.shape.length - 1;
  const largest = g.detach(g.reduceMax(x, [axis], true));
  const sum = g.reduceSum(g.exp(g.sub(x, largest)), [axis]);
  return g.add(g.log(sum), g.reshape(largest, sum.shape));
}
