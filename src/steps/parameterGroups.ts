/**
 * Trained parameters of like shape and decay, stacked in one tensor, on devices that a call costs much and elements little:
 * AdamW's dozen operators, written out for each of BERT's 199 parameters, were more calls than the rest of a step.
 */
import type { Parameters } from '../models/parameters';
import { elementCount } from '../onnx/dataType';
import type { Value } from '../onnx/graphBuilder';
import type { Operators } from '../onnx/operators';
import type { AdamWOptions } from './adamW';
import { buildTrainingGraph, type RandomSite, type TrainingGraphOptions } from './trainingGraph';

export interface ParameterGroup {
  /** In the order they are stacked in. */
  readonly names: readonly string[];
  /** The shape of one parameter of the group. */
  readonly shape: readonly number[];
  readonly decays: boolean;
  /** One parameter whose gradient is rows (tokenRows.ts); it lies as it is, in no stack. */
  readonly isRows: boolean;
}

export interface ParameterLayout {
  readonly groups: readonly ParameterGroup[];
  /** Read by the graph, but not trained. */
  readonly fixed: readonly string[];
  /** Parameters that the graph reads as one value: they lie one after the other in a group. */
  readonly joints: readonly (readonly string[])[];
  /** Places of dropout and noise, in the order of their keys. */
  readonly siteCount: number;
}

/** Groups of the parameters that are trained and that the loss depends on, each of at most `mostElements`, or of one parameter. */
export function layoutOf(
  options: TrainingGraphOptions,
  adamW: Pick<AdamWOptions, 'decays' | 'weightDecay'>,
  mostElements = Infinity,
): ParameterLayout {
  const { model, randomSites, jointSites, rowParameters } = buildTrainingGraph({ ...options, logits: false }, 1, 2); // prettier-ignore
  const shapes = new Map(options.specs.map(({ name, shape }) => [name, shape]));
  const { inputs, outputs } = model.graph;
  const groups: { names: string[]; shape: readonly number[]; decays: boolean; isRows: boolean }[] = [];
  const open = new Map<string, (typeof groups)[number]>();
  for (const output of outputs) {
    if (!output.name.startsWith('grad.')) continue;
    const name = output.name.slice('grad.'.length);
    const shape = shapes.get(name)!;
    const isRows = rowParameters.has(name);
    const decays = adamW.weightDecay !== 0 && adamW.decays(name);
    const key = `${shape} ${decays}`;
    const known = isRows ? undefined : open.get(key);
    if (known && (known.names.length + 1) * elementCount(shape) <= mostElements) known.names.push(name);
    else {
      const group = { names: [name], shape, decays, isRows };
      groups.push(group);
      if (!isRows) open.set(key, group);
    }
  }
  const trained = new Set(groups.flatMap(({ names }) => names));
  const read = new Set(inputs.map(({ name }) => name));
  const fixed = options.specs.map(({ name }) => name).filter((name) => read.has(name) && !trained.has(name));
  const isTogether = (joint: readonly string[]) => groups.some(({ names }) => liesIn(names, joint));
  const joints = jointSites.filter((lists) => lists.every(isTogether)).flat();
  return { groups, fixed, joints, siteCount: randomSites.length };
}

function liesIn(names: readonly string[], joint: readonly string[]): boolean {
  const first = names.indexOf(joint[0]);
  return first >= 0 && joint.every((name, i) => names[first + i] === name);
}

/** The shape of the whole group: [parameters, ...shape]; where the gradient is rows, the parameter's own. */
export const stackedShape = ({ names, shape, isRows }: ParameterGroup): readonly number[] => isRows ? shape : [names.length, ...shape]; // prettier-ignore

/** The group's values one after the other. */
export function gather(group: ParameterGroup, from: Parameters): Float32Array {
  const stacked = new Float32Array(elementCount(stackedShape(group)));
  eachPart(group, stacked, (name, part) => part.set(from.values(name)));
  return stacked;
}

export function scatter(group: ParameterGroup, stacked: Float32Array, into: Parameters): void {
  eachPart(group, stacked, (name, part) => into.values(name).set(part));
}

