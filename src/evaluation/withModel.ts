import { asMedTextError } from '../base/errors';
import { openClassifier, type Classifier } from '../inference/openClassifier';
import type { ModelOptions, OpenedModel } from '../inference/openedModel';
import { openModel } from '../inference/openModel';
import type { ExecutionDevice } from '../inference/session';
import { isDeviceFailure, knownDevice } from '../devices/deviceChoice';

export interface WholeFileOptions extends ModelOptions {
  /** The device that `device: auto` chose earlier on this machine. */
  readonly knownDevice?: () => Promise<ExecutionDevice>;
  /** Called with a line on the device that `auto` chose, and on its failure. */
  readonly log?: (line: string) => void;
}

type Open<Model extends OpenedModel> = (folder: string, options: ModelOptions) => Promise<Model>;

/** {@link withOpened} for a model of any task. */
export function withModel<T>(
  folder: string,
  options: WholeFileOptions,
  use: (model: OpenedModel) => Promise<T>,
): Promise<T> {
  return withOpened(openModel, folder, options, use);
}

/** {@link withOpened} for a classifier of whole texts. */
export function withClassifier<T>(
  folder: string,
  options: WholeFileOptions,
  use: (classifier: Classifier) => Promise<T>,
): Promise<T> {
  return withOpened(openClassifier, folder, options, use);
}

/**
 * Opens a model for a whole file of rows, and closes it. `device: auto` means the device that was chosen for training on this
 * machine. It means the CPU if none was tried yet, or if that device fails.
 * @throws MedTextError the errors of `open` and `use`.
 */
async function withOpened<Model extends OpenedModel, T>(
  open: Open<Model>,
  folder: string,
  options: WholeFileOptions,
  use: (model: Model) => Promise<T>,
): Promise<T> {
  // int8 is computed on the CPU only.
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
    // The CPU does not support the GPU's float16, so it computes in float32.
    return usedOn(open, 'cpu', folder, { ...options, precision: 'float32' }, use);
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
