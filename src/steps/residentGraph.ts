/**
 * The training graph for devices that keep tensors: parameters come, and gradients leave, in groups, and masks in stacks.
 */
import { inStyle } from '../inference/productStyle';
import { declareInputs } from '../models/encoder';
import type { Value } from '../onnx/graphBuilder';
import type { Model } from '../onnx/model';
import { Operators } from '../onnx/operators';
import { stack, stackedShape, stackSites, UnstackedParameters, type ParameterLayout, type SiteStack } from './parameterGroups'; // prettier-ignore
import {
  addTraining,
  buildTrainingGraph,
  sumOfSquares,
  declareObjectiveInputs,
  partOutput,
  type RandomSite,
  type TrainingGraphOptions,
} from './trainingGraph';
import { TOKEN_SLOTS } from './tokenRows';

export interface ResidentGraph {
  readonly model: Model;
  /** Each an input of the graph. */
  readonly masks: readonly PlacedStack[];
}

/** With its sites' places among all, which their keys go by. */
export interface PlacedStack extends SiteStack {
  readonly places: readonly number[];
}

/** Elements of a stack of masks: 32 MB, of which the making of masks takes several. */
const MASK_ELEMENTS = 8 << 20;

/**
 * Inputs: inputIds, tokenTypeIds, attentionMask int32 [rows, length]; the objective's; tokenSlots int32 [rows, length] where
 * a group's gradient is rows; `p.<k>` float32 [parameters, ...shape] of every group; fixed parameters by their names; masks
 * and noise float32 [sites, ...shape] of every stack; with half precision lossScale (float32, a scalar).
 * Outputs: loss and `part.<name>` of its parts (scalars), and, both of the scaled loss, gradientSquares (a scalar) and
 * `grad.<k>` as `p.<k>`, or its rows.
 */
export function buildResidentGraph(
  options: TrainingGraphOptions,
  layout: ParameterLayout,
  rows: number,
  length: number,
): ResidentGraph {
  const g = new Operators('', options.products?.factors);
  const { groups } = layout;
  const inputs = groups.map((group, k) => g.input(`p.${k}`, 'float32', stackedShape(group)));
  const fixed = options.specs
    .filter(({ name }) => layout.fixed.includes(name))
    .map(({ name, shape }): [string, Value] => [name, g.input(name, 'float32', shape)]);
  const parameters = g.scope('parameters', () => new UnstackedParameters(g, layout, inputs, fixed));
  const masks = maskStacks(options, rows, length);
  const encoderInputs = declareInputs(g, rows, length);
  const own = declareObjectiveInputs(g, options.objective, rows, length);
  const { loss, parts, gradients } = addTraining(g, options, {
    inputs: encoderInputs,
    slots: () => g.input(TOKEN_SLOTS, 'int32', [rows, length]),
    input: (name) => own.get(name)!,
    parameter: parameters.parameter,
    joint: parameters.joint,
    random: maskCutter(g, masks, ({ name, sites: [{ shape }, ...others] }) =>
      g.input(name, 'float32', [1 + others.length, ...shape]),
    ),
    lossScale: options.products?.factors === 'float16' ? g.input('lossScale', 'float32', []) : undefined,
  });
  const stacked = groups.map((group) => stack(g, group, gradients));
  g.output(loss, 'loss');
  for (const [name, value] of parts) g.output(value, partOutput(name));
  g.output(sumOfSquares(g, stacked), 'gradientSquares');
  stacked.forEach((gradient, k) => g.output(gradient, `grad.${k}`));
  return { model: inStyle(g.build('training'), options.products), masks };
}

/** The masks of one (rows, length). */
export function maskStacks(options: TrainingGraphOptions, rows: number, length: number): PlacedStack[] {
  const sites = buildTrainingGraph(options, rows, length).randomSites;
  return stackSites(sites, MASK_ELEMENTS).map((each) => ({ ...each, places: each.sites.map((site) => sites.indexOf(site)) })); // prettier-ignore
}

/** What cuts a site's mask out of its stack's value. @param valueOf asked once for each stack */
export function maskCutter<S extends SiteStack>(
  g: Operators,
  stacks: readonly S[],
  valueOf: (stack: S) => Value,
): (site: RandomSite) => Value {
  const values = new Map<string, Value>();
  return ({ name, shape }) => {
    const own = stacks.find(({ sites }) => sites.some((site) => site.name === name))!;
    const value = values.get(own.name) ?? valueOf(own);
    values.set(own.name, value);
    const place = own.sites.findIndex((site) => site.name === name);
    return g.reshape(own.sites.length === 1 ? value : g.slice(value, [place], [place + 1], [0]), shape);
  };
}
