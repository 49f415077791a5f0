/**
 * Many optimiser steps in one run: an ONNX Loop whose body is forward and backward pass, clipping and AdamW. For devices
 * whose tensors the runtime's binding cannot keep (CUDA, DirectML, CoreML): between the steps of a run parameters and
 * moments stay in the device's memory; they come and go once a run.
 */
import { zeroOf } from '../autodiff/rules/gathering';
import type { Value } from '../onnx/graphBuilder';
import type { Graph, Model } from '../onnx/model';
import { withOpenAxis } from '../onnx/openAxis';
import { Operators } from '../onnx/operators';
import type { AdamWOptions } from './adamW';
import { adamWUpdate, plusGradient, type AdamWScalars, type AdamWState, type GroupGradient } from './adamWGraph';
import { maskDrawer } from './maskGraph';
import { stack, stackedShape, UnstackedParameters, type ParameterGroup, type ParameterLayout } from './parameterGroups'; // prettier-ignore
import { maskCutter, maskStacks, type PlacedStack } from './residentGraph';
import { rowCount, TOKEN_SLOTS } from './tokenRows';
import { addTraining, partOutput, shapeOf, sumOfSquares, type TrainingGraphOptions } from './trainingGraph';

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
  /** Rows of a part. */
  readonly rows: number;
  /** The lengths that its parts may have, ascending: each has its own branch, so that none is padded further. */
  readonly lengths: readonly number[];
  /** Whether a step may have several parts, whose gradients add up. */
  readonly accumulates: boolean;
  /** Steps of the stacked inputs; whatever the number, the graph is the same but for these inputs' first axis. */
  readonly steps: number;
  /** Parts of the stacked inputs. */
  readonly parts: number;
}

/**
 * Inputs, of all parts of a run one after the other: inputIds, tokenTypeIds, attentionMask int32 [parts, rows, longest]
 * (and tokenSlots, where a group's gradient is rows, with `ids.<k>` int32 [parts, rows of the longest]), the objective's,
 * [parts, ...] each as long as the longest, lengthIndex int32 [parts], firstRow int32 [parts], keys int32 [parts, sites]
 * where there is dropout or noise. Of all steps: firstPart and partCount int64 [steps] where a step may have several,
 * rates float32 [steps, 3] (shrink, stepSize, rootScale). stepCount int64 [], the groups' state, and untrained parameters
 * by their names.
 * Outputs: the groups' new state, losses, `part.<name>` of the objective's parts and gradientSquares float32 [steps done].
 * The loop ends with a step whose loss or gradient is not finite; the state is then of no use.
 */
export function buildLoopGraph(options: LoopGraphOptions, layout: ParameterLayout, shape: LoopShape): Model {
  const g = new Operators();
  const { groups } = layout;
  const { steps, accumulates } = shape;
  const stepCount = g.input('stepCount', 'int64', []);
  const stacked = stackedInputs(g, options, layout, shape);
  const fixed = options.specs
    .filter(({ name }) => layout.fixed.includes(name))
    .map(({ name, shape }) => g.input(name, 'float32', shape));
  const state = stateNames(groups).map((name, i) => {
    const group = groups[i % groups.length];
    return g.input(name, 'float32', stackedShape(group));
  });

  const factors = options.products?.factors;
  const body = new Operators('step/', factors);
  const step = body.input('step', 'int64', []);
  body.input('step.goesOn', 'bool', []);
  const [p, m, v] = chunks(
    state.map(({ name, shape }) => body.input(`step.${name}`, 'float32', shape)),
    groups.length,
  );
  const lossScale = factors === 'float16' ? g.input('lossScale', 'float32', []) : undefined;
  const context: StepContext = {
    options,
    groups,
    shape,
    stacked,
    lossScale,
    parameters: new UnstackedParameters(
      body,
      layout,
      p,
      fixed.map((value) => [value.name, body.capture(value)]),
    ),
  };
  const { losses, gradients } = accumulates ? sumOfParts(body, context, step) : partGradients(body, context, step);
  const [loss, ...lossParts] = losses;
  const unscale = lossScale && body.reciprocal(body.capture(lossScale));
  const scaledSquares = sumOfSquares(body, gradients.map(({ value }) => value)); // prettier-ignore
  const squares = unscale ? body.mul(scaledSquares, body.mul(unscale, unscale)) : scaledSquares;
  const scalars = stepScalars(body, body.gather(stacked.rates, step), squares, options.maxGradientNorm, unscale);
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
  options.objective.parts.forEach((name, i) => body.output(lossParts[i], `step.${partOutput(name)}`));
  body.output(squares, 'step.gradientSquares');

  const results = g.loop(stepCount, state, body.buildBody('step'), steps);
  stateNames(groups).forEach((name, i) => g.output(results[i], `new.${name}`));
  const scanned = ['losses', ...options.objective.parts.map(partOutput), 'gradientSquares'];
  scanned.forEach((name, i) => g.output(results[state.length + i], name));
  const ofSteps = ['firstPart', 'partCount', 'rates', ...scanned];
  const ofParts = Object.keys(stacked).filter((name) => !ofSteps.includes(name));
  return withOpenAxis(withOpenAxis(g.build('loop'), ofParts, 'parts'), ofSteps, 'steps');
}

