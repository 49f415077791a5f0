import { basename, dirname, resolve } from 'node:path';
import { Uri, commands, window, workspace, type WebviewView, type WebviewViewProvider } from 'vscode';
import { DisposableStore, Slot, type Disposable } from '../../base/disposables';
import type { Handlers } from '../../protocol/channel';
import { MedTextError, plainError, words } from '../../base/errors';
import { wordedState } from '../../protocol/errorWords';
import {
  trainingViewContract,
  type OtherRun,
  type TrainingAction,
  type TrainingSnapshot,
  type TrainingViewContract,
} from '../../protocol/trainingView';
import { pickFile, recipeFilters } from '../commands/asking';
import type { CommandId, ViewId } from '../ids';
import type { RunRecord } from '../runStore';
import type { BaseServices } from '../baseServices';
import { modelPositions } from '../recipe/modelPositions';
import { emptyHistory, type RunHistory } from './runHistory';
import { recipeChanges, shownRecipeOf } from './recipeKnobs';
import { isRunRecipe, ShownRecipeFile } from './shownRecipe';
import { trainingSnapshot, type TrainingFacts } from './trainingSnapshot';
import { loadPage, windowLanguage } from './webviewHtml';
import { WebviewServer } from './webviewServer';

const viewId: ViewId = 'medtext.training';
const intervalMs = 250;
const detachedIntervalMs = 2000;

/** What other parts of the extension do with the view. */
export interface TrainingView extends WebviewViewProvider, Disposable {
  /** Shows a run of the past, or the one under way, and brings the view forward. */
  show(run?: RunRecord): Promise<void>;
}

/** The Training view: a recipe's main knobs, and the run of it under way or the last one. */
export function createTrainingView(services: BaseServices): TrainingView {
  return new TrainingViewProvider(services);
}

class TrainingViewProvider implements TrainingView {
  private readonly store = new DisposableStore();
  private readonly recipe: ShownRecipeFile;
  private readonly server = this.store.add(new Slot<WebviewServer<TrainingViewContract>>());
  private view: WebviewView | undefined;
  private chosenRun: string | undefined;
  private failure: (TrainingFacts['failure'] & { recipeFile: string }) | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Changes of a recipe come one after the other: each is one of the text that the one before has left. */
  private edits: Promise<unknown> = Promise.resolve();

  constructor(private readonly services: BaseServices) {
    const { context, training, runs, models } = services;
    this.recipe = this.store.add(new ShownRecipeFile(context.workspaceState, () => training.isActive));
    const refresh = (): void => this.schedule(intervalMs);
    this.store.add(this.recipe.onDidChange(refresh));
    this.store.add(runs.onDidChange(refresh));
    this.store.add(models.onDidChange(refresh));
    this.store.add(workspace.onDidGrantWorkspaceTrust(refresh));
    this.store.add(
      training.onDidChange(({ phase, request }) => {
        if (phase === 'starting' && request) {
          this.failure = undefined;
          this.chosenRun = request.resumeFrom;
          this.recipe.show(request.recipeFile);
        }
        refresh();
      }),
    );
    this.store.add(
      training.onDidEnd(({ request, runFolder, error }) => {
        this.chosenRun = runFolder;
        if (error && runFolder === undefined) {
          const { name, recipeFile } = request;
          this.failure = { name, recipeFile, ...plainError(error) };
        }
        refresh();
      }),
    );
  }

  resolveWebviewView(view: WebviewView): void {
    const { context, t } = this.services;
    this.view = view;
    loadPage(view.webview, context, 'trainingView', t('Training'));
    this.server.value = new WebviewServer(view.webview, trainingViewContract, this.handlers(), this.services.t);
    view.onDidChangeVisibility(() => this.schedule(0));
    view.onDidDispose(() => {
      if (this.view !== view) return;
      this.view = undefined;
      this.server.value = undefined;
    });
  }

  async show(run?: RunRecord): Promise<void> {
    if (run && !this.services.training.isActive) {
      this.chosenRun = run.folder;
      this.failure = undefined;
      this.recipe.show(run.recipeFile);
      this.schedule(0);
    }
    // The keyboard stays where it is when the view has been seen before.
    if (run && this.view) return this.view.show(true);
    await commands.executeCommand(`${viewId}.focus`);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.store.dispose();
  }

  private handlers(): Handlers<TrainingViewContract> {
    const { t } = this.services;
    return {
      initialize: async () => ({ ...windowLanguage(), snapshot: await this.snapshot() }),
      act: ({ action }) => this.act(action),
      showRun: async ({ id }) => {
        const run = this.services.runs.get(id);
        if (!run) throw new MedTextError('NOT_FOUND', words`It is not there any more.`);
        await commands.executeCommand('medtext.showRun' satisfies CommandId, run);
      },
      editRecipe: ({ recipe, field, value }) => {
        const positionsOf = (model: string) =>
          workspace.isTrusted ? modelPositions(resolve(dirname(recipe), model)) : undefined;
        const edited = this.edits.then(() =>
          this.recipe.edit(recipe, (text) => recipeChanges(text, field, value, t, positionsOf)),
        );
        this.edits = edited.catch(() => undefined);
        return edited;
      },
    };
  }

