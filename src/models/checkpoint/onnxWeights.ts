/**
 * The weights inside an exported ONNX graph, under the names of the module they came from. Exporters keep the names of
 * biases, embeddings and LayerNorms, but write a linear layer's weight transposed and nameless (`onnx::MatMul_1094`);
 * the bias that is added to the product tells whose it is.
 */
import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { dirname, sep } from 'node:path';
import { MedTextError, asMedTextError, words } from '../../base/errors';
import { FileWatch } from '../../base/fileWatch';
import { READ } from '../../base/textFile';
import { resolveExternalPath } from '../../onnx/externalLocation';
import { widenTensor } from '../../onnx/halfPrecision';
import type { GraphNode, Model, Tensor } from '../../onnx/model';
import { readModel } from '../../onnx/readModel';
import { assertLength, type CheckpointSource, type CheckpointTensor } from './checkpointSource';
import { RandomAccessFile } from './randomAccessFile';
import { widenToFloat32 } from './widen';

/** Protobuf ends at 2 GiB; a larger model keeps its tensors beside it. */
const MAX_BYTES = 2 ** 31;

/**
 * Takes over `file`, reads it whole and closes it.
 * @throws MedTextError ONNX_FORMAT, UNSUPPORTED for quantised or fused graphs (naming the operator), IO.
 */
export async function openOnnxWeights(file: RandomAccessFile): Promise<CheckpointSource> {
  const { model, files } = await readOnnx(file);
  return { format: 'onnx', files, tensors: moduleWeights(model, file.path), close: async () => {} };
}

/** An ONNX file and its external data. `files`: the paths of all of them. @throws MedTextError ONNX_FORMAT, UNSUPPORTED, NOT_FOUND, IO. */
export async function readOnnxFile(path: string): Promise<{ model: Model; files: readonly string[] }> {
  const file = await RandomAccessFile.open(path);
  return new FileWatch('graph', path, file.size).during(() => readOnnx(file));
}

async function readOnnx(file: RandomAccessFile): Promise<{ model: Model; files: readonly string[] }> {
  try {
    if (file.size > MAX_BYTES)
      throw new MedTextError('ONNX_FORMAT', words`${file.path} is larger than an ONNX file can be.`);
    const bytes = new Uint8Array(file.size);
    await file.read(bytes, 0);
    const files = [file.path];
    const model = readModel(bytes, {
      readExternal: (location, offset, length) => readBeside(file.path, location, offset, length, files),
    });
    return { model, files };
  } finally {
    await file.close();
  }
}

/** The graph's initialisers under its own names, for looking at: they need be no module's, nor floats. */
export async function openInitializers(path: string): Promise<CheckpointSource> {
  const { model, files } = await readOnnxFile(path);
  const tensors = new Map<string, CheckpointTensor>();
  for (const [name, tensor] of model.graph.initializers) {
    const { dataType, shape } = tensor;
    const read = async (into: Float32Array): Promise<void> => {
      assertLength({ name, shape }, into);
      const { data } = widenTensor(tensor);
      for (let i = 0; i < into.length; i++) into[i] = Number(data[i]);
    };
    tensors.set(name, { name, dataType, shape, read });
  }
  return { format: 'onnx', files, tensors, close: async () => {} };
}

/** A weight in the graph, and whether the module's own weight is its transpose. */
interface Weight {
  readonly tensor: Tensor;
  readonly transposed: boolean;
  /** The weight's own name, where the exporter kept it. */
  readonly name: string;
}

/**
 * The weights under the names of the module they came from.
 * @throws MedTextError UNSUPPORTED for quantised or fused graphs (naming the operator) and where names cannot be told;
 * CHECKPOINT_FORMAT when there are no names at all.
 */
