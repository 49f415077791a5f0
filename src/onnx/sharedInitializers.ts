/** Joins weights that an exporter wrote once for each of their uses. */
import type { Attribute, Graph, GraphNode, Model, Tensor } from './model';

/**
 * The model with each weight as one initialiser. PyTorch's older exporter transposes a weight at each use. So weights
 * that layers share (ALBERT's, DeBERTa's keys) lie in the file several times, or go through Identity. Trained
 * separately, their values would diverge. Two trained matrices are never equal by accident. Vectors can be equal before
 * training (the ones of a LayerNorm), so they stay as they are.
 */
export function withSharedInitializers(model: Model): Model {
  const { graph } = model;
  const fixed = new Set([...namesInside(graph), ...[...graph.inputs, ...graph.outputs].map(({ name }) => name)]);
  const one = new Map<string, string>();
  const byKey = new Map<string, [string, Tensor][]>();
  for (const [name, tensor] of graph.initializers) {
    if (!isMatrix(tensor) || fixed.has(name)) continue;
    const bytes = bytesOf(tensor);
    const key = [tensor.dataType, tensor.shape, bytes.subarray(0, 64).join()].join(' ');
    const alike = byKey.get(key) ?? [];
    const equal = alike.find(([, other]) => sameBytes(bytesOf(other), bytes));
    if (equal) one.set(name, equal[0]);
    else byKey.set(key, [...alike, [name, tensor]]);
  }
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => one.get(name) ?? name);
    const isAlias = node.opType === 'Identity' && node.domain === '' && graph.initializers.has(inputs[0]);
    if (isAlias && !fixed.has(node.outputs[0])) one.set(node.outputs[0], inputs[0]);
    else nodes.push({ ...node, inputs });
  }
  if (one.size === 0) return model;
  const initializers = new Map([...graph.initializers].filter(([name]) => !one.has(name)));
  return { ...model, graph: { ...graph, nodes, initializers } };
}

/** Whether a tensor has at least two axes and more than one value. */
function isMatrix({ dataType, shape, data }: Tensor): boolean {
  if (!dataType.includes('float') || shape.length < 2 || shape.includes(1)) return false;
  const values = data as ArrayLike<number>;
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return true;
  return false;
}

function bytesOf({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** The names that graphs inside nodes (branches, loops) read. */
function namesInside({ nodes }: Graph): string[] {
  return nodes.flatMap(({ attributes }) =>
    Object.values(attributes as Readonly<Record<string, Attribute>>).flatMap((attribute) =>
      attribute.type === 'graph'
        ? [...attribute.value.nodes.flatMap(({ inputs }) => inputs), ...namesInside(attribute.value)]
        : [],
    ),
  );
}
