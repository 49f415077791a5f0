/**
 * The ONNX reader, for bytes that are not trusted. Field numbers are those of onnx.proto (onnx 1.23, IR version 14).
 * Fields that the project does not use (documentation, metadata, training info) are skipped.
 */
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { MedTextError } from '../base/errors';
import { DATA_TYPES, dataTypeOfCode, type DataType, type TypedArray } from './dataType';
import { resolveExternalPath } from './externalLocation';
import type { Attribute, Graph, GraphNode, Model, Tensor, ValueInfo } from './model';
import { ByteRun, MessageReader } from './wire';

export interface ReadOptions {
  /**
   * Reads `length` bytes at `offset` of the file `location`. The path is relative to the model's folder and was checked
   * not to leave it. The reader may keep views on the array.
   */
  readonly readExternal?: (location: string, offset: number, length: number) => Uint8Array;
  /** The limit of all external data in bytes. Absent: 16 GiB. */
  readonly maxExternalBytes?: number;
}

/**
 * Reads an ONNX file.
 * @throws MedTextError ONNX_FORMAT for a broken, truncated or inconsistent file, UNSUPPORTED for a valid file with
 * something that the project lacks (named), NOT_FOUND for external data without `readExternal`.
 */
export function readModel(bytes: Uint8Array, options: ReadOptions = {}): Model {
  return new ModelReader(bytes, options).read();
}

const MAX_RANK = 64;
const MAX_ELEMENTS = 2 ** 34;

/** The kinds of AttributeProto.AttributeType that are read. */
const ATTRIBUTE_TYPES: Readonly<Record<number, Attribute['type']>> = {
  1: 'float', 2: 'int', 3: 'string', 4: 'tensor', 5: 'graph', 6: 'floats', 7: 'ints', 8: 'strings',
}; // prettier-ignore
const REFUSED_ATTRIBUTE_TYPES: Readonly<Record<number, string>> = {
  9: 'a list of tensors', 10: 'a list of graphs', 11: 'a sparse tensor', 12: 'sparse tensors', 13: 'a type', 14: 'types',
}; // prettier-ignore

/** TensorProto.DataType codes without a row in the dtype table, for the message. */
const REFUSED_DATA_TYPES: Readonly<Record<number, string>> = {
  8: 'strings', 14: 'complex64', 15: 'complex128', 17: 'float8e4m3fn', 18: 'float8e4m3fnuz', 19: 'float8e5m2',
  20: 'float8e5m2fnuz', 21: 'uint4', 22: 'int4', 23: 'float4e2m1', 24: 'float8e8m0', 25: 'uint2', 26: 'int2',
}; // prettier-ignore

class ModelReader {
  private readonly reader: MessageReader;
  private externalBytesLeft: number;

  constructor(
    bytes: Uint8Array,
    private readonly options: ReadOptions,
  ) {
    // A Uint8Array, because Buffer's slice and subarray behave differently.
    this.reader = new MessageReader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.externalBytesLeft = options.maxExternalBytes ?? 16 * 2 ** 30;
  }

  read(): Model {
    const r = this.reader;
    let irVersion = 0;
    let producerName = '';
    const graphs: Graph[] = [];
    const opsets = new Map<string, number>();
    const functions = new Set<string>();
    r.root({
      1: () => (irVersion = r.integer()),
      2: () => (producerName = r.string()),
      7: () => graphs.push(this.graph()),
      8: () => {
        let domain = '';
        let version = 0;
        r.message({ 1: () => (domain = r.string()), 2: () => (version = r.integer()) });
        opsets.set(standardDomain(domain), version);
      },
      25: () => functions.add(this.functionName()),
    });
    if (graphs.length !== 1) r.fail(`it holds ${graphs.length} graphs`);
    if (opsets.size === 0) r.fail('it names no operator set');
    checkGraph(graphs[0], functions, new Set(), r);
    return { irVersion, producerName, opsets, graph: graphs[0] };
  }

  private functionName(): string {
    const r = this.reader;
    let name = '';
    let domain = '';
    r.message({ 1: () => (name = r.string()), 10: () => (domain = r.string()) });
    return `${standardDomain(domain)}:${name}`;
  }

