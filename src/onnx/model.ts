/** ONNX models as plain data: what the reader yields, the builder makes and the writer takes. */
import type { DataType, TypedArray } from './dataType';

/** A dense tensor, row-major. `shape` [] is a scalar. float16 and bfloat16 keep their raw bits in a Uint16Array. */
export interface Tensor {
  readonly dataType: DataType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
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
  /** Value names; '' is an omitted optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A value's type. A dimension is a number, or the name of a symbolic one ('' when unnamed). */
export interface ValueInfo {
  readonly name: string;
  readonly dataType: DataType;
  readonly shape: readonly (number | string)[];
  /** The file does not say how many dimensions there are; `shape` is then []. */
  readonly unranked?: true;
}

/** Nodes are in topological order. */
export interface Graph {
  readonly name: string;
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: ReadonlyMap<string, Tensor>;
}

export interface Model {
  readonly irVersion: number;
  readonly producerName: string;
  /** Operator-set version of each domain; '' is the standard one. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly graph: Graph;
}

/** The operator set every graph of ours is written in: the newest that CUDA's Loop and Dropout rows still match. */
export const OPSET = 20;
/** The IR version that came with opset 20. */
export const IR_VERSION = 9;
