/** PyTorch's part of a pickle: the few names a file of weights needs, and what they mean to us. */
import { MedTextError, words } from '../../base/errors';
import { elementCount, type DataType } from '../../onnx/dataType';
import type { ByteCursor } from './byteCursor';
import { checkedShape } from './checkpointSource';
import { PickleFunction, PickleTuple, unpickle, type PickleValue } from './pickle';

/** `torch.FloatStorage`, `torch.float32`, ...; without `dataType` it is one we cannot read. */
class ElementType {
  constructor(
    readonly name: string,
    readonly dataType: DataType | undefined,
  ) {}
  toString() {
    return this.name;
  }
}

/** The storage of a tensor, whose bytes are not read yet. */
export class TorchStorage {
  constructor(
    readonly key: string,
    readonly type: ElementType,
    /** The length in elements of `type`; in bytes for `torch.UntypedStorage`. */
    readonly count: number,
    /** The offset of a view in the storage `key`, in elements (legacy files only). */
    readonly viewOffset: number,
  ) {}
  toString() {
    return 'a storage';
  }
}

/** A strided view on a storage. */
export class TorchTensor {
  constructor(
    readonly storage: TorchStorage,
    readonly type: ElementType,
    /** The offset in elements. */
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
  toString() {
    return 'a tensor';
  }
}

const STORAGES: Record<string, DataType | undefined> = {
  FloatStorage: 'float32',
  DoubleStorage: 'float64',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
  UntypedStorage: 'uint8',
  ComplexFloatStorage: undefined,
  ComplexDoubleStorage: undefined,
  QInt8Storage: undefined,
  QUInt8Storage: undefined,
  QInt32Storage: undefined,
  QUInt4x2Storage: undefined,
  QUInt2x4Storage: undefined,
};

const DTYPES: Record<string, DataType | undefined> = {
  float32: 'float32',
  float: 'float32',
  float64: 'float64',
  double: 'float64',
  float16: 'float16',
  half: 'float16',
  bfloat16: 'bfloat16',
  int64: 'int64',
  long: 'int64',
  int32: 'int32',
  int: 'int32',
  int16: 'int16',
  short: 'int16',
  int8: 'int8',
  uint8: 'uint8',
  uint16: 'uint16',
  uint32: 'uint32',
  uint64: 'uint64',
  bool: 'bool',
  complex64: undefined,
  complex128: undefined,
  float8_e4m3fn: undefined,
  float8_e5m2: undefined,
};

/**
 * Runs one of PyTorch's pickles. `onStorage` hears of every storage it names.
 * @throws MedTextError CHECKPOINT_UNSAFE for any other name than those of {@link torchGlobals}, CHECKPOINT_FORMAT.
 */
export function unpickleTorch(
  cursor: ByteCursor,
  where: string,
  onStorage: (storage: TorchStorage) => void = () => {},
): PickleValue {
  const persistentLoad = (id: PickleValue): TorchStorage => {
    const [kind, type, key, , count, view] = id instanceof PickleTuple ? id.items : [];
    if (kind === 'module') throw wholeModule(where);
    const isStorage = kind === 'storage' && type instanceof ElementType && typeof key === 'string' && isCount(count);
    if (!isStorage) throw cursor.broken(words`a storage is not described as one`);
    if (view === undefined || view === null) {
      const storage = new TorchStorage(key, type, count, 0);
      onStorage(storage);
      return storage;
    }
    const [, offset, size] = view instanceof PickleTuple ? view.items : [];
    if (!isCount(offset) || !isCount(size) || offset + size > count) {
      throw cursor.broken(words`a view reaches beyond its storage`);
    }
    const storage = new TorchStorage(key, type, size, offset);
    onStorage(storage);
    return storage;
  };
  return unpickle(cursor, { globals: torchGlobals(cursor), persistentLoad }, where);
}

/** Characters and items that a pickle of a real model copies are a few thousand. */
const MAX_COPIED = 2 ** 22;

/** The cost of copying the value. */
function sizeOf(value: PickleValue): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  if (value instanceof PickleTuple) return value.items.length;
  return value instanceof Map || value instanceof Set ? value.size : 1;
}

