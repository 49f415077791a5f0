import { MedTextError } from '../../base/errors';
import type { Operators } from '../../onnx/operators';
import { allAxes } from '../../onnx/shapes';
import type { GradientCall, GradientRule } from '../gradientRule';

/**
 * y = n scale + bias with n = (x - mean) / deviation over the last axis (Ba, Kiros and Hinton, "Layer Normalization",
 * 2016).
 */
export const layerNormalizationRule: GradientRule = [
  (call) => {
    const { g, x, dy } = call;
    const { standardized: n, inverseDeviation } = standardized(call);
    const dn = g.mul(dy, x[1]);
    const last = [x[0].shape.length - 1];
    const centred = g.sub(dn, g.reduceMean(dn, last, true));
    const projected = g.mul(n, g.reduceMean(g.mul(dn, n), last, true));
    return g.mul(g.sub(centred, projected), inverseDeviation);
  },
  (call) => call.g.reduceSum(call.g.mul(call.dy, standardized(call).standardized), leadingAxes(call)),
  (call) => call.g.reduceSum(checked(call).dy, leadingAxes(call)),
];

/** Recomputes the standardised values by one node. The statistics of the forward node would need two nodes. */
function standardized(call: GradientCall): ReturnType<Operators['standardize']> {
  const { g, x, attributes, once } = checked(call);
  return once('standardized', () => g.standardize(x[0], attributes.float('epsilon', 1e-5)));
}

/** The call itself. @throws MedTextError NO_GRADIENT for a use of the operator that the rule does not cover. */
function checked(call: GradientCall): GradientCall {
  const axis = call.attributes.int('axis', -1);
  if (axis !== -1 && axis !== call.x[0].shape.length - 1) {
    throw new MedTextError(
      'NO_GRADIENT',
      `LayerNormalization over axis ${axis}: only the last axis has a gradient rule.`,
    );
  }
  if (call.dys[1] || call.dys[2]) {
    throw new MedTextError(
      'NO_GRADIENT',
      'The mean and deviation that LayerNormalization gives have no gradient rule.',
    );
  }
  return call;
}

function leadingAxes({ x }: GradientCall): number[] {
  return allAxes(x[0].shape.length - 1);
}
