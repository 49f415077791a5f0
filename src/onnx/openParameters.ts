/**
 * Makes inputs of a foreign model's parameters, and initialisers again. So an encoder exported elsewhere is trained and
 * saved.
 */
import { MedTextError } from '../base/errors';
import { widenModel } from './halfPrecision';
import { liftParameters } from './liftParameters';
import type { Graph, Model, Tensor } from './model';
import { liveNodes, mentionedNames, specialize } from './specialize';

export interface OpenedModel {
  /** The file's graph with its dimensions unchanged. The parameters are inputs after its own inputs, without values. */
  readonly model: Model;
  /** The parameters' values in the file. */
  readonly parameters: ReadonlyMap<string, Tensor>;
}

/**
 * Makes inputs of every parameter that the outputs `keep` depend on (see {@link liftParameters}). Other outputs, and
 * what only they need, are removed. float16 and bfloat16 become float32.
 * @param shapes of the inputs, for the specialisation that finds the parameters.
 * @throws MedTextError the errors of {@link specialize}; UNSUPPORTED for a parameter inside a branch.
 */
export function openParameters(
  foreign: Model,
  keep: readonly string[],
  shapes: Readonly<Record<string, readonly number[]>>,
): OpenedModel {
  const wide = widenModel(foreign);
  const model = { ...wide, graph: pruned(wide.graph, keep) };
  const { parameters } = liftParameters(specialize(model, { inputShapes: shapes }));
  const { graph } = model;
  // PyTorch stores equal parameters once and repeats them by Identity. Each of them is a parameter of its own.
  const repeats = new Set(
    graph.nodes.filter(({ opType, outputs }) => opType === 'Identity' && parameters.has(outputs[0])),
  );
  const made = new Set([...repeats].map(({ outputs }) => outputs[0]));
  for (const name of parameters.keys()) {
    if (graph.initializers.has(name) || made.has(name)) continue;
    throw new MedTextError('UNSUPPORTED', `The parameter "${name}" lies inside a branch of the graph.`, { name });
  }
  const inputs = [
    ...graph.inputs.filter((input) => !graph.initializers.has(input.name)),
    ...[...parameters].map(([name, { dataType, shape }]) => ({ name, dataType, shape })),
  ];
  const initializers = new Map([...graph.initializers].filter(([name]) => !parameters.has(name)));
  const nodes = graph.nodes.filter((node) => !repeats.has(node));
  return { model: { ...model, graph: { ...graph, nodes, inputs, initializers } }, parameters };
}

/** The model with these values as initialisers in place of the inputs of their names. */
export function withInitializers<T>(model: Model<T>, values: ReadonlyMap<string, T>): Model<T> {
  const { graph } = model;
  const inputs = graph.inputs.filter((input) => !values.has(input.name));
  return { ...model, graph: { ...graph, inputs, initializers: new Map([...graph.initializers, ...values]) } };
}

/** The part of the graph that these outputs need. */
export function pruned<T>(graph: Graph<T>, keep: readonly string[]): Graph<T> {
  const live = liveNodes(graph, new Set(keep));
  const nodes = graph.nodes.filter((node) => live.has(node));
  const used = new Set(keep);
  for (const node of nodes) mentionedNames(node, used);
  const initializers = new Map([...graph.initializers].filter(([name]) => used.has(name)));
  const outputs = graph.outputs.filter((output) => keep.includes(output.name));
  return { ...graph, nodes, outputs, initializers };
}
