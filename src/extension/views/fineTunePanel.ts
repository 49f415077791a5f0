import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { TabInputCustom, TabInputText, Uri, ViewColumn, commands, window, workspace, type WebviewPanelSerializer } from 'vscode'; // prettier-ignore
import { DisposableStore, type Disposable } from '../../base/disposables';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import { translated } from '../../base/words';
import type { Handlers } from '../../protocol/channel';
import { errorText } from '../../protocol/errorWords';
import { HOLD_OUT, draftFields, fineTuneContract, type DraftField, type DraftLengths, type FineTuneContract, type FineTuneSnapshot } from '../../protocol/fineTunePage'; // prettier-ignore
import { answerIn, answerOf, comparesTexts, countsFor, signsOf, tasksOfRows } from '../../protocol/answers';
import { impliedScores } from '../../protocol/labelScheme';
import type { DataInfo, LabelCounts } from '../../protocol/scorer';
import { describeTask, findTask, findTaskFor, type TaskDescription, type TaskName } from '../../protocol/tasks';
import type { TrainingForecast } from '../../protocol/trainingForecast';
import type { BaseServices } from '../baseServices';
import { dataFilters, workspaceDataFiles } from '../commands/asking';
import type { DatasetPreviews } from '../datasetPreview/datasetPreviews';
import { fileLabel } from '../fileLabel';
import type { ListedModel } from '../modelStore';
import { draftWarnings, likelyTrainFile, scaleIsOpen, splitFilesOf, splitSheetsOf } from '../recipe/fineTuneDraft';
import { modelInRecipe } from '../recipe/modelInRecipe';
import { modelPositions } from '../recipe/modelPositions';
import { draftedLabels, freeRecipeFile, recipeText, type RecipeChoices } from '../recipe/recipeDraft';
import { modelsFolder } from '../modelsFolder';
import { setting } from '../settings';
import { SinglePanel } from './singlePanel';
import { windowLanguage } from './webviewHtml';

const devices = ['auto', 'cpu', 'webgpu', 'cuda', 'dml', 'coreml'];
/** Stands for the encoder that comes with the extension while it is not unpacked. */
const STARTER = 'starter';
const maxShownLabels = 60;
/** For the next of several choices. */
const forecastDelayMs = 400;

export interface FineTunePanel extends Disposable {
  /** Takes the panel that comes back with the window. */
  readonly panel: WebviewPanelSerializer;
  /** Opens the page, or brings it forward. @param given the training data, or the model's folder, that was asked for */
  show(given?: { readonly train?: string; readonly model?: string }): Promise<void>;
}

export function createFineTune(services: BaseServices, previews: DatasetPreviews): FineTunePanel {
  return new FineTuneHost(services, previews);
}

class FineTuneHost implements FineTunePanel {
  private readonly store = new DisposableStore();
  readonly panel: SinglePanel<FineTuneContract>;
  private chosen: Record<DraftField, string> = nothingChosen();
  private scores: Record<string, number> = {};
  private files: readonly string[] = [];
  /** Files from elsewhere that the person has named. */
  private readonly browsed = new Set<string>();
  private info: DataInfo | undefined;
  private sheets: FineTuneSnapshot['sheets'] = noSheets;
  private counts: LabelCounts | undefined;
  private lengths: DraftLengths | null = null;
  private forecast: TrainingForecast | null = null;
  private forecastNote = '';
  private forecasting: AbortController | undefined;
  private trouble = '';
  private isReading = false;
  private writing: Promise<void> | undefined;
  /** Rises with every choice: an answer to an earlier one is dropped. */
  private revision = 0;

  constructor(
    private readonly services: BaseServices,
    private readonly previews: DatasetPreviews,
  ) {
    const { models, t } = services;
    this.panel = this.store.add(
      new SinglePanel(services, {
        type: 'medtext.fineTunePage',
        page: 'fineTune',
        title: t('Fine-Tune Encoder'),
        contract: fineTuneContract,
        handlers: this.handlers(),
        onRestore: () => void this.begin({}),
        onVisible: () => this.send(),
      }),
    );
    this.store.add(models.onDidChange(() => this.panel.isVisible && this.send()));
    this.store.add(
      workspace.onDidGrantWorkspaceTrust(() => {
        if (this.panel.isOpen && this.chosen.train === '') void this.begin({});
      }),
    );
  }

