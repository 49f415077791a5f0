/** Emulates a half-precision graph in float32, for machines whose CPU does not compute in half precision. */
import { DATA_TYPES, type DataType } from './dataType';
import { widenModel } from './halfPrecision';
import type { GraphNode, LaterTensor, Model, Tensor, ValueInfo } from './model';
import { halfPrecision } from './toFloat16';

export interface EmulatedHalf<T = Tensor> {
  /**
   * The half-precision graph of the float32 model ({@link halfPrecision}), computed in float32. Each half-precision
   * value is rounded to half precision, infinity included. A further output {@link RANGES}, float32 [values], holds the
   * largest magnitude of each value before it is rounded.
   */
  readonly model: Model<T>;
  /** The names of the values in the order of the ranges, which is the order of computation. */
  readonly values: readonly string[];
}

export const RANGES = 'half/ranges';
const ONE_ELEMENT = 'half/shape';

/**
 * Runtimes compute float16 graphs on a CPU in float32 and skip the rounding between two operators. A graph that
 * overflows on every GPU seems right there. The emulation rounds. Like the runtimes, it computes sums inside an
 * operator exactly.
 * @throws MedTextError the errors of {@link halfPrecision}.
 */
export function emulateHalf<T extends Tensor | LaterTensor>(float32: Model<T>): EmulatedHalf<T | Tensor> {
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
  const initializers = new Map<string, T | Tensor>([...graph.initializers, [ONE_ELEMENT, shape]]);
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
