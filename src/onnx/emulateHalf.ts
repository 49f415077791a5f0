/** What a graph in half precision gives, computed in float32: for machines whose processor does not compute in it. */
import { DATA_TYPES, type DataType } from './dataType';
import { widenModel } from './halfPrecision';
import type { GraphNode, Model, Tensor, ValueInfo } from './model';
import { halfPrecision } from './toFloat16';

export interface EmulatedHalf {
  /**
   * The float32 model's graph in half precision ({@link halfPrecision}) with float32 between: each value of half precision is
   * rounded to it, infinity included. A further output {@link RANGES}, float32 [values], has the largest magnitude of each
   * before it is rounded.
   */
  readonly model: Model;
  /** In the order of the ranges, which is that of the computation. */
  readonly values: readonly string[];
}

export const RANGES = 'half/ranges';
const ONE_ELEMENT = 'half/shape';

/**
 * Runtimes compute float16 graphs on a CPU in float32 and skip the rounding between two operators, so that a graph
 * that overflows on every GPU seems right there. Sums inside an operator are exact here as there.
 * @throws MedTextError what {@link halfPrecision} throws.
 */
export function emulateHalf(float32: Model): EmulatedHalf {
  const { model, halves } = halfPrecision(float32);
  const { graph } = widenModel(model);
  const nodes: GraphNode[] = [];
  const values: string[] = [];
  for (const node of graph.nodes) {
    const rounded = node.outputs.filter((name) => halves.has(name));
    nodes.push({ ...node, outputs: node.outputs.map((name) => (halves.has(name) ? exact(name) : name)) });
    for (const name of rounded) {
      values.push(name);
      nodes.push(cast(exact(name), 'float16', `${name}/half`), cast(`${name}/half`, 'float32', name));
      nodes.push(operator('Abs', [exact(name)], `${name}/magnitude`));
      nodes.push({ ...operator('ReduceMax', [`${name}/magnitude`], `${name}/largest`), attributes: { keepdims: { type: 'int', value: 0 } } }); // prettier-ignore
      nodes.push(operator('Reshape', [`${name}/largest`, ONE_ELEMENT], `${name}/range`));
    }
  }
  nodes.push({
    ...operator('Concat', values.map((name) => `${name}/range`), RANGES), // prettier-ignore
    attributes: { axis: { type: 'int', value: 0 } },
  });
  const shape: Tensor = { dataType: 'int64', shape: [1], data: BigInt64Array.of(1n) };
  const ranges: ValueInfo = { name: RANGES, dataType: 'float32', shape: [values.length] };
  const initializers = new Map([...graph.initializers, [ONE_ELEMENT, shape]]);
  return { model: { ...model, graph: { ...graph, nodes, initializers, outputs: [...graph.outputs, ranges] } }, values };
}

function exact(name: string): string {
  return `${name}/exact`;
}

function cast(from: string, to: DataType, output: string): GraphNode {
  return { ...operator('Cast', [from], output), attributes: { to: { type: 'int', value: DATA_TYPES[to].code } } };
}

function operator(opType: string, inputs: readonly string[], output: string): GraphNode {
  return { name: `${output}/${opType}`, opType, domain: '', inputs: [...inputs], outputs: [output], attributes: {} };
}
