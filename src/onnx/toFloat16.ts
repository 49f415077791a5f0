/** A float32 model in half precision: half the size, for devices that compute it natively. */
import { MedTextError } from '../base/errors';
import { DATA_TYPES, type DataType } from './dataType';
import { halfBits } from './halfPrecision';
import type { Graph, GraphNode, Model, Tensor } from './model';

/**
 * What sums squares or exponentials over a row, where half precision would lose or overflow: computed in float32. The
 * long names are LayerNormalization as exporters without it write it.
 */
const IN_FLOAT32 = new Set(['LayerNormalization', 'Softmax', 'LogSoftmax', 'Exp', 'Pow', 'Sqrt', 'Reciprocal', 'ReduceMean', 'ReduceSum', 'ReduceSumSquare', 'ReduceL2']); // prettier-ignore
/** The largest finite binary16. */
export const LARGEST = 65504;
/** The smallest normal binary16: what is added to a divisor to keep it from zero is mostly less. */
const SMALLEST = 2 ** -14;
/** Nothing computes with such numbers: exporters hide padding by float32's most negative one. */
const HIDING = 1e30;
const HIDDEN = 30000;

/**
 * The same graph with float16 weights and values between; outputs stay float32, and LayerNormalization and Softmax are
 * computed in it. Weights that only those read stay float32.
 * @throws MedTextError UNSUPPORTED for a weight that half precision cannot hold (named), or a value of unknown type.
 */
export function toFloat16(model: Model): Model {
  return halfPrecision(model).model;
}

/** As {@link toFloat16}; `halves` are the values of the new graph that are in half precision and read in it, by name. */
export function halfPrecision(model: Model): { readonly model: Model; readonly halves: ReadonlySet<string> } {
  const rewriter = new HalfRewriter(model);
  return { model: rewriter.run(), halves: rewriter.halves };
}

class HalfRewriter {
  readonly halves = new Set<string>();
  /** Of the values as they were in the float32 graph. */
  private readonly types = new Map<string, DataType>();
  private readonly nodes: GraphNode[] = [];
  private readonly initializers = new Map<string, Tensor>();
  private readonly widened = new Map<string, string>();
  /** Weights that some operator reads in half precision. */
  private readonly narrowed: ReadonlySet<string>;

  private readonly model: Model;

  constructor(given: Model) {
    this.model = { ...given, graph: withoutConstantNodes(given.graph) };
    const narrow = this.model.graph.nodes.filter((node) => !this.isWide(node));
    this.narrowed = new Set(narrow.flatMap(({ inputs }) => inputs));
  }

  run(): Model {
    const { graph } = this.model;
    for (const input of graph.inputs) this.types.set(input.name, input.dataType);
    for (const [name, tensor] of graph.initializers) this.types.set(name, tensor.dataType);
    const outputs = new Set(graph.outputs.map(({ name }) => name));
    for (const node of graph.nodes) this.node(node, outputs);
    return { ...this.model, graph: { ...graph, nodes: this.nodes, initializers: this.initializers } };
  }

  private node(node: GraphNode, graphOutputs: ReadonlySet<string>): void {
    const isWide = this.isWide(node);
    const inputs = node.inputs.map((name) => (name === '' ? '' : this.operand(name, isWide ? 'float32' : 'float16')));
    const { to } = node.attributes;
    const toFloat = node.opType === 'Cast' && to?.type === 'int' && to.value === DATA_TYPES.float32.code;
    const { value } = node.attributes;
    const attributes = toFloat
      ? { ...node.attributes, to: { type: 'int' as const, value: DATA_TYPES.float16.code } }
      : value?.type === 'tensor' && value.value.dataType === 'float32'
        ? { ...node.attributes, value: { type: 'tensor' as const, value: narrowedTensor(value.value, node.name) } }
        : node.attributes;
    const type = this.resultType(node);
    const computedIn = isWide ? 'float32' : 'float16';
    const wantedIn = (name: string) => (graphOutputs.has(name) ? 'float32' : 'float16');
    // A value computed in the other precision gets another name; a cast then gives it its own.
    const outputs = node.outputs.map((name) => {
      this.types.set(name, type);
      return type === 'float32' && computedIn !== wantedIn(name) ? `${name}/${computedIn}` : name;
    });
    this.nodes.push({ ...node, inputs, outputs, attributes });
    if (type === 'float32' && !isWide) for (const output of outputs) this.halves.add(output);
    node.outputs.forEach((name, i) => {
      if (outputs[i] === name) return;
      // What only float32 reads further on may leave half precision's range.
      if (isWide && this.narrowed.has(name)) this.halves.add(name);
      this.nodes.push(cast(outputs[i], wantedIn(name), name));
      // The next one in float32 takes it as it was computed.
      if (computedIn === 'float32') this.widened.set(name, outputs[i]);
    });
  }

  /** An epsilon that half precision has not is added in float32, too. */
  private isWide({ opType, inputs }: GraphNode): boolean {
    if (IN_FLOAT32.has(opType)) return true;
    return opType === 'Add' && inputs.some((name) => isEpsilon(this.model.graph.initializers.get(name)));
  }

