/** float16 and bfloat16: to float32, exactly, and back, rounded. One table of half precision serves every reader. */
import { DATA_TYPES, type DataType } from './dataType';
import type { Attribute, Graph, GraphNode, Model, Tensor, ValueInfo } from './model';

let table: Float32Array | undefined;

/** IEEE 754 binary16 as float32, by its bits: 1 sign, 5 exponent and 10 fraction bits. All NaNs are one. */
export function halfTable(): Float32Array {
  if (table) return table;
  table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) table[bits] = fraction ? NaN : sign * Infinity;
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return table;
}

/** binary16 bits into `into` from `at` on. */
export function widenHalf(bits: ArrayLike<number>, into: Float32Array, at = 0): void {
  const values = halfTable();
  for (let i = 0; i < bits.length; i++) into[at + i] = values[bits[i]];
}

/** bfloat16 bits, which are the upper half of a float32, into `into` from `at` on. */
export function widenBrainHalf(bits: ArrayLike<number>, into: Float32Array, at = 0): void {
  const wide = new Uint32Array(into.buffer, into.byteOffset, into.length);
  for (let i = 0; i < bits.length; i++) wide[at + i] = bits[i] << 16;
}

/** The tensor itself unless it is of half precision. */
export function widenTensor(tensor: Tensor): Tensor {
  if (tensor.dataType !== 'float16' && tensor.dataType !== 'bfloat16') return tensor;
  const data = new Float32Array(tensor.data.length);
  (tensor.dataType === 'float16' ? widenHalf : widenBrainHalf)(tensor.data as Uint16Array, data);
  return { dataType: 'float32', shape: tensor.shape, data };
}

export function widenedType(dataType: DataType): DataType {
  return dataType === 'float16' || dataType === 'bfloat16' ? 'float32' : dataType;
}

/** Half precisions inside attributes: constants, and what Cast casts to. */
export function widenAttribute(opType: string, name: string, attribute: Attribute): Attribute {
  if (attribute.type === 'tensor') return { type: 'tensor', value: widenTensor(attribute.value) };
  const isHalf = opType === 'Cast' && name === 'to' && attribute.type === 'int' &&
    (attribute.value === DATA_TYPES.float16.code || attribute.value === DATA_TYPES.bfloat16.code); // prettier-ignore
  return isHalf ? { type: 'int', value: DATA_TYPES.float32.code } : attribute;
}

/** The model with float32 wherever it has a half precision; itself where it has none. */
export function widenModel(model: Model): Model {
  return { ...model, graph: widenGraph(model.graph) };
}

function widenGraph(graph: Graph): Graph {
  const info = (value: ValueInfo): ValueInfo => ({ ...value, dataType: widenedType(value.dataType) });
  const node = (n: GraphNode): GraphNode => ({
    ...n,
    attributes: Object.fromEntries(
      Object.entries(n.attributes).map(([name, attribute]) => [
        name,
        attribute.type === 'graph'
          ? { type: 'graph' as const, value: widenGraph(attribute.value) }
          : widenAttribute(n.opType, name, attribute),
      ]),
    ),
  });
  return {
    ...graph,
    nodes: graph.nodes.map(node),
    inputs: graph.inputs.map(info),
    outputs: graph.outputs.map(info),
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [name, widenTensor(tensor)])),
  };
}

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** The nearest binary16, ties to even; beyond 65,504 the infinity, as IEEE 754 rounds. */
export function halfBits(value: number): number {
  single[0] = value;
  const bits = singleBits[0];
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // rounds to infinity
  if (magnitude < 0x38800000) {
    // Subnormal: multiples of 2^-24. Adding 0.5 = 2^23 ulps of 2^-24 lets the float unit round to even.
    single[0] = Math.abs(value) + 0.5;
    return sign | (singleBits[0] - 0x3f000000);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}
