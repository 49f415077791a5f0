/**
 * Dynamic quantisation of a float32 model, laid out as by ONNX Runtime's quantize_dynamic, so that the runtime's
 * fusions apply. The weights of linear layers and the word embeddings are int8. Activations are quantised when they are
 * computed.
 *
 *     x ~ sx (qx - zx),  W[:, o] ~ sw[o] qw[:, o]:    x W + b ~ sx sw (qx - zx) qw + b
 */
import { DATA_TYPES, type DataType } from './dataType';
import type { Attribute, GraphNode, LaterTensor, Model, Tensor } from './model';
import { pruned } from './openParameters';

/**
 * Weights use 7 of the 8 bits. Without VNNI, x86 adds two 8-bit products in 16 bits, which the full range would
 * overflow silently (`reduce_range` of ONNX Runtime).
 */
const WEIGHT_LIMIT = 63;
/**
 * The number of rows from which a table is quantised. Word embeddings have more rows; positions and token types have
 * fewer.
 */
const MIN_TABLE_ROWS = 1024;
/**
 * The number of outputs from which a linear layer is quantised. A classifier has fewer: it would save nothing and
 * decides everything.
 */
const MIN_OUTPUTS = 16;
const TO_FLOAT32: Record<string, Attribute> = { to: { type: 'int', value: DATA_TYPES.float32.code } };

export interface Quantized<T = Tensor> {
  readonly model: Model<T>;
  /** The names of the weights that became int8. */
  readonly quantized: readonly string[];
}

/** What a weight becomes: int8 values and their scales. */
interface QuantizedPair<T> {
  readonly values: T;
  readonly scales: T;
}

/** The quantisation of one weight, whose shapes are known without its elements. */
interface Quantization {
  readonly shapes: QuantizedPair<readonly number[]>;
  of(weight: Tensor): QuantizedPair<Tensor>;
}

/** {@link quantized} at once. */
export function quantizeWeights(model: Model): Quantized {
  return quantized(model, (weight, { of }) => of(weight));
}

/** {@link quantized}, but each weight is read and quantised when its int8 values are asked for. */
export function quantizeLater(model: Model<Tensor | LaterTensor>): Quantized<Tensor | LaterTensor> {
  return quantized(model, (weight, { shapes, of }) => {
    const pairOf = async () => of('data' in weight ? weight : { ...weight, data: await weight.values() });
    // The scales are small. They are asked for after the values, for which the weight was read.
    let scales: Tensor | undefined;
    const values = async () => {
      const pair = await pairOf();
      ({ scales } = pair);
      return pair.values.data;
    };
    return {
      values: { dataType: 'int8', shape: shapes.values, values },
      scales: { dataType: 'float32', shape: shapes.scales, values: async () => (scales ?? (await pairOf()).scales).data }, // prettier-ignore
    };
  });
}

/**
 * Gemm(x, W', b), or an exporter's MatMul(x, W), with a constant weight becomes DynamicQuantizeLinear and
 * MatMulInteger, with one symmetric scale for each output. Gather from a large table reads int8 rows, each with its
 * scale. All other operators stay in float32.
 */
function quantized<T extends Pick<Tensor, 'dataType' | 'shape'>>(
  model: Model<T>,
  derive: (weight: T, quantization: Quantization) => QuantizedPair<T>,
): Quantized<T> {
  const { graph } = model;
  const nodes: GraphNode[] = [];
  const initializers = new Map(graph.initializers);
  const activations = new Map<string, Activation>();
  const names: string[] = [];
  const transposes = new Map(graph.nodes.filter(isSwap).map(({ inputs, outputs }) => [outputs[0], inputs[0]]));
  const emit = (opType: string, inputs: string[], outputs: string[], attributes: Record<string, Attribute> = {}) =>
    nodes.push({ name: outputs[0], opType, domain: '', inputs, outputs, attributes });

  for (const node of graph.nodes) {
    const [x, w, b] = node.inputs;
    const table = node.opType === 'Gather' ? graph.initializers.get(x) : undefined;
    if (table?.dataType === 'float32' && table.shape.length === 2 && table.shape[0] >= MIN_TABLE_ROWS) {
      const { values, scales } = derive(table, byRow(table.shape));
      initializers.set(`${x}/int8`, values).set(`${x}/scale`, scales).delete(x);
      const [y] = node.outputs;
      emit('Gather', [`${x}/int8`, w], [`${y}/int8`]);
      emit('Gather', [`${x}/scale`, w], [`${y}/scale`]);
      emit('Cast', [`${y}/int8`], [`${y}/rows`], TO_FLOAT32);
      emit('Mul', [`${y}/rows`, `${y}/scale`], [y]);
      names.push(x);
      continue;
    }
    const stored = transposes.get(w) ?? w;
    const tensor = graph.initializers.get(stored);
    // Whether the stored rows are the outputs, as in PyTorch.
    const byRows = isPlainLinear(node, true) !== (stored !== w);
    const isLinear = isPlainLinear(node, true) || isPlainLinear(node, false);
    const outputCount = tensor?.shape[byRows ? 0 : 1] ?? 0;
    if (!isLinear || tensor?.dataType !== 'float32' || tensor.shape.length !== 2 || outputCount < MIN_OUTPUTS) {
      nodes.push(node);
      continue;
    }
    if (!initializers.has(`${w}/int8`)) {
      const { values, scales } = derive(tensor, byColumn(tensor.shape, byRows));
      initializers.set(`${w}/int8`, values).set(`${w}/scale`, scales);
      names.push(stored);
    }
    const activation = activations.get(x) ?? { values: `${x}/uint8`, scale: `${x}/scale`, zero: `${x}/zero` };
    if (!activations.has(x)) {
      emit('DynamicQuantizeLinear', [x], [activation.values, activation.scale, activation.zero]);
      activations.set(x, activation);
    }
    const [y] = node.outputs;
    emit('MatMulInteger', [activation.values, `${w}/int8`, activation.zero], [`${y}/int32`]);
    emit('Cast', [`${y}/int32`], [`${y}/product`], TO_FLOAT32);
    emit('Mul', [activation.scale, `${w}/scale`], [`${y}/scales`]);
    emit('Mul', [`${y}/product`, `${y}/scales`], [b === undefined ? y : `${y}/scaled`]);
    if (b !== undefined) emit('Add', [`${y}/scaled`, b], [y]);
  }
  // Weights without a reader are removed, and so are their transposes.
  const kept = pruned({ ...graph, nodes, initializers }, graph.outputs.map(({ name }) => name)); // prettier-ignore
  return { model: { ...model, graph: kept }, quantized: names };
}

