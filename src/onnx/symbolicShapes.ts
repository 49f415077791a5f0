/**
 * Makes a graph with symbolic dimensions from a builder of static graphs. The builder is called for three sets of
 * sizes. The three graphs can differ only in shapes. Each number that differs becomes an expression of the sizes that
 * fits all three graphs. The graph computes this expression from the shape of an input.
 */
import { MedTextError } from '../base/errors';
import { elementCount } from './dataType';
import type { Attribute, GraphNode, Model, Tensor, ValueInfo } from './model';

export type Sizes = Readonly<Record<string, number>>;

/** Three sets of sizes, and the place of each size: an input and its axis. */
export interface SymbolicOptions {
  readonly samples: readonly [Sizes, Sizes, Sizes];
  readonly dimensions: Readonly<Record<string, { readonly input: string; readonly axis: number }>>;
}

/** factor * product of sizes + offset */
interface Expression {
  readonly factor: number;
  readonly sizes: readonly string[];
  readonly offset: number;
}

/**
 * Builds the graph with symbolic dimensions.
 * @param build makes the static graph of given sizes, with the same nodes in the same order for all sizes
 * @throws MedTextError GRAPH when the graphs differ in more than shapes.
 */
export function withSymbolicShapes(build: (sizes: Sizes) => Model, { samples, dimensions }: SymbolicOptions): Model {
  const models = samples.map(build);
  const [model] = models;
  const rewriter = new Rewriter(models, samples, dimensions);
  const nodes = model.graph.nodes.map((_, index) => rewriter.node(index));
  const all = [...rewriter.shapeNodes, ...nodes];
  const used = new Set(all.flatMap((node) => node.inputs));
  const initializers = new Map([...model.graph.initializers, ...rewriter.constants].filter(([name]) => used.has(name)));
  const infos = (side: 'inputs' | 'outputs') => model.graph[side].map((_, index) => rewriter.info(side, index));
  return {
    ...model,
    graph: { ...model.graph, nodes: all, initializers, inputs: infos('inputs'), outputs: infos('outputs') },
  };
}

/** The code of int32 in ONNX. */
const INT32 = 6;

class Rewriter {
  /** These nodes read only inputs and constants, so they come before all others. */
  readonly shapeNodes: GraphNode[] = [];
  readonly constants = new Map<string, Tensor>();
  private readonly known = new Map<string, string>();

  constructor(
    private readonly models: readonly Model[],
    private readonly samples: SymbolicOptions['samples'],
    private readonly dimensions: SymbolicOptions['dimensions'],
  ) {
    const counts = models.map((model) => model.graph.nodes.length);
    if (new Set(counts).size > 1) throw new MedTextError('GRAPH', `The graphs have ${counts.join(', ')} nodes.`);
  }

  node(index: number): GraphNode {
    const [node, ...others] = this.models.map((model) => model.graph.nodes[index]);
    for (const other of others) {
      const differs =
        other.opType !== node.opType ||
        other.inputs.length !== node.inputs.length ||
        other.outputs.join() !== node.outputs.join() ||
        JSON.stringify(other.attributes) !== JSON.stringify(node.attributes);
      if (differs) throw new MedTextError('GRAPH', `The node "${node.name}" (${node.opType}) differs with the sizes.`);
    }
    return { ...node, inputs: node.inputs.map((_, place) => this.operand(index, place)) };
  }

  info(side: 'inputs' | 'outputs', index: number): ValueInfo {
    const infos = this.models.map((model) => model.graph[side][index]);
    const shape = infos[0].shape.map((dimension, axis) => {
      const values = infos.map((info) => info.shape[axis] as number);
      if (values.every((value) => value === dimension)) return dimension;
      const { factor, sizes, offset } = this.expression(values, infos[0].name);
      return factor === 1 && offset === 0 ? sizes.join('*') : '';
    });
    return { ...infos[0], shape };
  }

