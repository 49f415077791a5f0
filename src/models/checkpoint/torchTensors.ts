/** PyTorch's strided tensors, read out of their storages. */
import { MedTextError, words } from '../../base/errors';
import { DATA_TYPES, type DataType } from '../../onnx/dataType';
import { stridesOf } from '../../onnx/shapes';
import { assertLength, type CheckpointTensor, type StoredPlace } from './checkpointSource';
import { checkedTensor, type TorchTensor } from './torchPickle';
import { readWidened, type ReadBytes } from './widen';

/** The bytes of one storage, in whichever file they lie. */
export interface StorageBytes {
  readonly sizeBytes: number;
  /** The position of the first byte, where a file has the storage unchanged. */
  readonly place?: StoredPlace;
  readonly read: ReadBytes;
}

/** Tensors by name over the storages they look at. */
export function torchTensors(
  state: ReadonlyMap<string, TorchTensor>,
  storageOf: (key: string) => StorageBytes | undefined,
  file: string,
): Map<string, CheckpointTensor> {
  const tensors = new Map<string, CheckpointTensor>();
  for (const [name, tensor] of state) {
    const storage = storageOf(tensor.storage.key);
    if (!storage) {
      throw new MedTextError('CHECKPOINT_FORMAT', words`${file}: the storage of tensor "${name}" is missing.`, {
        file,
        tensor: name,
      });
    }
    const dataType = tensor.type.dataType;
    if (!dataType) {
      throw new MedTextError(
        'UNSUPPORTED',
        words`${file}: tensor "${name}" is of type ${tensor.type.name}, which is not supported.`,
        {
          file,
          tensor: name,
        },
      );
    }
    checkedTensor(name, tensor, storage.sizeBytes, DATA_TYPES[dataType].bytes, file);
    const read = async (into: Float32Array) => {
      assertLength({ name, shape: tensor.shape }, into);
      await readStrided(storage.read, dataType, tensor, into);
    };
    const place = dataType === 'float32' && isRowMajor(tensor) ? placeOf(tensor, storage) : undefined;
    tensors.set(name, { name, dataType, shape: tensor.shape, place, read });
  }
  return tensors;
}

/** The position of a float32 tensor's first element. */
function placeOf({ storage: { viewOffset }, offset }: TorchTensor, { place }: StorageBytes): StoredPlace | undefined {
  return place && { ...place, offsetBytes: place.offsetBytes + (viewOffset + offset) * DATA_TYPES.float32.bytes };
}

function isRowMajor({ shape, strides }: TorchTensor): boolean {
  return stridesOf(shape).every((stride, axis) => shape[axis] <= 1 || strides[axis] === stride);
}

/** Up to this many elements a view's whole span is read at once, even when most of it is not wanted. */
const SMALL_SPAN = 2 ** 20;

/**
 * Row-major values of a strided view. Where the view's span is not much larger than the view (transposed, expanded),
 * it is read once and gathered; a sparse view (a few columns of a large storage) is read a slice of its largest stride
 * at a time, so that memory stays within about the tensor's own size.
 */
async function readStrided(
  readBytes: ReadBytes,
  dataType: DataType,
  tensor: TorchTensor,
  into: Float32Array,
): Promise<void> {
  if (into.length === 0) return;
  const elementBytes = DATA_TYPES[dataType].bytes;
  // Storage strides and row-major strides of the dimensions that matter, largest storage stride first.
  const dimensions: { size: number; from: number; to: number }[] = [];
  let to = 1;
  for (let i = tensor.shape.length - 1; i >= 0; i--) {
    if (tensor.shape[i] > 1) dimensions.push({ size: tensor.shape[i], from: tensor.strides[i], to });
    to *= tensor.shape[i];
  }
  const rowMajor = dimensions.every((dimension) => dimension.from === dimension.to);
  dimensions.sort((a, b) => b.from - a.from || b.to - a.to);

  const readSlice = async (depth: number, start: number, target: number): Promise<void> => {
    const rest = dimensions.slice(depth);
    const span = rest.reduce((sum, { size, from }) => sum + (size - 1) * from, 1);
    const wanted = rest.reduce((product, { size }) => product * size, 1);
    if (span <= Math.max(SMALL_SPAN, 2 * wanted)) {
      const values = new Float32Array(span);
      await readWidened(readBytes, start * elementBytes, dataType, values);
      gather(values, rest, 0, 0, into, target);
      return;
    }
    const [{ size, from, to: step }] = rest;
    for (let i = 0; i < size; i++) await readSlice(depth + 1, start + i * from, target + i * step);
  };

  const start = tensor.storage.viewOffset + tensor.offset;
  if (rowMajor) await readWidened(readBytes, start * elementBytes, dataType, into);
  else await readSlice(0, start, 0);
}

function gather(
  values: Float32Array,
  dimensions: readonly { size: number; from: number; to: number }[],
  depth: number,
  source: number,
  into: Float32Array,
  target: number,
): void {
  if (depth === dimensions.length) {
    into[target] = values[source];
    return;
  }
  const { size, from, to } = dimensions[depth];
  if (depth === dimensions.length - 1) {
    for (let i = 0; i < size; i++) into[target + i * to] = values[source + i * from];
    return;
  }
  for (let i = 0; i < size; i++) gather(values, dimensions, depth + 1, source + i * from, into, target + i * to);
}