  private graph(): Graph {
    const r = this.reader;
    let name = '';
    const nodes: GraphNode[] = [];
    const inputs: ValueInfo[] = [];
    const outputs: ValueInfo[] = [];
    const initializers = new Map<string, Tensor>();
    r.message({
      1: () => nodes.push(this.node()),
      2: () => (name = r.string()),
      5: () => {
        const tensor = this.tensor('an initialiser');
        if (tensor.name === '') r.fail('an initialiser has no name');
        if (initializers.has(tensor.name)) r.fail(`the initialiser "${tensor.name}" is given twice`);
        initializers.set(tensor.name, tensor.value);
      },
      11: () => inputs.push(this.valueInfo()),
      12: () => outputs.push(this.valueInfo()),
      15: () => unsupported(`The graph "${name}" has sparse initialisers, which are not supported.`, { graph: name }),
    });
    return { name, nodes, inputs, outputs, initializers };
  }

  private node(): GraphNode {
    const r = this.reader;
    const inputs: string[] = [];
    const outputs: string[] = [];
    let [name, opType, domain] = ['', '', ''];
    // The object has no prototype, because an attribute may be called "__proto__".
    const attributes: Record<string, Attribute> = Object.create(null);
    r.message({
      1: () => inputs.push(r.string()),
      2: () => outputs.push(r.string()),
      3: () => (name = r.string()),
      4: () => (opType = r.string()),
      5: () => {
        const attribute = this.attribute(`${opType} node "${name || outputs[0] || ''}"`);
        if (attribute.name in attributes) r.fail(`node "${name}" has the attribute "${attribute.name}" twice`);
        attributes[attribute.name] = attribute.value;
      },
      7: () => (domain = standardDomain(r.string())),
    });
    if (opType === '') r.fail(`node "${name}" has no operator`);
    return { name, opType, domain, inputs, outputs, attributes };
  }

  private attribute(where: string): { name: string; value: Attribute } {
    const r = this.reader;
    let name = '';
    let code = 0;
    let reference = '';
    let [int, float, string] = [0, 0, ''];
    let tensor: Tensor | undefined;
    let graph: Graph | undefined;
    const floats = new ByteRun();
    const ints = new ByteRun();
    const strings: string[] = [];
    const seen = new Set<Attribute['type']>();
    r.message({
      1: () => (name = r.string()),
      2: () => ((float = r.float()), seen.add('float')),
      3: () => ((int = r.integer()), seen.add('int')),
      4: () => ((string = r.string()), seen.add('string')),
      5: () => ((tensor = this.tensor(`attribute "${name}" of the ${where}`).value), seen.add('tensor')),
      6: () => ((graph = this.graph()), seen.add('graph')),
      7: () => (r.elements(floats), seen.add('floats')),
      8: () => (r.elements(ints), seen.add('ints')),
      9: () => (strings.push(r.string()), seen.add('strings')),
      20: () => (code = r.integer()),
      21: () => (reference = r.string()),
    });
    if (name === '') r.fail(`an attribute of the ${where} has no name`);
    if (reference) r.fail(`attribute "${name}" of the ${where} refers to a function's attribute, outside a function`);
    if (code in REFUSED_ATTRIBUTE_TYPES) {
      unsupported(`Attribute "${name}" of the ${where} is ${REFUSED_ATTRIBUTE_TYPES[code]}, which is not supported.`, {
        name,
      });
    }
    // IR version 1 had no type field; the field that is present shows the type.
    const type = code === 0 && seen.size === 1 ? [...seen][0] : ATTRIBUTE_TYPES[code];
    const missing = (): never => r.fail(`attribute "${name}" of the ${where} has no value`);
    const value = (): Attribute => {
      switch (type) {
        case 'int': return { type, value: int };
        case 'float': return { type, value: float };
        case 'string': return { type, value: string };
        case 'ints': return { type, value: numbersOf(varints('int64', ints.bytes, undefined, r)) };
        case 'floats': return { type, value: numbersOf(fixed('float32', floats.bytes, r)) };
        case 'strings': return { type, value: strings };
        case 'tensor': return { type, value: tensor ?? missing() };
        case 'graph': return { type, value: graph ?? missing() };
        default: return r.fail(`attribute "${name}" of the ${where} is of the unknown kind ${code}`);
      } // prettier-ignore
    };
    return { name, value: value() };
  }

