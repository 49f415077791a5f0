/** AdamW (adamW.ts has its formulas) as a graph, for devices that keep parameters and moments in their memory. */
import type { Value } from '../onnx/graphBuilder';
import type { Model } from '../onnx/model';
import { withOpenAxis } from '../onnx/openAxis';
import { Operators } from '../onnx/operators';
import type { AdamWOptions, AdamWRates } from './adamW';
import { denseGradient, withRows } from './tokenRows';
import { sumOfSquares } from './trainingGraph';

/** The scalars of an update, float32 []. */
export type AdamWScalars = Readonly<Record<keyof AdamWRates, Value>>;

export interface AdamWState {
  readonly p: Value;
  readonly m: Value;
  readonly v: Value;
}

type Constants = Pick<AdamWOptions, 'betas' | 'eps'>;

/** A gradient, or rows of it: [rows, ...], with their places, int32 [rows], each once. */
export interface GroupGradient {
  readonly value: Value;
  readonly ids?: Value;
}

/** The state after one update; rows that a gradient of rows does not have are updated by zeros. */
export function adamWUpdate(
  g: Operators,
  { p, m, v }: AdamWState,
  { value, ids }: GroupGradient,
  { gradientScale, shrink, stepSize, rootScale }: AdamWScalars,
  { betas: [beta1, beta2], eps, decays }: Constants & { readonly decays: boolean },
): AdamWState {
  const scaled = g.mul(value, gradientScale);
  const plus = (decayed: Value, change: Value) =>
    ids ? withRows(g, decayed, ids, (rows) => g.add(rows, change)) : g.add(decayed, change);
  const newM = plus(g.mul(m, beta1), g.mul(scaled, 1 - beta1));
  const newV = plus(g.mul(v, beta2), g.mul(g.mul(scaled, scaled), 1 - beta2));
  const denominator = g.add(g.mul(g.sqrt(newV), rootScale), eps);
  const kept = decays ? g.mul(p, shrink) : p;
  return { p: g.sub(kept, g.div(g.mul(newM, stepSize), denominator)), m: newM, v: newV };
}

function adamWScalars(g: Operators): AdamWScalars {
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
  /** Its gradient is rows: however many. */
  readonly isRows?: boolean;
}

/** Rows that a graph is declared with, for any number of them. */
const SOME_ROWS = 2;

/** The inputs `<name>.k` and, of rows, `ids.k`. */
function gradientInput(g: Operators, name: string, { shape, isRows }: UpdatedParameter, k: number): GroupGradient {
  if (!isRows) return { value: g.input(`${name}.${k}`, 'float32', shape) };
  const value = g.input(`${name}.${k}`, 'float32', [SOME_ROWS, ...shape.slice(1)]);
  return { value, ids: g.input(`ids.${k}`, 'int32', [SOME_ROWS]) };
}

function withAnyRows(model: Model, name: string, parameters: readonly UpdatedParameter[]): Model {
  return parameters.reduce(
    (open, { isRows }, k) => (isRows ? withOpenAxis(open, [`${name}.${k}`, `ids.${k}`], `rows.${k}`) : open),
    model,
  );
}

/**
 * The update of some parameters, by place k: inputs `p.k`, `m.k`, `v.k` and `g.k` (of rows also `ids.k`) and the scalars;
 * outputs `newP.k`, `newM.k`, `newV.k`. Named by place, so that layers of the same shapes share one session.
 */
export function buildAdamWGraph(parameters: readonly UpdatedParameter[], constants: Constants): Model {
  const g = new Operators();
  const scalars = adamWScalars(g);
  parameters.forEach((parameter, k) => {
    const { shape, decays } = parameter;
    const [p, m, v] = ['p', 'm', 'v'].map((name) => g.input(`${name}.${k}`, 'float32', shape));
    const gradient = gradientInput(g, 'g', parameter, k);
    const next = adamWUpdate(g, { p, m, v }, gradient, scalars, { ...constants, decays });
    g.output(next.p, `newP.${k}`);
    g.output(next.m, `newM.${k}`);
    g.output(next.v, `newV.${k}`);
  });
  return withAnyRows(g.build('adamW'), 'g', parameters);
}

/**
 * The sum of two gradients, by place k: inputs `a.k` and `b.k`, of which b may be rows (with `ids.k`); outputs `sum.k`, and
 * `squares`, the sum of all squares.
 */
export function buildGradientSumGraph(parameters: readonly UpdatedParameter[]): Model {
  const g = new Operators();
  const sums = parameters.map((parameter, k) =>
    plusGradient(g, g.input(`a.${k}`, 'float32', parameter.shape), gradientInput(g, 'b', parameter, k)),
  );
  sums.forEach((sum, k) => g.output(sum, `sum.${k}`));
  g.output(sumOfSquares(g, sums), 'squares');
  return withAnyRows(g.build('gradientSum'), 'b', parameters);
}

/** A gradient of the parameter's own shape, and one that may be rows. */
export function plusGradient(g: Operators, sum: Value, { value, ids }: GroupGradient): Value {
  return ids ? withRows(g, sum, ids, (rows) => g.add(rows, value)) : g.add(sum, value);
}

/** Rows as a gradient of the parameter's own shape: inputs `rows` and `ids`, output `dense`. */
export function buildDenseGraph(shape: readonly number[]): Model {
  const g = new Operators();
  const rows = g.input('rows', 'float32', [SOME_ROWS, ...shape.slice(1)]);
  g.output(denseGradient(g, rows, g.input('ids', 'int32', [SOME_ROWS]), shape), 'dense');
  return withOpenAxis(g.build('dense'), ['rows', 'ids'], 'rows');
}
