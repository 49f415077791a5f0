/** Tries CUDA libraries with a training step on the GPU before they are put in place. */
import { Words } from '../base/words';
import { faultText } from '../protocol/deviceWords';
import { tryInProcess } from './deviceChoice';

/** In English; the place that shows it translates it. */
const said = (template: string, ...values: string[]): Words => new Words(template, values);

/** @param variables by which the process of the trial finds the libraries */
export async function tryCuda(
  variables: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<{ passed: boolean; why?: string | Words }> {
  const { passed, fault } = await tryInProcess('cuda', variables, signal);
  return passed ? { passed } : { passed, why: faultText(fault ?? { code: 'failed' }, said) };
}
