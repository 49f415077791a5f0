/** Weights for a graph that contains them: matrices stay in their file, the rest is in memory. */
import { MedTextError } from '../base/errors';
import { elementCount } from '../onnx/dataType';
import type { LaterTensor } from '../onnx/model';
import type { CheckpointTensor, StoredPlace } from './checkpoint/checkpointSource';
import { filePlace, type FilePlace } from './checkpoint/filePlace';
import { assertFinite } from './checkpoint/finite';
import { planLoad, type ModelFolder } from './modelFolder';
import { openWeights } from './openWeights';
import type { ParameterSpec } from './parameters';

export interface StoredWeight {
  readonly shape: readonly number[];
  /** float32; undefined where the weight stays in its file. */
  readonly values: Float32Array | undefined;
  /** Undefined where the values are in memory. */
  readonly place: FilePlace | undefined;
}

export interface StoredWeightsOptions {
  /** Weights that may stay in their file, if the file has them as they are computed with. */
  readonly inFile: (name: string) => boolean;
  readonly signal?: AbortSignal;
}

/** A smaller weight is not mapped. */
const MIN_FILE_BYTES = 2 ** 14;

/**
 * The weights that `specs` name, every one looked at: none holds a value that is no finite number. Nothing is read where
 * any is missing.
 * @throws MedTextError what {@link planLoad} throws; CHECKPOINT_FORMAT, CHECKPOINT_UNSAFE, UNSUPPORTED, IO or CANCELLED.
 */
export async function openStoredWeights(
  folder: ModelFolder,
  specs: readonly ParameterSpec[],
  { inFile, signal }: StoredWeightsOptions,
): Promise<{ readonly weights: ReadonlyMap<string, StoredWeight>; readonly missing: readonly ParameterSpec[] }> {
  const weights = new Map<string, StoredWeight>();
  if (folder.weightsPath === undefined) return { weights, missing: specs };
  const source = await openWeights(folder, folder.weightsPath);
  try {
    const { used, missing, where } = planLoad(source, specs, folder);
    if (missing.length > 0) return { weights, missing };
    let scratch = new Float32Array(0);
    for (const { name, from } of used) {
      refuseAborted(signal);
      const tensor = source.tensors.get(from)!;
      const count = elementCount(tensor.shape);
      const place = inFile(name) ? placeOf(tensor, count) : undefined;
      if (place && scratch.length < count) scratch = new Float32Array(count);
      const values = place ? scratch.subarray(0, count) : new Float32Array(count);
      await tensor.read(values);
      assertFinite(values, from, where);
      weights.set(name, {
        shape: tensor.shape,
        values: place ? undefined : values,
        place: place && (await filePlace(place)),
      });
    }
    return { weights, missing };
  } finally {
    await source.close();
  }
}

/**
 * {@link openStoredWeights} for a user that reads the weights one after another, while the file is open. An array of values
 * is used again for the next weight.
 * @returns what `use` returns, or the weights that are missing
 * @throws MedTextError the errors of {@link openStoredWeights}, in part from the weights' own `values`.
 */
export async function readStoredWeights<T>(
  folder: ModelFolder,
  specs: readonly ParameterSpec[],
  signal: AbortSignal | undefined,
  use: (weights: ReadonlyMap<string, LaterTensor>) => Promise<T>,
): Promise<{ readonly result: T } | { readonly missing: readonly ParameterSpec[] }> {
  if (folder.weightsPath === undefined) return { missing: specs };
  const source = await openWeights(folder, folder.weightsPath);
  try {
    const { used, missing, where } = planLoad(source, specs, folder);
    if (missing.length > 0) return { missing };
    let scratch = new Float32Array(0);
    const weights = used.map(({ name, from }): [string, LaterTensor] => {
      const tensor = source.tensors.get(from)!;
      const count = elementCount(tensor.shape);
      const values = async () => {
        refuseAborted(signal);
        if (scratch.length < count) scratch = new Float32Array(count);
        const read = scratch.subarray(0, count);
        await tensor.read(read);
        assertFinite(read, from, where);
        return read;
      };
      return [name, { dataType: 'float32', shape: tensor.shape, values }];
    });
    return { result: await use(new Map(weights)) };
  } finally {
    await source.close();
  }
}

function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new MedTextError('CANCELLED', 'Loading the model was cancelled.');
}

function placeOf({ place }: CheckpointTensor, count: number): StoredPlace | undefined {
  const isWorthIt = 4 * count >= MIN_FILE_BYTES;
  return place && isWorthIt && place.offsetBytes % 4 === 0 ? place : undefined;
}
