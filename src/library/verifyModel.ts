/** Checks whether a model's files are unchanged and can be read as a model. */
import { MedTextError } from '../base/errors';
import { openStored } from '../models/openWeights';
import { openModelFolder } from '../models/modelFolder';
import { modelContent } from '../models/modelContent';
import { elementCount } from '../onnx/dataType';
import { readModelRecord } from './modelRecord';

export interface Verification {
  readonly contentHash: string;
  /** `same`, `changed` or `missing` compared with the record; `unrecorded` where the record does not name the file. */
  readonly files: readonly { readonly name: string; readonly state: 'same' | 'changed' | 'missing' | 'unrecorded' }[];
  /** The number of tensors that were read to their last value. */
  readonly tensors: number;
  /** The tensors with NaN or infinite values. */
  readonly notFinite: readonly string[];
  readonly ok: boolean;
}

/**
 * Hashes every file, compares the hashes with the record, and reads every tensor.
 * @throws MedTextError what opening the model throws when it is broken; CANCELLED.
 */
export async function verifyModel(
  path: string,
  { onProgress, signal }: { onProgress?: (done: number, total: number) => void; signal?: AbortSignal } = {},
): Promise<Verification> {
  const folder = await openModelFolder(path);
  const record = await readModelRecord(folder.path);
  const { contentHash, files } = await modelContent(folder, { anew: true, signal });
  const recorded = new Map(record?.files.map(({ name, sha256 }) => [name, sha256]));
  const states = files.map(({ name, sha256 }) => {
    const before = recorded.get(name);
    const state = before === undefined ? ('unrecorded' as const) : before === sha256 ? ('same' as const) : ('changed' as const); // prettier-ignore
    return { name, state };
  });
  const present = new Set(files.map(({ name }) => name));
  const missing = [...recorded.keys()].filter((name) => !present.has(name)).map((name) => ({ name, state: 'missing' as const })); // prettier-ignore
  const notFinite: string[] = [];
  let tensors = 0;
  if (folder.weightsPath !== undefined) {
    const checkpoint = await openStored(folder.weightsPath);
    try {
      let scratch = new Float32Array(0);
      for (const [name, tensor] of checkpoint.tensors) {
        if (signal?.aborted) throw new MedTextError('CANCELLED', 'The check was cancelled.');
        const length = elementCount(tensor.shape);
        if (scratch.length < length) scratch = new Float32Array(length);
        const values = scratch.subarray(0, length);
        await tensor.read(values);
        // A sum of finite numbers this small cannot overflow a double; NaN and infinity pass into it.
        let sum = 0;
        for (let i = 0; i < length; i++) sum += values[i];
        if (!Number.isFinite(sum)) notFinite.push(name);
        onProgress?.(++tensors, checkpoint.tensors.size);
      }
    } finally {
      await checkpoint.close();
    }
  }
  const all = [...states, ...missing];
  const isChanged = all.some(({ state }) => state === 'changed' || state === 'missing');
  return { contentHash, files: all, tensors, notFinite, ok: !isChanged && notFinite.length === 0 };
}
