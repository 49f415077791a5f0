/** Computes how much memory the values of a graph take at once while it runs. */
import { DATA_TYPES, elementCount } from './dataType';
import { inferTypes, type KnownTensor, type TensorType } from './typeInference';
import type { Graph } from './model';

/** Operators whose output shares their first input's memory under another shape. */
const VIEWS: ReadonlySet<string> = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity', 'Dropout']);

/** Operators that may write over an input of the same size that no later node reads. */
const IN_PLACE: ReadonlySet<string> = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Neg', 'Sqrt', 'Exp', 'Log', 'Erf', 'Tanh', 'Sigmoid', 'Relu', 'Pow', 'Abs', 'Clip'],
  ...['Softmax', 'LogSoftmax', 'Where', 'Cast'],
]);

export interface MemoryOfValues {
  /** The largest memory that inner values and outputs take at one moment. */
  readonly peakBytes: number;
  /** The part of it that the outputs take; all of them live at the end. */
  readonly outputBytes: number;
}

/**
 * Walks the nodes in their order. A value lives from its node to its last reader, an output to the end. The result
 * leaves out what a runtime adds (fragments, scratch space of its kernels). Inputs and initialisers belong to the
 * caller.
 * @throws MedTextError as {@link inferTypes} does; every shape has to be static.
 */
export function memoryOfValues(graph: Graph): MemoryOfValues {
  const known = new Map<string, KnownTensor>();
  for (const { name, dataType, shape } of graph.inputs) known.set(name, { dataType, shape: shape.map(Number) });
  for (const [name, constant] of graph.initializers) {
    known.set(name, { dataType: constant.dataType, shape: constant.shape, constant });
  }
  const bytesOf = ({ dataType, shape }: TensorType): number => elementCount(shape) * DATA_TYPES[dataType].bytes;

  // A buffer holds the value of one or several names. It is freed with the last of them.
  const bufferOf = new Map<string, number>();
  const bytes: number[] = [];
  const readers: number[] = [];
  const lastUse = new Map<string, number>();
  graph.nodes.forEach(({ inputs }, at) => inputs.forEach((name) => lastUse.set(name, at)));
  for (const { name } of graph.outputs) lastUse.set(name, Infinity);

  let live = 0;
  let peak = 0;
  graph.nodes.forEach((node, at) => {
    const inputs = node.inputs.map((name) => (name === '' ? undefined : known.get(name)));
    const { opType, attributes } = node;
    const types = inferTypes({ opType, inputs, attributes, outputCount: node.outputs.length }, node.name);
    node.outputs.forEach((name, place) => {
      if (name === '') return;
      const type = types[place];
      known.set(name, type);
      const size = bytesOf(type);
      const taken = place === 0 ? takenOver(node.opType, node.inputs, size, at) : undefined;
      if (taken !== undefined) {
        bufferOf.set(name, taken);
        readers[taken]++;
        return;
      }
      bufferOf.set(name, bytes.push(size) - 1);
      readers.push(1);
      live += size;
    });
    peak = Math.max(peak, live);
    for (const name of new Set([...node.inputs, ...node.outputs])) {
      const buffer = bufferOf.get(name);
      if (buffer === undefined || (lastUse.get(name) ?? at) > at) continue;
      bufferOf.delete(name);
      if (--readers[buffer] === 0) live -= bytes[buffer];
    }
  });
  const outputBytes = graph.outputs.reduce((sum, { name }) => sum + bytesOf(known.get(name)!), 0);
  return { peakBytes: peak, outputBytes };

  /** The buffer of an input that the output may reuse. */
  function takenOver(opType: string, inputs: readonly string[], size: number, at: number): number | undefined {
    if (VIEWS.has(opType)) return bufferOf.get(inputs[0]);
    if (!IN_PLACE.has(opType)) return undefined;
    const free = inputs.find((name) => {
      const buffer = bufferOf.get(name);
      return buffer !== undefined && bytes[buffer] === size && readers[buffer] === 1 && lastUse.get(name) === at;
    });
    return free === undefined ? undefined : bufferOf.get(free);
  }
}
