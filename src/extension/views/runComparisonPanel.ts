import { ViewColumn, commands, window, type WebviewPanel } from 'vscode';
import { DisposableStore, Slot, type Disposable } from '../../base/disposables';
import { MedTextError } from '../../base/errors';
import type { Handlers } from '../../protocol/channel';
import { maxComparedRuns, runComparisonContract, type RunComparisonContract } from '../../protocol/runComparison';
import type { BaseServices } from '../baseServices';
import type { RunRecord } from '../runStore';
import { compareRuns } from './runComparison';
import { loadPage, windowLanguage } from './webviewHtml';
import { WebviewServer } from './webviewServer';

const panelType = 'medtext.runComparison';
/** The folders are read anew at each refresh: reports that come ten times a second may not ask for that. */
const refreshMs = 2000;

export interface RunComparisonPanel extends Disposable {
  /** Opens the panel, or brings it forward, with these runs side by side. */
  show(runs: readonly RunRecord[]): void;
}

export function registerRunComparison(services: BaseServices): RunComparisonPanel {
  return new RunComparisonHost(services);
}

class RunComparisonHost implements RunComparisonPanel {
  private readonly store = new DisposableStore();
  private readonly server = this.store.add(new Slot<WebviewServer<RunComparisonContract>>());
  private panel: WebviewPanel | undefined;
  private folders: readonly string[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly services: BaseServices) {
    const { runs, training } = services;
    this.store.add(runs.onDidChange(() => this.schedule()));
    this.store.add(
      training.onDidChange(() => this.folders.includes(training.state.runFolder ?? '') && this.schedule()),
    );
    this.store.add(
      window.registerWebviewPanelSerializer(panelType, {
        deserializeWebviewPanel: async (panel, state: unknown) => {
          this.folders = foldersOf(state);
          this.open(panel);
        },
      }),
    );
  }

  show(runs: readonly RunRecord[]): void {
    this.folders = runs.slice(0, maxComparedRuns).map(({ folder }) => folder);
    if (this.panel) {
      this.panel.reveal();
      this.send();
    } else this.open(window.createWebviewPanel(panelType, this.services.t('Compare Runs'), ViewColumn.Active));
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.panel?.dispose();
    this.store.dispose();
  }

  private open(panel: WebviewPanel): void {
    const { context, t } = this.services;
    this.panel?.dispose();
    this.panel = panel;
    loadPage(panel.webview, context, 'runComparison', t('Compare Runs'));
    this.server.value = new WebviewServer(panel.webview, runComparisonContract, this.handlers());
    panel.onDidChangeViewState(() => panel.visible && this.send());
    panel.onDidDispose(() => {
      if (this.panel !== panel) return;
      this.panel = undefined;
      this.server.value = undefined;
    });
  }

  private handlers(): Handlers<RunComparisonContract> {
    const { runs, t } = this.services;
    return {
      initialize: async () => ({ ...windowLanguage(), snapshot: await compareRuns(this.runs()) }),
      showRun: async ({ id }) => {
        const run = this.folders.includes(id) ? runs.get(id) : undefined;
        if (!run) throw new MedTextError('NOT_FOUND', t('The run is not in the list any more.'));
        await commands.executeCommand('medtext.showRun', run);
      },
      leaveOut: ({ id }) => {
        this.folders = this.folders.filter((folder) => folder !== id);
        this.send();
      },
      chooseRuns: () => void commands.executeCommand('medtext.compareRuns'),
    };
  }

  /** Those that this workspace still knows: a page's memory could name any folder. */
  private runs(): readonly RunRecord[] {
    return this.folders.flatMap((folder) => this.services.runs.get(folder) ?? []);
  }

  private schedule(): void {
    if (!this.panel?.visible) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.send();
    }, refreshMs);
  }

  private send(): void {
    compareRuns(this.runs()).then(
      (comparison) => this.server.value?.emit('comparison', comparison),
      (error: Error) => this.services.log.warn(`run comparison: ${error.message}`),
    );
  }
}

/** What the page remembered over a reload. */
function foldersOf(state: unknown): readonly string[] {
  const folders = (state as { folders?: unknown } | null | undefined)?.folders;
  return Array.isArray(folders) ? folders.filter((folder) => typeof folder === 'string').slice(0, maxComparedRuns) : [];
}
