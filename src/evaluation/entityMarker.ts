/** Finds the entities of texts, for `medtext score` and the editor. */
import { openModel } from '../inference/openModel';
import type { ModelOptions } from '../inference/openedModel';
import { openModelFolder } from '../models/modelFolder';
import type { FoundEntity } from '../tasks/entities/tagging';
import { marksEntities, type EntityAnswer } from '../tasks/tokenClassification';
import { labelsOfModel, modelAnswers } from './modelAnswers';

export interface EntityMarker {
  /** The model's types of entities. */
  readonly types: readonly string[];
  readonly device: string;
  /**
   * Returns the entities of each text in text order. Places are half-open and count UTF-16 units.
   * @throws MedTextError CANCELLED, RUNTIME, OUT_OF_MEMORY
   */
  mark(texts: readonly string[], signal?: AbortSignal): Promise<readonly (readonly FoundEntity[])[]>;
  close(): Promise<void>;
}

/**
 * Opens a model for entities; returns undefined if the folder's model has another task.
 * @throws MedTextError the errors of `openModel`; MODEL_CONFIG for invalid names of tags
 */
export async function openEntityMarker(folder: string, options: ModelOptions = {}): Promise<EntityMarker | undefined> {
  if (!marksEntities((await openModelFolder(folder)).head)) return undefined;
  const model = await openModel(folder, options);
  try {
    return {
      types: labelsOfModel(model),
      device: model.device,
      async mark(texts, signal) {
        const examples = texts.map((first, row) => ({ first, row, line: row + 1 }));
        const { answers } = await modelAnswers(model, examples, { signal });
        return (answers as readonly EntityAnswer[]).map(({ entities }) => entities);
      },
      close: () => model.close(),
    };
  } catch (error) {
    await model.close();
    throw error;
  }
}
