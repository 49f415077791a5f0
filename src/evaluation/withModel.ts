import { asMedTextError } from '../base/errors';
import { openClassifier, type Classifier } from '../inference/openClassifier';
import type { ModelOptions, OpenedModel } from '../inference/openedModel';
import { openModel } from '../inference/openModel';
import type { ExecutionDevice } from '../inference/session';
import { isDeviceFailure, knownDevice } from '../devices/deviceChoice';

export interface WholeFileOptions extends ModelOptions {
  /** What `device: auto` is known to be here. */
  readonly knownDevice?: () => Promise<ExecutionDevice>;
  /** Told of a device that `auto` came to, and of its failure. */
  readonly log?: (line: string) => void;
}

type Open<Model extends OpenedModel> = (folder: string, options: ModelOptions) => Promise<Model>;

/** {@link withOpened} of a model of any task. */
export function withModel<T>(
  folder: string,
  options: WholeFileOptions,
  use: (model: OpenedModel) => Promise<T>,
): Promise<T> {
  return withOpened(openModel, folder, options, use);
}

/** {@link withOpened} of a model that answers texts. */
export function withClassifier<T>(
  folder: string,
  options: WholeFileOptions,
  use: (classifier: Classifier) => Promise<T>,
): Promise<T> {
  return withOpened(openClassifier, folder, options, use);
}

/**
 * Opens a model for a whole file of rows, and closes it. `device: auto` is here the device that was chosen for training on
 * this machine, and the CPU as long as none was tried, or where that device fails.
 * @throws MedTextError what `open` and `use` throw.
 */
async function withOpened<Model extends OpenedModel, T>(
  open: Open<Model>,
  folder: string,
  options: WholeFileOptions,
  use: (model: Model) => Promise<T>,
): Promise<T> {
  // int8 is the CPU's.
  if (options.precision === 'int8' && (options.device ?? 'auto') === 'auto')
    return usedOn(open, 'cpu', folder, options, use);
  if ((options.device ?? 'auto') !== 'auto') return usedOn(open, options.device!, folder, options, use);
  const device = await (options.knownDevice ?? knownDevice)();
  if (device !== 'cpu') options.log?.(`Computing on ${device}, which training chose on this machine.`);
  try {
    return await usedOn(open, device, folder, options, use);
  } catch (error) {
    const known = asMedTextError(error);
    if (device === 'cpu' || !isDeviceFailure(known)) throw error;
    options.log?.(`${device} failed (${known.message}); computing on the CPU.`);
    return usedOn(open, 'cpu', folder, options, use);
  }
}

async function usedOn<Model extends OpenedModel, T>(
  open: Open<Model>,
  device: string,
  folder: string,
  options: ModelOptions,
  use: (model: Model) => Promise<T>,
): Promise<T> {
  const model = await open(folder, { ...options, device });
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}