  private operand(index: number, place: number): string {
    const names = this.models.map((model) => model.graph.nodes[index].inputs[place]);
    const tensors = names.map((name, i) => this.models[i].graph.initializers.get(name));
    const [name] = names;
    const [tensor, ...others] = tensors;
    const where = this.models[0].graph.nodes[index].name;
    if (!tensor) {
      if (names.every((other) => other === name)) return name;
      throw new MedTextError('GRAPH', `The node "${where}" reads other values with other sizes.`);
    }
    if (others.every((other) => other && sameTensor(tensor, other))) return name;
    // The scalar is the end of a range.
    if (tensor.dataType === 'int32' && tensor.shape.length === 0 && others.every((o) => o?.shape.length === 0)) {
      return this.integer32(this.expression(tensors.map((t) => Number(t!.data[0])), where)); // prettier-ignore
    }
    if (
      tensor.dataType !== 'int64' ||
      tensor.shape.length !== 1 ||
      others.some((o) => o?.data.length !== tensor.data.length)
    ) {
      throw new MedTextError('GRAPH', `The constant "${name}" of "${where}" differs with the sizes.`);
    }
    const parts = Array.from({ length: tensor.data.length }, (_, i) =>
      this.expression(tensors.map((t) => Number(t!.data[i])), where),
    ); // prettier-ignore
    return this.vector(parts);
  }

  /** The simplest expression that gives the value in every sample. */
  private expression(values: readonly number[], where: string): Expression {
    if (values.every((value) => value === values[0])) return { factor: 1, sizes: [], offset: values[0] - 1 };
    const names = Object.keys(this.dimensions);
    const pairs = names.flatMap((name, i) => names.slice(i + 1).map((other) => [name, other]));
    for (const sizes of [...names.map((name) => [name]), ...pairs]) {
      const of = this.samples.map((sample) => sizes.reduce((product, size) => product * sample[size], 1));
      const factor = values[0] / of[0];
      if (Number.isInteger(factor) && values.every((value, i) => value === factor * of[i]))
        return { factor, sizes, offset: 0 };
      const offset = values[0] - of[0];
      if (values.every((value, i) => value === of[i] + offset)) return { factor: 1, sizes, offset };
    }
    throw new MedTextError('GRAPH', `"${where}": ${values.join(', ')} are no expression of ${names.join(' and ')}.`);
  }

  /** The expressions as int64 [parts]. */
  private vector(parts: readonly Expression[]): string {
    return this.once(`shape.${parts.map(spelled).join('_')}`, (name) => {
      const inputs = parts.map((part) => this.scalar(part));
      this.emit('Concat', inputs, name, { axis: { type: 'int', value: 0 } });
    });
  }

  /** The expression as int64 [1]. */
  private scalar(expression: Expression): string {
    const { factor, sizes, offset } = expression;
    if (sizes.length === 0) return this.integer(factor + offset);
    return this.once(`shape.value.${spelled(expression)}`, (name) => {
      const factors = [...sizes.map((size) => this.size(size)), ...(factor === 1 ? [] : [this.integer(factor)])];
      const product = factors.reduce((a, b, i) => {
        const output = `${name}.product.${i}`;
        this.emit('Mul', [a, b], output);
        return output;
      });
      this.emit('Add', [product, this.integer(offset)], name);
    });
  }

  /** The expression as int32 []. */
  private integer32(expression: Expression): string {
    return this.once(`shape.int32.${spelled(expression)}`, (name) => {
      this.emit('Squeeze', [this.scalar(expression)], `${name}.scalar`);
      this.emit('Cast', [`${name}.scalar`], name, { to: { type: 'int', value: INT32 } });
    });
  }

  /** A size as int64 [1], from the input that has it. */
  private size(size: string): string {
    const { input, axis } = this.dimensions[size];
    return this.once(`shape.${size}`, (name) =>
      this.emit('Shape', [input], name, {
        start: { type: 'int', value: axis },
        end: { type: 'int', value: axis + 1 },
      }),
    );
  }

  private integer(value: number): string {
    const name = `shape.constant.${value}`;
    this.constants.set(name, { dataType: 'int64', shape: [1], data: BigInt64Array.of(BigInt(value)) });
    return name;
  }

  private once(name: string, make: (name: string) => void): string {
    if (!this.known.has(name)) {
      this.known.set(name, name);
      make(name);
    }
    return name;
  }

  private emit(
    opType: string,
    inputs: readonly string[],
    output: string,
    attributes: Record<string, Attribute> = {},
  ): void {
    this.shapeNodes.push({ name: output, opType, domain: '', inputs, outputs: [output], attributes });
  }
}

function spelled({ factor, sizes, offset }: Expression): string {
  return sizes.length === 0 ? String(factor + offset) : `${[factor, ...sizes].join('x')}+${offset}`;
}

function sameTensor(a: Tensor, b: Tensor): boolean {
  if (a.data === b.data) return true;
  if (a.dataType !== b.dataType || a.shape.join() !== b.shape.join()) return false;
  for (let i = 0; i < elementCount(a.shape); i++) if (a.data[i] !== b.data[i]) return false;
  return true;
}
