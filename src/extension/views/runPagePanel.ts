import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Uri, ViewColumn, commands, env, window, type WebviewPanelSerializer } from 'vscode';
import { DisposableStore, type Disposable } from '../../base/disposables';
import { MedTextError, words } from '../../base/errors';
import { shellQuoted } from '../../base/shellText';
import { wordedState } from '../../protocol/errorWords';
import type { Handlers } from '../../protocol/channel';
import type { ViewQuery } from '../../protocol/datasetPreview';
import type { ResolvedRecipe } from '../../protocol/recipe';
import {
  runPageContract,
  type RunPageAction,
  type RunPageContract,
  type RunPageSnapshot,
} from '../../protocol/runPage';
import { readTextFile } from '../../base/textFile';
import type { BaseServices } from '../baseServices';
import type { DatasetPreviews } from '../datasetPreview/datasetPreviews';
import type { CommandId } from '../ids';
import type { ListedModel } from '../modelStore';
import { readRunFile } from '../runFolderRecord';
import type { RunRecord } from '../runStore';
import { measurementOf } from './measurement';
import { pythonScript } from './pythonScript';
import { writeRunNotes } from './runNotes';
import { noRunPage, readRecipe, runPageOf } from './runPageFacts';
import { SinglePanel } from './singlePanel';
import { trainingSnapshot } from './trainingSnapshot';
import { windowLanguage } from './webviewHtml';

/** The folder is read anew at each refresh: reports that come ten times a second may not ask for that. */
const refreshMs = 1500;
const maxOpenedRows = 100_000;

/** A model on a file, as the scorer measured it. */
export interface EvaluatedFile {
  readonly model: Pick<ListedModel, 'folder' | 'name'>;
  readonly file: string;
  /** The sheet of a workbook. */
  readonly sheet?: string;
  readonly report: Readonly<Record<string, unknown>>;
  /** The column of the labels given, and what its raw values mean; absent where nobody knows. */
  readonly label?: { readonly column: string; readonly mapping: Readonly<Record<string, string | null>> };
  /** By row: its place among the file's readable rows, and the place of the likeliest label. */
  readonly answers?: { readonly rows: readonly number[]; readonly labels: readonly number[] };
}

export interface RunPagePanel extends Disposable {
  /** Takes the panel that comes back with the window. */
  readonly panel: WebviewPanelSerializer;
  /** Opens the page, or brings it forward, with this run. @param preserveFocus the keyboard stays where it is */
  show(run: RunRecord, preserveFocus?: boolean): void;
  showEvaluation(evaluated: EvaluatedFile): void;
}

export function createRunPage(services: BaseServices, previews: DatasetPreviews): RunPagePanel {
  return new RunPageHost(services, previews);
}

type Shown =
  | { readonly kind: 'run'; readonly folder: string }
  | { readonly kind: 'evaluation'; readonly evaluated: EvaluatedFile };

class RunPageHost implements RunPagePanel {
  private readonly store = new DisposableStore();
  readonly panel: SinglePanel<RunPageContract>;
  private shown: Shown | undefined;
  private timer: NodeJS.Timeout | undefined;
  private number = 0;

  constructor(
    private readonly services: BaseServices,
    private readonly previews: DatasetPreviews,
  ) {
    const { runs, training, t } = services;
    this.panel = this.store.add(
      new SinglePanel(services, {
        type: 'medtext.runPage',
        page: 'runPage',
        title: t('Run'),
        contract: runPageContract,
        handlers: this.handlers(),
        onRestore: (state) => {
          const folder = (state as { folder?: unknown } | null | undefined)?.folder;
          if (typeof folder === 'string' && folder !== '') this.shown = { kind: 'run', folder };
          this.send();
        },
        onVisible: () => this.send(),
      }),
    );
    this.store.add(runs.onDidChange(() => this.schedule()));
    this.store.add(training.onDidChange(() => this.isShown(training.state.runFolder) && this.schedule()));
  }