  async show(given: { readonly train?: string; readonly model?: string } = {}): Promise<void> {
    const isKept = this.panel.isOpen && given.train === undefined && given.model === undefined;
    // Once the page is shown, it is the page that is in front.
    const inFront = fileInFront();
    this.panel.show(ViewColumn.Active);
    if (!isKept) await this.begin(given, inFront);
  }

  dispose(): void {
    this.forecasting?.abort();
    this.store.dispose();
  }

  private handlers(): Handlers<FineTuneContract> {
    return {
      initialize: () => ({ ...windowLanguage(), snapshot: this.snapshot() }),
      choose: ({ field, value }) => this.choose(field, value),
      score: ({ label, score }) => {
        const { [label]: _, ...others } = this.scores;
        this.scores = score === null ? others : { ...others, [label]: Math.min(1, Math.max(0, score)) };
        this.send();
      },
      browse: ({ field }) => void this.browse(field),
      importModel: () =>
        void commands.executeCommand<ListedModel | undefined>('medtext.importModel').then((model) => {
          if (model) void this.choose('model', model.folder);
        }),
      preview: () => void (this.chosen.train && this.previews.open(Uri.file(this.chosen.train), undefined, undefined, this.chosen.sheet || undefined)), // prettier-ignore
      showContradictions: () => this.showContradictions(),
      measureTime: () => this.foresee(true),
      write: ({ start }) => this.write(start),
    };
  }

  // ── What is recognised ─────────────────────────────────────────────────────────────────────────────────────────

  private async begin(given: { readonly train?: string; readonly model?: string }, inFront?: string): Promise<void> {
    const { train, model } = given;
    this.chosen = { ...nothingChosen(), model: model ?? this.likelyModel(), device: setting('medtext.device') };
    this.scores = {};
    this.info = undefined;
    this.sheets = noSheets;
    this.counts = undefined;
    this.forecasting?.abort();
    this.forecast = null;
    this.forecastNote = '';
    this.isReading = true;
    const revision = ++this.revision;
    this.send();
    this.files = (await workspaceDataFiles()).map(({ fsPath }) => fsPath);
    // The person has chosen a file while the workspace was being looked through.
    if (revision !== this.revision) return this.send();
    // The page that comes back with the window asks unasked: in Restricted Mode no file of the folder is read for it.
    const guess = workspace.isTrusted ? likelyTrainFile(this.files) : undefined;
    const likely = train ?? this.files.find((file) => file === inFront) ?? guess;
    if (likely === undefined) {
      this.isReading = false;
      return this.send();
    }
    await this.takeTrain(likely);
  }

  /** One that was imported and never trained; else the active one, else the starter. */
  private likelyModel(): string {
    const { models } = this.services;
    const listed = models.list().filter(({ missing }) => !missing);
    const encoders = listed.filter((model) => !model.hasHead && !models.isStarter(model));
    const newest = [...encoders].sort((a, b) => b.addedAtMs - a.addedAtMs)[0];
    return newest?.folder ?? listed.find((model) => models.isStarter(model))?.folder ?? STARTER;
  }

  private async takeTrain(file: string): Promise<void> {
    const revision = ++this.revision;
    const isListed = this.files.includes(file);
    if (!isListed) this.browsed.add(file);
    const { validation = HOLD_OUT, test = '' } = splitFilesOf(file, this.files);
    this.chosen = {
      ...this.chosen,
      train: file,
      sheet: '',
      validation,
      validationSheet: '',
      test,
      testSheet: '',
      first: '',
      second: '',
      label: '',
      task: '',
      badRows: 'stop',
      spanEnd: '',
    };
    this.scores = {};
    await this.reading(revision, async () => {
      const { sheets = [] } = await this.services.scorer.request('dataInfo', { file });
      if (revision !== this.revision) return;
      const called = splitSheetsOf(sheets);
      // The splits of a data set may be the sheets of one workbook.
      const inWorkbook = {
        ...(validation === HOLD_OUT && called.validation !== undefined && { validation: file }),
        ...(test === '' && called.test !== undefined && { test: file }),
      };
      this.sheets = { ...noSheets, train: sheets };
      this.chosen = { ...this.chosen, ...inWorkbook };
      await this.takeSheet(called.train, revision);
      await Promise.all([this.findSheets('validation'), this.findSheets('test')]);
    });
  }

