import { EventEmitter, ThemeIcon, TreeItem, workspace, type TreeDataProvider, type TreeView } from 'vscode';
import { DisposableStore, type Disposable } from '../../base/disposables';
import { durationText } from '../../base/durationText';
import { errorText } from '../../protocol/errorWords';
import { metricText, phaseText, placeText, placeWord } from '../../protocol/runWords';
import { isResumable, type RunRecord, type RunStatus } from '../runStore';
import { lookForRuns } from '../runWatch';
import type { Services } from '../services';
import type { Translate } from '../../base/translate';

const refreshMs = 1000;

const icons: Readonly<Record<RunStatus, string>> = {
  running: 'sync~spin',
  finished: 'pass',
  stopped: 'debug-pause',
  interrupted: 'warning',
  failed: 'error',
};

/** The workspace's runs with status, main metric and duration. */
export function runsTree(services: Services, view: TreeView<RunRecord>): TreeDataProvider<RunRecord> & Disposable {
  const { runs, runLogs, runSelection, training, log, t } = services;
  const store = new DisposableStore();
  const changed = store.add(new EventEmitter<void>());
  const provider: TreeDataProvider<RunRecord> = {
    onDidChangeTreeData: changed.event,
    getChildren: (element) => (element ? [] : [...runs.list()]),
    getTreeItem(run) {
      const { state } = training;
      const live = state.runFolder === run.folder ? state.report : run.status === 'running' ? runLogs.last(run.folder) : undefined; // prettier-ignore
      const item = new TreeItem(run.name);
      item.id = run.folder;
      item.description = describe(
        { ...run, step: live?.step ?? run.step, totalSteps: live?.totalSteps ?? run.totalSteps },
        t,
      );
      item.tooltip = [run.folder, run.place && placeText(run.place, t), run.error && errorText(run.error, t)]
        .filter(Boolean)
        .join('\n');
      item.iconPath = new ThemeIcon(icons[run.status]);
      item.contextValue = run.status === 'running' ? 'running' : isResumable(run) ? 'resumable' : 'finished';
      item.command = { command: 'medtext.showRun', title: t('Show Run'), arguments: [run] };
      item.accessibilityInformation = { label: `${run.name}, ${item.description}` };
      return item;
    },
  };
  store.add(view.onDidChangeSelection(({ selection }) => runSelection.set(selection)));
  // Runs of the command line are found when somebody looks, not when the window opens.
  const look = (): void => {
    if (view.visible) lookForRuns(services).catch((error: Error) => log.warn(`runs: ${error.message}`));
  };
  store.add(view.onDidChangeVisibility(look));
  store.add(workspace.onDidGrantWorkspaceTrust(look));
  look();
  store.add(runs.onDidChange(() => changed.fire()));
  // Reports come ten times a second; a tree that repaints that often cannot be clicked.
  let pending: NodeJS.Timeout | undefined;
  store.add(
    training.onDidChange(() => {
      pending ??= setTimeout(() => {
        pending = undefined;
        changed.fire();
      }, refreshMs);
    }),
  );
  store.add({ dispose: () => clearTimeout(pending) });
  return { ...provider, dispose: () => store.dispose() };
}

function describe(run: RunRecord, t: Translate): string {
  const parts = [phaseText(run.stopAsked ? 'stopping' : run.status, t)];
  if (run.status !== 'finished' && run.totalSteps > 0) parts.push(t('step {0} of {1}', run.step, run.totalSteps));
  if (run.status === 'running' && run.place) parts.push(placeWord(run.place, t));
  if (run.status === 'finished' && run.stoppedEarly) parts.push(t('stopped early at step {0} of {1}', run.step, run.totalSteps)); // prettier-ignore
  if (run.metric) parts.push(`${metricText(run.metric.name, t)} ${run.metric.value.toFixed(4)}`);
  if (run.endedAtMs) parts.push(durationText((run.endedAtMs - run.startedAtMs) / 1000, t));
  return parts.join(' · ');
}
