import { ViewColumn, commands, type WebviewPanelSerializer } from 'vscode';
import { DisposableStore, type Disposable } from '../../base/disposables';
import { MedTextError, words } from '../../base/errors';
import type { Handlers } from '../../protocol/channel';
import { maxComparedRuns, runComparisonContract, type RunComparisonContract } from '../../protocol/runComparison';
import type { BaseServices } from '../baseServices';
import type { RunRecord } from '../runStore';
import { compareRuns } from './runComparison';
import { SinglePanel } from './singlePanel';
import { windowLanguage } from './webviewHtml';

/** The folders are read anew at each refresh: reports that come ten times a second may not ask for that. */
const refreshMs = 2000;

export interface RunComparisonPanel extends Disposable {
  /** Takes the panel that comes back with the window. */
  readonly panel: WebviewPanelSerializer;
  /** Opens the panel, or brings it forward, with these runs side by side. */
  show(runs: readonly RunRecord[]): void;
}

export function createRunComparison(services: BaseServices): RunComparisonPanel {
  return new RunComparisonHost(services);
}

class RunComparisonHost implements RunComparisonPanel {
  private readonly store = new DisposableStore();
  readonly panel: SinglePanel<RunComparisonContract>;
  private folders: readonly string[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly services: BaseServices) {
    const { runs, training, t } = services;
    this.panel = this.store.add(
      new SinglePanel(services, {
        type: 'medtext.runComparison',
        page: 'runComparison',
        title: t('Compare Runs'),
        contract: runComparisonContract,
        handlers: this.handlers(),
        onRestore: (state) => {
          this.folders = foldersOf(state);
          this.send();
        },
        onVisible: () => this.send(),
      }),
    );
    this.store.add(runs.onDidChange(() => this.schedule()));
    this.store.add(
      training.onDidChange(() => this.folders.includes(training.state.runFolder ?? '') && this.schedule()),
    );
  }

  show(runs: readonly RunRecord[]): void {
    this.folders = runs.slice(0, maxComparedRuns).map(({ folder }) => folder);
    const wasOpen = this.panel.isOpen;
    this.panel.show(ViewColumn.Active);
    if (wasOpen) this.send();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.store.dispose();
  }

  private handlers(): Handlers<RunComparisonContract> {
    const { runs } = this.services;
    return {
      initialize: async () => ({ ...windowLanguage(), snapshot: await compareRuns(this.runs()) }),
      showRun: async ({ id }) => {
        const run = this.folders.includes(id) ? runs.get(id) : undefined;
        if (!run) throw new MedTextError('NOT_FOUND', words`The run is not in the list any more.`);
        await commands.executeCommand('medtext.showRun', run);
      },
      leaveOut: ({ id }) => {
        this.folders = this.folders.filter((folder) => folder !== id);
        this.send();
      },
      chooseRuns: () => void commands.executeCommand('medtext.compareRuns'),
    };
  }

  /** The runs that this workspace knows, since a page's stored state could name any folder. */
  private runs(): readonly RunRecord[] {
    return this.folders.flatMap((folder) => this.services.runs.get(folder) ?? []);
  }

  private schedule(): void {
    if (!this.panel.isVisible) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.send();
    }, refreshMs);
  }

  private send(): void {
    const { folders } = this;
    compareRuns(this.runs()).then(
      // Of other runs than those that are shown by now: what asked for these tells of them.
      (comparison) => folders === this.folders && this.panel.emit('comparison', comparison),
      (error: Error) => this.services.log.warn(`run comparison: ${error.message}`),
    );
  }
}

/** What the page remembered over a reload. */
function foldersOf(state: unknown): readonly string[] {
  const folders = (state as { folders?: unknown } | null | undefined)?.folders;
  return Array.isArray(folders) ? folders.filter((folder) => typeof folder === 'string').slice(0, maxComparedRuns) : [];
}
