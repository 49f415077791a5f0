/** A training step on the GPU with CUDA libraries that are about to be put in their place. */
import { Words } from '../base/words';
import { faultText } from '../protocol/deviceWords';
import { tryInProcess } from './deviceChoice';

/** Translated where it is shown. */
const said = (template: string, ...values: string[]): Words => new Words(template, values);

/** @param variables by which the process of the trial finds the libraries */
export async function tryCuda(
  variables: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<{ passed: boolean; why?: string | Words }> {
  const { passed, fault } = await tryInProcess('cuda', variables, signal);
  return passed ? { passed } : { passed, why: faultText(fault ?? { code: 'failed' }, said) };
}