interface Activation {
  readonly values: string;
  readonly scale: string;
  readonly zero: string;
}

/**
 * Whether a node is x W' (+ b) with PyTorch's [out, in] weights, as our linear layers are. Without `byRows`: whether it
 * is x W.
 */
function isPlainLinear({ opType, attributes }: GraphNode, byRows: boolean): boolean {
  if (opType === 'MatMul') return !byRows;
  if (opType !== 'Gemm') return false;
  const number = (name: string, fallback: number) => {
    const attribute = attributes[name];
    return attribute?.type === 'int' || attribute?.type === 'float' ? attribute.value : fallback;
  };
  return (
    number('transA', 0) === 0 &&
    number('transB', 0) === Number(byRows) &&
    number('alpha', 1) === 1 &&
    number('beta', 1) === 1
  );
}

/** Whether a Transpose swaps the two axes of a matrix. */
function isSwap({ opType, attributes: { perm } }: GraphNode): boolean {
  return opType === 'Transpose' && (perm === undefined || (perm.type === 'ints' && perm.value.join() === '1,0'));
}

function transposed({ shape: [rows, columns], data }: Tensor): Tensor {
  const swapped = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) swapped[c * rows + r] = Number(data[r * columns + c]);
  return { dataType: 'float32', shape: [columns, rows], data: swapped };
}

/** A scale for each output of a linear layer, whose weights are [out, in] if they are stored by rows. */
function byColumn([rows, columns]: readonly number[], byRows: boolean): Quantization {
  const [outputs, inputs] = byRows ? [rows, columns] : [columns, rows];
  return {
    shapes: { values: [inputs, outputs], scales: [outputs] },
    of: (weight) => quantizedColumns(byRows ? weight : transposed(weight)),
  };
}

/** A scale for each row of a table. */
function byRow([count, width]: readonly number[]): Quantization {
  return { shapes: { values: [count, width], scales: [count, 1] }, of: quantizedRows };
}

/** Quantises [out, in] weights to int8 [in, out], with a scale for each output, float32 [out]. */
function quantizedColumns(weight: Tensor): QuantizedPair<Tensor> {
  const [outputs, inputs] = weight.shape;
  const { data } = weight;
  const columns = new Int8Array(outputs * inputs);
  const scales = new Float32Array(outputs);
  for (let o = 0; o < outputs; o++) {
    const scale = scaleOf(data.subarray(o * inputs, (o + 1) * inputs) as Float32Array, WEIGHT_LIMIT);
    scales[o] = scale;
    for (let i = 0; i < inputs; i++) columns[i * outputs + o] = Math.round((data[o * inputs + i] as number) / scale);
  }
  return { values: tensor('int8', [inputs, outputs], columns), scales: tensor('float32', [outputs], scales) };
}

/**
 * Quantises [rows, width] to int8, with a scale for each row, float32 [rows, 1]. The full range is safe, because rows
 * are only read.
 */
function quantizedRows(table: Tensor): QuantizedPair<Tensor> {
  const [count, width] = table.shape;
  const { data } = table;
  const rows = new Int8Array(count * width);
  const scales = new Float32Array(count);
  for (let r = 0; r < count; r++) {
    const scale = scaleOf(data.subarray(r * width, (r + 1) * width) as Float32Array, 127);
    scales[r] = scale;
    for (let i = r * width; i < (r + 1) * width; i++) rows[i] = Math.round((data[i] as number) / scale);
  }
  return { values: tensor('int8', [count, width], rows), scales: tensor('float32', [count, 1], scales) };
}

/** The quantisation step that maps the largest magnitude to `limit`. It is 1 for zeros. */
function scaleOf(values: Float32Array, limit: number): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]));
  return largest === 0 ? 1 : Math.fround(largest / limit);
}

function tensor(dataType: DataType, shape: readonly number[], data: Tensor['data']): Tensor {
  return { dataType, shape, data };
}
