import { existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Uri, commands, env, window, workspace } from 'vscode';
import type { Disposable } from '../../base/disposables';
import { MedTextError } from '../../base/errors';
import { isAlive, recordFromFolder } from '../runFolderRecord';
import { isResumable, type RunRecord, type RunStore } from '../runStore';
import type { Services } from '../services';
import { setting } from '../settings';
import type { TrainingOutcome } from '../trainingService';
import { pickFile, requireTrust } from './asking';

const detachedPollMs = 3000;

/** Runs a recipe to its end; used by the palette, the CodeLens, the trees and tasks. */
export async function runRecipe(services: Services, target?: unknown): Promise<TrainingOutcome | undefined> {
  const { t } = services;
  const uri = await recipeOf(services, target);
  if (!uri || !(await requireTrust(t))) return undefined;
  await workspace.textDocuments
    .find((document) => document.uri.toString() === uri.toString() && document.isDirty)
    ?.save();
  return startRun(services, uri.fsPath, undefined);
}

/** Goes on with a run from its last checkpoint. */
export async function resumeRun(services: Services, target?: unknown): Promise<TrainingOutcome | undefined> {
  const { runs, t } = services;
  const run = isRunRecord(target)
    ? target
    : await pickRun(services, runs.list().filter(isResumable), t('Resume which run?'));
  if (!run || !(await requireTrust(t))) return undefined;
  return startRun(services, run.recipeFile, run);
}

async function startRun(services: Services, recipeFile: string, resumed: RunRecord | undefined) {
  const { training } = services;
  // A run goes on with the recipe it began with, whatever became of the file.
  const source = resumed ? join(resumed.folder, 'recipe.medtext.json') : recipeFile;
  // Loaded with the first run: the schema's validator should not cost every window.
  const { validateRecipe } = await import('../../protocol/recipe');
  const json = validateRecipe(readJson(source), source) as unknown as Record<string, unknown>;
  const onHostGone = await whatOnWindowClose(services);
  if (!onHostGone) return undefined;
  const threads = setting('medtext.runtime.threads');
  const recipe = {
    ...json,
    ...((json.device ?? 'auto') === 'auto' && { device: setting('medtext.device') }),
    ...((json.threads ?? 'auto') === 'auto' && threads > 0 && { threads }),
  };
  const name = resumed?.name ?? basename(recipeFile, '.medtext.json');
  services.log.info(`training ${name}: ${recipeFile}${resumed ? `, resumed from ${resumed.folder}` : ''}`);
  const outcome = await training.run({ recipeFile, recipe, name, onHostGone, resumeFrom: resumed?.folder });
  const model = outcome.result?.model;
  if (outcome.status === 'finished' && model) await services.models.add(model, 'fine-tuned', name);
  // Not awaited: whoever ran the recipe should not wait until a person closes a message.
  void tellEnd(services, outcome).catch((error: Error) => services.log.error(error.message));
  if (outcome.status === 'failed')
    services.log.error(`training ${name}: ${outcome.error?.code}: ${outcome.error?.message}`);
  else services.log.info(`training ${name}: ${outcome.status}`);
  return outcome;
}

async function tellEnd(
  services: Services,
  { status, request, result, error, runFolder }: TrainingOutcome,
): Promise<void> {
  const { t, models, runs, log } = services;
  const resume = t('Resume');
  const showLog = t('Show Log');
  const run = runFolder === undefined ? undefined : runs.get(runFolder);
  const again = async (choice: string | undefined): Promise<void> => {
    if (choice === showLog) log.show();
    if (choice === resume && run) await resumeRun(services, run);
  };
  switch (status) {
    case 'finished': {
      const use = t('Use This Model');
      const show = t('Show Run');
      const metric = result?.best ? ` ${result.best.metric} ${result.best.value.toFixed(4)}` : '';
      const choice = await window.showInformationMessage(t('{0} is fine-tuned.{1}', request.name, metric), use, show);
      if (choice === use) await models.activate(result!.model);
      if (choice === show) await showRun(services, run);
      return;
    }
    case 'stopped':
      return again(await window.showInformationMessage(t('{0} was stopped; it can be resumed.', request.name), resume));
    case 'interrupted':
      return again(
        await window.showWarningMessage(
          t('{0} was interrupted: {1}', request.name, error?.message ?? ''),
          ...(run ? [resume, showLog] : [showLog]),
        ),
      );
    case 'failed':
      return again(await window.showErrorMessage(t('{0} failed: {1}', request.name, error?.message ?? ''), showLog));
  }
}

/**
 * After the window opens: what became of runs that were going on when the last one closed. A run that is still going
 * is watched until it ends; one that lost its process is offered for resuming.
 */
export async function findRunsAgain(services: Services): Promise<void> {
  const { runs, training, t, log } = services;
  const open = runs.list().filter(({ status, folder }) => status === 'running' && training.state.runFolder !== folder);
  for (const run of open) {
    const now = await recordFromFolder(run);
    await runs.put(now);
    log.info(`run ${run.name}: ${now.status}`);
  }
  const lost = runs
    .list()
    .find(({ folder, status }) => status === 'interrupted' && open.some((run) => run.folder === folder));
  if (lost) {
    const resume = t('Resume');
    const message = t('{0} was interrupted at step {1} of {2}.', lost.name, lost.step, lost.totalSteps);
    if ((await window.showWarningMessage(message, resume)) === resume) await resumeRun(services, lost);
  }
}

