import { sequenceHead } from '../models/heads/sequence';
import { classifierOf } from './openClassifier';
import { OpenedModel, openParts, type ModelOptions } from './openedModel';

/**
 * Opens a model folder with a head of any kind. The result is a {@link Classifier} where the head is a sequence head.
 * For a run's folder it opens the model in it.
 * @throws MedTextError the errors of {@link openParts} and {@link classifierOf}.
 */
export async function openModel(path: string, options: ModelOptions = {}): Promise<OpenedModel> {
  const parts = await openParts(path, options);
  return parts.head === sequenceHead ? classifierOf(parts) : new OpenedModel(parts);
}
