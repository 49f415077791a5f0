import { existsSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Uri, commands, env, window, workspace } from 'vscode';
import { readTextFileSync } from '../../base/textFile';
import { MedTextError, words } from '../../base/errors';
import type { Translate } from '../../base/translate';
import { errorText } from '../../protocol/errorWords';
import { openDocumentation } from '../documentation';
import { metricText, phaseText, placeText, testMetricText } from '../../protocol/runWords';
import { findTask } from '../../protocol/tasks';
import type { TrainingResult } from '../../protocol/trainer';
import type { RunNews } from '../runFinder';
import { checkpointStep, recordFromFolder } from '../runFolderRecord';
import { isResumable, type RunRecord } from '../runStore';
import type { Services } from '../services';
import { setting } from '../settings';
import { showText } from '../showText';
import { askToStop } from '../stopRequests';
import { tellErrorOf } from '../tellError';
import type { TrainingOutcome, TrainingService } from '../trainingService';
import { pickFile, recipeFilters, requireTrust } from './asking';
import { bringRecipeSources } from './recipeSources';
import { askText, showError, showInformation, showWarning } from '../messages';

/** In which a process that is asked to end at once does so, unless a step holds it. */
const heardMs = 4000;

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
  if (!(await mayTrainBeside(services))) return undefined;
  const onHostGone = await whatOnWindowClose(services);
  if (!onHostGone) return undefined;
  const threads = setting('medtext.runtime.threads');
  const recipe = {
    ...json,
    ...((json.device ?? 'auto') === 'auto' && { device: setting('medtext.device') }),
    ...((json.threads ?? 'auto') === 'auto' && threads > 0 && { threads }),
  };
  // A run's own recipe names paths.
  if (!resumed && !(await bringRecipeSources(services, recipe, recipeFile))) return undefined;
  const name = resumed?.name ?? basename(recipeFile, '.medtext.json');
  services.log.info(`training ${name}: ${recipeFile}${resumed ? `, resumed from ${resumed.folder}` : ''}`);
  const outcome = await training.run({ recipeFile, recipe, name, onHostGone, resumeFrom: resumed?.folder });
  const model = outcome.result?.model;
  if (outcome.status === 'finished' && model) await services.models.add(model, 'fine-tuned', name);
  // The caller does not wait for this message to be closed.
  tellErrorOf(services, 'end of a run', tellEnd(services, outcome));
  if (outcome.status === 'failed')
    services.log.error(`training ${name}: ${outcome.error?.code}: ${outcome.error?.message}`);
  else services.log.info(`training ${name}: ${outcome.status}`);
  return outcome;
}

/** Another window's training, or the command line's, is no hindrance, but a person should know of it. */
async function mayTrainBeside(services: Services): Promise<boolean> {
  const { finder, runs, training, t } = services;
  if (training.isActive) return true;
  await commands.executeCommand('medtext.refreshRuns');
  if (!finder.hasDetached) return true;
  const other = runs.list().find(({ status }) => status === 'running');
  const start = t('Start Anyway');
  const show = t('Show Run');
  const message = other
    ? `${t('{0} is training already.', other.name)} ${placeText(other.place ?? { program: 'unknown' }, t)}`
    : t('Another process is starting a training in this folder.');
  const detail = t(
    'Two trainings at once share the device and the memory. Each takes about twice as long, and may fail.',
  );
  const choice = await showWarning(message, { modal: true, detail }, start, ...(other ? [show] : []));
  if (choice === show && other) await showRun(services, other);
  return choice === start;
}

