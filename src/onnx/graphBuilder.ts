/**
 * Builds graphs node by node. Types are inferred at each call, so that a mistake fails on its own line. A scope stack
 * makes node names follow the checkpoint's names. Equal constants are stored once.
 */
import { MedTextError } from '../base/errors';
import { allocate, type DataType, type TypedArray } from './dataType';
import { inferTypes, type KnownTensor, type TensorType } from './typeInference';
import {
  IR_VERSION,
  OPSET,
  type Attribute,
  type Graph,
  type GraphNode,
  type Model,
  type Tensor,
  type ValueInfo,
} from './model';
import type { Shape } from './shapes';

/** A value of the graph under construction. `constant` holds the contents where they are known. */
export interface Value extends KnownTensor {
  readonly name: string;
}

/** A node with its operands as values, as gradient rules need it. */
export interface BuiltNode {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export class GraphBuilder {
  /** Names that graphs inside this graph's nodes read. Renaming an output of such a name would break them. */
  private readonly readInside = new Set<string>();
  private readonly nodeList: BuiltNode[] = [];
  private readonly inputMap = new Map<string, Value>();
  private readonly outputMap = new Map<string, Value>();
  private readonly constants = new Map<string, Value>();
  private readonly initializers = new Map<string, Tensor>();
  private readonly made = new Set<string>();
  private readonly usedNames = new Map<string, number>();
  private scopes: readonly string[] = [];

  /** @param prefix of every name made here. A graph inside another graph's node may use none of that graph's names. */
  constructor(private readonly prefix = '') {}

  /** The nodes in topological order. */
  get nodes(): readonly BuiltNode[] {
    return this.nodeList;
  }

  get inputs(): ReadonlyMap<string, Value> {
    return this.inputMap;
  }

  get outputs(): ReadonlyMap<string, Value> {
    return this.outputMap;
  }

  /** Runs `body` with `name` appended to the path that names are made of. */
  scope<T>(name: string, body: () => T): T {
    const outer = this.scopes;
    this.scopes = [...outer, name];
    try {
      return body();
    } finally {
      this.scopes = outer;
    }
  }

  /**
   * Adds an input. It is fed by its name, so the name is never changed.
   * @throws MedTextError GRAPH for a name that is in use
   */
  input(name: string, dataType: DataType, shape: Shape): Value {
    if (this.usedNames.has(name)) throw new MedTextError('GRAPH', `The graph has "${name}" already; an input needs a name of its own.`); // prettier-ignore
    const value: Value = { name: this.claim(name), dataType, shape };
    this.inputMap.set(name, value);
    return value;
  }

  /** Refers to a value of the outer graph, for a graph inside one of its nodes. */
  capture(value: Value): Value {
    return { name: value.name, dataType: value.dataType, shape: value.shape };
  }

  /**
   * Marks a value as an output. With another name than its own, the value is renamed when the graph is built. Inputs,
   * constants and values that are outputs already go through an Identity instead, which copies them.
   * @throws MedTextError GRAPH for an output's name that is in use
   */
  output(value: Value, name = value.name): void {
    if (this.outputMap.has(name)) throw new MedTextError('GRAPH', `The graph has the output "${name}" already.`);
    const isFree =
      this.made.has(value.name) &&
      !this.readInside.has(value.name) &&
      ![...this.outputMap.values()].some((other) => other.name === value.name);
    this.outputMap.set(name, isFree ? value : this.emit('Identity', [value])[0]);
  }

  /** A constant of the graph. Equal constants are stored once. */
  constant(tensor: Tensor, name?: string): Value {
    const small = tensor.data.length <= 64;
    const key = small ? `${tensor.dataType}[${tensor.shape}]=${tensor.data.join(',')}` : undefined;
    const known = key !== undefined && name === undefined ? this.constants.get(key) : undefined;
    if (known) return known;
    const value: Value = {
      name: this.claim(
        this.prefix +
          (name ?? (small ? `const.${tensor.dataType}.${tensor.data.join('_') || 'empty'}`.slice(0, 60) : 'const')),
      ),
      dataType: tensor.dataType,
      shape: tensor.shape,
      constant: tensor,
    };
    this.initializers.set(value.name, tensor);
    if (key !== undefined && name === undefined) this.constants.set(key, value);
    return value;
  }

  scalar(value: number, dataType: DataType = 'float32'): Value {
    return this.constant({ dataType, shape: [], data: filled(value, 1, dataType) });
  }

  /** A vector that repeats one number `length` times. */
  vector(value: number, length: number, dataType: DataType = 'float32'): Value {
    return this.constant({ dataType, shape: [length], data: filled(value, length, dataType) });
  }

  /** A vector of int64, the type of axes, shapes and slices. */
  integers(values: readonly number[]): Value {
    return this.constant({ dataType: 'int64', shape: [values.length], data: BigInt64Array.from(values, BigInt) });
  }

  /**
   * Adds a node and gives its outputs.
   * @param names the outputs' names; by default they follow the scope and the operator.
   * @throws MedTextError GRAPH or UNSUPPORTED with the node's name.
   */
  emit(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, Attribute>> = {},
    outputCount = 1,
    names?: readonly string[],
    domain = '',
  ): Value[] {
    const nodeName = this.claim(this.path(opType));
    const types = inferTypes({ opType, inputs, attributes, outputCount }, nodeName);
    const outputs = types.map((type, i): Value => ({
      name: names?.[i] !== undefined ? this.claim(names[i]) : `${nodeName}:${i}`,
      dataType: type.dataType,
      shape: type.shape,
    }));
    return this.append({ name: nodeName, opType, domain, inputs, outputs, attributes });
  }

