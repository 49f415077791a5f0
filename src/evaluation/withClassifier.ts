import { asMedTextError } from '../base/errors';
import { openClassifier, type Classifier, type ClassifierOptions } from '../inference/openClassifier';
import type { ExecutionDevice } from '../inference/session';
import { isDeviceFailure, knownDevice } from '../devices/deviceChoice';

export interface WholeFileOptions extends ClassifierOptions {
  /** What `device: auto` is known to be here. */
  readonly knownDevice?: () => Promise<ExecutionDevice>;
  /** Told of a device that `auto` came to, and of its failure. */
  readonly log?: (line: string) => void;
}

/**
 * Opens a model for a whole file of rows, and closes it. `device: auto` is here the device that was chosen for training on
 * this machine, and the processor as long as none was tried, or where that device fails.
 * @throws MedTextError what `openClassifier` and `use` throw.
 */
export async function withClassifier<T>(
  folder: string,
  options: WholeFileOptions,
  use: (classifier: Classifier) => Promise<T>,
): Promise<T> {
  if ((options.device ?? 'auto') !== 'auto') return usedOn(options.device!, folder, options, use);
  const device = await (options.knownDevice ?? knownDevice)();
  if (device !== 'cpu') options.log?.(`Computing on ${device}, which training chose on this machine.`);
  try {
    return await usedOn(device, folder, options, use);
  } catch (error) {
    const known = asMedTextError(error);
    if (device === 'cpu' || !isDeviceFailure(known)) throw error;
    options.log?.(`${device} failed (${known.message}); computing on the processor.`);
    return usedOn('cpu', folder, options, use);
  }
}

async function usedOn<T>(
  device: string,
  folder: string,
  options: ClassifierOptions,
  use: (classifier: Classifier) => Promise<T>,
): Promise<T> {
  const classifier = await openClassifier(folder, { ...options, device });
  try {
    return await use(classifier);
  } finally {
    await classifier.close();
  }
}