async function tellEnd(
  services: Services,
  { status, stoppedNow, request, result, error, runFolder }: TrainingOutcome,
): Promise<void> {
  const { t, models, runs, log } = services;
  const run = runFolder === undefined ? undefined : runs.get(runFolder);
  switch (status) {
    case 'finished': {
      const use = t('Use This Model');
      const show = t('Show Run');
      const best = result?.best && `${metricText(result.best.metric, t)} ${result.best.value.toFixed(4)}`;
      const test = run?.test && `${testMetricText(run.test.name, t)} ${run.test.value.toFixed(4)}`;
      const metrics = [best, test].filter(Boolean).join(' · ');
      if (findTask(request.recipe.task)?.reads === 'corpus') return tellPretrained(services, request.name, metrics, result!.model, run); // prettier-ignore
      const told = [t('{0} is fine-tuned.{1}', request.name, metrics && ` ${metrics}`), ...aboutTest(result, t)].join(
        ' ',
      );
      const predictions = result?.predictions;
      const open = t('Open Predictions');
      const choice = await showInformation(told, use, show, ...(predictions === undefined ? [] : [open]));
      if (choice === open && predictions !== undefined) await showText(Uri.file(predictions));
      if (choice === use) await models.activate(result!.model);
      if (choice === show) await showRun(services, run);
      return;
    }
    case 'stopped':
      return tellStopped(services, request.name, run);
    case 'interrupted':
      return tellInterrupted(services, {
        run,
        name: request.name,
        why: stoppedNow ? undefined : error && errorText(error, t),
      });
    case 'failed': {
      const showLog = t('Show Log');
      const whatToDo = t('What to Do');
      const text = t('{0} failed: {1}', request.name, error ? errorText(error, t) : '');
      const choice = await showError(text, whatToDo, showLog);
      if (choice === showLog) log.show();
      if (choice === whatToDo) await openDocumentation(services.context, error?.code);
    }
  }
}

/** A model of texts answers nothing of a document: it is looked at, and fine-tuned. */
async function tellPretrained(
  services: Services,
  name: string,
  metrics: string,
  folder: string,
  run: RunRecord | undefined,
): Promise<void> {
  const { t, models, modelDetail } = services;
  const [showModel, showRunButton] = [t('Show Model'), t('Show Run')];
  const told = t('{0} was pretrained further.{1}', name, metrics && ` ${metrics}`);
  const choice = await showInformation(`${told} ${t('Fine-tune it for your task.')}`, showModel, showRunButton);
  const model = models.list().find((listed) => listed.folder === folder);
  if (choice === showModel && model) modelDetail.show(model);
  if (choice === showRunButton) await showRun(services, run);
}

/** Says why the test data gave no metric. */
function aboutTest(result: TrainingResult | undefined, t: Translate): string[] {
  if (result?.predictions !== undefined) return [t('The test data have no labels. The model’s predictions are in {0}.', basename(result.predictions))]; // prettier-ignore
  return result?.testError ? [t('The test data were not evaluated: {0}', errorText(result.testError, t))] : [];
}

/**
 * Says that a run has lost its process, and from where Resume goes on.
 * @param why undefined when the person ended it with Stop Now
 */
async function tellInterrupted(
  services: Services,
  { run, name, why }: { run: RunRecord | undefined; name: string; why: string | undefined },
): Promise<void> {
  const { t, log, runs } = services;
  const step = run && checkpointStep(run.folder);
  const what =
    why === undefined
      ? t('You stopped {0} at once, at step {1}.', name, (run && runs.get(run.folder)?.step) ?? 0)
      : t('{0} was interrupted: {1}', name, why);
  const next =
    step === undefined
      ? t('It has saved no checkpoint yet, so it can only be started again.')
      : t('Resume continues from the checkpoint of step {0}.', step);
  const resume = t('Resume');
  const showLog = t('Show Log');
  const show = why === undefined ? showInformation : showWarning;
  const choice = await show(`${what} ${next}`, ...(step === undefined ? [] : [resume]), showLog);
  if (choice === showLog) log.show();
  if (choice === resume && run) await resumeRun(services, run);
}

/** Finish the step, save, end. A run of another window or a terminal is asked to, by a file in its folder. */
export async function stopTraining(services: Services, target?: unknown): Promise<void> {
  const { training, t } = services;
  if (training.isActive && !isOther(training, target)) return training.stop();
  const run = await otherRun(services, target, t('Stop which training?'));
  if (!run) return;
  // A process that has died meanwhile asks nobody: its run is then offered for Resume.
  if (await askToStop(run)) window.setStatusBarMessage(t('{0} was asked to stop.', run.name), 10_000);
  tellNews(services, await services.finder.update([run.folder]));
}

