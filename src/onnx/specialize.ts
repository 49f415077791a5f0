/**
 * Makes a foreign graph static: symbolic dimensions are bound, every shape is inferred, shape arithmetic is computed,
 * and old operator sets are rewritten in opset 20. A training graph can include and differentiate the result.
 */
import { MedTextError } from '../base/errors';
import { evaluateConstant, evaluateNonZero } from './constantFolding';
import { elementCount } from './dataType';
import { inferTypes, integersOf, type TensorType } from './typeInference';
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
import { sameShape } from './shapes';
import { upgradeNode, type Emitter, type ForeignNode, type KnownValue } from './upgradeNode';
import { widenAttribute, widenedType, widenTensor } from './halfPrecision';

export interface SpecializeOptions {
  /** Input name → shape. It is optional for an input whose dimensions are numbers, or are bound by another input. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** The outputs to keep. Absent: all outputs. Nodes that only the others need are left out. */
  readonly outputs?: readonly string[];
  /**
   * The largest number of elements of a constant that folding makes. Absent: 65,536. The graph computes larger
   * constants.
   */
  readonly maxFoldedElements?: number;
}

/**
 * The prefix of constants that folding made; the rest is the value's name. The file's own constants keep their names.
 */
export const FOLDED_PREFIX = 'folded:';
const OLDEST_OPSET = 9;
const NEWEST_OPSET = 25;
const MAX_RANK = 64;

/**
 * The graph for these input shapes: static, opset 20, float32 in place of float16 and bfloat16. Parameters stay
 * initialisers and keep their names; see {@link liftParameters}.
 * @throws MedTextError UNSUPPORTED (an operator, with its node; an opset; a shape that depends on data), GRAPH (shapes
 * that do not fit), USAGE (an input or output that the graph lacks, an unbound dimension).
 */
export function specialize(model: Model, options: SpecializeOptions = {}): Graph {
  const opset = model.opsets.get('');
  if (opset === undefined || opset < OLDEST_OPSET || opset > NEWEST_OPSET) {
    throw new MedTextError(
      'UNSUPPORTED',
      `The graph is of operator set ${opset ?? 'unknown'}; ${OLDEST_OPSET} to ${NEWEST_OPSET} are supported.`,
      { opset },
    );
  }
  return new Specializer(model.graph, opset, options).run();
}

/** A static graph as a model that ONNX Runtime opens. */
export function asModel(graph: Graph): Model {
  return { irVersion: IR_VERSION, producerName: 'medtext-lab', opsets: new Map([['', OPSET]]), graph };
}

/** The values of a graph, and of the graphs around it. */
class Scope {
  private readonly own = new Map<string, KnownValue>();
  constructor(private readonly outer?: Scope) {}

  get(name: string): KnownValue {
    const value = this.own.get(name) ?? this.outer?.get(name);
    if (!value) throw new MedTextError('GRAPH', `Nothing makes the value "${name}".`, { name });
    return value;
  }
  set(name: string, value: KnownValue): void {
    this.own.set(name, value);
  }
}

class Specializer implements Emitter {
  private readonly nodes: GraphNode[] = [];
  private readonly constants = new Map<string, Tensor>();
  private readonly sharedIntegers = new Map<string, KnownValue>();
  private readonly valueNames = new Map<string, number>();
  private readonly nodeNames = new Map<string, number>();
  private readonly maxFolded: number;
  private current = '';

  constructor(
    private readonly graph: Graph,
    private readonly opset: number,
    private readonly options: SpecializeOptions,
  ) {
    this.maxFolded = options.maxFoldedElements ?? 65_536;
  }

  run(): Graph {
    const { graph } = this;
    const outputs = this.chosenOutputs();
    const scope = new Scope();
    const inputs = bindInputs(graph, this.options.inputShapes ?? {});
    for (const input of inputs)
      scope.set(input.name, { name: this.claim(input.name), dataType: input.dataType, shape: input.shape });
    this.addInitializers(graph, scope);
    this.addNodes(graph, new Set(outputs), scope);
    const outputInfos = outputs.map((name): ValueInfo => {
      const value = scope.get(name);
      // An output may be another value now, such as a folded constant or the input of an Identity. It gets its own name
      // back.
      if (value.name !== name) this.push('Identity', [value], {}, [{ ...value, name }]);
      return { name, dataType: value.dataType, shape: value.shape };
    });
    return this.pruned(inputs, outputInfos);
  }