  /** Begins and returns: a run lasts longer than anyone waits for an answer. Commands show their own errors. */
  private async act(action: TrainingAction): Promise<void> {
    const run = (id: CommandId | 'workbench.trust.manage', ...parameters: unknown[]): void =>
      void commands.executeCommand(id, ...parameters);
    const recipe = this.recipe.file;
    switch (action) {
      case 'start':
        // A value that was typed just before is being written.
        await this.edits;
        if (recipe !== undefined) run('medtext.runRecipe', Uri.file(recipe));
        return;
      case 'stop':
        return run('medtext.stopTraining', this.shownRun());
      case 'stopNow':
        return run('medtext.stopNow', this.shownRun());
      case 'resume':
        return run('medtext.resumeRun', this.shownRun());
      case 'revealRun':
        return run('medtext.revealRun', this.shownRun());
      case 'createRecipe':
        return run('medtext.fineTune');
      case 'trySample':
        return run('medtext.trySample');
      case 'openLog':
        return run('medtext.openLog');
      case 'manageTrust':
        return run('workbench.trust.manage');
      case 'openRecipe':
        if (recipe !== undefined) await window.showTextDocument(Uri.file(recipe));
        return;
      case 'chooseRecipe':
        // The view does not wait while a person looks through the list.
        void this.chooseRecipe();
    }
  }

  private async chooseRecipe(): Promise<void> {
    const { t } = this.services;
    const title = t('Show which recipe?');
    const uri = await pickFile({ title, glob: '**/*.medtext.json', filters: recipeFilters(t) }, t);
    if (!uri) return;
    this.chosenRun = undefined;
    this.recipe.show(uri.fsPath);
  }

  /** The run under way, else the chosen one, else the newest of the shown recipe. */
  private shownRun(): RunRecord | undefined {
    const { training, runs } = this.services;
    if (training.isActive) return runs.list().find(({ folder }) => folder === training.state.runFolder);
    const ofRecipe = runs.list().filter(({ recipeFile }) => recipeFile === this.recipe.file);
    return ofRecipe.find(({ folder }) => folder === this.chosenRun) ?? ofRecipe[0];
  }

  private schedule(delayMs: number): void {
    if (delayMs === 0) {
      clearTimeout(this.timer);
      this.timer = undefined;
    }
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.send().catch((error: Error) => this.services.log.warn(`training view: ${error.message}`));
    }, delayMs);
  }

  /** A hidden view gets nothing: it asks for everything when it is shown again. */
  private async send(): Promise<void> {
    if (!this.view?.visible) return;
    const snapshot = await this.snapshot();
    this.server.value?.emit('snapshot', snapshot);
    // Its process writes to the folder and to nobody else.
    if (snapshot.run?.place) this.schedule(detachedIntervalMs);
  }

  private async snapshot(): Promise<TrainingSnapshot> {
    const { training, models, t } = this.services;
    const source = await this.recipe.read();
    const record = this.shownRun();
    const shownRecipe =
      source === undefined
        ? null
        : shownRecipeOf(
            source.text,
            {
              id: source.file,
              name: basename(source.file, '.medtext.json'),
              path: workspace.asRelativePath(source.file),
            },
            t,
          );
    const isRecord = source !== undefined && isRunRecipe(source.file);
    const recipe = shownRecipe && isRecord ? { ...shownRecipe, knobs: [], isRecord } : shownRecipe;
    const failure = this.failure?.recipeFile === source?.file ? this.failure : undefined;
    const shown = trainingSnapshot({
      recipe,
      training: training.state,
      stored: record && { record, history: await this.historyOf(record) },
      failure,
      others: this.otherRuns(),
      hasModels: models.list().length > 0,
      trusted: workspace.isTrusted,
      nowMs: Date.now(),
    });
    const { run } = shown;
    return run?.error ? { ...shown, run: { ...run, error: wordedState(run.error, t) } } : shown;
  }

  /** The logged history of a run; for this window's own run only the part before its resume, since later reports are held here. */
  private async historyOf({ folder }: RunRecord): Promise<RunHistory> {
    const { training, runLogs } = this.services;
    const isOwn = training.isActive && training.state.runFolder === folder;
    if (!workspace.isTrusted) return emptyHistory;
    if (isOwn && training.state.request?.resumeFrom === undefined) return emptyHistory;
    return (await runLogs.read(folder)).history;
  }

  private otherRuns(): readonly OtherRun[] {
    const { runs, runLogs, training } = this.services;
    const others = runs.list().filter(({ status, folder }) => status === 'running' && folder !== training.state.runFolder); // prettier-ignore
    return others.map(({ folder, name, place = { program: 'unknown' }, step, totalSteps }) => {
      const last = runLogs.last(folder);
      return { id: folder, name, place, step: last?.step ?? step, totalSteps: last?.totalSteps ?? totalSteps };
    });
  }
}