/** End at once; what was saved last can be resumed. */
export async function stopNow(services: Services, target?: unknown): Promise<void> {
  const { training, finder, runs, t } = services;
  if (training.isActive && !isOther(training, target)) return training.stopNow();
  const run = await otherRun(services, target, t('Stop which training?'));
  if (!run) return;
  const { news, hasEnded } = await finder.whileEnding(run.folder, async () => {
    const wasRunning = await endNow(run);
    const news = await finder.update([run.folder]);
    return { news, hasEnded: wasRunning && runs.get(run.folder)?.status === 'interrupted' };
  });
  // A run that ended by itself meanwhile is told of as such.
  if (hasEnded) return tellInterrupted(services, { run, name: run.name, why: undefined });
  if (runs.get(run.folder)?.status === 'running') window.setStatusBarMessage(t('{0} was asked to stop.', run.name), 10_000); // prettier-ignore
  tellNews(services, news);
}

/**
 * Asks the process of the run to end, and kills one of this machine that does not listen.
 * @returns false when nothing trained there any more
 */
async function endNow(run: RunRecord): Promise<boolean> {
  const { place, pid } = await recordFromFolder(run);
  if (!(await askToStop(run, { now: true }))) return false;
  // It says itself why it ends.
  if (await endsWithin(heardMs, run)) return true;
  if (place?.machine === undefined) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended just now.
    }
  }
  await endsWithin(heardMs, run);
  return true;
}

async function endsWithin(timeMs: number, run: RunRecord): Promise<boolean> {
  for (const until = Date.now() + timeMs; Date.now() < until; await new Promise((wait) => setTimeout(wait, 100))) {
    if ((await recordFromFolder(run)).status !== 'running') return true;
  }
  return false;
}

/** Whether the run is one that goes on without this window. */
const isOther = ({ state, pid }: TrainingService, target: unknown): boolean =>
  isRunRecord(target) && target.folder !== state.runFolder && target.pid !== pid;

/** The run that is meant, or the one that trains without this window; of several the person chooses. */
async function otherRun(services: Services, target: unknown, title: string): Promise<RunRecord | undefined> {
  const { runs } = services;
  if (isRunRecord(target)) return runs.get(target.folder) ?? target;
  const running = runs.list().filter(({ status }) => status === 'running');
  return running.length > 1 ? pickRun(services, running, title) : running[0];
}

/** What has become of runs that go on without this window. */
export function tellNews(services: Services, { finished, lost, stopped, neverBegun }: RunNews): void {
  const { models, runs, log, t } = services;
  for (const run of finished) {
    log.info(`run ${run.name}: finished`);
    if (run.modelFolder) void models.add(run.modelFolder, 'fine-tuned', run.name);
  }
  for (const run of stopped) {
    log.info(`run ${run.name}: stopped`);
    tellErrorOf(services, 'stopped run', tellStopped(services, run.name, run));
  }
  for (const run of lost) {
    log.info(`run ${run.name}: interrupted`);
    const { step, totalSteps } = runs.get(run.folder) ?? run;
    const why = t('its process ended at step {0} of {1}.', step, totalSteps);
    tellErrorOf(services, 'interrupted run', tellInterrupted(services, { run, name: run.name, why }));
  }
  for (const { name, recipeFile } of neverBegun) {
    log.warn(`training ${name}: ${recipeFile}: ended before its first step, without a window`);
    void showWarning(t('{0} ended before its first step: {1}', name, basename(recipeFile)));
  }
}

async function tellStopped(services: Services, name: string, run: RunRecord | undefined): Promise<void> {
  const { t } = services;
  const resume = t('Resume');
  const choice = await showInformation(t('{0} was stopped; it can be resumed.', name), resume);
  if (choice === resume && run) await resumeRun(services, run);
}