/** Looks after runs that go on without a window. */
export function watchDetachedRuns(services: Services): Disposable {
  const { runs, training, models } = services;
  const timer = setInterval(async () => {
    const detached = runs
      .list()
      .filter(({ status, folder }) => status === 'running' && training.state.runFolder !== folder);
    for (const run of detached) {
      const now = await recordFromFolder(run);
      if (now.step !== run.step || now.status !== run.status) await runs.put(now);
      if (now.status === 'finished' && now.modelFolder) await models.add(now.modelFolder, 'fine-tuned', now.name);
    }
  }, detachedPollMs);
  return { dispose: () => clearInterval(timer) };
}

/** Finish the step, save, end. */
export async function stopTraining({ training, runs }: Services, target?: unknown): Promise<void> {
  if (training.isActive) return training.stop();
  signalDetached(runs, target, 'SIGTERM');
}

/** End at once; what was saved last can be resumed. */
export function stopNow({ training, runs }: Services, target?: unknown): void {
  if (training.isActive) training.stopNow();
  else signalDetached(runs, target, 'SIGKILL');
}

/** A run that was left to finish without its window is its own process: it listens to signals. */
function signalDetached(runs: RunStore, target: unknown, signal: NodeJS.Signals): void {
  const run = isRunRecord(target) ? target : runs.list().find(({ status }) => status === 'running');
  if (run && isAlive(run.pid)) process.kill(run.pid, signal);
}

/** The run's course in the Training view, and of a finished one its card. */
export async function showRun(services: Services, target?: unknown): Promise<void> {
  const { runs, training, t } = services;
  const run = isRunRecord(target)
    ? (runs.get(target.folder) ?? target)
    : training.isActive
      ? runs.list().find(({ folder }) => folder === training.state.runFolder)
      : await pickRun(services, runs.list(), t('Show which run?'));
  if (!run && !training.isActive) return;
  await services.trainingView.show(run);
  if (run?.status !== 'finished') return;
  const card = [run.modelFolder, run.folder]
    .flatMap((folder) => (folder ? [join(folder, 'README.md')] : []))
    .find(existsSync);
  if (card) await commands.executeCommand('markdown.showPreview', Uri.file(card));
}

export async function renameRun({ runs, t }: Services, target: unknown): Promise<void> {
  if (!isRunRecord(target)) return;
  const name = await window.showInputBox({ title: t('Rename Run'), value: target.name });
  if (name?.trim()) await runs.patch(target.folder, { name: name.trim() });
}

export async function deleteRun({ runs, t }: Services, target: unknown): Promise<void> {
  if (!isRunRecord(target)) return;
  const remove = t('Delete Run and Its Files');
  const forget = t('Remove from List');
  const choice = await window.showWarningMessage(
    t('Delete {0}?', target.name),
    { modal: true, detail: target.folder },
    remove,
    forget,
  );
  if (choice === undefined) return;
  // Only what is a run folder goes: the record could name anything by now.
  if (choice === remove && basename(target.folder) === target.runId && target.runId !== '') {
    rmSync(target.folder, { recursive: true, force: true });
  }
  await runs.remove(target.folder);
}

export async function revealFolder(folder: string): Promise<void> {
  const uri = Uri.file(folder);
  if (workspace.getWorkspaceFolder(uri)) await commands.executeCommand('revealInExplorer', uri);
  else if (env.remoteName === undefined && env.uiKind === 1) await commands.executeCommand('revealFileInOS', uri);
  else await commands.executeCommand('vscode.openFolder', uri, { forceNewWindow: true });
}

export async function openRecipe(_services: Services, target: unknown): Promise<void> {
  if (isRunRecord(target)) await window.showTextDocument(Uri.file(target.recipeFile));
}

export function isRunRecord(value: unknown): value is RunRecord {
  const run = value as Partial<RunRecord> | undefined;
  return typeof run?.folder === 'string' && typeof run.recipeFile === 'string' && typeof run.runId === 'string';
}

async function whatOnWindowClose({ t }: Services): Promise<'stop' | 'continue' | undefined> {
  const wish = setting('medtext.training.onWindowClose');
  if (wish !== 'ask') return wish;
  const stop = { label: t('Save a checkpoint and stop'), value: 'stop' as const };
  const goOn = { label: t('Finish without the window'), value: 'continue' as const };
  const title = t('If this window closes during the training');
  return (await window.showQuickPick([stop, goOn], { title }))?.value;
}

async function recipeOf({ t }: Services, target: unknown): Promise<Uri | undefined> {
  if (target instanceof Uri) return target;
  const active = window.activeTextEditor?.document.uri;
  if (active?.scheme === 'file' && active.fsPath.endsWith('.medtext.json')) return active;
  return pickFile({ title: t('Run which recipe?'), glob: '**/*.medtext.json', filters: { Recipe: ['json'] } }, t);
}

async function pickRun({ t }: Services, runs: readonly RunRecord[], title: string): Promise<RunRecord | undefined> {
  if (runs.length === 0) {
    void window.showInformationMessage(t('There is no such run.'));
    return undefined;
  }
  const items = runs.map((run) => ({ label: run.name, description: `${run.status} · ${run.runId}`, run }));
  return (await window.showQuickPick(items, { title }))?.run;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new MedTextError(
      'RECIPE',
      `${file} cannot be read as JSON: ${(error as Error).message}`,
      { file },
      { cause: error },
    );
  }
}
