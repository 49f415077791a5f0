/**
 * Converts float16 and bfloat16 to float32, exactly, and back, rounded. Every reader uses this table of half precision.
 */
import { DATA_TYPES, type DataType } from './dataType';
import { mapped, type Attribute, type Graph, type GraphNode, type LaterTensor, type Model, type Tensor, type ValueInfo } from './model'; // prettier-ignore

let table: Float32Array | undefined;

/** Every IEEE 754 binary16 as float32, by its bits: 1 sign, 5 exponent and 10 fraction bits. All NaNs become one. */
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

/** Converts binary16 bits to float32 in `into` from `at` on. */
export function widenHalf(bits: ArrayLike<number>, into: Float32Array, at = 0): void {
  const values = halfTable();
  for (let i = 0; i < bits.length; i++) into[at + i] = values[bits[i]];
}

/** Converts bfloat16 bits, which are the upper half of a float32, to float32 in `into` from `at` on. */
export function widenBrainHalf(bits: ArrayLike<number>, into: Float32Array, at = 0): void {
  const wide = new Uint32Array(into.buffer, into.byteOffset, into.length);
  for (let i = 0; i < bits.length; i++) wide[at + i] = bits[i] << 16;
}

/** The tensor as float32 if it is in half precision, else the tensor itself. */
export function widenTensor<T extends Tensor | LaterTensor>(tensor: T): T {
  const { dataType } = tensor;
  if (dataType !== 'float16' && dataType !== 'bfloat16') return tensor;
  return mapped(tensor, 'float32', (bits) => {
    const data = new Float32Array(bits.length);
    (dataType === 'float16' ? widenHalf : widenBrainHalf)(bits as Uint16Array, data);
    return data;
  });
}

export function widenedType(dataType: DataType): DataType {
  return dataType === 'float16' || dataType === 'bfloat16' ? 'float32' : dataType;
}

/** Converts half-precision types inside attributes: constants, and the target of Cast. */
export function widenAttribute(opType: string, name: string, attribute: Attribute): Attribute {
  if (attribute.type === 'tensor') return { type: 'tensor', value: widenTensor(attribute.value) };
  const isHalf = opType === 'Cast' && name === 'to' && attribute.type === 'int' &&
    (attribute.value === DATA_TYPES.float16.code || attribute.value === DATA_TYPES.bfloat16.code); // prettier-ignore
  return isHalf ? { type: 'int', value: DATA_TYPES.float32.code } : attribute;
}

/** The model with float32 in place of half precision. A model without half precision is returned as it is. */
export function widenModel<T extends Tensor | LaterTensor>(model: Model<T>): Model<T> {
  return { ...model, graph: widenGraph(model.graph) };
}

function widenGraph<T extends Tensor | LaterTensor>(graph: Graph<T>): Graph<T> {
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

/** The nearest binary16, ties to even. Beyond 65,504 it is infinity, as IEEE 754 rounds. */
export function halfBits(value: number): number {
  single[0] = value;
  const bits = singleBits[0];
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // rounds to infinity
  if (magnitude < 0x38800000) {
    // Subnormals are multiples of 2^-24. Adding 0.5 = 2^23 ulps of 2^-24 makes the float unit round to even.
    single[0] = Math.abs(value) + 0.5;
    return sign | (singleBits[0] - 0x3f000000);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}
