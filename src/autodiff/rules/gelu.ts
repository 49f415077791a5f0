import type { GradientCall, GradientRule } from '../gradientRule';

/**
 * GELU (Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016). The rule recomputes everything from x, so that only
 * one copy of a layer's widest activation is kept between forward and backward pass.
 */
export const geluRule: GradientRule = [
  (call) => (call.attributes.string('approximate', 'none') === 'tanh' ? tanhGelu(call) : erfGelu(call)),
];

/** y = x Phi(x); dy/dx = Phi(x) + x phi(x). */
function erfGelu({ g, x, dy }: GradientCall) {
  const cdf = g.add(g.mul(g.erf(g.mul(x[0], Math.SQRT1_2)), 0.5), 0.5);
  const density = g.mul(g.exp(g.mul(g.mul(x[0], x[0]), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return g.mul(dy, g.add(cdf, g.mul(x[0], density)));
}

/** y = x (1 + tanh u) / 2 with u = sqrt(2/pi) (x + 0.044715 x^3). */
function tanhGelu({ g, x, dy }: GradientCall) {
  const c = Math.sqrt(2 / Math.PI);
  const square = g.mul(x[0], x[0]);
  const t = g.tanh(g.mul(x[0], g.add(g.mul(square, c * 0.044715), c)));
  const slope = g.add(g.mul(square, 3 * c * 0.044715), c); // du/dx
  const bend = g.mul(g.mul(x[0], slope), g.sub(1, g.mul(t, t)));
  return g.mul(dy, g.mul(g.add(g.add(t, 1), bend), 0.5));
}
