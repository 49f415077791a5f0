/** The contract of all readers of weights, whatever the file's form. */
import { MedTextError, words } from '../../base/errors';
import { elementCount, type DataType } from '../../onnx/dataType';

export interface CheckpointTensor {
  readonly name: string;
  /** The stored type; {@link read} always widens to float32. */
  readonly dataType: DataType;
  readonly shape: readonly number[];
  /** Where the tensor's float32 elements lie in a file unchanged: row-major, little-endian; absent where they do not. */
  readonly place?: StoredPlace;
  /**
   * Fills `into`, which must hold exactly the tensor's elements, row-major, as float32.
   * @throws MedTextError CHECKPOINT_FORMAT when the file is shorter than it says, IO when it cannot be read.
   */
  read(into: Float32Array): Promise<void>;
}

export interface StoredPlace {
  /** The path as it was opened. */
  readonly file: string;
  readonly offsetBytes: number;
}

export type CheckpointFormat = 'safetensors' | 'torch-zip' | 'torch-legacy' | 'onnx' | 'four-bit';

/** An open checkpoint: names and shapes are known, values are read one tensor at a time. */
export interface CheckpointSource {
  readonly format: CheckpointFormat;
  /** Absolute paths of the weights files. */
  readonly files: readonly string[];
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  close(): Promise<void>;
}

/** A bound on elements that no encoder's tensor reaches; it keeps every byte count far from 2^53. */
const MAX_ELEMENTS = 2 ** 33;

/**
 * The shape as plain numbers, if `value` is one: an array of at most 8 non-negative integers whose product is sane.
 * @throws MedTextError CHECKPOINT_FORMAT naming file and tensor.
 */
export function checkedShape(value: unknown, tensor: string, file: string): number[] {
  const valid =
    Array.isArray(value) &&
    value.length <= 8 &&
    value.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0) &&
    elementCount(value) <= MAX_ELEMENTS;
  if (valid) return value;
  throw new MedTextError('CHECKPOINT_FORMAT', words`${file}: tensor "${tensor}" has a shape that is not valid.`, {
    file,
    tensor,
  });
}

/** Guards the contract of {@link CheckpointTensor.read}. */
export function assertLength(tensor: { name: string; shape: readonly number[] }, into: Float32Array): void {
  if (into.length === elementCount(tensor.shape)) return;
  throw new MedTextError(
    'INTERNAL',
    `Tensor "${tensor.name}" has ${elementCount(tensor.shape)} elements; it was read into ${into.length}.`,
  );
}
