/**
 * The one checker of gradients. The loss is sum(outputs * fixed random weights); for each input the derivative along
 * one random direction, from the gradient graph, is compared with a fourth-order central difference of the forward
 * graph. Both run through onnxruntime-node; the sums over weights and directions are taken in float64.
 */
import { keyOf, RandomStream } from '../../src/base/random';
import type { GradientRules } from '../../src/autodiff/gradientRule';
import { addGradients } from '../../src/autodiff/gradients';
import { elementCount } from '../../src/onnx/dataType';
import type { ExecutionDevice } from '../../src/inference/session';
import type { Value } from '../../src/onnx/graphBuilder';
import { Operators } from '../../src/onnx/operators';
import { openGraph, runGraph } from '../support/graphRunner';
import { GRADIENT_TABLE, type Domain, type GradientRow } from './gradientTable';

/** Rounding falls with the step, truncation grows with its fourth power; these balance the two. */
const STEPS = { float64: 1e-3, float32: 0.05 } as const;

/** A row with its numbers drawn: the same in every process. */
export interface Sample {
  readonly inputs: readonly number[][];
  readonly directions: readonly number[][];
  /** For each output. */
  readonly weights: readonly number[][];
}

export interface LossGraph {
  readonly g: Operators;
  readonly x: readonly Value[];
  readonly y: readonly Value[];
  readonly loss: Value;
  /** The nodes of the row's own function, without those of the loss. */
  readonly nodeNames: ReadonlySet<string>;
}

export function sampleOf(row: GradientRow): Sample {
  const random = new RandomStream(keyOf(2024, GRADIENT_TABLE.indexOf(row)));
  const round = row.dataType === 'float32' ? Math.fround : (x: number) => x;
  const uniform = (shape: readonly number[]) =>
    Array.from({ length: elementCount(shape) }, () => round(random.uniform() * 2 - 1));
  const spaced = spacedValues(row.shapes.map(elementCount), random);
  const inputs = row.shapes.map((shape, i) =>
    row.domains[i] === 'distinct'
      ? spaced[i].map(round)
      : uniform(shape).map((u) => round(inDomain(row.domains[i], u))),
  );
  const { y } = forward(row);
  return { inputs, directions: row.shapes.map(uniform), weights: y.map((value) => uniform(value.shape)) };
}

/** A value of the domain from one of [-1, 1). */
function inDomain(domain: Domain, u: number): number {
  if (domain === 'positive') return 1.5 + u;
  if (domain === 'awayFromZero') return u < 0 ? -0.3 + 1.7 * u : 0.3 + 1.7 * u;
  return 2 * u;
}

/**
 * For inputs of these sizes: values 0.4 apart around 0, each once, in random order. The smaller inputs get those in
 * the middle, so that an operand that broadcasts is the larger here and the smaller there.
 */
function spacedValues(counts: readonly number[], random: RandomStream): number[][] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const outermostLast = Array.from({ length: total }, (_, i) => (i - (total - 1) / 2) * 0.4).sort(
    (a, b) => Math.abs(a) - Math.abs(b),
  );
  const values: number[][] = [];
  for (const i of [...counts.keys()].sort((a, b) => counts[a] - counts[b])) {
    values[i] = random.shuffle(outermostLast.splice(0, counts[i]));
  }
  return values;
}

function forward(row: GradientRow): { g: Operators; x: Value[]; y: readonly Value[] } {
  const g = new Operators();
  const x = row.shapes.map((shape, i) => g.input(`x${i}`, row.dataType, shape));
  return { g, x, y: row.build(g, x) };
}

/** The row's function with the loss on top. */
export function lossGraph(row: GradientRow, weights: Sample['weights']): LossGraph {
  const { g, x, y } = forward(row);
  const nodeNames = new Set(g.nodes.map((node) => node.name));
  const loss = y
    .map((value, k) => {
      const data = new (value.dataType === 'float64' ? Float64Array : Float32Array)(weights[k]);
      const weighted = g.mul(value, g.constant({ dataType: value.dataType, shape: value.shape, data }));
      return g.reduceSum(weighted);
    })
    .reduce((sum, part) => g.add(sum, part));
  return { g, x, y, loss, nodeNames };
}