  private chosenOutputs(): string[] {
    const all = this.graph.outputs.map((output) => output.name);
    for (const name of this.options.outputs ?? []) {
      if (!all.includes(name)) {
        throw new MedTextError('USAGE', `The graph has no output "${name}"; it has ${all.join(', ')}.`, {
          name,
          outputs: all,
        });
      }
    }
    return this.options.outputs ? [...this.options.outputs] : all;
  }

  private addInitializers(graph: Graph, scope: Scope): void {
    for (const [name, tensor] of graph.initializers) {
      const value = this.named(this.claim(name), tensor);
      // Exporters write single numbers as scalars. A vector of one element may be a bias.
      scope.set(name, { ...value, isParameter: value.dataType === 'float32' && value.shape.length > 0 });
    }
  }

  /** Adds the nodes that the outputs need, in order. */
  private addNodes(graph: Graph, outputs: ReadonlySet<string>, scope: Scope): void {
    const live = liveNodes(graph, outputs);
    for (const node of graph.nodes) if (live.has(node)) this.addNode(node, scope);
  }

  private addNode(node: GraphNode, scope: Scope): void {
    this.current = node.name || node.outputs.find((name) => name !== '') || node.opType;
    const label = this.current;
    const results = attributed(label, () => {
      const inputs = node.inputs.map((name) => (name === '' ? undefined : scope.get(name)));
      if (node.opType === 'If' && node.domain === '') return this.chooseBranch(node, inputs[0], scope);
      return upgradeNode(this.foreign(node, inputs), this.opset, this);
    });
    node.outputs.forEach((name, i) => {
      if (name !== '' && results[i]) scope.set(name, results[i]);
    });
  }

  private foreign(node: GraphNode, inputs: readonly (KnownValue | undefined)[]): ForeignNode {
    const attributes = Object.fromEntries(
      Object.entries(node.attributes).map(([name, value]) => [name, widenAttribute(node.opType, name, value)]),
    );
    return { opType: node.opType, domain: node.domain, label: this.current, inputs, outputs: node.outputs, attributes };
  }

  /**
   * Replaces an If with a known condition by its branch. PyTorch's exporter writes such Ifs for squeeze() and similar
   * calls.
   */
  private chooseBranch(node: GraphNode, condition: KnownValue | undefined, scope: Scope): KnownValue[] {
    const label = this.current;
    if (!condition?.constant) {
      throw new MedTextError(
        'UNSUPPORTED',
        `If (node "${label}") depends on data; only conditions on shapes are supported.`,
        { node: label },
      );
    }
    const branch = node.attributes[Number(condition.constant.data[0]) !== 0 ? 'then_branch' : 'else_branch'];
    if (branch?.type !== 'graph')
      throw new MedTextError('ONNX_FORMAT', `If (node "${label}") lacks a branch.`, { node: label });
    const inner = new Scope(scope);
    this.addInitializers(branch.value, inner);
    const outputs = branch.value.outputs.map((output) => output.name);
    this.addNodes(branch.value, new Set(outputs), inner);
    return outputs.map((name) => inner.get(name));
  }

  emit(
    opType: string,
    inputs: readonly (KnownValue | undefined)[],
    attributes: Readonly<Record<string, Attribute>>,
    outputs: readonly string[],
  ): KnownValue[] {
    if (opType === 'Shape' || opType === 'Size') return [this.measure(opType, inputs[0]!, attributes)];
    if (opType === 'NonZero' && inputs[0]?.constant && !inputs[0].isParameter) {
      return [this.folded(outputs[0], evaluateNonZero(inputs[0].constant))];
    }
    const types = inferTypes({ opType, inputs, attributes, outputCount: outputs.length }, this.current);
    for (const type of types) checkShape(type.shape, opType, this.current);
    const alias = this.alias(opType, inputs, attributes, types[0], outputs[0]);
    if (alias) return [alias];
    const constants = this.fold(opType, inputs, attributes, types);
    if (constants) return constants.map((tensor, i) => this.folded(outputs[i], tensor));
    const values = types.map((type, i): KnownValue => ({
      name: this.claim(outputs[i] || `${this.current}:${i}`),
      ...type,
    }));
    if (opType === 'Reshape' || opType === 'Expand') {
      this.push(opType, [inputs[0], this.integers(types[0].shape)], {}, values);
    } else {
      this.push(opType, inputs, attributes, values);
    }
    return values;
  }

