import { MedTextError } from '../../base/errors';
import type { Value } from '../../onnx/graphBuilder';
import { allAxes } from '../../onnx/shapes';
import type { GradientCall, GradientRule } from '../gradients';

/**
 * y = n scale + bias with n = (x - mean) / deviation over the last axis (Ba, Kiros and Hinton, "Layer Normalization",
 * 2016). Mean and inverse deviation come from the forward node's second and third outputs.
 */
export const layerNormalizationRule: GradientRule = [
  (call) => {
    const { g, x, dy, y } = call;
    const n = normalized(call);
    const dn = g.mul(dy, x[1]);
    const last = [x[0].shape.length - 1];
    const centred = g.sub(dn, g.reduceMean(dn, last, true));
    const projected = g.mul(n, g.reduceMean(g.mul(dn, n), last, true));
    return g.mul(g.sub(centred, projected), y[2]);
  },
  (call) => call.g.reduceSum(call.g.mul(call.dy, normalized(call)), leadingAxes(call)),
  (call) => call.g.reduceSum(call.dy, leadingAxes(call)),
];

function normalized({ g, x, y, dys, attributes, once }: GradientCall): Value {
  const axis = attributes.int('axis', -1);
  if (axis !== -1 && axis !== x[0].shape.length - 1) {
    throw new MedTextError(
      'NO_GRADIENT',
      `LayerNormalization over axis ${axis}: only the last axis has a gradient rule.`,
    );
  }
  if (y.length < 3 || dys[1] || dys[2]) {
    throw new MedTextError(
      'NO_GRADIENT',
      'LayerNormalization must give mean and inverse deviation, unused by the loss.',
    );
  }
  return once('normalized', () => g.mul(g.sub(x[0], y[1]), y[2]));
}

function leadingAxes({ x }: GradientCall): number[] {
  return allAxes(x[0].shape.length - 1);
}
