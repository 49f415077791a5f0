/**
 * The ONNX writer, the inverse of readModel. Tensors are written as raw bytes; large ones can go to a file of their
 * own.
 */
import { MedTextError } from '../base/errors';
import { DATA_TYPES, elementCount, type DataType, type TypedArray } from './dataType';
import type { Attribute, Graph, GraphNode, LaterTensor, Model, Tensor, ValueInfo } from './model';
import { chunksOf, MessageWriter, type LaterBytes } from './wire';

/** An initialiser whose elements lie in an existing file. */
export interface StoredTensor {
  readonly dataType: DataType;
  readonly shape: readonly number[];
  /** The file's name in the folder that the runtime gets. */
  readonly location: string;
  readonly offsetBytes: number;
}

export interface WriteOptions {
  /** The size in bytes from which initialisers go to the external file. Absent: all data is in one file, up to 2 GB. */
  readonly externalThresholdBytes?: number;
  /** The external file's name, beside the model's. */
  readonly externalLocation?: string;
  /** Further initialisers by name. */
  readonly stored?: ReadonlyMap<string, StoredTensor>;
}

/** The external file as a list of pieces in order. The pieces are views on the tensors, not copies. */
export interface ExternalData {
  readonly location: string;
  readonly sizeBytes: number;
  readonly pieces: readonly Uint8Array[];
}

export interface WrittenModel {
  readonly bytes: Uint8Array;
  readonly externalData?: ExternalData;
}

/** The largest size of a protobuf file. */
const MAX_FILE_BYTES = 2 ** 31 - 1;
/** onnx.proto asks for page-aligned offsets, so that a runtime can map the file. */
const ALIGNMENT_BYTES = 4096;

/** @throws MedTextError UNSUPPORTED when the file would exceed 2 GB; `externalThresholdBytes` then helps. */
export function writeModel(model: Model, options: WriteOptions = {}): WrittenModel {
  const external = new ExternalPieces<Uint8Array>(options);
  const bytes = messageOf(model, options, external).finish();
  return external.pieces.length > 0 ? { bytes, externalData: external } : { bytes };
}

/** The chunks of a file, each of which is to be used before the next is asked for. */
export interface ModelChunks {
  readonly chunks: AsyncGenerator<Uint8Array>;
  readonly externalData?: { readonly location: string; readonly chunks: AsyncGenerator<Uint8Array> };
}

/**
 * {@link writeModel} for a model whose weights are not in memory: of later tensors, one at a time is.
 * @throws MedTextError as {@link writeModel}; the chunks throw what the tensors throw.
 */
export function modelChunks(model: Model<Tensor | LaterTensor>, options: WriteOptions = {}): ModelChunks {
  const external = new ExternalPieces<Uint8Array | LaterBytes>(options);
  const chunks = messageOf(model, options, external).chunks();
  if (external.pieces.length === 0) return { chunks };
  return { chunks, externalData: { location: external.location, chunks: chunksOf(external.pieces) } };
}

function messageOf(
  model: Model<Tensor | LaterTensor>,
  options: WriteOptions,
  external: ExternalPieces<Uint8Array | LaterBytes>,
): MessageWriter {
  const writer = new MessageWriter();
  writer.integer(1, model.irVersion).string(2, model.producerName);
  writer.message(7, (w) => {
    writeGraph(w, model.graph, external);
    for (const [name, tensor] of options.stored ?? []) w.message(5, (inner) => writeStored(inner, name, tensor));
  });
  for (const [domain, version] of model.opsets) writer.message(8, (w) => w.string(1, domain).integer(2, version));
  if (writer.length > MAX_FILE_BYTES) {
    throw new MedTextError('UNSUPPORTED', 'An ONNX file cannot exceed 2 GB; its tensors must go to an external file.', {
      sizeBytes: writer.length,
    });
  }
  return writer;
}

class ExternalPieces<Piece extends Uint8Array | LaterBytes> {
  readonly location: string;
  readonly pieces: (Piece | Uint8Array)[] = [];
  sizeBytes = 0;
  private readonly threshold: number;

  constructor(options: WriteOptions) {
    this.location = options.externalLocation ?? 'model.onnx.data';
    this.threshold = options.externalThresholdBytes ?? Infinity;
  }

  takes(bytes: Piece): boolean {
    return bytes.length >= this.threshold && bytes.length > 0;
  }