  /** The columns of the training data, which differ from sheet to sheet. */
  private async takeSheet(sheet: string | undefined, revision: number): Promise<void> {
    const info = await this.services.scorer.request('dataInfo', { file: this.chosen.train, ...(sheet !== undefined && { sheet }) }); // prettier-ignore
    if (revision !== this.revision) return;
    this.info = info;
    const { first = '', second = '', label = '' } = info;
    const hasSheets = (info.sheets?.length ?? 0) > 1;
    this.chosen = { ...this.chosen, sheet: hasSheets ? info.sheet! : '', first, second, label, task: '', spanEnd: '' };
    await this.readLabels(revision);
  }

  /** The sheets of a workbook to evaluate on, and which one: by its name, else the first that is not trained on. */
  private async findSheets(split: 'validation' | 'test'): Promise<void> {
    const file = this.chosen[split];
    const info = file === '' || file === HOLD_OUT ? undefined : await this.services.dataInfo(file);
    if (this.chosen[split] !== file) return;
    const sheets = info?.sheets ?? [];
    const isTrainedOn = (name: string): boolean => file === this.chosen.train && name === this.chosen.sheet;
    const sheet = splitSheetsOf(sheets)[split] ?? sheets.find((name) => !isTrainedOn(name)) ?? sheets[0] ?? '';
    this.sheets = { ...this.sheets, [split]: sheets };
    this.chosen = { ...this.chosen, [`${split}Sheet`]: sheets.length > 1 ? sheet : '' };
  }

  private async readLabels(revision: number): Promise<void> {
    const { train, sheet, label } = this.chosen;
    this.counts = undefined;
    const split = { file: train, label, ...(sheet !== '' && { sheet }) };
    const counts = label === '' ? undefined : await this.services.scorer.request('labelCounts', { split });
    if (revision !== this.revision) return;
    this.counts = counts;
    const tasks = this.tasks();
    const signs = counts ? signsOf(counts, this.marksEntities()) : { marks: this.marksEntities(), several: false, values: [] }; // prettier-ignore
    const suggested = findTaskFor(answerIn(signs).answer, this.chosen.second !== '');
    const known =
      tasks.find(({ id }) => id === this.chosen.task) ?? tasks.find(({ id }) => id === suggested) ?? tasks[0];
    this.chosen = { ...this.chosen, task: known?.id ?? '' };
    void this.measure(revision);
  }

  /** The starter's packed folder tells its shape and its tokens, too. */
  private modelFolder(): string {
    const { model } = this.chosen;
    return model === STARTER ? join(this.services.context.extensionPath, 'starter') : model;
  }

  /** In tokens of the chosen model; nobody waits for it. */
  private async measure(revision: number): Promise<void> {
    const { train, sheet, first, second } = this.chosen;
    const model = this.modelFolder();
    this.lengths = null;
    if (first === '') return;
    try {
      const found = await this.services.scorer.request('exampleLengths', {
        folder: model,
        file: train,
        first,
        ...(second !== '' && { second }),
        ...(sheet !== '' && { sheet }),
      });
      if (revision !== this.revision || model !== this.modelFolder()) return;
      const positions = modelPositions(model);
      this.lengths = { ...found, ...(positions !== undefined && { positions }) };
      this.send();
    } catch (error) {
      this.services.log.debug(`fine-tune page: ${asMedTextError(error).message}`);
    }
  }

