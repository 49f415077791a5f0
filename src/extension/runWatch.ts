import { dirname, join } from 'node:path';
import type { Uri } from 'vscode';
import { workspace } from 'vscode';
import { DisposableStore, type Disposable } from '../base/disposables';
import { tellNews } from './commands/runCommands';
import type { RunNews } from './runFinder';
import type { Services } from './services';
import { workDirOf } from './trainingService';

const detachedPollMs = 3000;
const pollMs = 5000;
const settleMs = 500;
const maxRecipes = 200;
const maxRecipeBytes = 1_000_000;
const ignored = '**/{node_modules,runs,dist,.git}/**';

/**
 * Keeps the list of runs true to the disk: after the window opens, while runs go on without it, and when the command
 * line makes or ends one in this workspace. Runs that ended before the window opened wait for {@link lookForRuns}.
 */
export function registerRunWatch(services: Services): Disposable {
  const store = new DisposableStore();
  const { finder, runs, log } = services;
  const told = (work: Promise<RunNews>): Promise<void> =>
    work.then((news) => tellNews(services, news)).catch((error: Error) => log.error(`runs: ${error.message}`));

  // One look after the other, and none while nothing goes on without this window.
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const followSoon = (): void => void (isClosed || (timer ??= setTimeout(follow, detachedPollMs)));
  const follow = (): void => {
    if (mayLook() && finder.hasDetached) void told(finder.follow().finally(again));
    else timer = undefined;
  };
  const again = (): void => {
    timer = undefined;
    if (finder.hasDetached) followSoon();
  };
  follow();
  store.add(runs.onDidChange(() => finder.hasDetached && followSoon()));
  store.add(workspace.onDidGrantWorkspaceTrust(followSoon));
  store.add({
    dispose() {
      isClosed = true;
      clearTimeout(timer);
    },
  });

  // What the watcher below does not see.
  let polling: NodeJS.Timeout | undefined;
  const pollSoon = (): void => void (isClosed || (polling = setTimeout(poll, pollMs)));
  const poll = (): void => {
    if (mayLook()) void told(finder.poll(usualWorkDirs())).finally(pollSoon);
    else pollSoon();
  };
  pollSoon();
  store.add({ dispose: () => clearTimeout(polling) });

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
      void told(finder.update(folders));
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
  tellNews(services, await services.finder.look(await workDirs()));
}

/** Where runs of this workspace lie: the work folder of each recipe, and that of the command line without a recipe. */
async function workDirs(): Promise<readonly string[]> {
  const places = new Set(usualWorkDirs());
  for (const uri of await workspace.findFiles('**/*.medtext.json', ignored, maxRecipes)) {
    places.add(await workDirOfRecipe(uri));
  }
  return [...places];
}

/** The work folders of recipes that name none, and lie at the top. */
function usualWorkDirs(): readonly string[] {
  const folders = (workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
  return folders.map(({ uri }) => join(uri.fsPath, 'runs'));
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
