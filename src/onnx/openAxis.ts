import type { Model } from './model';

/** Gives the first axis of these inputs and outputs any size. Only a gather along that axis may read it. */
export function withOpenAxis(model: Model, names: readonly string[], axis: string): Model {
  const open = <T extends { name: string; shape: readonly (number | string)[] }>(value: T): T =>
    names.includes(value.name) ? { ...value, shape: [axis, ...value.shape.slice(1)] } : value;
  const { graph } = model;
  return { ...model, graph: { ...graph, inputs: graph.inputs.map(open), outputs: graph.outputs.map(open) } };
}