  /** The value in the precision it is wanted in; weights are converted once, at rest. */
  private operand(name: string, wanted: 'float16' | 'float32'): string {
    const weight = this.model.graph.initializers.get(name);
    if (this.types.get(name) !== 'float32') {
      if (weight) this.initializers.set(name, weight);
      return name;
    }
    if (weight) {
      // A tensor that is read in both precisions is there twice.
      const stored = wanted === 'float32' && this.narrowed.has(name) ? `${name}/float32` : name;
      if (!this.initializers.has(stored))
        this.initializers.set(stored, wanted === 'float16' ? narrowedTensor(weight, name) : weight);
      return stored;
    }
    if (wanted === 'float16') return name;
    const known = this.widened.get(name);
    if (known !== undefined) return known;
    this.nodes.push(cast(name, 'float32', `${name}/widened`));
    this.widened.set(name, `${name}/widened`);
    return `${name}/widened`;
  }

  /** By the operators that encoders are made of: most give the type of what they read. */
  private resultType({ opType, name, inputs, attributes }: GraphNode): DataType {
    if (/^(Shape|Size|NonZero|ArgMax|ArgMin)$/.test(opType)) return 'int64';
    if (/^(Equal|Greater|Less|GreaterOrEqual|LessOrEqual|And|Or|Not|Xor|IsNaN|IsInf)$/.test(opType)) return 'bool';
    if (opType === 'ConstantOfShape') {
      return attributes.value?.type === 'tensor' ? attributes.value.value.dataType : 'float32';
    }
    const branch = Object.values(attributes).some(({ type }) => type === 'graph');
    if (opType === 'Cast' && attributes.to?.type === 'int') {
      const { value } = attributes.to;
      return (Object.keys(DATA_TYPES) as DataType[]).find((type) => DATA_TYPES[type].code === value)!;
    }
    const type = this.types.get(inputs[opType === 'Where' || opType === 'CastLike' ? 1 : 0]);
    if (type && !branch) return type;
    throw new MedTextError('UNSUPPORTED', `Half precision: the type of ${opType} (node "${name}") is not known.`, {
      node: name,
    });
  }
}

/** Constants that are nodes become initialisers; a ConstantOfShape that says no value gives float32 zeros. */
function withoutConstantNodes(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.flatMap((node) => {
    const { value } = node.attributes;
    const constant = node.opType === 'Constant' ? constantTensor(node) : undefined;
    if (constant) {
      initializers.set(node.outputs[0], constant);
      return [];
    }
    if (node.opType !== 'ConstantOfShape' || value) return [node];
    const zero: Tensor = { dataType: 'float32', shape: [1], data: new Float32Array(1) };
    return [{ ...node, attributes: { ...node.attributes, value: { type: 'tensor' as const, value: zero } } }];
  });
  return { ...graph, nodes, initializers };
}

function constantTensor({ attributes }: GraphNode): Tensor | undefined {
  const { value, value_int: int, value_ints: ints, value_float: float, value_floats: floats } = attributes;
  if (value?.type === 'tensor') return value.value;
  if (int?.type === 'int') return { dataType: 'int64', shape: [], data: BigInt64Array.of(BigInt(int.value)) };
  if (ints?.type === 'ints') return { dataType: 'int64', shape: [ints.value.length], data: BigInt64Array.from(ints.value, BigInt) }; // prettier-ignore
  if (float?.type === 'float') return { dataType: 'float32', shape: [], data: Float32Array.of(float.value) };
  if (floats?.type === 'floats') return { dataType: 'float32', shape: [floats.value.length], data: Float32Array.from(floats.value) }; // prettier-ignore
  return undefined;
}

function isEpsilon(tensor: Tensor | undefined): boolean {
  if (tensor?.dataType !== 'float32' || tensor.data.length !== 1) return false;
  return tensor.data[0] !== 0 && Math.abs(Number(tensor.data[0])) < SMALLEST;
}

function cast(from: string, to: DataType, output: string): GraphNode {
  const attributes = { to: { type: 'int' as const, value: DATA_TYPES[to].code } };
  return { name: `${output}/cast`, opType: 'Cast', domain: '', inputs: [from], outputs: [output], attributes };
}

function narrowedTensor({ shape, data }: Tensor, name: string): Tensor {
  const bits = new Uint16Array(data.length);
  for (let i = 0; i < bits.length; i++) {
    const given = data[i] as number;
    const value = Math.abs(given) >= HIDING && Number.isFinite(given) ? Math.sign(given) * HIDDEN : given;
    if (!(Math.abs(value) <= LARGEST || Math.abs(value) === Infinity)) {
      throw new MedTextError('UNSUPPORTED', `"${name}" holds ${value}, which half precision cannot.`, { tensor: name });
    }
    bits[i] = halfBits(value);
  }
  return { dataType: 'float16', shape, data: bits };
}
