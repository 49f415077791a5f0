/**
 * Many optimiser steps in one run: an ONNX Loop whose body is forward and backward pass, clipping and AdamW. For devices
 * whose tensors the runtime's binding cannot keep (CUDA, DirectML, CoreML): between the steps of a run parameters and
 * moments stay in the device's memory; they come and go once a run.
 *
 * Parameters of like shape and decay lie stacked in one value, a group, so that the optimiser's few operators run over
 * few large tensors: written out for each of BERT's 199 parameters they were more calls than the rest of the step.
 */
import type { Value } from '../onnx/graphBuilder';
import type { Graph, Model } from '../onnx/model';
import { Operators } from '../onnx/operators';
import type { AdamWOptions } from './adamW';
import { adamWUpdate, type AdamWScalars, type AdamWState } from './adamWGraph';
import { maskDrawer } from './maskGraph';
import { addTraining, buildTrainingGraph, sumOfSquares, type DropoutSite, type TrainingGraphOptions } from './trainingGraph';

/** Trained parameters of one shape, with or without decay, in the order they are stacked in. */
export interface ParameterGroup {
  readonly names: readonly string[];
  /** Of one of them. */
  readonly shape: readonly number[];
  readonly decays: boolean;
}

/** The state of group k is `p.k`, `m.k` and `v.k`: float32 [parameters, ...shape]. */
export const stateNames = (groups: readonly ParameterGroup[]): string[] =>
  ['p', 'm', 'v'].flatMap((kind) => groups.map((_, k) => `${kind}.${k}`));

export interface LoopGraphOptions extends TrainingGraphOptions {
  readonly adamW: Pick<AdamWOptions, 'betas' | 'eps' | 'decays' | 'weightDecay'>;
  /** null: no clipping. */
  readonly maxGradientNorm: number | null;
}

/** What a loop's graph is made for. */
export interface LoopShape {
  /** Rows of a micro-batch. */
  readonly rows: number;
  /** The lengths that its micro-batches may have, ascending: each has its own branch, so that none is padded further. */
  readonly lengths: readonly number[];
  /** Whether a step may have several micro-batches, whose gradients add up. */
  readonly accumulates: boolean;
  /** Steps of the stacked inputs; whatever the number, the graph is the same but for these inputs' first axis. */
  readonly steps: number;
  /** Micro-batches of the stacked inputs. */
  readonly parts: number;
}

/** Groups of the parameters that are trained and that the loss depends on, and the dropout sites' names in mask order. */
export function loopLayout(options: LoopGraphOptions): { groups: ParameterGroup[]; siteCount: number } {
  const { model, dropoutSites } = buildTrainingGraph({ ...options, logits: false }, 1, 2);
  const groups = new Map<string, { names: string[]; shape: readonly number[]; decays: boolean }>();
  for (const { name: output, shape } of model.graph.outputs) {
    if (!output.startsWith('grad.')) continue;
    const name = output.slice('grad.'.length);
    const decays = options.adamW.weightDecay !== 0 && options.adamW.decays(name);
    const key = `${shape} ${decays}`;
    const group = groups.get(key) ?? { names: [], shape: shape as readonly number[], decays };
    group.names.push(name);
    groups.set(key, group);
  }
  return { groups: [...groups.values()], siteCount: dropoutSites.length };
}

/**
 * Inputs, of all micro-batches of a run one after the other: inputIds, tokenTypeIds, attentionMask int32 [parts, rows,
 * longest], targets float32 [parts, rows, labels] (and weights [parts, rows, 1] for squared error), lengthIndex int32
 * [parts], firstRow int32 [parts], keys int32 [parts, sites] where there is dropout. Of all steps: firstPart and
 * partCount int64 [steps] where a step may have several, rates float32 [steps, 3] (shrink, stepSize, rootScale). stepCount
 * int64 [], the groups' state, and untrained parameters by their names.
 * Outputs: the groups' new state, losses and gradientSquares float32 [steps done]. The loop ends with a step whose loss
 * or gradient is not finite; the state is then of no use.
 */