  show({ folder }: RunRecord, preserveFocus = false): void {
    this.open({ kind: 'run', folder }, preserveFocus);
  }

  showEvaluation(evaluated: EvaluatedFile): void {
    this.open({ kind: 'evaluation', evaluated }, false);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.store.dispose();
  }

  private open(shown: Shown, preserveFocus: boolean): void {
    this.shown = shown;
    const wasOpen = this.panel.isOpen;
    this.panel.show(ViewColumn.Active, preserveFocus);
    if (wasOpen) this.send();
  }

  private isShown(folder: string | undefined): boolean {
    return this.shown?.kind === 'run' && this.shown.folder === folder;
  }

  private handlers(): Handlers<RunPageContract> {
    return {
      initialize: async () => {
        const snapshot = await this.snapshot();
        this.nameTab(snapshot);
        return { ...windowLanguage(), snapshot };
      },
      act: ({ id, action }) => (this.shown?.kind === 'evaluation' ? this.actOnModel(id, action) : this.actOnRun(this.runOf(id), action)), // prettier-ignore
      openRows: async ({ id, measurement, given, predicted }) => {
        const snapshot = await this.snapshot();
        const labels = snapshot.id === id ? snapshot.measurements[measurement]?.matrix?.labels : undefined;
        if (!labels || given >= labels.length || predicted >= labels.length) throw gone();
        if (this.shown?.kind === 'evaluation')
          return this.openEvaluatedRows(this.shown.evaluated, labels, given, predicted);
        return this.openHeldOutRows(this.runOf(id), labels, given, predicted);
      },
      annotate: async ({ id, note, tags }) => {
        await writeRunNotes(this.runOf(id).folder, { note, tags });
        this.send();
      },
    };
  }

  /** Only what the list knows: a page's memory could name any folder. @throws NOT_FOUND */
  private runOf(id: string): RunRecord {
    const run = this.isShown(id) ? this.services.runs.get(id) : undefined;
    if (run) return run;
    throw gone();
  }

  private async actOnRun(run: RunRecord, action: RunPageAction): Promise<void> {
    const { t } = this.services;
    const ask = (id: CommandId, ...parameters: unknown[]): void => void commands.executeCommand(id, ...parameters);
    const modelFolder = run.modelFolder ?? join(run.folder, 'model');
    switch (action) {
      case 'stop':
        return ask('medtext.stopTraining', run);
      case 'stopNow':
        return ask('medtext.stopNow', run);
      case 'resume':
        return ask('medtext.resumeRun', run);
      case 'use':
        return ask('medtext.useModel', modelFolder);
      case 'export':
        return ask('medtext.exportModel', await this.listed(run, modelFolder));
      case 'evaluate':
        return ask('medtext.evaluate', await this.listed(run, modelFolder));
      case 'fineTuneFurther':
        return ask('medtext.fineTune', await this.listed(run, modelFolder));
      case 'compare':
        return ask('medtext.compareRuns', run);
      case 'reveal':
        return ask('medtext.revealRun', run);
      case 'openLog':
        return ask('medtext.openLog');
      case 'openRecipe':
        return void (await window.showTextDocument(Uri.file(recipeFileOf(run))));
      case 'openCard':
        return void (await commands.executeCommand('vscode.openWith', Uri.file(join(run.folder, 'model', 'README.md')), 'vscode.markdown.preview.editor')); // prettier-ignore
      case 'openPredictions': {
        const { predictions } = (await readRunFile(run.folder)) ?? {};
        if (predictions !== undefined) await this.previews.open(Uri.file(predictions));
        return;
      }
      case 'copyCommand':
        await env.clipboard.writeText(`medtext finetune ${shellQuoted(recipeFileOf(run))}`);
        window.setStatusBarMessage(t('Copied.'), 4000);
        return;
      case 'copyPython': {
        const recipe = await readRecipe(run.folder);
        const { labels = [], model, data } = (await readRunFile(run.folder)) ?? {};
        if (!recipe) throw gone();
        const fields = (data?.train?.fields ?? []).flatMap((field) =>
          field.role && field.column ? [field as never] : [],
        );
        const script = pythonScript({
          recipe: recipe as unknown as ResolvedRecipe,
          model: model?.path ?? '',
          labels,
          fields,
          pooling: await poolingOf(join(run.folder, 'model')),
        });
        await env.clipboard.writeText(script);
        window.setStatusBarMessage(t('Copied.'), 4000);
      }
    }
  }

