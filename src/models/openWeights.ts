/** Gives a folder's weights under the names that our BERT encoder uses. */
import { MedTextError, words } from '../base/errors';
import type { CheckpointSource, CheckpointTensor } from './checkpoint/checkpointSource';
import { openInitializers } from './checkpoint/onnxWeights';
import { openCheckpoint } from './checkpoint/openCheckpoint';
import type { JsonObject } from './configJson';

/** A model folder with what its config.json says. */
type Configured = { readonly rawConfig: JsonObject };

const TOKEN_TYPES = /(^|\.)token_type_embeddings\.weight$/;
const TASK_TYPES = /(^|\.)task_type_embeddings\.weight$/;

/** Whether the encoder is ERNIE 2 or 3, which adds an embedding of the task, always the first in fine-tuning. */
export function hasTaskTypes({ rawConfig }: Configured): boolean {
  return rawConfig.use_task_id === true;
}

/**
 * Opens the weights. ERNIE's embedding of task 0 is the same for every token, as is the sum of it and a token type: it is
 * added to the token types here, and what remains is BERT (transformers' ErnieEmbeddings, task_type_ids of zeros).
 * @throws MedTextError what {@link openCheckpoint} throws; CHECKPOINT_MISMATCH when the task types are missing.
 */
export async function openWeights(folder: Configured, path: string): Promise<CheckpointSource> {
  const source = await openCheckpoint(path);
  if (!hasTaskTypes(folder)) return source;
  const tensors = new Map(source.tensors);
  const taskTypes = [...tensors].find(([name]) => TASK_TYPES.test(name))?.[1];
  for (const [name, tokenTypes] of source.tensors) {
    if (!TOKEN_TYPES.test(name)) continue;
    const width = tokenTypes.shape.at(-1);
    if (taskTypes?.shape.length === 2 && taskTypes.shape[0] > 0 && taskTypes.shape[1] === width) {
      tensors.set(name, withFirstRow(tokenTypes, taskTypes));
      continue;
    }
    await source.close();
    throw new MedTextError(
      'CHECKPOINT_MISMATCH',
      words`${path} has no task_type_embeddings of size ${name}, which config.json's use_task_id requires.`,
      { file: path, tensor: name },
    );
  }
  return { ...source, tensors, close: () => source.close() };
}

/** Opens a weights file to be inspected, unchanged: of an ONNX file all initialisers. @throws as {@link openCheckpoint}. */
export async function openStored(path: string): Promise<CheckpointSource> {
  return path.endsWith('.onnx') ? openInitializers(path) : openCheckpoint(path);
}

/** The sum of each row of `tensor` and the first row of `table`. */
function withFirstRow(tensor: CheckpointTensor, table: CheckpointTensor): CheckpointTensor {
  return {
    ...tensor,
    place: undefined,
    async read(into) {
      await tensor.read(into);
      const rows = new Float32Array(table.shape[0] * table.shape[1]);
      await table.read(rows);
      for (let i = 0; i < into.length; i++) into[i] += rows[i % table.shape[1]];
    },
  };
}
