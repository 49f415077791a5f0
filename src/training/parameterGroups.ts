/**
 * Trained parameters of like shape and decay, stacked in one tensor, on devices that a call costs much and elements little:
 * AdamW's dozen operators, written out for each of BERT's 199 parameters, were more calls than the rest of a step.
 */
import { Parameters } from '../models/parameters';
import { elementCount } from '../onnx/dataType';
import type { Value } from '../onnx/graphBuilder';
import type { Operators } from '../onnx/operators';
import type { AdamWOptions } from './adamW';
import { buildTrainingGraph, type DropoutSite, type TrainingGraphOptions } from './trainingGraph';

export interface ParameterGroup {
  /** In the order they are stacked in. */
  readonly names: readonly string[];
  /** Of one of them. */
  readonly shape: readonly number[];
  readonly decays: boolean;
}

export interface ParameterLayout {
  readonly groups: readonly ParameterGroup[];
  /** Read by the graph, but not trained. */
  readonly fixed: readonly string[];
  /** Places of dropout, in the order of their keys. */
  readonly siteCount: number;
}

/** Groups of the parameters that are trained and that the loss depends on, each of at most `mostElements`, or of one parameter. */
export function layoutOf(
  options: TrainingGraphOptions,
  adamW: Pick<AdamWOptions, 'decays' | 'weightDecay'>,
  mostElements = Infinity,
): ParameterLayout {
  const { model, dropoutSites } = buildTrainingGraph({ ...options, logits: false }, 1, 2);
  const { inputs, outputs } = model.graph;
  const groups: { names: string[]; shape: readonly number[]; decays: boolean }[] = [];
  const open = new Map<string, (typeof groups)[number]>();
  for (const output of outputs) {
    if (!output.name.startsWith('grad.')) continue;
    const name = output.name.slice('grad.'.length);
    const shape = output.shape as readonly number[];
    const decays = adamW.weightDecay !== 0 && adamW.decays(name);
    const key = `${shape} ${decays}`;
    const known = open.get(key);
    if (known && (known.names.length + 1) * elementCount(shape) <= mostElements) known.names.push(name);
    else {
      const group = { names: [name], shape, decays };
      groups.push(group);
      open.set(key, group);
    }
  }
  const trained = new Set(groups.flatMap(({ names }) => names));
  const read = new Set(inputs.map(({ name }) => name));
  const fixed = options.specs.map(({ name }) => name).filter((name) => read.has(name) && !trained.has(name));
  return { groups, fixed, siteCount: dropoutSites.length };
}

/** Of the whole group: [parameters, ...shape]. */
export const stackedShape = ({ names, shape }: ParameterGroup): number[] => [names.length, ...shape];

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

/** A group's parameters, by name, cut out of its value. */
export function unstack(g: Operators, { names, shape }: ParameterGroup, stacked: Value): [string, Value][] {
  return names.map((name, i) => {
    // Not Split, which on WebGPU takes no more outputs than a shader has buffers.
    const part = names.length === 1 ? stacked : g.slice(stacked, [i], [i + 1], [0]);
    return [name, g.reshape(part, shape)];
  });
}

/** The group's gradients as one value. */
export function stack(g: Operators, { names, shape }: ParameterGroup, gradients: ReadonlyMap<string, Value>): Value {
  const parts = names.map((name) => g.reshape(gradients.get(name)!, [1, ...shape]));
  return g.concat(parts, 0);
}

/** Sites that are drawn together: [sites, ...shape] of one shape and probability. */
export interface SiteStack {
  readonly sites: readonly DropoutSite[];
  readonly name: string;
}

/** The sites by shape and probability, in stacks of at most `mostElements`, or of one site. */
export function stackSites(sites: readonly DropoutSite[], mostElements: number): SiteStack[] {
  const stacks: { name: string; sites: DropoutSite[] }[] = [];
  const open = new Map<string, (typeof stacks)[number]>();
  for (const site of sites) {
    const key = `${site.shape} ${site.probability}`;
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