  private valueInfo(): ValueInfo {
    const r = this.reader;
    let name = '';
    let code: number | undefined;
    let shape: (number | string)[] | undefined;
    let otherType = '';
    const dimension = () => {
      let value: number | string = '';
      r.message({ 1: () => (value = r.integer()), 2: () => (value = r.string()) });
      // Some exporters write -1 for an unknown size.
      shape!.push(typeof value === 'number' && value < 0 ? '' : value);
      if (shape!.length > MAX_RANK) r.fail(`the value "${name}" has more than ${MAX_RANK} dimensions`);
    };
    const tensorType = () =>
      r.message({
        1: () => (code = r.integer()),
        2: () => {
          shape = [];
          r.message({ 1: dimension });
        },
      });
    const refuse = (type: string) => () => {
      otherType = type;
      r.message({});
    };
    const type = () =>
      r.message({
        1: tensorType,
        4: refuse('a sequence'),
        5: refuse('a map'),
        8: refuse('a sparse tensor'),
        9: refuse('optional'),
      });
    r.message({ 1: () => (name = r.string()), 2: type });
    if (name === '') r.fail('an input or output has no name');
    if (otherType) unsupported(`The value "${name}" is ${otherType}; only dense tensors are supported.`, { name });
    if (code === undefined)
      unsupported(`The value "${name}" has no type; only typed inputs and outputs are supported.`, { name });
    const dataType = supportedType(code, `The value "${name}"`, r);
    return shape ? { name, dataType, shape } : { name, dataType, shape: [], unranked: true };
  }

  private tensor(where: string): { name: string; value: Tensor } {
    const r = this.reader;
    let name = '';
    let code = 0;
    let raw: Uint8Array | undefined;
    let isExternal = false;
    const dims = new ByteRun();
    const [floats, int32s, int64s, doubles, uint64s] = Array.from({ length: 5 }, () => new ByteRun());
    const external = new Map<string, string>();
    r.message({
      1: () => r.elements(dims),
      2: () => (code = r.integer()),
      3: () => unsupported('A tensor is stored in segments, which is not supported.', { name }),
      4: () => r.elements(floats),
      5: () => r.elements(int32s),
      7: () => r.elements(int64s),
      8: () => (name = r.string()),
      9: () => (raw = r.view()),
      10: () => r.elements(doubles),
      11: () => r.elements(uint64s),
      13: () => {
        let [key, value] = ['', ''];
        r.message({ 1: () => (key = r.string()), 2: () => (value = r.string()) });
        external.set(key, value);
      },
      14: () => (isExternal = r.integer() === 1),
    });
    const label = name ? `The tensor "${name}"` : `The tensor in ${where}`;
    const dataType = supportedType(code, label, r);
    if (dims.length > 10 * MAX_RANK) r.fail(`${label} has more than ${MAX_RANK} dimensions`);
    const shape = numbersOf(varints('int64', dims.bytes, undefined, r));
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    if (shape.length > MAX_RANK || shape.some((d) => d < 0) || !(count <= MAX_ELEMENTS)) {
      r.fail(`${label} has the impossible shape [${shape.slice(0, MAX_RANK)}]`);
    }
    const wrongSize = (has: number, unit: string): never =>
      r.fail(`${label} of shape [${shape}] has ${has} ${unit} of data`);
    const fixedSize = (bytes: Uint8Array): TypedArray => {
      if (bytes.length !== count * DATA_TYPES[dataType].bytes) wrongSize(bytes.length, 'bytes');
      return fixed(dataType, bytes, r);
    };
    const variableSize = (run: ByteRun): TypedArray => {
      if (run.length < count) wrongSize(run.length, 'bytes');
      return varints(dataType, run.bytes, count, r);
    };
    const data = (): TypedArray => {
      if (isExternal) return this.external(label, dataType, count, external);
      if (raw) return fixedSize(raw);
      switch (dataType) {
        case 'float32': return fixedSize(floats.bytes);
        case 'float64': return fixedSize(doubles.bytes);
        case 'int64': return variableSize(int64s);
        case 'uint32': case 'uint64': return variableSize(uint64s);
        default: return variableSize(int32s);
      } // prettier-ignore
    };
    return { name, value: { dataType, shape, data: data() } };
  }

  private external(label: string, dataType: DataType, count: number, entries: ReadonlyMap<string, string>): TypedArray {
    const r = this.reader;
    const location = entries.get('location') ?? r.fail(`${label} lies in an external file that is not named`);
    const integer = (key: string, fallback: number): number => {
      const text = entries.get(key);
      if (text === undefined || text === '') return fallback;
      const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
      return Number.isSafeInteger(value) ? value : r.fail(`${label} has the external ${key} "${text.slice(0, 40)}"`);
    };
    const length = count * DATA_TYPES[dataType].bytes;
    const offset = integer('offset', 0);
    if (integer('length', length) !== length)
      r.fail(`${label} needs ${length} external bytes, not ${entries.get('length')}`);
    this.externalBytesLeft -= length;
    if (this.externalBytesLeft < 0) r.fail('its external data is larger than is allowed');
    const path = resolveExternalPath('.', location).slice('./'.length);
    if (!this.options.readExternal) {
      throw new MedTextError(
        'NOT_FOUND',
        `${label} lies in the file "${location}" beside the model, which was not given.`,
        { location },
      );
    }
    const bytes = length === 0 ? new Uint8Array(0) : this.options.readExternal(path, offset, length);
    if (bytes.length !== length)
      r.fail(`"${location}" has ${bytes.length} of the ${length} bytes of ${label} at ${offset}`);
    const row = DATA_TYPES[dataType];
    return bytes.byteOffset % row.bytes === 0
      ? new row.array(bytes.buffer as ArrayBuffer, bytes.byteOffset, count)
      : fixed(dataType, bytes, r);
  }
}