  /**
   * Adds a node with graphs inside it (If, Loop). The inner graphs know the types of its outputs.
   * @param types the types of the outputs
   */
  emitControl(
    opType: 'If' | 'Loop',
    inputs: readonly (Value | undefined)[],
    graphs: Readonly<Record<string, Graph>>,
    types: readonly TensorType[],
  ): Value[] {
    for (const graph of Object.values(graphs)) for (const name of namesRead(graph)) this.readInside.add(name);
    const name = this.claim(this.path(opType));
    const outputs = types.map((type, i): Value => ({ name: `${name}:${i}`, dataType: type.dataType, shape: type.shape })); // prettier-ignore
    const attributes = Object.fromEntries(
      Object.entries(graphs).map(([key, value]): [string, Attribute] => [key, { type: 'graph', value }]),
    );
    return this.append({ name, opType, domain: '', inputs, outputs, attributes });
  }

  /**
   * Adds a whole static graph (see specialize). Its inputs become inputs of this graph and its initialisers become
   * constants, except those that `bind` replaces by a value.
   * @returns every value by its name in that graph
   */
  include(graph: Graph, bind: ReadonlyMap<string, Value> = new Map()): Map<string, Value> {
    const values = new Map<string, Value>(bind);
    for (const [name, tensor] of graph.initializers) {
      if (!values.has(name)) values.set(name, this.constant(tensor));
    }
    for (const input of graph.inputs) {
      if (!values.has(input.name)) values.set(input.name, this.input(input.name, input.dataType, staticShape(input)));
    }
    for (const node of graph.nodes) {
      const inputs = node.inputs.map((name) => (name === '' ? undefined : lookUp(values, name, node)));
      const outputs = this.scope(node.name || node.opType, () =>
        this.emit(node.opType, inputs, node.attributes, node.outputs.length, undefined, node.domain),
      );
      node.outputs.forEach((name, i) => values.set(name, outputs[i]));
    }
    return values;
  }

  /** {@link build} with all inputs, including unused ones, because a loop's body takes its inputs by their place. */
  buildBody(name: string): Graph {
    return { ...this.build(name).graph, inputs: [...this.inputMap.values()].map(valueInfo) };
  }

  /** The graph of all nodes and constants that the outputs need. */
  build(name: string): Model {
    if (this.outputMap.size === 0) throw new MedTextError('GRAPH', `The graph "${name}" has no outputs.`);
    const needed = new Set([...this.outputMap.values()].map((v) => v.name));
    const outputNames = new Map([...this.outputMap].map(([name, value]) => [value.name, name]));
    const nameOf = (value: Value | undefined) => (value ? (outputNames.get(value.name) ?? value.name) : '');
    const nodes: GraphNode[] = [];
    for (const node of [...this.nodeList].reverse()) {
      if (!node.outputs.some((output) => needed.has(output.name))) continue;
      for (const input of node.inputs) if (input) needed.add(input.name);
      for (const attribute of Object.values(node.attributes)) {
        if (attribute.type === 'graph') for (const inside of namesRead(attribute.value)) needed.add(inside);
      }
      nodes.push({
        name: node.name,
        opType: node.opType,
        domain: node.domain,
        inputs: node.inputs.map(nameOf),
        outputs: node.outputs.map(nameOf),
        attributes: node.attributes,
      });
    }
    const graph: Graph = {
      name,
      nodes: nodes.reverse(),
      inputs: [...this.inputMap.values()].filter((v) => needed.has(v.name)).map(valueInfo),
      outputs: [...this.outputMap].map(([output, value]) => ({ ...valueInfo(value), name: output })),
      initializers: new Map([...this.initializers].filter(([initializer]) => needed.has(initializer))),
    };
    return { irVersion: IR_VERSION, producerName: 'medtext-lab', opsets: new Map([['', OPSET]]), graph };
  }

  private path(opType: string): string {
    return this.prefix + [...this.scopes, opType].join('/');
  }

  private append(node: BuiltNode): Value[] {
    this.nodeList.push(node);
    for (const output of node.outputs) this.made.add(output.name);
    return [...node.outputs];
  }

  /** An unused name: the given one, or that name with a number. */
  private claim(name: string): string {
    const count = this.usedNames.get(name) ?? 0;
    this.usedNames.set(name, count + 1);
    return count === 0 ? name : this.claim(`${name}_${count}`);
  }
}

/** The names that the graph's nodes, and the graphs inside them, read. */
function* namesRead(graph: Graph): Iterable<string> {
  for (const output of graph.outputs) yield output.name;
  for (const node of graph.nodes) {
    yield* node.inputs;
    for (const attribute of Object.values(node.attributes)) {
      if (attribute.type === 'graph') yield* namesRead(attribute.value);
    }
  }
}

function valueInfo(value: Value): ValueInfo {
  return { name: value.name, dataType: value.dataType, shape: value.shape };
}

function staticShape(info: ValueInfo): number[] {
  return info.shape.map((dimension) => {
    if (typeof dimension === 'number') return dimension;
    throw new MedTextError('GRAPH', `Input "${info.name}" has the symbolic dimension "${dimension}"; bind it first.`);
  });
}

function lookUp(values: ReadonlyMap<string, Value>, name: string, node: GraphNode): Value {
  const value = values.get(name);
  if (!value)
    throw new MedTextError('GRAPH', `Node "${node.name}" (${node.opType}) reads "${name}", which nothing makes.`);
  return value;
}

function filled(value: number, length: number, dataType: DataType): TypedArray {
  const data = allocate(dataType, length);
  return data.fill((data instanceof BigInt64Array ? BigInt(value) : value) as never);
}
