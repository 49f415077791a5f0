/** Converts a float32 model to half precision, which halves its size, for devices that compute in half precision. */
import { MedTextError } from '../base/errors';
import { DATA_TYPES, type DataType, type TypedArray } from './dataType';
import { halfBits } from './halfPrecision';
import { mapped, type Graph, type GraphNode, type LaterTensor, type Model, type Tensor } from './model';

/**
 * Operators that are computed in float32. They sum squares or exponentials over a row, where half precision would lose
 * digits or overflow. The list includes the operators that exporters write in place of LayerNormalization.
 */
const IN_FLOAT32 = new Set(['LayerNormalization', 'Softmax', 'LogSoftmax', 'Exp', 'Pow', 'Sqrt', 'Reciprocal', 'ReduceMean', 'ReduceSum', 'ReduceSumSquare', 'ReduceL2']); // prettier-ignore
/** The largest finite binary16. */
export const LARGEST = 65504;
/** The smallest normal binary16. Terms that keep a divisor from zero are mostly smaller. */
const SMALLEST = 2 ** -14;
/**
 * Numbers of this size only hide padding, as the most negative float32 in exporters' masks does. Nothing computes with
 * them.
 */
const HIDING = 1e30;
const HIDDEN = 30000;

/**
 * The graph with weights and inner values in float16. Outputs stay float32. LayerNormalization and Softmax are computed
 * in float32, and weights that only they read stay float32.
 * @throws MedTextError UNSUPPORTED for a weight that half precision cannot hold (named; a later tensor throws it itself), or a
 * value of unknown type.
 */
export function toFloat16<T extends Tensor | LaterTensor>(model: Model<T>): Model<T> {
  return halfPrecision(model).model;
}

/**
 * {@link toFloat16} with `halves`: the names of the new graph's values that are in half precision and are read in it.
 */
export function halfPrecision<T extends Tensor | LaterTensor>(
  model: Model<T>,
): { readonly model: Model<T>; readonly halves: ReadonlySet<string> } {
  const rewriter = new HalfRewriter(model);
  return { model: rewriter.run(), halves: rewriter.halves };
}

class HalfRewriter<T extends Tensor | LaterTensor> {
  readonly halves = new Set<string>();
  /** The types of the values in the float32 graph. */
  private readonly types = new Map<string, DataType>();
  private readonly nodes: GraphNode[] = [];
  private readonly initializers = new Map<string, T>();
  private readonly widened = new Map<string, string>();
  /** Weights that some operator reads in half precision. */
  private readonly narrowed: ReadonlySet<string>;

  private readonly model: Model<T>;

  constructor(given: Model<T>) {
    this.model = { ...given, graph: withoutConstantNodes(given.graph) };
    const narrow = this.model.graph.nodes.filter((node) => !this.isWide(node));
    this.narrowed = new Set(narrow.flatMap(({ inputs }) => inputs));
  }

  run(): Model<T> {
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
    // A value that is computed in the other precision gets another name. A cast then makes a value of the original
    // name.
    const outputs = node.outputs.map((name) => {
      this.types.set(name, type);
      return type === 'float32' && computedIn !== wantedIn(name) ? `${name}/${computedIn}` : name;
    });
    this.nodes.push({ ...node, inputs, outputs, attributes });
    if (type === 'float32' && !isWide) for (const output of outputs) this.halves.add(output);
    node.outputs.forEach((name, i) => {
      if (outputs[i] === name) return;
      // A value that only float32 operators read may leave the range of half precision.
      if (isWide && this.narrowed.has(name)) this.halves.add(name);
      this.nodes.push(cast(outputs[i], wantedIn(name), name));
      // The next float32 operator reads the value as it was computed.
      if (computedIn === 'float32') this.widened.set(name, outputs[i]);
    });
  }

  /** Whether a node is computed in float32. An Add of an epsilon is, too, if half precision cannot hold the epsilon. */
  private isWide({ opType, inputs }: GraphNode): boolean {
    if (IN_FLOAT32.has(opType)) return true;
    return opType === 'Add' && inputs.some((name) => isEpsilon(this.model.graph.initializers.get(name)));
  }

  /** The value in the wanted precision. Weights are converted once, before the graph runs. */
  private operand(name: string, wanted: 'float16' | 'float32'): string {
    const weight = this.model.graph.initializers.get(name);
    if (this.types.get(name) !== 'float32') {
      if (weight) this.initializers.set(name, weight);
      return name;
    }
    if (weight) {
      // A weight that is read in both precisions is stored twice.
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

  /** The type of a node's result, for the operators of encoders. Most of them give the type of their input. */
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

/** Turns Constant nodes into initialisers. A ConstantOfShape without a value gives float32 zeros. */
function withoutConstantNodes<T extends Tensor | LaterTensor>(graph: Graph<T>): Graph<T> {
  const initializers = new Map<string, T | Tensor>(graph.initializers);
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
  return { ...graph, nodes, initializers: initializers as ReadonlyMap<string, T> };
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

/** Whether a tensor is a small constant. A weight, which is read later, is none. */
function isEpsilon(tensor: Tensor | LaterTensor | undefined): boolean {
  if (!tensor || !('data' in tensor) || tensor.dataType !== 'float32' || tensor.data.length !== 1) return false;
  return tensor.data[0] !== 0 && Math.abs(Number(tensor.data[0])) < SMALLEST;
}

function cast(from: string, to: DataType, output: string): GraphNode {
  const attributes = { to: { type: 'int' as const, value: DATA_TYPES[to].code } };
  return { name: `${output}/cast`, opType: 'Cast', domain: '', inputs: [from], outputs: [output], attributes };
}

function narrowedTensor<T extends Tensor | LaterTensor>(tensor: T, name: string): T {
  return mapped(tensor, 'float16', (data) => narrowedBits(data, name));
}

function narrowedBits(data: TypedArray, name: string): Uint16Array {
  const bits = new Uint16Array(data.length);
  for (let i = 0; i < bits.length; i++) {
    const given = data[i] as number;
    const value = Math.abs(given) >= HIDING && Number.isFinite(given) ? Math.sign(given) * HIDDEN : given;
    if (!(Math.abs(value) <= LARGEST || Math.abs(value) === Infinity)) {
      throw new MedTextError('UNSUPPORTED', `"${name}" holds ${value}, which half precision cannot.`, { tensor: name });
    }
    bits[i] = halfBits(value);
  }
  return bits;
}