const differences = new Map<GradientRow, Promise<number[]>>();

/** Each input's derivative along its direction, by differences. Computed once a row. */
export function numericDerivatives(row: GradientRow): Promise<number[]> {
  const known = differences.get(row) ?? computeDifferences(row);
  differences.set(row, known);
  return known;
}

async function computeDifferences(row: GradientRow): Promise<number[]> {
  const sample = sampleOf(row);
  const { g, y } = forward(row);
  y.forEach((value, k) => g.output(value, `y${k}`));
  const graph = await openGraph(g.build('forward'));
  const lossAt = async (input: number, distance: number) => {
    const feeds = sample.inputs.map((values, i) =>
      i === input ? values.map((value, j) => value + distance * sample.directions[i][j]) : values,
    );
    const outputs = await graph.run(named(feeds));
    return y.reduce((sum, _, k) => sum + dot(outputs[`y${k}`], sample.weights[k]), 0);
  };
  const h = STEPS[row.dataType];
  const derivatives: number[] = [];
  for (const i of row.shapes.keys()) {
    const near = (await lossAt(i, h)) - (await lossAt(i, -h));
    const far = (await lossAt(i, 2 * h)) - (await lossAt(i, -2 * h));
    derivatives.push((8 * near - far) / (12 * h));
  }
  await graph.release();
  return derivatives;
}

/**
 * The gradients of the row's inputs under each table of rules (undefined: the true ones), from one session. An error
 * while building or running is given in the table's place.
 */
export async function analyticGradients(
  row: GradientRow,
  sample: Pick<Sample, 'inputs' | 'weights'>,
  tables: readonly ((graph: LossGraph) => GradientRules | undefined)[] = [() => undefined],
  device: ExecutionDevice = 'cpu',
): Promise<(number[][] | Error)[]> {
  const graph = lossGraph(row, sample.weights);
  const failures = tables.map((table, t) => {
    try {
      const gradients = addGradients(graph.g, graph.loss, graph.x, { rules: table(graph) });
      graph.x.forEach((x, i) => graph.g.output(gradients.get(x.name)!, `t${t}.x${i}`));
      return undefined;
    } catch (error) {
      return error as Error;
    }
  });
  if (failures.every((failure) => failure)) return failures as Error[];
  const outputs = await runGraph(graph.g.build(row.name), named(sample.inputs), device).catch((error: Error) => error);
  if (outputs instanceof Error) {
    // One table's graph may fail when it runs; alone, the others do not.
    if (tables.length === 1) return [outputs];
    const alone: (number[][] | Error)[] = [];
    for (const table of tables) alone.push((await analyticGradients(row, sample, [table], device))[0]);
    return alone;
  }
  return failures.map((failure, t) => failure ?? graph.x.map((_, i) => outputs[`t${t}.x${i}`]));
}

/** The first input whose gradient disagrees with the differences, in words; undefined where all agree. */
export function disagreement(
  row: GradientRow,
  sample: Sample,
  gradients: readonly (readonly number[])[],
  derivatives: readonly number[],
): string | undefined {
  for (const [i, gradient] of gradients.entries()) {
    const analytic = dot(gradient, sample.directions[i]);
    const scale = gradient.reduce((sum, value, j) => sum + Math.abs(value * sample.directions[i][j]), 0);
    const difference = Math.abs(analytic - derivatives[i]) / Math.max(scale, Math.abs(derivatives[i]), 1e-6);
    if (!(difference <= row.tolerance)) {
      return `input ${i}: ${analytic} by the rule, ${derivatives[i]} by differences (${difference.toExponential(1)} apart)`;
    }
  }
  return undefined;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

export function named(values: readonly number[][]): Record<string, number[]> {
  return Object.fromEntries(values.map((value, i) => [`x${i}`, value]));
}