export function buildLoopGraph(
  options: LoopGraphOptions,
  groups: readonly ParameterGroup[],
  siteCount: number,
  shape: LoopShape,
): Model {
  const g = new Operators();
  const { steps, accumulates } = shape;
  const stepCount = g.input('stepCount', 'int64', []);
  const stacked = stackedInputs(g, options, siteCount, shape);
  const untrained = untrainedInputs(g, options, groups);
  const state = stateNames(groups).map((name, i) => {
    const group = groups[i % groups.length];
    return g.input(name, 'float32', [group.names.length, ...group.shape]);
  });

  const body = new Operators('step/');
  const step = body.input('step', 'int64', []);
  body.input('step.goesOn', 'bool', []);
  const [p, m, v] = chunks(
    state.map(({ name, shape }) => body.input(`step.${name}`, 'float32', shape)),
    groups.length,
  );
  const context: StepContext = { options, groups, shape, stacked, parameters: parametersOf(body, groups, p, untrained) };
  const { loss, gradients } = accumulates
    ? sumOfParts(body, context, step)
    : partGradients(body, context, step);
  const squares = sumOfSquares(body, gradients);
  const scalars = stepScalars(body, body.gather(stacked.rates, step), squares, options.maxGradientNorm);
  const updated = groups.map(({ decays }, k) =>
    adamWUpdate(body, { p: p[k], m: m[k], v: v[k] }, gradients[k], scalars, { ...options.adamW, decays }),
  );
  // Whatever is not finite is not equal to itself, or has no difference from itself.
  const total = body.add(loss, squares);
  body.output(body.equal(body.sub(total, total), 0), 'step.continues');
  for (const kind of ['p', 'm', 'v'] as const) {
    updated.forEach((next: AdamWState, k) => body.output(next[kind], `step.new.${kind}.${k}`));
  }
  body.output(loss, 'step.loss');
  body.output(squares, 'step.gradientSquares');

  const results = g.loop(stepCount, state, body.buildBody('step'), steps);
  stateNames(groups).forEach((name, i) => g.output(results[i], `new.${name}`));
  g.output(results[state.length], 'losses');
  g.output(results[state.length + 1], 'gradientSquares');
  return withOpenAxes(g.build('loop'), stacked);
}

type StackedInputs = Readonly<Record<string, Value>>;

/** What the parts of a step's graph are made from. */
interface StepContext {
  readonly options: LoopGraphOptions;
  readonly groups: readonly ParameterGroup[];
  readonly shape: LoopShape;
  readonly stacked: StackedInputs;
  /** Of the step: values of its graph, or of the one around it. */
  readonly parameters: ReadonlyMap<string, Value>;
}

interface PartResult {
  readonly loss: Value;
  /** By group, float32 [parameters, ...shape]. */
  readonly gradients: readonly Value[];
}

function stackedInputs(g: Operators, options: LoopGraphOptions, siteCount: number, shape: LoopShape): StackedInputs {
  const { rows, lengths, accumulates, steps, parts } = shape;
  const longest = lengths.at(-1)!;
  const { labelCount } = options.classifier;
  const ids = (name: string) => g.input(name, 'int32', [parts, rows, longest]);
  return {
    inputIds: ids('inputIds'),
    tokenTypeIds: ids('tokenTypeIds'),
    attentionMask: ids('attentionMask'),
    targets: g.input('targets', 'float32', [parts, rows, labelCount]),
    ...(options.loss === 'squaredError' && { weights: g.input('weights', 'float32', [parts, rows, 1]) }),
    ...(lengths.length > 1 && { lengthIndex: g.input('lengthIndex', 'int32', [parts]) }),
    ...(siteCount > 0 && {
      firstRow: g.input('firstRow', 'int32', [parts]),
      keys: g.input('keys', 'int32', [parts, siteCount]),
    }),
    ...(accumulates && {
      firstPart: g.input('firstPart', 'int64', [steps]),
      partCount: g.input('partCount', 'int64', [steps]),
    }),
    rates: g.input('rates', 'float32', [steps, 3]),
  };
}

function untrainedInputs(g: Operators, options: LoopGraphOptions, groups: readonly ParameterGroup[]): Value[] {
  const trained = new Set(groups.flatMap(({ names }) => names));
  const { model } = buildTrainingGraph({ ...options, logits: false }, 1, 2);
  const read = new Set(model.graph.inputs.map(({ name }) => name));
  const fixed = options.specs.filter(({ name }) => read.has(name) && !trained.has(name));
  return fixed.map(({ name, shape }) => g.input(name, 'float32', shape));
}

/** Every parameter by its name, the trained ones cut out of their groups. */
function parametersOf(
  body: Operators,
  groups: readonly ParameterGroup[],
  p: readonly Value[],
  untrained: readonly Value[],
): Map<string, Value> {
  const parameters = new Map(untrained.map((value) => [value.name, body.capture(value)]));
  groups.forEach(({ names, shape }, k) =>
    body.split(p[k], names.length, 0).forEach((part, i) => parameters.set(names[i], body.reshape(part, shape))),
  );
  return parameters;
}