  constant(tensor: Tensor): KnownValue {
    return this.folded(this.current, tensor);
  }

  integers(values: readonly number[]): KnownValue {
    const key = values.join(',');
    const known = this.sharedIntegers.get(key);
    if (known) return known;
    const data = BigInt64Array.from(values, (value) =>
      BigInt.asIntN(64, value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value)),
    );
    const value = this.named(this.claim(`${FOLDED_PREFIX}[${key}]`), {
      dataType: 'int64',
      shape: [values.length],
      data,
    });
    this.sharedIntegers.set(key, value);
    return value;
  }

  /** The results of Shape and Size, which follow from the type. */
  private measure(opType: string, x: KnownValue, attributes: Readonly<Record<string, Attribute>>): KnownValue {
    if (opType === 'Size') {
      return this.folded(this.current, {
        dataType: 'int64',
        shape: [],
        data: BigInt64Array.of(BigInt(elementCount(x.shape))),
      });
    }
    const bound = (name: string, fallback: number) => {
      const attribute = attributes[name];
      return attribute?.type === 'int' ? attribute.value : fallback;
    };
    return this.integers(x.shape.slice(bound('start', 0), bound('end', x.shape.length)));
  }

  /** The input that the node repeats unchanged. Undefined for other nodes. */
  private alias(
    opType: string,
    inputs: readonly (KnownValue | undefined)[],
    attributes: Readonly<Record<string, Attribute>>,
    type: TensorType,
    output: string,
  ): KnownValue | undefined {
    const x = inputs[0];
    if (!x || x.dataType !== type.dataType || !sameShape(x.shape, type.shape)) return undefined;
    switch (opType) {
      case 'Identity':
        // PyTorch's exporter merges parameters that happen to be equal (fresh LayerNorms) and leaves an Identity for
        // each copy. Training must not tie them.
        return x.isParameter && x.constant ? { ...this.named(this.claim(output), x.constant), isParameter: true } : x;
      case 'Cast': case 'Reshape': case 'Flatten': case 'Squeeze': case 'Unsqueeze': case 'Expand': case 'Tile':
        return x;
      case 'Concat':
        return inputs.length === 1 ? x : undefined;
      case 'Slice':
        return (integersOf(inputs[4]) ?? []).every((step) => step === 1) ? x : undefined;
      case 'Transpose': {
        const permutation = attributes.perm;
        return permutation?.type === 'ints' && permutation.value.every((p, i) => p === i) ? x : undefined;
      }
      default:
        return undefined;
    } // prettier-ignore
  }

  private fold(
    opType: string,
    inputs: readonly (KnownValue | undefined)[],
    attributes: Readonly<Record<string, Attribute>>,
    types: readonly TensorType[],
  ): Tensor[] | undefined {
    if (inputs.some((x) => x && (!x.constant || x.isParameter))) return undefined;
    if (types.some((type) => !(elementCount(type.shape) <= this.maxFolded))) return undefined;
    return evaluateConstant({ opType, inputs: inputs.map((x) => x?.constant), attributes, outputs: types });
  }

  private folded(output: string, tensor: Tensor): KnownValue {
    return this.named(this.claim(FOLDED_PREFIX + output), tensor);
  }

  private named(name: string, tensor: Tensor): KnownValue {
    const constant = widenTensor(tensor);
    this.constants.set(name, constant);
    return { name, dataType: constant.dataType, shape: constant.shape, constant };
  }

  private push(
    opType: string,
    inputs: readonly (KnownValue | undefined)[],
    attributes: Readonly<Record<string, Attribute>>,
    outputs: readonly KnownValue[],
  ): void {
    this.nodes.push({
      name: unusedName(this.nodeNames, this.current),
      opType,
      domain: '',
      inputs: inputs.map((x) => x?.name ?? ''),
      outputs: outputs.map((y) => y.name),
      attributes,
    });
  }

  private claim(name: string): string {
    return unusedName(this.valueNames, name);
  }

  private pruned(inputs: readonly ValueInfo[], outputs: readonly ValueInfo[]): Graph {
    const used = new Set(outputs.map((output) => output.name));
    const nodes: GraphNode[] = [];
    for (const node of this.nodes.reverse()) {
      if (!node.outputs.some((name) => used.has(name))) continue;
      for (const name of node.inputs) used.add(name);
      nodes.push(node);
    }
    const initializers = new Map([...this.constants].filter(([name]) => used.has(name)));
    return { name: this.graph.name, nodes: nodes.reverse(), inputs, outputs, initializers };
  }
}

