/**
 * Prints a graph as stable text, with one line for each item, so that goldens and their differences are easy to read.
 */
import { inferTypes, type KnownTensor, type NodeCall } from './typeInference';
import type { Attribute, Graph, GraphNode, Tensor, ValueInfo } from './model';

/** Constants of at most this many elements are printed where they are used. */
const INLINE_ELEMENTS = 8;

/**
 * The text form:
 *
 *     graph name
 *       input x: float32[2, seq]
 *       weight w: float32[4, 4] #1f3a90bc          (a checksum of the contents; small constants stand at their use)
 *       y: float32[2, 4] = MatMul(x, w)
 *       z: float32[2, 1] = ReduceSum(y, {1}) keepdims=1
 *       output z: float32[2, 1]
 *
 * Types of inner values are shown where static inference finds them. Names are the graph's own.
 */
export function printGraph(graph: Graph): string {
  const lines: string[] = [];
  printInto(lines, graph, '', new Map());
  return lines.join('\n') + '\n';
}

function printInto(lines: string[], graph: Graph, indent: string, outer: ReadonlyMap<string, KnownTensor>): void {
  const known = new Map(outer);
  const inner = indent + '  ';
  lines.push(`${indent}graph ${graph.name}`);
  for (const input of graph.inputs) {
    lines.push(`${inner}input ${printValueInfo(input)}`);
    if (input.shape.every((d) => typeof d === 'number') && !input.unranked) {
      known.set(input.name, { dataType: input.dataType, shape: input.shape as number[] });
    }
  }
  for (const [name, tensor] of graph.initializers) {
    known.set(name, { dataType: tensor.dataType, shape: tensor.shape, constant: tensor });
    if (!isInline(tensor)) lines.push(`${inner}weight ${name}: ${printType(tensor)} #${checksum(tensor)}`);
  }
  for (const node of graph.nodes) {
    const types = inferredTypes(node, known);
    types?.forEach((type, i) => known.set(node.outputs[i], type));
    const outputs = node.outputs.map((name, i) => (types?.[i] ? `${name}: ${printType(types[i])}` : name || '_'));
    const inputs = node.inputs.map((name) => printOperand(name, graph.initializers));
    const operator = node.domain ? `${node.domain}.${node.opType}` : node.opType;
    const attributes = Object.entries(node.attributes).filter(([, attribute]) => attribute.type !== 'graph');
    const suffix = attributes
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, attribute]) => ` ${name}=${printAttribute(attribute)}`)
      .join('');
    lines.push(`${inner}${outputs.join(', ')} = ${operator}(${inputs.join(', ')})${suffix}`);
    for (const [name, attribute] of Object.entries(node.attributes)) {
      if (attribute.type !== 'graph') continue;
      lines.push(`${inner}  ${name}:`);
      printInto(lines, attribute.value, inner + '    ', known);
    }
  }
  for (const output of graph.outputs) lines.push(`${inner}output ${printValueInfo(output)}`);
}

/** The types of the node's outputs. Undefined where inference fails: symbolic shapes, or operators without a rule. */
function inferredTypes(
  node: GraphNode,
  known: ReadonlyMap<string, KnownTensor>,
): ReturnType<typeof inferTypes> | undefined {
  if (node.domain !== '' || node.inputs.some((name) => name !== '' && !known.has(name))) return undefined;
  const inputs: NodeCall['inputs'] = node.inputs.map((name) => known.get(name));
  try {
    return inferTypes({ opType: node.opType, inputs, attributes: node.attributes, outputCount: node.outputs.length });
  } catch {
    return undefined;
  }
}

function printValueInfo(info: ValueInfo): string {
  return `${info.name}: ${info.dataType}${info.unranked ? '[...]' : `[${info.shape.map((d) => (d === '' ? '?' : d)).join(', ')}]`}`;
}

function printType(type: { dataType: string; shape: readonly number[] }): string {
  return `${type.dataType}[${type.shape.join(', ')}]`;
}

function isInline(tensor: Tensor): boolean {
  return tensor.data.length <= INLINE_ELEMENTS;
}

function printOperand(name: string, initializers: ReadonlyMap<string, Tensor>): string {
  if (name === '') return '_';
  const tensor = initializers.get(name);
  return tensor && isInline(tensor) ? printSmall(tensor) : name;
}

/** int64 vectors, which are most constants, as `{0, -1}` without their type. Scalars have no braces. */
function printSmall(tensor: Tensor): string {
  const text = Array.from(tensor.data as ArrayLike<number | bigint>, (value) => printNumber(value)).join(', ');
  if (tensor.shape.length === 0) return tensor.dataType === 'int64' ? text : `${tensor.dataType} ${text}`;
  const plain = tensor.dataType === 'int64' && tensor.shape.length === 1;
  return plain ? `{${text}}` : `${printType(tensor)}{${text}}`;
}

function printAttribute(attribute: Attribute): string {
  switch (attribute.type) {
    case 'int': case 'float': return printNumber(attribute.value);
    case 'ints': case 'floats': return `[${attribute.value.map(printNumber).join(', ')}]`;
    case 'string': return JSON.stringify(attribute.value);
    case 'strings': return JSON.stringify(attribute.value);
    case 'tensor': return isInline(attribute.value) ? printSmall(attribute.value) : `${printType(attribute.value)} #${checksum(attribute.value)}`;
    case 'graph': return 'graph';
  } // prettier-ignore
}

/** Prints a number with seven digits, enough to distinguish float32 values. Goldens must not depend on the last bit. */
function printNumber(value: number | bigint): string {
  return typeof value === 'bigint' || Number.isSafeInteger(value)
    ? String(value)
    : String(Number(value.toPrecision(7)));
}

/** FNV-1a over the tensor's bytes. */
function checksum(tensor: Tensor): string {
  const { data } = tensor;
  let hash = 0x811c9dc5;
  for (const byte of new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