type StackedInputs = Readonly<Record<string, Value>>;

/** What the parts of a step's graph are made from. */
interface StepContext {
  readonly options: LoopGraphOptions;
  readonly groups: readonly ParameterGroup[];
  readonly shape: LoopShape;
  readonly stacked: StackedInputs;
  /** The step's parameters: values of its graph, or of the graph around it. */
  readonly parameters: UnstackedParameters;
  /** The factor of the loss in half precision. */
  readonly lossScale: Value | undefined;
}

/** What a branch gives; of a group that has rows, rows whose places are known outside. */
interface BranchResult {
  /** The loss and its parts. */
  readonly losses: readonly Value[];
  readonly gradients: readonly Value[];
}

interface PartResult {
  readonly losses: readonly Value[];
  /** By group. */
  readonly gradients: readonly GroupGradient[];
}

/** Rows of the gradient of a group that has rows, whatever the length of the batch. */
export function rowsOfGroup({ shape }: ParameterGroup, { rows, lengths }: Pick<LoopShape, 'rows' | 'lengths'>): number {
  return rowCount(rows, lengths.at(-1)!, shape[0]);
}

function stackedInputs(
  g: Operators,
  options: LoopGraphOptions,
  { groups, siteCount }: ParameterLayout,
  shape: LoopShape,
): StackedInputs {
  const { rows, lengths, accumulates, steps, parts } = shape;
  const longest = lengths.at(-1)!;
  const ids = (name: string) => g.input(name, 'int32', [parts, rows, longest]);
  return {
    inputIds: ids('inputIds'),
    tokenTypeIds: ids('tokenTypeIds'),
    attentionMask: ids('attentionMask'),
    ...(groups.some(({ isRows }) => isRows) && { [TOKEN_SLOTS]: ids(TOKEN_SLOTS) }),
    ...Object.fromEntries(
      groups.flatMap((group, k): [string, Value][] =>
        group.isRows ? [[`ids.${k}`, g.input(`ids.${k}`, 'int32', [parts, rowsOfGroup(group, shape)])]] : [],
      ),
    ),
    ...Object.fromEntries(
      options.objective.inputs.map((input): [string, Value] => [
        input.name,
        g.input(input.name, input.dataType, [parts, ...shapeOf(input, rows, longest)]),
      ]),
    ),
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

/** Loss and gradients of one part, by the branch of its length. */
function partGradients(g: Operators, context: StepContext, part: Value): PartResult {
  const { shape, stacked, groups, options } = context;
  const rowOf = (name: string) => g.gather(stacked[name], part);
  const isOfBranch = (name: string) =>
    !['firstPart', 'partCount', 'rates', 'lengthIndex'].includes(name) && !name.startsWith('ids.');
  const rows = Object.fromEntries(
    Object.keys(stacked)
      .filter(isOfBranch)
      .map((name) => [name, rowOf(name)]),
  );
  const withIds = ({ losses, gradients }: BranchResult): PartResult => ({
    losses,
    gradients: gradients.map((value, k) => (groups[k].isRows ? { value, ids: rowOf(`ids.${k}`) } : { value })),
  });
  if (shape.lengths.length === 1) return withIds(ofLength(g, context, rows, shape.lengths[0]));

  const lengthIndex = rowOf('lengthIndex');
  const branch = (index: number): Graph => {
    const b = new Operators(`length${shape.lengths[index]}/`, options.products?.factors);
    const { losses, gradients } = ofLength(b, context, rows, shape.lengths[index]);
    const names = ['loss', ...options.objective.parts.map(partOutput)];
    losses.forEach((value, i) => b.output(value, `length${shape.lengths[index]}/${names[i]}`));
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
  const values = choice(g, 0);
  const lossCount = 1 + options.objective.parts.length;
  return withIds({ losses: values.slice(0, lossCount), gradients: values.slice(lossCount, lossCount + groups.length) });
}

function ofLength(
  g: Operators,
  { options, groups, shape, parameters, lossScale }: StepContext,
  rows: Readonly<Record<string, Value>>,
  length: number,
): BranchResult {
  const ids = (value: Value) => g.slice(value, [0], [length], [1]);
  const inputs = {
    inputIds: ids(rows.inputIds),
    tokenTypeIds: ids(rows.tokenTypeIds),
    attentionMask: ids(rows.attentionMask),
  };
  const draw = rows.keys && maskDrawer(g, shape.rows, rows.firstRow);
  const drawn = (each: PlacedStack): Value =>
    draw(each, g.reshape(g.gather(rows.keys, g.integers(each.places)), [each.places.length, 1]));
  const own = (name: string): Value => {
    const { axes } = options.objective.inputs.find((input) => input.name === name)!;
    const along = axes.flatMap((axis, i) => (axis === 'length' ? [i] : []));
    const value = rows[name];
    return along.length === 0 ? value : g.slice(value, along.map(() => 0), along.map(() => length), along); // prettier-ignore
  };
  const { loss, parts, gradients } = addTraining(g, options, {
    inputs,
    slots: () => ids(rows[TOKEN_SLOTS]),
    input: own,
    parameter: parameters.parameter,
    joint: parameters.joint,
    random: maskCutter(g, maskStacks(options, shape.rows, length), drawn),
    lossScale: lossScale && g.capture(lossScale),
  });
  return {
    losses: [loss, ...options.objective.parts.map((name) => parts.get(name)!)],
    gradients: groups.map((group) => {
      const gradient = stack(g, group, gradients);
      return group.isRows ? withZeroRows(g, gradient, rowsOfGroup(group, shape)) : gradient;
    }),
  };
}

/** Adds rows of zeros, so that the branches of all lengths give equally many rows. */
function withZeroRows(g: Operators, rows: Value, count: number): Value {
  return g.pad(rows, rows.shape.map(() => 0), rows.shape.map((size, axis) => (axis === 0 ? count - size : 0))); // prettier-ignore
}

/** The sum over a step's parts: a loop inside the loop. */
function sumOfParts(g: Operators, context: StepContext, step: Value): PartResult {
  const { stacked, groups, options } = context;
  const first = g.gather(stacked.firstPart, step);
  const count = g.gather(stacked.partCount, step);
  // The zeros are no constant, which the runtime would keep at the size of all gradients.
  const zero = zeroOf(g, count);
  const lossCount = 1 + options.objective.parts.length;
  const zeros = [
    ...Array.from({ length: lossCount }, () => zero),
    ...groups.map((group) => g.expand(zero, stackedShape(group))),
  ];

  const body = new Operators('part/', options.products?.factors);
  const part = body.input('part', 'int64', []);
  const goesOn = body.input('part.goesOn', 'bool', []);
  const before = zeros.map((zero, i) => body.input(`part.sum.${i}`, 'float32', zero.shape));
  const { losses, gradients } = partGradients(body, context, body.add(part, first));
  body.output(goesOn, 'part.continues');
  [...losses.map((value) => ({ value })), ...gradients].forEach((gradient, i) => body.output(plusGradient(body, before[i], gradient), `part.new.${i}`)); // prettier-ignore

  const sums = g.loop(count, zeros, body.buildBody('part'), 0);
  return { losses: sums.slice(0, lossCount), gradients: sums.slice(lossCount).map((value) => ({ value })) };
}

/** @param rates float32 [3] */
function stepScalars(
  g: Operators,
  rates: Value,
  squares: Value,
  maxGradientNorm: number | null,
  unscale: Value | undefined,
): AdamWScalars {
  const rate = (i: number) => g.gather(rates, g.scalar(i, 'int64'));
  const one = g.scalar(1);
  const scale = (max: number) => {
    const wanted = g.div(max, g.add(g.sqrt(squares), 1e-6));
    return g.where(g.less(wanted, 1), wanted, one);
  };
  const clipped = maxGradientNorm === null ? one : scale(maxGradientNorm);
  return {
    gradientScale: unscale ? g.mul(clipped, unscale) : clipped,
    shrink: rate(0),
    stepSize: rate(1),
    rootScale: rate(2),
  };
}

function chunks<T>(values: readonly T[], size: number): T[][] {
  return Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size));
}
