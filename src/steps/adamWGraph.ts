/** AdamW (adamW.ts has its formulas) as a graph, for devices that keep parameters and moments in their memory. */
import type { Value } from '../onnx/graphBuilder';
import type { Model } from '../onnx/model';
import { Operators } from '../onnx/operators';
import type { AdamWOptions, AdamWRates } from './adamW';
import { sumOfSquares } from './trainingGraph';

/** The scalars of an update, float32 []. */
export type AdamWScalars = Readonly<Record<keyof AdamWRates, Value>>;

export interface AdamWState {
  readonly p: Value;
  readonly m: Value;
  readonly v: Value;
}

type Constants = Pick<AdamWOptions, 'betas' | 'eps'>;

/** The state after one update by `gradient`; all of one shape. */
export function adamWUpdate(
  g: Operators,
  { p, m, v }: AdamWState,
  gradient: Value,
  { gradientScale, shrink, stepSize, rootScale }: AdamWScalars,
  { betas: [beta1, beta2], eps, decays }: Constants & { readonly decays: boolean },
): AdamWState {
  const scaled = g.mul(gradient, gradientScale);
  const newM = g.add(g.mul(m, beta1), g.mul(scaled, 1 - beta1));
  const newV = g.add(g.mul(v, beta2), g.mul(g.mul(scaled, scaled), 1 - beta2));
  const denominator = g.add(g.mul(g.sqrt(newV), rootScale), eps);
  const kept = decays ? g.mul(p, shrink) : p;
  return { p: g.sub(kept, g.div(g.mul(newM, stepSize), denominator)), m: newM, v: newV };
}

export function adamWScalars(g: Operators): AdamWScalars {
  const scalar = (name: string) => g.input(name, 'float32', []);
  return {
    gradientScale: scalar('gradientScale'),
    shrink: scalar('shrink'),
    stepSize: scalar('stepSize'),
    rootScale: scalar('rootScale'),
  };
}

export interface UpdatedParameter {
  readonly shape: readonly number[];
  readonly decays: boolean;
}

/**
 * The update of some parameters, by place k: inputs `p.k`, `m.k`, `v.k` and `g.k` and the scalars; outputs `newP.k`,
 * `newM.k`, `newV.k`. Named by place, so that layers of the same shapes share one session.
 */
export function buildAdamWGraph(parameters: readonly UpdatedParameter[], constants: Constants): Model {
  const g = new Operators();
  const scalars = adamWScalars(g);
  parameters.forEach(({ shape, decays }, k) => {
    const [p, m, v, gradient] = ['p', 'm', 'v', 'g'].map((name) => g.input(`${name}.${k}`, 'float32', shape));
    const next = adamWUpdate(g, { p, m, v }, gradient, scalars, { ...constants, decays });
    g.output(next.p, `newP.${k}`);
    g.output(next.m, `newM.${k}`);
    g.output(next.v, `newV.${k}`);
  });
  return g.build('adamW');
}

/** The sum of two gradients, by place k: inputs `a.k` and `b.k`; outputs `sum.k`, and `squares`, the sum of all squares. */
export function buildGradientSumGraph(parameters: readonly UpdatedParameter[]): Model {
  const g = new Operators();
  const sums = parameters.map(({ shape }, k) =>
    g.add(g.input(`a.${k}`, 'float32', shape), g.input(`b.${k}`, 'float32', shape)),
  );
  sums.forEach((sum, k) => g.output(sum, `sum.${k}`));
  g.output(sumOfSquares(g, sums), 'squares');
  return g.build('gradientSum');
}
