import { basename, dirname, join } from 'node:path';
import type { Uri } from 'vscode';
import { workspace } from 'vscode';
import { DisposableStore, type Disposable } from '../base/disposables';
import { tellInterrupted } from './commands/runCommands';
import type { RunNews } from './runFinder';
import type { Services } from './services';
import { workDirOf } from './trainingService';
import { showWarning } from './messages';

const detachedPollMs = 3000;
const settleMs = 500;
const maxRecipes = 200;
const maxRecipeBytes = 1_000_000;
const ignored = '**/{node_modules,runs,dist,.git}/**';

/**
 * Keeps the list of runs true to the disk: after the window opens, while runs go on without it, and when the command
 * line makes or ends one in this workspace. Reads nothing before there is something to look for.
 */
export function registerRunWatch(services: Services): Disposable {
  const store = new DisposableStore();
  const { finder, log } = services;
  const told = (work: Promise<RunNews>): void =>
    void work.then((news) => tell(services, news)).catch((error: Error) => log.error(`runs: ${error.message}`));

  if (mayLook() && finder.hasDetached) told(finder.follow());
  let isFollowing = false;
  const timer = setInterval(() => {
    if (isFollowing || !mayLook() || !finder.hasDetached) return;
    isFollowing = true;
    told(finder.follow().finally(() => (isFollowing = false)));
  }, detachedPollMs);
  store.add({ dispose: () => clearInterval(timer) });

  // The folders of a run that is saved are written in bursts.
  const changed = new Set<string>();
  let settling: NodeJS.Timeout | undefined;
  const onRunFile = ({ fsPath }: Uri): void => {
    if (!mayLook()) return;
    changed.add(dirname(fsPath));
    settling ??= setTimeout(() => {
      settling = undefined;
      const folders = [...changed];
      changed.clear();
      told(finder.update(folders));
    }, settleMs);
  };
  store.add({ dispose: () => clearTimeout(settling) });
  const watcher = store.add(workspace.createFileSystemWatcher('**/run.json', false, false, true));
  store.add(watcher.onDidCreate(onRunFile));
  store.add(watcher.onDidChange(onRunFile));
  return store;
}

/** What a run folder says goes into the person's lists of runs and models: a stranger's folder says nothing unasked. */
const mayLook = (): boolean => workspace.isTrusted;

/** Looks through the work folders of this workspace's recipes. */
export async function lookForRuns(services: Services): Promise<void> {
  if (!mayLook()) return;
  await tell(services, await services.finder.look(await workDirs()));
}

/** Where runs of this workspace lie: the work folder of each recipe, and that of the command line without a recipe. */
async function workDirs(): Promise<readonly string[]> {
  const folders = (workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
  const places = new Set(folders.map(({ uri }) => join(uri.fsPath, 'runs')));
  for (const uri of await workspace.findFiles('**/*.medtext.json', ignored, maxRecipes)) {
    places.add(await workDirOfRecipe(uri));
  }
  return [...places];
}

async function workDirOfRecipe(uri: Uri): Promise<string> {
  try {
    const { size } = await workspace.fs.stat(uri);
    const text = size > maxRecipeBytes ? '' : Buffer.from(await workspace.fs.readFile(uri)).toString('utf8');
    const { parse } = await import('jsonc-parser');
    return workDirOf(uri.fsPath, (parse(text) ?? {}) as Record<string, unknown>);
  } catch {
    return workDirOf(uri.fsPath, {});
  }
}

async function tell(services: Services, { finished, lost, neverBegun }: RunNews): Promise<void> {
  const { models, runs, log, t } = services;
  for (const run of finished) {
    log.info(`run ${run.name}: finished`);
    if (run.modelFolder) await models.add(run.modelFolder, 'fine-tuned', run.name);
  }
  for (const run of lost) {
    log.info(`run ${run.name}: interrupted`);
    const { step, totalSteps } = runs.get(run.folder) ?? run;
    const why = t('its process ended at step {0} of {1}.', step, totalSteps);
    void tellInterrupted(services, { run, name: run.name, why });
  }
  for (const { name, recipeFile } of neverBegun) {
    log.warn(`training ${name}: ${recipeFile}: ended before its first step, without a window`);
    void showWarning(t('{0} ended before its first step: {1}', name, basename(recipeFile)));
  }
}
