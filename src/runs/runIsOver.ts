import { MedTextError, words } from '../base/errors';
import { shellQuoted } from '../base/shellText';
import type { RunRecord } from '../protocol/runRecord';
import type { RunFolder } from './runFolder';

/** Refuses to resume a finished run, because more steps would change its model. @throws MedTextError RESUME */
export function refuseOver({ folder, record }: { readonly folder: RunFolder; readonly record: RunRecord }): void {
  if (record.status !== 'finished') return;
  const further = `medtext finetune ${shellQuoted(folder.recipeFile)} --model ${shellQuoted(folder.path)}`;
  const { trainingEnd, best, step } = record;
  const at = best ? words`step ${step}, best at ${best.step}` : words`step ${step}`;
  throw new MedTextError(
    'RESUME',
    trainingEnd?.reason === 'earlyStop'
      ? words`The run in ${folder.path} has finished (stopped early at ${at}); nothing was changed. To train its model further, start a new run: ${further}`
      : words`The run in ${folder.path} has finished (${at}); nothing was changed. To train its model further, start a new run: ${further}`,
    { run: folder.path, status: record.status },
  );
}