  /** The model as a row of the list, on which it stands from now on. */
  private async listed(run: RunRecord, folder: string): Promise<ListedModel | undefined> {
    const { models } = this.services;
    const find = () => models.list().find((model) => model.folder === folder);
    if (!find()) await models.add(folder, 'fine-tuned', run.name);
    return find();
  }

  private actOnModel(id: string, action: RunPageAction): void {
    const model = this.services.models.list().find(({ folder }) => folder === id);
    if (!model) throw gone();
    if (action === 'use') void commands.executeCommand('medtext.useModel', model);
    if (action === 'evaluate') void commands.executeCommand('medtext.evaluate', model);
    if (action === 'export') void commands.executeCommand('medtext.exportModel', model);
  }

  // ── Rows of a cell ─────────────────────────────────────────────────────────────────────────────────────────────

  private async openEvaluatedRows(
    evaluated: EvaluatedFile,
    labels: readonly string[],
    given: number,
    predicted: number,
  ) {
    const { answers, label, file, sheet } = evaluated;
    if (!answers || !label) throw gone();
    const rows = answers.rows.filter((_, at) => answers.labels[at] === predicted);
    await this.openRows({ file, sheet }, undefined, { rows, label, labels, given, predicted });
  }

  /** What the best model said of the rows that it was validated on stands beside the run. */
  private async openHeldOutRows(run: RunRecord, labels: readonly string[], given: number, predicted: number) {
    const { data } = (await readRunFile(run.folder)) ?? {};
    const source = data?.validation ?? data?.train;
    const kept = await readHeldOut(join(run.folder, 'heldOutPredictions.json'));
    const recipe = (await readRecipe(run.folder)) as { dataset?: { train?: { label_mapping?: Record<string, string | null>; sheet?: string }; validation?: { sheet?: string } } } | undefined; // prettier-ignore
    const column = (data?.train?.fields ?? []).find(({ role }) => role === 'label')?.column;
    if (!kept || source?.file === undefined || !existsSync(source.file) || column === undefined) throw gone();
    const { sheet } = (data?.validation ? recipe?.dataset?.validation : recipe?.dataset?.train) ?? {};
    const rows = kept.rows.filter((_, at) => placeOfLargest(kept.probabilities[at]) === predicted);
    const label = { column, mapping: recipe?.dataset?.train?.label_mapping ?? {} };
    const recipeFile = existsSync(run.recipeFile) ? Uri.file(run.recipeFile) : undefined;
    await this.openRows({ file: source.file, sheet }, recipeFile, { rows, label, labels, given, predicted });
  }

  private async openRows(
    { file, sheet }: { readonly file: string; readonly sheet?: string },
    recipe: Uri | undefined,
    cell: { rows: readonly number[]; label: NonNullable<EvaluatedFile['label']>; labels: readonly string[]; given: number; predicted: number }, // prettier-ignore
  ): Promise<void> {
    const { rows, label, labels, given, predicted } = cell;
    const name = labels[given];
    const mapped = Object.entries(label.mapping).flatMap(([raw, target]) => (String(target) === name ? [raw] : []));
    const own = Object.hasOwn(label.mapping, name) ? [] : [name];
    const query: ViewQuery = {
      search: null,
      filters: [
        { kind: 'value', column: label.column, values: [...own, ...mapped], missing: false, exclude: false },
        {
          kind: 'rows',
          title: this.services.t('predicted as {0}', labels[predicted]),
          rows: rows.slice(0, maxOpenedRows),
        },
      ],
      sort: null,
    };
    await this.previews.open(Uri.file(file), recipe, query, sheet);
  }