  /**
   * What the training will read and take; nobody waits for it. A later choice makes an earlier one of no use: it is cancelled,
   * and the next one waits a moment for more.
   */
  private foresee(measures = false): void {
    this.forecasting?.abort();
    const { t } = this.services;
    this.forecast = null;
    this.forecastNote = '';
    if (this.problem() !== '') return;
    this.forecastNote = measures ? t('Measuring a few steps…') : t('Reading all rows for an estimate…');
    const asked = (this.forecasting = new AbortController());
    setTimeout(() => void this.forecastOf(measures, asked.signal), measures ? 0 : forecastDelayMs);
    if (measures) this.send();
  }

  private async forecastOf(measures: boolean, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    try {
      const file = this.recipeFile();
      const recipe = { ...(JSON.parse(recipeText(this.choices(), file)) as object), model: this.modelFolder() };
      const runFolders = this.services.runs.list().map(({ folder }) => folder);
      const found = await this.services.scorer.request(
        'forecast',
        { recipe, folder: dirname(file), runFolders, measures },
        signal,
      );
      if (signal.aborted) return;
      this.forecast = found;
      this.forecastNote = '';
    } catch (error) {
      if (signal.aborted) return;
      this.forecastNote = this.services.t('The training would stop before its first step: {0}', errorText(asMedTextError(error), this.services.t)); // prettier-ignore
    }
    this.send();
  }

  private async showContradictions(): Promise<void> {
    const { train } = this.chosen;
    if (!this.forecast || this.forecast.contradictions.rows.length === 0) throw new MedTextError('NOT_FOUND', words`It is not there any more.`); // prettier-ignore
    const { rows } = this.forecast.contradictions;
    const title = this.services.t('the same texts, different labels');
    await this.previews.open(Uri.file(train), undefined, {
      search: null,
      filters: [{ kind: 'rows', title, rows: [...rows] }],
      sort: { kind: 'column', column: this.chosen.first, measure: 'value', descending: false },
    }, this.chosen.sheet || undefined); // prettier-ignore
  }

  private async reading(revision: number, work: () => Promise<void>): Promise<void> {
    this.isReading = true;
    this.trouble = '';
    this.send();
    try {
      await work();
    } catch (error) {
      if (revision === this.revision) this.trouble = errorText(asMedTextError(error), this.services.t);
    }
    if (revision !== this.revision) return;
    this.isReading = false;
    this.foresee();
    this.send();
  }

  /** Whether the label column that was chosen has entities. */
  private marksEntities(): boolean {
    return this.info?.entities !== undefined && this.chosen.label === this.info.label;
  }

  private asksSpanEnd(): boolean {
    return this.marksEntities() && !this.info!.entities!.endsAreTold;
  }

  private tasks(): readonly TaskDescription[] {
    return tasksOfRows(this.chosen.second !== '', { marks: this.marksEntities() });
  }

  /** The label counts in the form that the chosen task reads. */
  private counted(): LabelCounts | undefined {
    const task = findTask(this.chosen.task);
    return this.counts && task ? countsFor(task.answer, this.counts) : this.counts;
  }

  // ── What the person chooses ────────────────────────────────────────────────────────────────────────────────────

  private async choose(field: DraftField, value: string): Promise<void> {
    this.refuseUnknown(field, value);
    if (field === 'train') return this.takeTrain(value);
    this.chosen = { ...this.chosen, [field]: value };
    if (field === 'label' || field === 'second' || field === 'first' || field === 'sheet') {
      const revision = ++this.revision;
      return this.reading(revision, () =>
        field === 'sheet' ? this.takeSheet(value, revision) : this.readLabels(revision),
      );
    }
    // The other choices leave the reading of the training data under way.
    if (field === 'validation' || field === 'test') await this.findSheets(field);
    if (field === 'model') void this.measure(this.revision);
    this.foresee();
    this.send();
  }

  /** A page names nothing that was not offered: a path would be read. @throws NOT_FOUND */
  private refuseUnknown(field: DraftField, value: string): void {
    const columns = this.info?.columns ?? [];
    const offered: Readonly<Record<DraftField, readonly string[]>> = {
      model: [STARTER, ...this.services.models.list().map(({ folder }) => folder)],
      train: this.listedFiles(),
      sheet: this.sheets.train,
      validation: ['', HOLD_OUT, ...this.listedFiles()],
      validationSheet: this.sheets.validation,
      test: ['', ...this.listedFiles()],
      testSheet: this.sheets.test,
      first: columns,
      second: ['', ...columns],
      label: columns,
      task: this.tasks().map(({ id }) => id),
      device: devices,
      badRows: ['stop', 'skip'],
      spanEnd: ['inclusive', 'exclusive'],
    };
    if (!offered[field].includes(value)) throw new MedTextError('NOT_FOUND', words`It is not there any more.`);
  }