export function moduleWeights(model: Model, path: string): Map<string, CheckpointTensor> {
  const { graph } = model;
  const producers = new Map<string, GraphNode>();
  for (const node of graph.nodes) {
    refuseFused(node, path);
    for (const output of node.outputs) producers.set(output, node);
  }
  /** The initialiser behind a value, through the Identity, Transpose and Cast nodes that exporters put before it. */
  const weightOf = (value: string): Weight | undefined => {
    let transposed = false;
    let name: string | undefined;
    for (let current = value, steps = 0; steps < 8; steps++) {
      const tensor = graph.initializers.get(current);
      if (tensor) return { tensor, transposed, name: name ?? current };
      const node = producers.get(current);
      if (node?.opType === 'Transpose' && isSwap(node)) transposed = !transposed;
      // Equal parameters are stored once; an Identity gives the others their names.
      else if (node?.opType === 'Identity') name ??= current;
      else if (node?.opType !== 'Cast') return undefined;
      current = node.inputs[0];
    }
    return undefined;
  };

  const weights = new Map<string, Weight>();
  for (const name of graph.initializers.keys()) {
    const weight = weightOf(name);
    if (weight && isParameterName(name)) weights.set(name, weight);
  }
  for (const node of graph.nodes) {
    const weight = node.opType === 'Identity' ? weightOf(node.outputs[0]) : undefined;
    if (weight && isParameterName(node.outputs[0])) weights.set(node.outputs[0], weight);
  }

  // A linear layer is found by its bias: Gemm(x, W, bias), or Add of MatMul(x, W) and bias.
  const ofLinear = new Map<string, Tensor>();
  const linear = (biasValue: string, weightValue: string, storedAsModule: boolean) => {
    const bias = weightOf(biasValue)?.name;
    const weight = weightOf(weightValue);
    if (!bias?.endsWith('.bias') || weight?.tensor.shape.length !== 2) return;
    const name = bias.replace(/bias$/, 'weight');
    const found = { ...weight, transposed: weight.transposed !== !storedAsModule };
    const earlier = ofLinear.get(name);
    if (earlier && earlier !== weight.tensor) {
      // Equal biases are stored once by some exporters (an untrained model's are all zero): then names are lost.
      throw new MedTextError(
        'UNSUPPORTED',
        words`${path} does not show which of two weights is "${name}". Use the safetensors or PyTorch file.`,
        {
          file: path,
          tensor: name,
        },
      );
    }
    ofLinear.set(name, weight.tensor);
    weights.set(name, found);
  };
  for (const node of graph.nodes) {
    if (node.opType === 'Gemm' && node.inputs[2]) {
      const transB = node.attributes.transB;
      linear(node.inputs[2], node.inputs[1], transB?.type === 'int' && transB.value === 1);
    } else if (node.opType === 'Add') {
      for (const [product, bias] of [node.inputs, [...node.inputs].reverse()]) {
        const matMul = producers.get(product);
        if (matMul?.opType === 'MatMul') linear(bias, matMul.inputs[1], false);
      }
    }
  }

  const tensors = new Map<string, CheckpointTensor>();
  for (const [name, weight] of weights) tensors.set(name, asCheckpointTensor(name, weight));
  if (tensors.size > 0) return tensors;
  throw new MedTextError('CHECKPOINT_FORMAT', words`${path} holds no named weights.`, { file: path });
}

function asCheckpointTensor(name: string, { tensor, transposed }: Weight): CheckpointTensor {
  const { dataType, data } = tensor;
  const shape = transposed ? [tensor.shape[1], tensor.shape[0]] : tensor.shape;
  const read = async (into: Float32Array) => {
    assertLength({ name, shape }, into);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (!transposed) {
      widenToFloat32(bytes, dataType, into);
      return;
    }
    const stored = new Float32Array(into.length);
    widenToFloat32(bytes, dataType, stored);
    const [rows, columns] = shape;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) into[row * columns + column] = stored[column * rows + row];
    }
  };
  return { name, dataType, shape, read };
}

/** Names of a module's parameters and buffers; a graph's constants are `/bert/Constant_output_0`, `val_3`, ... */
function isParameterName(name: string): boolean {
  return /^[^/]*\.(weight|bias|gamma|beta|position_ids)$/.test(name);
}

function isSwap(node: GraphNode): boolean {
  const permutation = node.attributes.perm;
  return permutation === undefined || (permutation.type === 'ints' && permutation.value.join() === '1,0');
}

/** Quantised or fused weights are no longer the module's own. */
function refuseFused(node: GraphNode, path: string): void {
  const quantised = /^(MatMulInteger|QLinearMatMul|DequantizeLinear|DynamicQuantizeLinear)$/.test(node.opType);
  if (!quantised && node.domain !== 'com.microsoft') return;
  throw new MedTextError(
    'UNSUPPORTED',
    words`${path} is quantised or optimised (operator ${node.opType}, node "${node.name}"); its weights cannot be trained on. Use the plain float export, or the safetensors or PyTorch file.`,
    { file: path, operator: node.opType, node: node.name },
  );
}

function readBeside(modelPath: string, location: string, offset: number, length: number, files: string[]): Uint8Array {
  const path = resolveExternalPath(dirname(modelPath), location);
  refuseEscape(modelPath, path, location);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, READ);
    const { size } = fstatSync(descriptor);
    if (offset + length > size) {
      throw new MedTextError(
        'ONNX_FORMAT',
        words`${path} is cut short: byte ${offset + length} of ${size} is needed.`,
        {
          file: path,
        },
      );
    }
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const count = readSync(descriptor, bytes, done, Math.min(length - done, 2 ** 28), offset + done);
      if (count === 0) throw new MedTextError('IO', words`${path} shrank while it was read.`, { file: path });
      done += count;
    }
    if (!files.includes(path)) files.push(path);
    return bytes;
  } catch (error) {
    throw asMedTextError(error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * A link may not lead out of the model's folder either. A hub's cache keeps the model itself as a link into a folder of
 * blobs; its external data then lies there too.
 * @throws MedTextError ONNX_FORMAT, or NOT_FOUND when there is no such file.
 */
export function refuseEscape(modelPath: string, path: string, location: string): void {
  let real: string;
  let homes: string[];
  try {
    real = realpathSync(path);
    homes = [realpathSync(dirname(modelPath)), dirname(realpathSync(modelPath))];
  } catch (error) {
    const known = asMedTextError(error);
    if (known.code !== 'NOT_FOUND') throw known;
    throw new MedTextError(
      'NOT_FOUND',
      words`${modelPath} keeps weights in ${location}, which is missing beside it. Copy or download it again.`,
      { file: modelPath, missing: [location] },
      { cause: error },
    );
  }
  if (homes.some((home) => real.startsWith(home.endsWith(sep) ? home : home + sep))) return;
  throw new MedTextError(
    'ONNX_FORMAT',
    words`External data "${location}" is a link that leads out of the model's folder; it is not opened.`,
    { location },
  );
}
