import { integersOf } from '../../onnx/typeInference';
import type { Value } from '../../onnx/graphBuilder';
import { elementCount } from '../../onnx/dataType';
import { normalizeAxis } from '../../onnx/shapes';
import type { GradientCall, GradientRule } from '../gradientRule';

export const reduceSumRule: GradientRule = [(call) => call.g.expand(kept(call, call.dy), call.x[0].shape), null];

export const reduceMeanRule: GradientRule = [
  (call) => {
    const { g, x, y, dy } = call;
    const count = elementCount(x[0].shape) / elementCount(y[0].shape);
    return g.expand(g.mul(kept(call, dy), 1 / count), x[0].shape);
  },
  null,
];

/** The elements that equal the maximum share its gradient equally, as in PyTorch's amax. */
export const reduceMaxRule: GradientRule = [
  (call) => {
    const { g, x, y, dy } = call;
    const winners = g.cast(g.equal(x[0], kept(call, y[0])), dy.dataType);
    const count = g.reduceSum(winners, reducedAxes(call), true);
    return g.mul(winners, g.div(kept(call, dy), count));
  },
  null,
];

export const reduceSumSquareRule: GradientRule = [
  (call) => call.g.mul(call.g.mul(call.x[0], 2), kept(call, call.dy)),
  null,
];

function reducedAxes({ x, attributes }: GradientCall): number[] {
  const axes = attributes.has('axes') ? attributes.ints('axes') : (integersOf(x[1]) ?? []);
  if (axes.length > 0) return axes.map((a) => normalizeAxis(a, x[0].shape.length));
  return attributes.int('noop_with_empty_axes', 0) === 1 ? [] : x[0].shape.map((_, i) => i);
}

/** A reduced value with the reduced axes restored as axes of size 1. */
function kept(call: GradientCall, value: Value): Value {
  const reduced = new Set(reducedAxes(call));
  return call.g.reshape(
    value,
    call.x[0].shape.map((d, i) => (reduced.has(i) ? 1 : d)),
  );
}