function supportedType(code: number, label: string, r: MessageReader): DataType {
  const dataType = dataTypeOfCode(code);
  if (dataType) return dataType;
  const name = REFUSED_DATA_TYPES[code];
  return name
    ? unsupported(`${label} is of type ${name}, which is not supported.`, { dataType: name })
    : r.fail(`${label} is of the unknown type ${code}`);
}

/** Little-endian elements as they lie in the file, copied to aligned memory. */
function fixed(dataType: DataType, bytes: Uint8Array, r: MessageReader): TypedArray {
  const row = DATA_TYPES[dataType];
  if (bytes.length % row.bytes !== 0) r.fail(`${bytes.length} bytes are no whole number of ${dataType}`);
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return new row.array(copy.buffer, 0, bytes.length / row.bytes);
}

/**
 * Varint elements: `count` of them, or as many as there are. float16 and bfloat16 elements are bits, as onnx.proto
 * defines.
 */
function varints(dataType: DataType, bytes: Uint8Array, count: number | undefined, r: MessageReader): TypedArray {
  const reader = new BinaryReader(bytes);
  if (count === undefined) {
    count = 0;
    for (const byte of bytes) if (byte < 0x80) count++;
  }
  const values = new DATA_TYPES[dataType].array(count);
  for (let i = 0; i < count; i++) {
    if (reader.pos >= bytes.length) r.fail(`a list has ${i} of its ${count} numbers`);
    if (values instanceof BigInt64Array) values[i] = BigInt(reader.int64());
    else if (values instanceof BigUint64Array) values[i] = BigInt(reader.uint64());
    else values[i] = dataType === 'uint32' ? Number(reader.uint64()) : reader.int32();
  }
  if (reader.pos !== bytes.length) r.fail(`a list has more than its ${count} numbers`);
  return values;
}

function numbersOf(values: TypedArray): number[] {
  return Array.from(values as ArrayLike<number | bigint>, Number);
}

/** Checks that every value is made once, before it is read. Functions that are declared but not called do no harm. */
function checkGraph(graph: Graph, functions: ReadonlySet<string>, outer: ReadonlySet<string>, r: MessageReader): void {
  const own = new Set<string>();
  const define = (name: string) => {
    if (own.has(name)) r.fail(`two things in the graph are called "${name}"`);
    own.add(name);
  };
  graph.inputs.forEach((input) => define(input.name));
  for (const name of graph.initializers.keys()) own.add(name); // may also be an input: a default value
  for (const node of graph.nodes) {
    const where = `${node.opType} node "${node.name || node.outputs[0] || ''}"`;
    if (functions.has(`${node.domain}:${node.opType}`)) {
      unsupported(
        `The ${where} calls a function of the model, which is not supported; export it with functions inlined.`,
        {
          opType: node.opType,
          node: node.name,
        },
      );
    }
    for (const input of node.inputs) {
      if (input && !own.has(input) && !outer.has(input))
        r.fail(`the ${where} reads "${input}" before anything makes it`);
    }
    for (const attribute of Object.values(node.attributes)) {
      if (attribute.type === 'graph') checkGraph(attribute.value, functions, new ScopeNames(own, outer), r);
    }
    for (const output of node.outputs) if (output) define(output);
  }
  for (const output of graph.outputs) {
    if (!own.has(output.name) && !outer.has(output.name)) r.fail(`nothing makes the output "${output.name}"`);
  }
}

/** The names visible inside a subgraph. The outer names are not copied at each level. */
class ScopeNames extends Set<string> {
  constructor(
    private readonly inner: ReadonlySet<string>,
    private readonly outer: ReadonlySet<string>,
  ) {
    super();
  }
  override has(name: string): boolean {
    return this.inner.has(name) || this.outer.has(name);
  }
}

/** The domain's name. "ai.onnx" is the long name of the standard domain ''. */
function standardDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

function unsupported(message: string, detail: Record<string, unknown>): never {
  throw new MedTextError('UNSUPPORTED', message, detail);
}
