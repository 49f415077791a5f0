/** A float32 model in half precision: half the size, for devices that compute it natively. */
import { MedTextError } from '../base/errors';
import { DATA_TYPES, type DataType } from './dataType';
import { halfBits } from './halfPrecision';
import type { GraphNode, Model, Tensor } from './model';

/** What sums squares or exponentials over a row, where half precision would lose or overflow: computed in float32. */
const IN_FLOAT32 = new Set(['LayerNormalization', 'Softmax']);
/** The largest finite binary16. */
const LARGEST = 65504;

/**
 * The same graph with float16 weights and values between; outputs stay float32, and LayerNormalization and Softmax are
 * computed in it. Weights that only those read stay float32.
 * @throws MedTextError UNSUPPORTED for a weight that half precision cannot hold (named), or a value of unknown type.
 */
export function toFloat16(model: Model): Model {
  return new HalfRewriter(model).run();
}

class HalfRewriter {
  /** Of the values as they were in the float32 graph. */
  private readonly types = new Map<string, DataType>();
  private readonly nodes: GraphNode[] = [];
  private readonly initializers = new Map<string, Tensor>();
  private readonly widened = new Map<string, string>();
  /** Weights that some operator reads in half precision. */
  private readonly narrowed: ReadonlySet<string>;

  constructor(private readonly model: Model) {
    const narrow = model.graph.nodes.filter(({ opType }) => !IN_FLOAT32.has(opType));
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
    const isWide = IN_FLOAT32.has(node.opType);
    const inputs = node.inputs.map((name) => (name === '' ? '' : this.operand(name, isWide ? 'float32' : 'float16')));
    const { to } = node.attributes;
    const toFloat = node.opType === 'Cast' && to?.type === 'int' && to.value === DATA_TYPES.float32.code;
    const attributes = toFloat ? { ...node.attributes, to: { type: 'int' as const, value: DATA_TYPES.float16.code } } : node.attributes; // prettier-ignore
    const type = this.resultType(node);
    const computedIn = isWide ? 'float32' : 'float16';
    const wantedIn = (name: string) => (graphOutputs.has(name) ? 'float32' : 'float16');
    // A value computed in the other precision gets another name; a cast then gives it its own.
    const outputs = node.outputs.map((name) => {
      this.types.set(name, type);
      return type === 'float32' && computedIn !== wantedIn(name) ? `${name}/${computedIn}` : name;
    });
    this.nodes.push({ ...node, inputs, outputs, attributes });
    node.outputs.forEach((name, i) => {
      if (outputs[i] !== name) this.nodes.push(cast(outputs[i], wantedIn(name), name));
    });
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

  /** By the operators that our graphs are made of: most give the type of what they read. */
  private resultType({ opType, name, inputs, attributes }: GraphNode): DataType {
    if (opType === 'Shape' || opType === 'Size') return 'int64';
    if (/^(Equal|Greater|Less|GreaterOrEqual|LessOrEqual|And|Or|Not)$/.test(opType)) return 'bool';
    if (opType === 'Cast' && attributes.to?.type === 'int') {
      const { value } = attributes.to;
      return (Object.keys(DATA_TYPES) as DataType[]).find((type) => DATA_TYPES[type].code === value)!;
    }
    const type = this.types.get(inputs[opType === 'Where' ? 1 : 0]);
    if (type) return type;
    throw new MedTextError('UNSUPPORTED', `Half precision: the type of ${opType} (node "${name}") is not known.`, {
      node: name,
    });
  }
}

function cast(from: string, to: DataType, output: string): GraphNode {
  const attributes = { to: { type: 'int' as const, value: DATA_TYPES[to].code } };
  return { name: `${output}/cast`, opType: 'Cast', domain: '', inputs: [from], outputs: [output], attributes };
}

function narrowedTensor({ shape, data }: Tensor, name: string): Tensor {
  const bits = new Uint16Array(data.length);
  for (let i = 0; i < bits.length; i++) {
    const value = data[i] as number;
    if (!(Math.abs(value) <= LARGEST)) {
      throw new MedTextError('UNSUPPORTED', `"${name}" holds ${value}, which half precision cannot.`, { tensor: name });
    }
    bits[i] = halfBits(value);
  }
  return { dataType: 'float16', shape, data: bits };
}
