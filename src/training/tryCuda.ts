/** A training step on the card with CUDA libraries that are about to be put in their place. */
import { untranslated } from '../base/translate';
import { faultText } from '../protocol/deviceWords';
import { tryInProcess } from './deviceChoice';

/** @param variables by which the process of the trial finds the libraries */
export async function tryCuda(
  variables: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<{ passed: boolean; why?: string }> {
  const { passed, fault } = await tryInProcess('cuda', variables, signal);
  return passed ? { passed } : { passed, why: faultText(fault ?? { code: 'failed' }, untranslated) };
}