/** Adds the node's name to errors. Other exceptions inside a node are errors of the graph. */
function attributed<T>(label: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof MedTextError && error.message.includes(label)) throw error;
    const code = error instanceof MedTextError ? error.code : 'GRAPH';
    const reason = error instanceof Error ? error.message : String(error);
    throw new MedTextError(code, `Node "${label}": ${reason}`, { node: label }, { cause: error });
  }
}

function checkShape(shape: readonly number[], opType: string, label: string): void {
  if (shape.length > MAX_RANK || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    const text = `${shape.slice(0, 8)}${shape.length > 8 ? ',...' : ''}`;
    throw new MedTextError('GRAPH', `${opType} (node "${label}") gives the impossible shape [${text}].`, {
      node: label,
    });
  }
}

/** An unused name. Two branches may use the same name, and one node may become several. */
function unusedName(used: Map<string, number>, name: string): string {
  const count = used.get(name) ?? 0;
  used.set(name, count + 1);
  return count === 0 ? name : unusedName(used, `${name}_${count}`);
}

/** The inputs with numbers for dimensions. A symbolic dimension is the same number in all inputs. */
function bindInputs(
  graph: Graph,
  shapes: Readonly<Record<string, readonly number[]>>,
): (ValueInfo & { shape: readonly number[] })[] {
  // An input with an initialiser has a default value, which stays. IR versions before 4 list all initialisers as
  // inputs.
  const inputs = graph.inputs.filter((input) => !graph.initializers.has(input.name));
  for (const name of Object.keys(shapes)) {
    if (!inputs.some((input) => input.name === name)) {
      throw new MedTextError(
        'USAGE',
        `The graph has no input "${name}"; it has ${inputs.map((i) => i.name).join(', ')}.`,
        { name },
      );
    }
  }
  const bound = new Map<string, number>();
  for (const input of inputs) {
    const shape = shapes[input.name];
    if (!shape) continue;
    if (!input.unranked && shape.length !== input.shape.length) misfit(input, shape);
    shape.forEach((size, i) => {
      const dimension = input.unranked ? size : input.shape[i];
      if (!Number.isSafeInteger(size) || size < 0) misfit(input, shape);
      if (
        typeof dimension === 'number' ? dimension !== size : dimension !== '' && (bound.get(dimension) ?? size) !== size
      )
        misfit(input, shape);
      if (typeof dimension === 'string' && dimension !== '') bound.set(dimension, size);
    });
  }
  return inputs.map((input) => {
    const shape = (shapes[input.name] ?? input.shape).map((dimension) =>
      typeof dimension === 'number' ? dimension : bound.get(dimension),
    );
    const open = shape.some((dimension) => dimension === undefined);
    if (open || (input.unranked && !shapes[input.name])) {
      throw new MedTextError(
        'USAGE',
        `Input "${input.name}" has the shape [${input.shape.join(', ')}]; give its sizes.`,
        { name: input.name },
      );
    }
    return { name: input.name, dataType: widenedType(input.dataType), shape: shape as number[] };
  });
}

function misfit(input: ValueInfo, shape: readonly number[]): never {
  throw new MedTextError(
    'GRAPH',
    `Input "${input.name}" of shape [${input.shape.join(', ')}] cannot have the shape [${shape.join(', ')}].`,
    {
      name: input.name,
      shape,
    },
  );
}

/** The nodes that lead to the outputs. A node needs all values that its subgraphs mention. */
export function liveNodes(graph: Graph<unknown>, outputs: ReadonlySet<string>): Set<GraphNode> {
  const needed = new Set(outputs);
  const live = new Set<GraphNode>();
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    live.add(node);
    mentionedNames(node, needed);
  }
  return live;
}

export function mentionedNames(node: GraphNode, into: Set<string>): void {
  for (const name of node.inputs) into.add(name);
  for (const attribute of Object.values(node.attributes)) {
    if (attribute.type !== 'graph') continue;
    for (const inner of attribute.value.nodes) mentionedNames(inner, into);
    for (const output of attribute.value.outputs) into.add(output.name);
  }
}
