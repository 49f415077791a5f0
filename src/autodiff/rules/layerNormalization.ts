import { MedTextError } from '../../base/errors';
import type { Value } from '../../onnx/graphBuilder';
import { allAxes } from '../../onnx/shapes';
import type { GradientCall, GradientRule } from '../gradientRule';

/**
 * y = n scale + bias with n = (x - mean) / deviation over the last axis (Ba, Kiros and Hinton, "Layer Normalization",
 * 2016). Mean and inverse deviation are the forward node's second and third outputs; for a node without them (graphs
 * exported elsewhere) they are computed again.
 */
export const layerNormalizationRule: GradientRule = [
  (call) => {
    const { g, x, dy } = call;
    const { n, inverseDeviation } = normalized(call);
    const dn = g.mul(dy, x[1]);
    const last = [x[0].shape.length - 1];
    const centred = g.sub(dn, g.reduceMean(dn, last, true));
    const projected = g.mul(n, g.reduceMean(g.mul(dn, n), last, true));
    return g.mul(g.sub(centred, projected), inverseDeviation);
  },
  (call) => call.g.reduceSum(call.g.mul(call.dy, normalized(call).n), leadingAxes(call)),
  (call) => call.g.reduceSum(checked(call).dy, leadingAxes(call)),
];

function normalized(call: GradientCall): { n: Value; inverseDeviation: Value } {
  const { g, x, y, attributes, once } = checked(call);
  const last = [x[0].shape.length - 1];
  // The statistics are float32 whatever the type of x.
  const given = (i: number) => (y[i] ? g.cast(y[i], x[0].dataType) : undefined);
  const centred = once('centred', () => g.sub(x[0], given(1) ?? g.reduceMean(x[0], last, true)));
  const inverseDeviation = once('inverseDeviation', () => {
    const variance = () => g.reduceMean(g.mul(centred, centred), last, true);
    return given(2) ?? g.reciprocal(g.sqrt(g.add(variance(), attributes.float('epsilon', 1e-5))));
  });
  return { n: once('normalized', () => g.mul(centred, inverseDeviation)), inverseDeviation };
}

/** The call, if it is one that the rule covers. */
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