/** The allow-list. Every function checks what it is given: a pickle can call it with anything. */
function torchGlobals(cursor: ByteCursor): Map<string, PickleValue> {
  const globals = new Map<string, PickleValue>();
  // Two bytes of a file copy a memo's value again, so the file's size bounds all copies together.
  let left = MAX_COPIED + 8 * cursor.end;
  const allow = (name: string, call: (args: readonly PickleValue[]) => PickleValue) =>
    globals.set(
      name,
      new PickleFunction(name, (args) => {
        for (const argument of args) left -= sizeOf(argument);
        if (left < 0) throw cursor.broken(words`it copies the same values over and over`);
        return call(args);
      }),
    );

  const rebuildTensor = (
    storage: PickleValue,
    offset: PickleValue,
    size: PickleValue,
    strides: PickleValue,
    type?: PickleValue,
  ) => {
    if (!(storage instanceof TorchStorage) || !isCount(offset)) throw cursor.broken(words`a tensor has no storage`);
    if (type !== undefined && !(type instanceof ElementType)) throw cursor.broken(words`a tensor has no element type`);
    if (!(size instanceof PickleTuple) || !(strides instanceof PickleTuple))
      throw cursor.broken(words`a tensor has no size`);
    const shape = checkedShape([...size.items], '(unnamed)', `byte ${cursor.position}`);
    if (strides.items.length !== shape.length || !strides.items.every(isCount)) {
      throw cursor.broken(words`a tensor has strides that do not fit its size`);
    }
    return new TorchTensor(storage, type ?? storage.type, offset, shape, strides.items as number[]);
  };
  const refuseNegated = (metadata: PickleValue | undefined) => {
    if (!(metadata instanceof Map) || !metadata.get('neg')) return;
    throw new MedTextError('UNSUPPORTED', words`The checkpoint holds a lazily negated tensor, which is not supported.`);
  };
  allow('torch._utils._rebuild_tensor', ([storage, offset, size, strides]) =>
    rebuildTensor(storage, offset, size, strides),
  );
  allow('torch._utils._rebuild_tensor_v2', ([storage, offset, size, strides, , , metadata]) => {
    refuseNegated(metadata);
    return rebuildTensor(storage, offset, size, strides);
  });
  allow('torch._utils._rebuild_tensor_v3', ([storage, offset, size, strides, , , type, metadata]) => {
    refuseNegated(metadata);
    return rebuildTensor(storage, offset, size, strides, type ?? null);
  });
  const parameter = ([data]: readonly PickleValue[]) => {
    if (!(data instanceof TorchTensor)) throw cursor.broken(words`a parameter is not a tensor`);
    return data;
  };
  allow('torch._utils._rebuild_parameter', parameter);
  allow('torch._utils._rebuild_parameter_with_state', parameter);

  allow('torch.Size', ([size]) =>
    size instanceof PickleTuple ? size : new PickleTuple(Array.isArray(size) ? size : []),
  );
  allow('torch.device', ([name]) => (typeof name === 'string' ? name : 'cpu'));
  allow('collections.OrderedDict', ([pairs]) => {
    const map = new Map<PickleValue, PickleValue>();
    if (pairs === undefined) return map;
    // Python 2 wrote OrderedDict([[key, value], ...]).
    if (!Array.isArray(pairs)) throw cursor.broken(words`an OrderedDict is not made from pairs`);
    for (const pair of pairs) {
      const [key, value] = pair instanceof PickleTuple ? pair.items : Array.isArray(pair) ? pair : [];
      if (value === undefined) throw cursor.broken(words`an OrderedDict is not made from pairs`);
      map.set(key, value);
    }
    return map;
  });
  // Protocol 2 has no opcodes for bytes and sets and writes them as these calls.
  allow('_codecs.encode', ([text]) => {
    if (typeof text !== 'string') throw cursor.broken(words`bytes are not written as text`);
    return Uint8Array.from(Buffer.from(text, 'latin1'));
  });
  for (const name of ['builtins.set', '__builtin__.set', 'builtins.frozenset', '__builtin__.frozenset']) {
    allow(name, ([items]) => new Set(Array.isArray(items) ? items : items instanceof PickleTuple ? items.items : []));
  }

  for (const [name, dataType] of Object.entries(STORAGES)) {
    for (const module of ['torch', 'torch.storage', 'torch.cuda']) {
      globals.set(`${module}.${name}`, new ElementType(`torch.${name}`, dataType));
    }
  }
  for (const [name, dataType] of Object.entries(DTYPES)) {
    globals.set(`torch.${name}`, new ElementType(`torch.${name}`, dataType));
  }
  return globals;
}

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function wholeModule(where: string): MedTextError {
  return new MedTextError(
    'CHECKPOINT_UNSAFE',
    words`${where} is a whole pickled module, not its weights. Save model.state_dict() in Python instead.`,
    { file: where },
  );
}

/** The tensor's element type, checked; its reach lies inside its storage of `storageBytes`. In elements. */
export function checkedTensor(
  name: string,
  tensor: TorchTensor,
  storageBytes: number,
  elementBytes: number,
  file: string,
): void {
  let last = tensor.storage.viewOffset + tensor.offset - 1;
  if (elementCount(tensor.shape) > 0) {
    last++;
    tensor.shape.forEach((size, i) => (last += (size - 1) * tensor.strides[i]));
  }
  if (Number.isSafeInteger(last) && (last + 1) * elementBytes <= storageBytes) return;
  throw new MedTextError(
    'CHECKPOINT_FORMAT',
    words`${file}: tensor "${name}" reaches beyond its storage (${storageBytes} bytes).`,
    { file, tensor: name },
  );
}

/**
 * The state dictionary in what a checkpoint holds: the dictionary with the most tensors under string keys, whether it
 * is the whole, or under "state_dict", "model", ... (up to four levels down).
 */
export function findStateDictionary(root: PickleValue, file: string): Map<string, TorchTensor> {
  let best = new Map<string, TorchTensor>();
  const seen = new Set<PickleValue>();
  let level: PickleValue[] = [root];
  for (let depth = 0; depth < 5 && level.length > 0; depth++) {
    const next: PickleValue[] = [];
    for (const value of level) {
      // Pickles can be cyclic.
      if (seen.has(value)) continue;
      seen.add(value);
      if (value instanceof Map) {
        const tensors = new Map<string, TorchTensor>();
        for (const [key, item] of value) {
          if (typeof key === 'string' && item instanceof TorchTensor) tensors.set(key, item);
          else if (item instanceof Map || Array.isArray(item) || item instanceof PickleTuple) next.push(item);
        }
        if (tensors.size > best.size) best = tensors;
      } else {
        for (const item of Array.isArray(value) ? value : value instanceof PickleTuple ? value.items : []) {
          if (typeof item === 'object' && item !== null) next.push(item);
        }
      }
    }
    level = next;
  }
  if (best.size > 0) return best;
  throw new MedTextError('CHECKPOINT_FORMAT', words`${file} holds no dictionary of tensors.`, { file });
}