/** The run's page, and its short form in the Training view. */
export async function showRun(services: Services, target?: unknown): Promise<void> {
  const { runs, training, t } = services;
  const run = isRunRecord(target)
    ? (runs.get(target.folder) ?? target)
    : training.isActive
      ? runs.list().find(({ folder }) => folder === training.state.runFolder)
      : await pickRun(services, runs.list(), t('Show which run?'));
  if (!run && !training.isActive) return;
  await services.trainingView.show(run);
  // Whoever goes through the list of runs by the keyboard stays there.
  if (run) services.runPage.show(run, true);
}

export async function renameRun({ runs, runSelection, t }: Services, target?: unknown): Promise<void> {
  const [run] = chosenRuns(target, undefined, runSelection.list());
  if (!run) return;
  const name = await askText({ title: t('Rename Run'), value: run.name });
  if (name?.trim()) await runs.patch(run.folder, { name: name.trim() });
}

/** Deletes the run, or all that are selected in the tree, after one question; one that is running stays. */
export async function deleteRun(services: Services, target?: unknown, selected?: unknown): Promise<void> {
  const { runs, runSelection, t } = services;
  const chosen = await withoutTraining(services, chosenRuns(target, selected, runSelection.list()));
  if (chosen.length === 0) return;
  const remove = t('Delete Run and Its Files');
  const forget = t('Remove from List');
  const choice = await showWarning(
    chosen.length === 1 ? t('Delete {0}?', chosen[0].name) : t('Delete {0} runs?', chosen.length),
    { modal: true, detail: chosen.map(({ folder }) => folder).join('\n') },
    remove,
    forget,
  );
  if (choice === undefined) return;
  // One may have been resumed while the question stood.
  for (const { folder, runId } of await withoutTraining(services, chosen)) {
    // Only what is a run folder goes: the record could name anything by now.
    if (choice === remove && basename(folder) === runId && runId !== '') {
      rmSync(folder, { recursive: true, force: true });
      await runs.remove(folder);
    } else await runs.forget(folder);
  }
}

/** The runs in whose folders nobody trains; the person hears of the others. */
async function withoutTraining(services: Services, rows: readonly RunRecord[]): Promise<readonly RunRecord[]> {
  const { t } = services;
  const training = await Promise.all(rows.map((run) => isTraining(services, run)));
  for (const { name } of rows.filter((_, at) => training[at]))
    void showInformation(t('{0} is training already.', name));
  return rows.filter((_, at) => !training[at]);
}

/** A run that is being resumed is still listed as it ended; another window's is listed as of its last look. */
async function isTraining({ runs, training }: Services, run: RunRecord): Promise<boolean> {
  if (training.isActive && training.state.runFolder === run.folder) return true;
  const known = runs.get(run.folder) ?? run;
  if (!existsSync(join(run.folder, 'run.json'))) return known.status === 'running';
  return (await recordFromFolder(known)).status === 'running';
}

/**
 * The rows a tree's command is about: all that are selected when the one it was asked on is among them.
 * @param fallback what is selected in the tree, for a command that came from a key and names nothing
 */
export function chosenRuns(target: unknown, selected: unknown, fallback: readonly RunRecord[]): readonly RunRecord[] {
  if (target === undefined) return fallback;
  const rows = (Array.isArray(selected) ? selected : []).filter(isRunRecord);
  return rows.length > 0 ? rows : [target].filter(isRunRecord);
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
  return pickFile({ title: t('Run which recipe?'), glob: '**/*.medtext.json', filters: recipeFilters(t) }, t);
}

async function pickRun({ t }: Services, runs: readonly RunRecord[], title: string): Promise<RunRecord | undefined> {
  if (runs.length === 0) {
    void showInformation(t('There is no such run.'));
    return undefined;
  }
  const items = runs.map((run) => ({
    label: run.name,
    description: `${phaseText(run.status, t)} · ${run.runId}`,
    run,
  }));
  return (await window.showQuickPick(items, { title }))?.run;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readTextFileSync(file));
  } catch (error) {
    throw new MedTextError(
      'RECIPE',
      words`${file} cannot be read as JSON: ${(error as Error).message}`,
      { file },
      { cause: error },
    );
  }
}