  /** Appends a tensor's bytes and gives their offset. */
  add(bytes: Piece): number {
    const padding = (ALIGNMENT_BYTES - (this.sizeBytes % ALIGNMENT_BYTES)) % ALIGNMENT_BYTES;
    if (padding > 0) this.pieces.push(new Uint8Array(padding));
    const offset = this.sizeBytes + padding;
    this.pieces.push(bytes);
    this.sizeBytes = offset + bytes.length;
    return offset;
  }
}

function writeGraph(
  w: MessageWriter,
  graph: Graph<Tensor | LaterTensor>,
  external?: ExternalPieces<Uint8Array | LaterBytes>,
): void {
  for (const node of graph.nodes) w.message(1, (inner) => writeNode(inner, node));
  w.string(2, graph.name);
  for (const [name, tensor] of graph.initializers) w.message(5, (inner) => writeTensor(inner, name, tensor, external));
  for (const input of graph.inputs) w.message(11, (inner) => writeValueInfo(inner, input));
  for (const output of graph.outputs) w.message(12, (inner) => writeValueInfo(inner, output));
}

function writeNode(w: MessageWriter, node: GraphNode): void {
  for (const input of node.inputs) w.string(1, input);
  for (const output of node.outputs) w.string(2, output);
  if (node.name) w.string(3, node.name);
  w.string(4, node.opType);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    w.message(5, (inner) => writeAttribute(inner.string(1, name), attribute));
  }
  if (node.domain) w.string(7, node.domain);
}

/** Writes the field and the AttributeProto.AttributeType of an attribute's kind. */
function writeAttribute(w: MessageWriter, attribute: Attribute): void {
  switch (attribute.type) {
    case 'float': w.float(2, attribute.value).integer(20, 1); break;
    case 'int': w.integer(3, attribute.value).integer(20, 2); break;
    case 'string': w.string(4, attribute.value).integer(20, 3); break;
    case 'tensor': w.message(5, (inner) => writeTensor(inner, '', attribute.value)).integer(20, 4); break;
    case 'graph': w.message(6, (inner) => writeGraph(inner, attribute.value)).integer(20, 5); break;
    case 'floats': attribute.value.forEach((value) => w.float(7, value)); w.integer(20, 6); break;
    case 'ints': attribute.value.forEach((value) => w.integer(8, value)); w.integer(20, 7); break;
    case 'strings': attribute.value.forEach((value) => w.string(9, value)); w.integer(20, 8); break;
  } // prettier-ignore
}

function writeTensor(
  w: MessageWriter,
  name: string,
  tensor: Tensor | LaterTensor,
  external?: ExternalPieces<Uint8Array | LaterBytes>,
): void {
  const { shape, dataType } = tensor;
  const bytes = 'data' in tensor ? bytesOf(tensor.data) : laterBytes(tensor);
  for (const dimension of shape) w.integer(1, dimension);
  w.integer(2, DATA_TYPES[dataType].code);
  if (name) w.string(8, name);
  if (!external?.takes(bytes)) {
    w.bytes(9, bytes);
    return;
  }
  writePlace(w, external.location, external.add(bytes), bytes.length);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: TypedArray) => new Uint8Array(buffer, byteOffset, byteLength);

function laterBytes({ dataType, shape, values }: LaterTensor): LaterBytes {
  return { length: elementCount(shape) * DATA_TYPES[dataType].bytes, bytes: async () => bytesOf(await values()) };
}

function writeStored(w: MessageWriter, name: string, { dataType, shape, location, offsetBytes }: StoredTensor): void {
  for (const dimension of shape) w.integer(1, dimension);
  w.integer(2, DATA_TYPES[dataType].code).string(8, name);
  writePlace(w, location, offsetBytes, elementCount(shape) * DATA_TYPES[dataType].bytes);
}

/** Writes TensorProto.external_data, and EXTERNAL as data_location. */
function writePlace(w: MessageWriter, location: string, offset: number, length: number): void {
  const entry = (key: string, value: string) => w.message(13, (inner) => inner.string(1, key).string(2, value));
  entry('location', location);
  entry('offset', String(offset));
  entry('length', String(length));
  w.integer(14, 1);
}

function writeValueInfo(w: MessageWriter, info: ValueInfo): void {
  const dimension = (d: number | string) => (inner: MessageWriter) => {
    if (typeof d === 'number') inner.integer(1, d);
    else if (d !== '') inner.string(2, d);
  };
  w.string(1, info.name).message(2, (type) =>
    type.message(1, (tensor) => {
      tensor.integer(1, DATA_TYPES[info.dataType].code);
      if (!info.unranked) tensor.message(2, (shape) => info.shape.forEach((d) => shape.message(1, dimension(d))));
    }),
  );
}
