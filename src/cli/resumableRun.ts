/** Which run `--resume` means. */
import { join, resolve } from 'node:path';
import { MedTextError } from '../base/errors';
import { lockHolder } from '../base/fileLock';
import { namesIn } from '../models/checkpoint/replaceFolder';
import type { ResolvedRecipe } from '../protocol/recipe';
import { newestCheckpoint } from '../runs/checkpoints';
import { readRun } from '../runs/runFolder';
import { refuseOver } from '../runs/runIsOver';

/**
 * The newest run of the recipe that can go on: not finished, not running, with a checkpoint.
 * @throws MedTextError RESUME when there is none.
 */
export async function newestResumableRun(recipe: ResolvedRecipe, baseFolder: string): Promise<string> {
  const workDir = resolve(baseFolder, recipe.work_dir);
  const model = resolve(baseFolder, recipe.model);
  const train = resolve(baseFolder, recipe.dataset.train.file);
  const runs: Awaited<ReturnType<typeof readRun>>[] = [];
  for (const name of await namesIn(workDir)) {
    const run = await readRun(join(workDir, name)).catch(() => undefined);
    if (!run || run.recipe.model !== model || run.recipe.dataset.train.file !== train) continue;
    if (await lockHolder(run.folder.lockFile)) continue;
    if (run.record.status === 'finished' || (await newestCheckpoint(run.folder.checkpoints))) runs.push(run);
  }
  runs.sort((a, b) => b.record.updatedAt.localeCompare(a.record.updatedAt));
  const resumable = runs.find(({ record }) => record.status !== 'finished');
  if (resumable) return resumable.folder.path;
  if (runs.length > 0) refuseOver(runs[0]);
  throw new MedTextError(
    'RESUME',
    `${workDir} has no interrupted run of this recipe with a checkpoint. Start it without --resume.`,
    { workDir },
  );
}