  // ── What is shown ──────────────────────────────────────────────────────────────────────────────────────────────

  private schedule(): void {
    if (!this.panel.isVisible) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.send();
    }, refreshMs);
  }

  private send(): void {
    const number = ++this.number;
    this.snapshot().then(
      (snapshot) => {
        if (number !== this.number) return;
        this.nameTab(snapshot);
        this.panel.emit('snapshot', snapshot);
        // Its process writes to the folder and to nobody else.
        if (snapshot.run?.place) this.schedule();
      },
      (error: Error) => this.services.log.warn(`run page: ${error.message}`),
    );
  }

  private nameTab({ kind, title }: RunPageSnapshot): void {
    const { t } = this.services;
    if (kind !== 'none') this.panel.title = kind === 'run' ? title : t('{0}: evaluation', title);
  }

  private async snapshot(): Promise<RunPageSnapshot> {
    const { shown } = this;
    if (shown?.kind === 'evaluation') return evaluationPage(shown.evaluated);
    const record = shown && this.services.runs.get(shown.folder);
    if (!record) return noRunPage;
    const { training, runLogs, t } = this.services;
    const isOwn = training.isActive && training.state.runFolder === record.folder;
    const { history, series } = await runLogs.read(record.folder);
    const { run } = trainingSnapshot({
      recipe: null,
      training: isOwn ? training.state : { phase: 'idle', history: [], evaluations: [] },
      stored: { record, history },
      others: [],
      hasModels: true,
      trusted: true,
      nowMs: Date.now(),
    });
    const worded = run?.error ? { ...run, error: wordedState(run.error, t) } : run;
    return runPageOf(record, { run: worded, series }, t);
  }
}

function evaluationPage({ model, file, report, answers, label }: EvaluatedFile): RunPageSnapshot {
  const canOpen = answers !== undefined && label !== undefined;
  return {
    ...noRunPage,
    kind: 'evaluation',
    id: model.folder,
    title: model.name,
    measurements: [measurementOf(report, { split: '', file: basename(file), canOpen })],
    actions: ['use', 'evaluate', 'export'],
  };
}

const gone = (): MedTextError => new MedTextError('NOT_FOUND', words`It is not there any more.`);

const recipeFileOf = ({ recipeFile, folder }: RunRecord): string =>
  existsSync(recipeFile) ? recipeFile : join(folder, 'recipe.medtext.json');

const placeOfLargest = (numbers: readonly number[]): number =>
  numbers.reduce((best, number, at) => (number > numbers[best] ? at : best), 0);

/** Reads {@link HeldOutPredictions} (src/runs/heldOutPredictions.ts); undefined for any other file. */
async function readHeldOut(path: string): Promise<{ rows: number[]; probabilities: number[][] } | undefined> {
  try {
    const { rows, probabilities } = JSON.parse(await readTextFile(path)) as { rows?: unknown; probabilities?: unknown };
    const isWhole = Array.isArray(rows) && Array.isArray(probabilities) && rows.length === probabilities.length;
    return isWhole && probabilities.every(Array.isArray) ? { rows: rows as number[], probabilities: probabilities as number[][] } : undefined; // prettier-ignore
  } catch {
    return undefined;
  }
}

/** What the head of a model reads, where it reads no pooler. */
async function poolingOf(model: string): Promise<string | undefined> {
  try {
    const { medtext } = JSON.parse(await readTextFile(join(model, 'config.json'))) as { medtext?: { pooling?: unknown } }; // prettier-ignore
    return typeof medtext?.pooling === 'string' ? medtext.pooling : undefined;
  } catch {
    return undefined;
  }
}