  private listedFiles(): readonly string[] {
    return [...this.browsed, ...this.files.filter((file) => !this.browsed.has(file))];
  }

  private async browse(field: 'train' | 'validation' | 'test'): Promise<void> {
    const file = (
      await window.showOpenDialog({ title: this.services.t('Data'), filters: dataFilters(this.services.t) })
    )?.[0]?.fsPath;
    if (file === undefined) return;
    this.browsed.add(file);
    await this.choose(field, file);
  }

  /** A second press while the recipe is being written, as of a double click, means the same recipe. */
  private write(start: boolean): Promise<void> {
    return (this.writing ??= this.writeNow(start).finally(() => (this.writing = undefined)));
  }

  private async writeNow(start: boolean): Promise<void> {
    const problem = this.problem();
    if (problem !== '') throw new MedTextError('USAGE', problem);
    if (this.chosen.model === STARTER) await this.unpackStarter();
    const file = this.recipeFile();
    await writeFile(file, recipeText(this.choices(), file), { flag: 'wx' });
    await window.showTextDocument(Uri.file(file), { preview: false });
    // The page does not wait for the end of the run.
    if (start) void commands.executeCommand('medtext.runRecipe', Uri.file(file));
  }

  private async unpackStarter(): Promise<void> {
    const { library, models } = this.services;
    const { folder } = await library.request('starter', { models: modelsFolder(), job: 0 });
    models.refresh();
    this.chosen = { ...this.chosen, model: folder };
  }

  // ── What is shown ──────────────────────────────────────────────────────────────────────────────────────────────

  private problem(): string {
    const { t } = this.services;
    const { train, first, label, task } = this.chosen;
    if (this.trouble !== '') return this.trouble;
    if (train === '') return t('Choose the training data.');
    if (this.isReading) return t('Reading the data…');
    if (this.evaluatesOnTraining())
      return t('Validation and test data must not be the training data: choose another sheet.');
    if (first === '') return t('Choose the column of the text.');
    if (label === '') return t('Choose the column of the label.');
    if (this.asksSpanEnd() && this.chosen.spanEnd === '') return t('Choose the meaning of an entity’s end.');
    return task === '' ? t('Choose the task.') : '';
  }

  /** A workbook may be chosen once more for another of its sheets only. */
  private evaluatesOnTraining(): boolean {
    const { train, sheet } = this.chosen;
    return (['validation', 'test'] as const).some((split) => this.chosen[split] === train && this.chosen[`${split}Sheet`] === sheet); // prettier-ignore
  }

  private choices(): RecipeChoices {
    const { model, train, sheet, validation, test, first, second, label, task, device, badRows, spanEnd } = this.chosen;
    const { validationSheet, testSheet } = this.chosen;
    const counts = this.counted();
    const drafted = counts && draftedLabels(counts);
    const labels = drafted?.labels ?? [];
    const implied = impliedScores(labels);
    const scale = labels.map((name, id) => [name, this.scores[name] ?? implied?.[id]] as const);
    const isSaid = Object.keys(this.scores).length > 0 && scale.every((entry): entry is readonly [string, number] => entry[1] !== undefined); // prettier-ignore
    return {
      model: modelInRecipe(this.services.models, model),
      trainFile: train,
      ...(sheet !== '' && { trainSheet: sheet }),
      ...(validation === HOLD_OUT ? { holdsOut: true } : validation !== '' && { validationFile: validation }),
      ...(validationSheet !== '' && { validationSheet }),
      ...(test !== '' && { testFile: test }),
      ...(testSheet !== '' && { testSheet }),
      task: task as TaskName,
      first,
      ...(second !== '' && { second }),
      label,
      ...drafted,
      labelSeparator: counts?.several?.separator,
      ...(isSaid && { scale: Object.fromEntries(scale) as Record<string, number> }),
      ...(badRows === 'skip' && { skipsBadRows: true }),
      ...(this.asksSpanEnd() && { spanEnd: spanEnd as 'inclusive' | 'exclusive' }),
      device,
    };
  }

