/** Which run `--resume` means. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MedTextError } from '../base/errors';
import { namesIn } from '../models/checkpoint/replaceFolder';
import type { ResolvedRecipe } from '../protocol/recipe';
import { newestCheckpoint } from '../runs/checkpoints';
import { readRun, type RunRecord } from '../runs/runFolder';

/**
 * The newest run of the recipe that can go on: not finished, not running, with a checkpoint.
 * @throws MedTextError RESUME when there is none.
 */
export async function newestResumableRun(recipe: ResolvedRecipe, baseFolder: string): Promise<string> {
  const workDir = resolve(baseFolder, recipe.work_dir);
  const model = resolve(baseFolder, recipe.model);
  const train = resolve(baseFolder, recipe.dataset.train.file);
  const candidates: { path: string; record: RunRecord }[] = [];
  for (const name of await namesIn(workDir)) {
    const run = await readRun(join(workDir, name)).catch(() => undefined);
    if (!run || run.record.status === 'finished' || (await isRunning(run.record))) continue;
    if (run.recipe.model !== model || run.recipe.dataset.train.file !== train) continue;
    if (await newestCheckpoint(run.folder.checkpoints)) candidates.push({ path: run.folder.path, record: run.record });
  }
  candidates.sort((a, b) => b.record.updatedAt.localeCompare(a.record.updatedAt));
  if (candidates.length > 0) return candidates[0].path;
  throw new MedTextError(
    'RESUME',
    `${workDir} has no interrupted run of this recipe with a checkpoint. Start it without --resume.`,
    { workDir },
  );
}

/** @throws MedTextError RESUME when the run's process is still at work: two would overwrite each other. */
export async function refuseRunning(path: string): Promise<void> {
  const { record } = await readRun(path);
  if (!(await isRunning(record))) return;
  throw new MedTextError('RESUME', `${path} is still being trained by process ${record.pid}.`, { pid: record.pid });
}

async function isRunning({ status, pid }: RunRecord): Promise<boolean> {
  if (status !== 'running' || pid === undefined || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  // Numbers of ended processes are given again; where the system says what runs, it must at least be a Node.
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return commandLine === undefined || /node|medtext|electron|code/i.test(commandLine);
}
