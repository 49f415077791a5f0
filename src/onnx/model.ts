/** ONNX models as plain data: the reader yields them, the builder makes them, and the writer takes them. */
import { DATA_TYPES, elementCount, type DataType, type TypedArray } from './dataType';

/** A dense tensor, row-major. `shape` [] is a scalar. float16 and bfloat16 keep their raw bits in a Uint16Array. */
export interface Tensor {
  readonly dataType: DataType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

/** A tensor whose elements are read or computed each time they are asked for. A large model is written through it. */
export interface LaterTensor {
  readonly dataType: DataType;
  readonly shape: readonly number[];
  /** The elements. The array may be used again for the next tensor. */
  readonly values: () => Promise<TypedArray>;
}

/** The tensor with its elements converted, at once or when they are asked for. */
export function mapped<T extends Tensor | LaterTensor>(
  tensor: T,
  dataType: DataType,
  convert: (data: TypedArray) => TypedArray,
): T {
  const { shape } = tensor;
  const made: Tensor | LaterTensor =
    'data' in tensor
      ? { dataType, shape, data: convert(tensor.data) }
      : { dataType, shape, values: async () => convert(await tensor.values()) };
  return made as T;
}

/** The number of bytes of a graph's initialisers. */
export function weightBytes({ graph }: Model<Pick<Tensor, 'dataType' | 'shape'>>): number {
  let sizeBytes = 0;
  for (const { dataType, shape } of graph.initializers.values()) sizeBytes += elementCount(shape) * DATA_TYPES[dataType].bytes; // prettier-ignore
  return sizeBytes;
}

/** An attribute's value. Integers are plain numbers (ONNX's int64 attributes are small), bytes are strings. */
export type Attribute =
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'ints'; readonly value: readonly number[] }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'tensor'; readonly value: Tensor }
  | { readonly type: 'graph'; readonly value: Graph };

export interface GraphNode {
  readonly name: string;
  readonly opType: string;
  /** '' is the standard ONNX domain. */
  readonly domain: string;
  /** The names of values. '' is an omitted optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** The type of a value. A dimension is a number, or the name of a symbolic dimension ('' when it has no name). */
export interface ValueInfo {
  readonly name: string;
  readonly dataType: DataType;
  readonly shape: readonly (number | string)[];
  /** Set when the file does not give the number of dimensions; `shape` is then []. */
  readonly unranked?: true;
}

/** A graph. Its nodes are in topological order. `T` is the form of its initialisers. */
export interface Graph<T = Tensor> {
  readonly name: string;
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: ReadonlyMap<string, T>;
}

export interface Model<T = Tensor> {
  readonly irVersion: number;
  readonly producerName: string;
  /** The operator-set version of each domain; '' is the standard domain. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly graph: Graph<T>;
}

/** The operator set of every graph that this program builds: the newest one that CUDA's Loop and Dropout support. */
export const OPSET = 20;
/** The IR version that came with opset 20. */
export const IR_VERSION = 9;