  private recipeFile(): string {
    const { train } = this.chosen;
    const home = workspace.getWorkspaceFolder(Uri.file(train)) ?? workspace.workspaceFolders?.[0];
    return freeRecipeFile(train, home?.uri.fsPath ?? dirname(train), existsSync);
  }

  private send(): void {
    this.panel.emit('snapshot', this.snapshot());
  }

  private snapshot(): FineTuneSnapshot {
    const { models, t } = this.services;
    const { info, chosen } = this;
    const counts = this.counted();
    const problem = this.problem();
    const isReady = problem === '';
    const { labels: names } = counts ? draftedLabels(counts) : {};
    const task = chosen.task === '' ? undefined : (chosen.task as TaskName);
    const { column, hasNames } = task === undefined ? {} : answerOf(task);
    const shown = column === 'cells' && hasNames ? (names ?? counts?.values.map(({ value }) => value) ?? []) : [];
    const implied = impliedScores(shown);
    const countOf = new Map(counts?.values.map(({ value, count }) => [value, count]));
    const hasScale = task !== undefined && comparesTexts(describeTask(task));
    const listed = models.list().filter(({ missing }) => !missing);
    return {
      state: this.isReading ? 'reading' : isReady ? 'ready' : 'asking',
      problem,
      models: [
        ...listed.map(({ folder, name, description }) => ({ id: folder, name, hint: description })),
        ...(listed.some((model) => models.isStarter(model)) ? [] : [{ id: STARTER, name: t('Starter encoder'), hint: t('comes with MedText Lab') }]), // prettier-ignore
      ],
      files: this.listedFiles().map((path) => ({ id: path, name: labelOf(path) })),
      sheets: this.sheets,
      tasks: this.tasks().map(({ id, title, gives }) => ({
        id,
        name: translated(title, t),
        hint: translated(gives, t),
      })),
      devices,
      chosen,
      rows: info?.rows ?? 0,
      badRows: info?.badRows ?? 0,
      columns: (info?.facts ?? []).map((facts) => ({ ...facts, examples: [...(info?.examples?.[facts.name] ?? [])] })),
      labels: shown.slice(0, maxShownLabels).map((name, id) => ({
        name,
        count: countOf.get(name) ?? 0,
        score: hasScale ? (this.scores[name] ?? implied?.[id] ?? null) : null,
      })),
      labelCount: shown.length,
      asksSpanEnd: this.asksSpanEnd(),
      asksScale: hasScale && scaleIsOpen(task, shown, this.scores),
      lengths: this.lengths,
      forecast: this.forecast,
      forecastNote: this.forecastNote,
      warnings: info && isReady ? draftWarnings({ info, counts, task, label: chosen.label, validation: chosen.validation, skipsBadRows: chosen.badRows === 'skip', forecast: this.forecast }, t) : [], // prettier-ignore
      recipeName: isReady ? basename(this.recipeFile()) : '',
      recipe: isReady ? recipeText(this.choices(), this.recipeFile()) : '',
    };
  }
}

const noSheets: FineTuneSnapshot['sheets'] = { train: [], validation: [], test: [] };

const nothingChosen = (): Record<DraftField, string> =>
  ({ ...Object.fromEntries(draftFields.map((field) => [field, ''])), validation: HOLD_OUT, device: 'auto', badRows: 'stop' }) as Record<DraftField, string>; // prettier-ignore

/** The file of the tab in front, in a text editor or in the dataset preview. */
function fileInFront(): string | undefined {
  const input = window.tabGroups.activeTabGroup.activeTab?.input;
  return input instanceof TabInputText || input instanceof TabInputCustom ? input.uri.fsPath : undefined;
}

function labelOf(path: string): string {
  const { label, description } = fileLabel(workspace.asRelativePath(path));
  return description ? `${label} · ${description}` : label;
}