/** Loss and gradients of one micro-batch, by the branch of its length. */
function partGradients(g: Operators, context: StepContext, part: Value): PartResult {
  const { shape, stacked, groups } = context;
  const rowOf = (name: string) => g.gather(stacked[name], part);
  const names = Object.keys(stacked).filter((name) => !['firstPart', 'partCount', 'rates', 'lengthIndex'].includes(name)); // prettier-ignore
  const rows = Object.fromEntries(names.map((name) => [name, rowOf(name)]));
  if (shape.lengths.length === 1) return ofLength(g, context, rows, shape.lengths[0]);

  const lengthIndex = rowOf('lengthIndex');
  const branch = (index: number): Graph => {
    const b = new Operators(`length${shape.lengths[index]}/`);
    const { loss, gradients } = ofLength(b, context, rows, shape.lengths[index]);
    b.output(loss, `length${shape.lengths[index]}/loss`);
    gradients.forEach((gradient, k) => b.output(gradient, `length${shape.lengths[index]}/grad.${k}`));
    return b.build(`length${shape.lengths[index]}`).graph;
  };
  /** Whichever of the lengths from `index` on it is. */
  const choice = (b: Operators, index: number): Value[] => {
    const last = index === shape.lengths.length - 2;
    return b.ifElse(b.equal(lengthIndex, index), branch(index), last ? branch(index + 1) : otherwise(index + 1));
  };
  const otherwise = (index: number): Graph => {
    const b = new Operators(`from${shape.lengths[index]}/`);
    choice(b, index).forEach((value, i) => b.output(value, `from${shape.lengths[index]}/${i}`));
    return b.build(`from${shape.lengths[index]}`).graph;
  };
  const [loss, ...gradients] = choice(g, 0);
  return { loss, gradients: gradients.slice(0, groups.length) };
}

function ofLength(
  g: Operators,
  { options, groups, shape, parameters }: StepContext,
  rows: Readonly<Record<string, Value>>,
  length: number,
): PartResult {
  const ids = (value: Value) => g.slice(value, [0], [length], [1]);
  const inputs = {
    inputIds: ids(rows.inputIds),
    tokenTypeIds: ids(rows.tokenTypeIds),
    attentionMask: ids(rows.attentionMask),
  };
  const draw = rows.keys && maskDrawer(g, shape.rows, rows.firstRow);
  let sites = 0;
  const mask = (site: DropoutSite) => draw(site, g.gather(rows.keys, g.scalar(sites++, 'int64')));
  const { loss, gradients } = addTraining(g, options, {
    inputs,
    targets: rows.targets,
    weights: () => rows.weights,
    parameter: (name) => parameters.get(name)!,
    mask,
  });
  return {
    loss,
    gradients: groups.map(({ names, shape: each }) => {
      const parts = names.map((name) => g.reshape(gradients.get(name)!, [1, ...each]));
      return g.concat(parts, 0);
    }),
  };
}

/** The sum over a step's micro-batches: a loop inside the loop. */
function sumOfParts(g: Operators, context: StepContext, step: Value): PartResult {
  const { stacked, groups } = context;
  const first = g.gather(stacked.firstPart, step);
  const count = g.gather(stacked.partCount, step);
  const zeros = [g.scalar(0), ...groups.map(({ names, shape }) => g.fill(0, [names.length, ...shape]))];

  const body = new Operators('part/');
  const part = body.input('part', 'int64', []);
  const goesOn = body.input('part.goesOn', 'bool', []);
  const sums = zeros.map((zero, i) => body.input(`part.sum.${i}`, 'float32', zero.shape));
  const { loss, gradients } = partGradients(body, context, body.add(part, first));
  body.output(goesOn, 'part.continues');
  [loss, ...gradients].forEach((value, i) => body.output(body.add(sums[i], value), `part.new.${i}`));

  const [sum, ...sumOfGradients] = g.loop(count, zeros, body.buildBody('part'), 0);
  return { loss: sum, gradients: sumOfGradients };
}

/** @param rates float32 [3] */
function stepScalars(g: Operators, rates: Value, squares: Value, maxGradientNorm: number | null): AdamWScalars {
  const rate = (i: number) => g.gather(rates, g.scalar(i, 'int64'));
  const one = g.scalar(1);
  const scale = (max: number) => {
    const wanted = g.div(max, g.add(g.sqrt(squares), 1e-6));
    return g.where(g.less(wanted, 1), wanted, one);
  };
  return {
    gradientScale: maxGradientNorm === null ? one : scale(maxGradientNorm),
    shrink: rate(0),
    stepSize: rate(1),
    rootScale: rate(2),
  };
}

/** The graph for any number of steps and parts: only stacked inputs and outputs know of it. */
function withOpenAxes(model: Model, stacked: StackedInputs): Model {
  const ofSteps = new Set(['firstPart', 'partCount', 'rates', 'losses', 'gradientSquares']);
  const open = <T extends { name: string; shape: readonly (number | string)[] }>(value: T): T =>
    value.name in stacked || ofSteps.has(value.name)
      ? { ...value, shape: [ofSteps.has(value.name) ? 'steps' : 'parts', ...value.shape.slice(1)] }
      : value;
  const { graph } = model;
  return { ...model, graph: { ...graph, inputs: graph.inputs.map(open), outputs: graph.outputs.map(open) } };
}

function chunks<T>(values: readonly T[], size: number): T[][] {
  return Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size));
}