function eachPart(
  { names, shape }: ParameterGroup,
  stacked: Float32Array,
  visit: (name: string, part: Float32Array) => void,
): void {
  const size = elementCount(shape);
  names.forEach((name, i) => visit(name, stacked.subarray(i * size, (i + 1) * size)));
}

/** A graph's parameters: the trained ones cut out of their groups' values. */
export class UnstackedParameters {
  private readonly values = new Map<string, Value>();

  constructor(
    g: Operators,
    private readonly layout: Pick<ParameterLayout, 'groups' | 'joints'>,
    stacked: readonly Value[],
    fixed: readonly (readonly [string, Value])[],
  ) {
    for (const [name, value] of fixed) this.values.set(name, value);
    layout.groups.forEach((group, k) => {
      for (const [name, value] of unstack(g, group, layout.joints, stacked[k])) this.values.set(name, value);
    });
  }

  /** A single parameter's value, for parameters that are not joint. */
  readonly parameter = (name: string): Value => this.values.get(name)!;

  readonly joint = (lists: readonly (readonly string[])[]): readonly Value[] | undefined => {
    const isJoint = lists.every((names) => this.layout.joints.some((joint) => joint.join() === names.join()));
    return isJoint ? lists.map(([first]) => this.values.get(first)!) : undefined;
  };
}

/** WebGPU promises a shader eight buffers: Split reads one and writes the others. */
const MOST_SPLIT = 7;
/** Elements of a parameter that are copied twice rather than by a call of its own. */
const SMALL = 16 << 10;

/** The group's parameters by name, joints by their first name. */
function unstack(
  g: Operators,
  { names, shape, isRows }: ParameterGroup,
  joints: ParameterLayout['joints'],
  stacked: Value,
): [string, Value][] {
  if (isRows) return [[names[0], stacked]];
  const cut = (from: number, to: number) =>
    to - from === names.length ? stacked : g.slice(stacked, [from], [to], [0]);
  const jointAt = (at: number) => joints.find(([first]) => first === names[at]);
  const isSingle = (at: number) => at < names.length && !jointAt(at);
  const values: [string, Value][] = [];
  for (let at = 0; at < names.length;) {
    const joint = jointAt(at);
    if (joint) {
      values.push([names[at], cut(at, at + joint.length)]);
      at += joint.length;
      continue;
    }
    let end = at + 1;
    while (elementCount(shape) <= SMALL && end - at < MOST_SPLIT && isSingle(end)) end++;
    for (const part of g.split(cut(at, end), end - at, 0)) values.push([names[at++], g.reshape(part, shape)]);
  }
  return values;
}

/** The group's gradients as one value, or rows as they are; that of a joint, under its first name, is of several. */
export function stack(
  g: Operators,
  { names, shape, isRows }: ParameterGroup,
  gradients: ReadonlyMap<string, Value>,
): Value {
  if (isRows) return gradients.get(names[0])!;
  const parts: Value[] = [];
  for (let at = 0; at < names.length; at += parts.at(-1)!.shape[0]) {
    const gradient = gradients.get(names[at])!;
    parts.push(gradient.shape.length > shape.length ? gradient : g.reshape(gradient, [1, ...shape]));
  }
  return g.concat(parts, 0);
}

/** Sites that are drawn together: [sites, ...shape] of one shape and distribution. */
export interface SiteStack {
  readonly sites: readonly RandomSite[];
  readonly name: string;
}

/** The sites by shape and distribution, in stacks of at most `mostElements`, or of one site. */
export function stackSites(sites: readonly RandomSite[], mostElements: number): SiteStack[] {
  const stacks: { name: string; sites: RandomSite[] }[] = [];
  const open = new Map<string, (typeof stacks)[number]>();
  for (const site of sites) {
    const key = `${site.shape} ${JSON.stringify(site.draw)}`;
    const known = open.get(key);
    if (known && (known.sites.length + 1) * elementCount(site.shape) <= mostElements) known.sites.push(site);
    else {
      const stack = { name: `masks.${stacks.length}`, sites: [site] };
      stacks.push(stack);
      open.set(key, stack);
    }
  }
  return stacks;
}
