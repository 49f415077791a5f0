/** The run that `--resume` without a value continues. */
import { join, resolve } from 'node:path';
import { MedTextError } from '../base/errors';
import { lockHolder } from '../base/fileLock';
import { namesIn } from '../models/checkpoint/replaceFolder';
import type { ResolvedRecipe } from '../protocol/recipe';
import { newestCheckpoint } from '../runs/checkpoints';
import { readRun } from '../runs/runFolder';
import { refuseOver } from '../runs/runIsOver';

/**
 * The newest run of the recipe that is neither finished nor running. A run without a checkpoint would begin again, so it
 * counts only if it is the newest run of all.
 * @throws MedTextError RESUME if there is none.
 */
export async function newestResumableRun(recipe: ResolvedRecipe, baseFolder: string): Promise<string> {
  const workDir = resolve(baseFolder, recipe.work_dir);
  const model = resolve(baseFolder, recipe.model);
  const train = resolve(baseFolder, recipe.dataset.train.file);
  const runs: Awaited<ReturnType<typeof readRun>>[] = [];
  for (const name of await namesIn(workDir)) {
    const run = await readRun(join(workDir, name)).catch(() => undefined);
    if (!run || run.recipe.model !== model || run.recipe.dataset.train.file !== train) continue;
    if (!(await lockHolder(run.folder.lockFile))) runs.push(run);
  }
  runs.sort((a, b) => b.record.updatedAt.localeCompare(a.record.updatedAt));
  for (const [place, { folder, record }] of runs.entries()) {
    if (record.status === 'finished') continue;
    if (place === 0 || (await newestCheckpoint(folder.checkpoints))) return folder.path;
  }
  if (runs.length > 0) refuseOver(runs[0]);
  throw new MedTextError(
    'RESUME',
    `${workDir} has no interrupted run of this recipe. To start a new run, leave out --resume.`,
    {
      workDir,
    },
  );
}
