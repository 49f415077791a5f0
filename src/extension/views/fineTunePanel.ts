import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Uri, ViewColumn, commands, window, workspace, type WebviewPanelSerializer } from 'vscode';
import { DisposableStore, type Disposable } from '../../base/disposables';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import { translated } from '../../base/words';
import type { Handlers } from '../../protocol/channel';
import { errorText } from '../../protocol/errorWords';
import { HOLD_OUT, draftFields, fineTuneContract, type DraftField, type DraftLengths, type FineTuneContract, type FineTuneSnapshot } from '../../protocol/fineTunePage'; // prettier-ignore
import { hasAmounts, impliedScores } from '../../protocol/labelScheme';
import type { DataInfo, LabelCounts } from '../../protocol/scorer';
import { TASKS, describeTask, findTaskFor, type TaskDescription, type TaskName } from '../../protocol/tasks';
import type { BaseServices } from '../baseServices';
import { dataFilters, workspaceDataFiles } from '../commands/asking';
import type { DatasetPreviews } from '../datasetPreview/datasetPreviews';
import { fileLabel } from '../fileLabel';
import type { ListedModel } from '../modelStore';
import { draftWarnings, likelyTrainFile, scaleIsOpen, splitFilesOf } from '../recipe/fineTuneDraft';
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
  private counts: LabelCounts | undefined;
  private lengths: DraftLengths | null = null;
  private trouble = '';
  private isReading = false;
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
  }

  async show(given: { readonly train?: string; readonly model?: string } = {}): Promise<void> {
    const isKept = this.panel.isOpen && given.train === undefined && given.model === undefined;
    this.panel.show(ViewColumn.Active);
    if (!isKept) await this.begin(given);
  }

  dispose(): void {
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
      preview: () => void (this.chosen.train && this.previews.open(Uri.file(this.chosen.train))),
      write: ({ start }) => this.write(start),
    };
  }

  // ── What is recognised ─────────────────────────────────────────────────────────────────────────────────────────

  private async begin({ train, model }: { readonly train?: string; readonly model?: string }): Promise<void> {
    this.chosen = { ...nothingChosen(), model: model ?? this.likelyModel(), device: setting('medtext.device') };
    this.scores = {};
    this.info = undefined;
    this.counts = undefined;
    this.isReading = true;
    this.send();
    this.files = (await workspaceDataFiles()).map(({ fsPath }) => fsPath);
    const likely = train ?? this.activeFile() ?? likelyTrainFile(this.files);
    if (likely === undefined) {
      this.isReading = false;
      return this.send();
    }
    await this.takeTrain(likely);
  }

  private activeFile(): string | undefined {
    const path = window.activeTextEditor?.document.uri.fsPath;
    return this.files.find((file) => file === path);
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
      validation,
      test,
      first: '',
      second: '',
      label: '',
      task: '',
      badRows: 'stop',
      spanEnd: '',
    };
    this.scores = {};
    await this.reading(revision, async () => {
      const info = await this.services.scorer.request('dataInfo', { file });
      if (revision !== this.revision) return;
      this.info = info;
      this.chosen = { ...this.chosen, first: info.first ?? '', second: info.second ?? '', label: info.label ?? '' };
      await this.readLabels(revision);
    });
  }

  private async readLabels(revision: number): Promise<void> {
    const { train, label } = this.chosen;
    this.counts = undefined;
    const counts =
      label === '' ? undefined : await this.services.scorer.request('labelCounts', { split: { file: train, label } });
    if (revision !== this.revision) return;
    this.counts = counts;
    const tasks = this.tasks();
    const isAmount = counts !== undefined && hasAmounts(counts.values.map(({ value }) => value));
    const kind = this.marksEntities() ? 'spans' : isAmount ? 'number' : 'class';
    const suggested = findTaskFor(kind, this.chosen.second !== '');
    const known =
      tasks.find(({ id }) => id === this.chosen.task) ?? tasks.find(({ id }) => id === suggested) ?? tasks[0];
    this.chosen = { ...this.chosen, task: known?.id ?? '' };
    void this.measure(revision);
  }

  /** In tokens of the chosen model; nobody waits for it. */
  private async measure(revision: number): Promise<void> {
    const { model, train, first, second } = this.chosen;
    this.lengths = null;
    if (model === STARTER || first === '') return;
    try {
      const found = await this.services.scorer.request('exampleLengths', {
        folder: model,
        file: train,
        first,
        ...(second !== '' && { second }),
      });
      if (revision !== this.revision) return;
      const positions = modelPositions(model);
      this.lengths = { ...found, ...(positions !== undefined && { positions }) };
      this.send();
    } catch (error) {
      this.services.log.debug(`fine-tune page: ${asMedTextError(error).message}`);
    }
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
    const isPair = this.chosen.second !== '';
    const fits = ({ second, answer, reads }: TaskDescription): boolean =>
      reads === undefined && second !== (isPair ? 'none' : 'required') && (answer === 'spans') === this.marksEntities();
    return (TASKS as readonly TaskDescription[]).filter(fits);
  }

  // ── What the person chooses ────────────────────────────────────────────────────────────────────────────────────

  private async choose(field: DraftField, value: string): Promise<void> {
    this.refuseUnknown(field, value);
    if (field === 'train') return this.takeTrain(value);
    this.chosen = { ...this.chosen, [field]: value };
    const revision = ++this.revision;
    if (field === 'label' || field === 'second' || field === 'first') {
      return this.reading(revision, () => this.readLabels(revision));
    }
    if (field === 'model') void this.measure(revision);
    this.send();
  }

  /** A page names nothing that was not offered: a path would be read. @throws NOT_FOUND */
  private refuseUnknown(field: DraftField, value: string): void {
    const columns = this.info?.columns ?? [];
    const offered: Readonly<Record<DraftField, readonly string[]>> = {
      model: [STARTER, ...this.services.models.list().map(({ folder }) => folder)],
      train: this.listedFiles(),
      validation: ['', HOLD_OUT, ...this.listedFiles()],
      test: ['', ...this.listedFiles()],
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
    const file = (await window.showOpenDialog({ title: this.services.t('Data'), filters: dataFilters }))?.[0]?.fsPath;
    if (file === undefined) return;
    this.browsed.add(file);
    await this.choose(field, file);
  }

  private async write(start: boolean): Promise<void> {
    const problem = this.problem();
    if (problem !== '') throw new MedTextError('USAGE', problem);
    if (this.chosen.model === STARTER) await this.unpackStarter();
    const file = this.recipeFile();
    await writeFile(file, recipeText(this.choices(), file), { flag: 'wx' });
    await window.showTextDocument(Uri.file(file), { preview: false });
    // Not awaited: a run lasts longer than anyone waits for an answer.
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
    if (first === '') return t('Choose the column of the text.');
    if (label === '') return t('Choose the column of the label.');
    if (this.asksSpanEnd() && this.chosen.spanEnd === '') return t('Choose what the end of an entity is.');
    return task === '' ? t('Choose the task.') : '';
  }

  private choices(): RecipeChoices {
    const { model, train, validation, test, first, second, label, task, device, badRows, spanEnd } = this.chosen;
    const { labels = [] } = this.counts ? draftedLabels(this.counts) : {};
    const implied = impliedScores(labels);
    const scale = labels.map((name, id) => [name, this.scores[name] ?? implied?.[id]] as const);
    const isSaid = Object.keys(this.scores).length > 0 && scale.every((entry): entry is readonly [string, number] => entry[1] !== undefined); // prettier-ignore
    return {
      model: modelInRecipe(this.services.models, model),
      trainFile: train,
      ...(validation === HOLD_OUT ? { holdsOut: true } : validation !== '' && { validationFile: validation }),
      ...(test !== '' && { testFile: test }),
      task: task as TaskName,
      first,
      ...(second !== '' && { second }),
      label,
      ...(this.counts && draftedLabels(this.counts)),
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
    const { info, counts, chosen } = this;
    const problem = this.problem();
    const isReady = problem === '';
    const { labels: names } = counts ? draftedLabels(counts) : {};
    const task = chosen.task === '' ? undefined : (chosen.task as TaskName);
    const isClasses = task !== undefined && describeTask(task).answer === 'class';
    const shown = isClasses ? (names ?? counts?.values.map(({ value }) => value) ?? []) : [];
    const implied = impliedScores(shown);
    const countOf = new Map(counts?.values.map(({ value, count }) => [value, count]));
    const comparesTexts = isClasses && describeTask(task).second !== 'none';
    const listed = models.list().filter(({ missing }) => !missing);
    return {
      state: this.isReading ? 'reading' : isReady ? 'ready' : 'asking',
      problem,
      models: [
        ...listed.map(({ folder, name, description }) => ({ id: folder, name, hint: description })),
        ...(listed.some((model) => models.isStarter(model)) ? [] : [{ id: STARTER, name: t('Starter encoder'), hint: t('comes with MedText Lab') }]), // prettier-ignore
      ],
      files: this.listedFiles().map((path) => ({ id: path, name: labelOf(path) })),
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
        score: comparesTexts ? (this.scores[name] ?? implied?.[id] ?? null) : null,
      })),
      labelCount: shown.length,
      asksSpanEnd: this.asksSpanEnd(),
      asksScale: comparesTexts && scaleIsOpen(task, shown, this.scores),
      lengths: this.lengths,
      warnings: info && isReady ? draftWarnings({ info, counts, task, label: chosen.label, validation: chosen.validation, skipsBadRows: chosen.badRows === 'skip' }, t) : [], // prettier-ignore
      recipeName: isReady ? basename(this.recipeFile()) : '',
      recipe: isReady ? recipeText(this.choices(), this.recipeFile()) : '',
    };
  }
}

const nothingChosen = (): Record<DraftField, string> =>
  ({ ...Object.fromEntries(draftFields.map((field) => [field, ''])), validation: HOLD_OUT, device: 'auto', badRows: 'stop' }) as Record<DraftField, string>; // prettier-ignore

function labelOf(path: string): string {
  const { label, description } = fileLabel(workspace.asRelativePath(path));
  return description ? `${label} · ${description}` : label;
}
