import { sequenceHead } from '../models/heads/sequence';
import { classifierOf } from './openClassifier';
import { OpenedModel, openParts, type ModelOptions } from './openedModel';

/**
 * Opens a model folder that has a head, whatever it answers: a {@link Classifier} where it answers texts. A run's folder
 * opens the model in it.
 * @throws MedTextError what {@link openParts} and {@link classifierOf} throw.
 */
export async function openModel(path: string, options: ModelOptions = {}): Promise<OpenedModel> {
  const parts = await openParts(path, options);
  return parts.head === sequenceHead ? classifierOf(parts) : new OpenedModel(parts);
}
