import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { Range, RelativePattern, Uri, commands, env, window, workspace, type WebviewPanel } from 'vscode';
import { DisposableStore, type Disposable } from '../../base/disposables';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import { wordedState } from '../../protocol/errorWords';
import type { Handlers } from '../../protocol/channel';
import type { PreviewOpening, PreviewSource } from '../../protocol/dataProcess';
import {
  datasetPreviewContract,
  type DatasetPreviewContract,
  type FieldMapping,
  type Findings,
  type Insights,
  type PreviewSnapshot,
  type PreviewState,
  type CleanOptions,
  type SplitOptions,
  type ViewQuery,
} from '../../protocol/datasetPreview';
import type { TextPair } from '../../protocol/scorer';
import { findTask } from '../../protocol/tasks';
import type { PreviewClient } from '../../worker/dataClient';
import type { BaseServices } from '../baseServices';
import { dataFilters } from '../commands/asking';
import { pathInRecipe } from '../recipe/recipeDraft';
import { loadPage, windowLanguage } from '../views/webviewHtml';
import { WebviewServer } from '../views/webviewServer';
import { ChosenSheets } from './chosenSheets';
import { modelUse } from './modelUse';
import { noPredictions, PredictionRun } from './predictionRun';
import { mappingOf, splitSetting } from './recipeData';
import { chooseRecipe, mappingFields, openRecipe, recipeOf, writeDatasetFields, type OpenRecipe } from './recipeFiles';
import { showProgress, showWarning } from '../messages';

const reloadMs = 500;

/** What is to be shown of the file: these rows, this sheet; absent: all rows of the sheet that was chosen last, else of the first. */
interface Wanted {
  readonly query?: ViewQuery;
  readonly sheet?: string;
}

/** One open preview: the data process holds file, views and statistics; this joins it with page, models and recipes. */
export class PreviewEditor implements Disposable {
  private readonly store = new DisposableStore();
  private readonly server: WebviewServer<DatasetPreviewContract>;
  private readonly predictions: PredictionRun;
  private readonly client: Promise<PreviewClient>;
  private splits: readonly PreviewSource[];
  private state: PreviewState | undefined;
  /** The names of labels that the data process has, as JSON. */
  private labelNames = '';
  private insights: Insights | undefined;
  private findings: Findings | undefined;
  private reloadTimer: NodeJS.Timeout | undefined;
  private readonly sheets: ChosenSheets;
  /** The sheet to begin with. */
  private readonly sheet: string | undefined;

  private constructor(
    private readonly file: Uri,
    private recipe: OpenRecipe | undefined,
    panel: WebviewPanel,
    private readonly services: BaseServices,
    private readonly wanted: Wanted,
  ) {
    const { context, models, t } = services;
    this.sheets = new ChosenSheets(context.workspaceState);
    this.sheet = wanted.sheet ?? this.sheets.of(file.fsPath);
    if (wanted.sheet !== undefined) this.keepSheet(wanted.sheet);
    this.splits = recipe?.data.splits ?? [{ name: basename(file.fsPath), file: file.fsPath, ...(this.sheet !== undefined && { sheet: this.sheet }) }]; // prettier-ignore
    this.client = this.openClient();
    this.client.catch((error: Error) => services.log.error(`dataset preview: ${error.message}`));
    this.predictions = this.store.add(
      new PredictionRun(
        {
          request: async (name: 'inputs' | 'predicted', params: never, signal?: AbortSignal): Promise<never> =>
            (await this.client).request(name, params, signal) as Promise<never>,
        },
        (texts, signal) => this.score(texts, signal),
        (shown) => this.server.emit('predictions', wordedState(shown, t)),
      ),
    );
    loadPage(panel.webview, context, 'datasetPreview', t('Dataset preview'));
    this.server = this.store.add(new WebviewServer(panel.webview, datasetPreviewContract, this.handlers(), services.t));
    this.store.add(models.onDidChange(() => this.settled(this.useModel())));
    this.store.add(
      workspace.onDidSaveTextDocument(({ uri }) => {
        if (uri.toString() === this.recipe?.document.uri.toString()) this.settled(this.useRecipe(uri));
      }),
    );
    this.watch(panel);
  }

  /** @param recipe the one it was asked for from; otherwise one of the workspace that names the file */
  static async create(
    file: Uri,
    recipe: Uri | undefined,
    panel: WebviewPanel,
    services: BaseServices,
    wanted: Wanted = {},
  ): Promise<PreviewEditor> {
    const known = recipe ? await openRecipe(recipe, services.addresses) : await recipeOf(file.fsPath);
    const names = known?.data.splits.some((split) => split.file === file.fsPath);
    return new PreviewEditor(file, names ? known : undefined, panel, services, wanted);
  }

  /** Shows these rows of this sheet, whatever is on show. */
  async show({ query, sheet }: Wanted): Promise<void> {
    const client = await this.client;
    const own = this.splits.find((one) => one.file === this.file.fsPath);
    // Another file of the data set may be on show.
    if (own && this.shownPath() !== own.file) await this.showSplit(own.name);
    if (sheet !== undefined && sheet !== this.state?.sheet) {
      const split = this.splits.find((one) => one.file === this.file.fsPath && one.sheet === sheet);
      await (split ? this.showSplit(split.name) : this.showSheet(sheet));
    }
    if (!query) return;
    // A hidden page is gone: it comes back with the view of the data process.
    await client.request('setView', { query });
    this.server.emit('query', query);
  }

  dispose(): void {
    clearTimeout(this.reloadTimer);
    this.store.dispose();
    void this.client.then((client) => client.dispose()).catch(() => undefined);
  }

  // ── The data process ───────────────────────────────────────────────────────────────────────────────────────────

  private async openClient(): Promise<PreviewClient> {
    const { data, t } = this.services;
    const client = await data.openPreview(this.opening(), {
      onState: (state) => this.heard(wordedState(state, t)),
      onInsights: (insights) => this.server.emit('insights', (this.insights = wordedState(insights, t))),
      onFindings: (findings) => this.server.emit('findings', (this.findings = wordedState(findings, t))),
      onExportProgress: ({ done, total }) => this.server.emit('exportProgress', { done, total }),
      // What was predicted is gone with the process before.
      onReopening: () => this.predictions.forget(),
      onLost: (error) => {
        this.predictions.forget();
        this.settled(Promise.reject(error));
      },
    });
    const overview = wordedState(await client.overview(), t);
    this.state ??= overview.state;
    this.insights ??= overview.insights;
    this.findings ??= overview.findings;
    await this.leaveMissingSheet(client);
    await this.mapAsRecipe(client);
    return client;
  }

  /** A sheet that was chosen in another session and is gone: the first one again. A sheet that a recipe or a command names is an error. */
  private async leaveMissingSheet(client: PreviewClient): Promise<void> {
    const { sheets, shown } = this.state!;
    const isKept = this.wanted.sheet === undefined && !this.recipe && this.sheet !== undefined;
    if (!isKept || sheets.length === 0 || sheets.includes(this.sheet!)) return;
    await this.sheets.forget(this.file.fsPath);
    this.splits = this.splits.map(({ sheet: _, ...split }) => split);
    await client.request('setSplits', { splits: [...this.splits] });
    await client.request('showSplit', { name: shown });
  }

  /** For the next tab, and the next window. */
  private keepSheet(sheet: string): void {
    this.settled(this.sheets.choose(this.file.fsPath, sheet));
  }

  private opening(): PreviewOpening {
    const { recipe, model, maxLength, labelNames } = this.surroundings();
    this.labelNames = JSON.stringify(labelNames);
    const { query } = this.wanted;
    const { sheet } = this;
    const own = this.splits.filter(({ file }) => file === this.file.fsPath);
    const shown = (own.find((split) => sheet !== undefined && split.sheet === sheet) ?? own[0]).name;
    return {
      splits: [...this.splits],
      shown,
      ...{ maxLength, mapping: null, mappingSource: 'guess', recipe, model, labelNames },
      ...(query && { query }),
    };
  }

  /** What recipe and active model add to the file. */
  private surroundings() {
    const active = this.services.models.active();
    const use = active && modelUse(active.folder);
    return {
      use,
      recipe: shownRecipe(this.recipe),
      model: active ? { name: active.name, description: active.description, folder: active.folder } : null,
      maxLength: this.recipe?.data.maxLength ?? use?.maxLength ?? null,
      labelNames: {
        ...Object.fromEntries((use?.noLabels ?? []).map((raw) => [raw, ''])),
        ...use?.labelNames,
        ...this.recipe?.data.labelNames,
      },
    };
  }

  private async mapAsRecipe(client: PreviewClient): Promise<void> {
    if (!this.recipe || !this.state?.file || Object.keys(this.recipe.data.columns).length === 0) return;
    await this.map(client, mappingOf(this.recipe.data, this.state.mapping, this.state.columns), 'recipe');
  }

  /** Sets the columns, and the names of the recipe and of the active model for the labels in them. */
  private async map(
    client: PreviewClient,
    mapping: FieldMapping | null,
    source: PreviewState['mappingSource'],
  ): Promise<void> {
    const { labelNames } = this.surroundings();
    this.labelNames = JSON.stringify(labelNames);
    this.predictions.forget();
    await client.request('setMapping', { mapping, source, labelNames });
  }

  private heard(state: PreviewState): void {
    const before = this.state;
    this.state = state;
    this.server.emit('state', state);
    const isOther = before && (before.shown !== state.shown || JSON.stringify(before.mapping) !== JSON.stringify(state.mapping)); // prettier-ignore
    if (isOther) this.predictions.forget();
  }

  private async useModel(): Promise<void> {
    const { model, maxLength, use, labelNames } = this.surroundings();
    const hasOtherNames = this.labelNames !== JSON.stringify(labelNames);
    this.predictions.forget();
    const client = await this.client;
    await client.request('setModel', { model });
    if (hasOtherNames && this.state) await this.map(client, this.state.mapping, this.state.mappingSource);
    if (use && this.state?.maxLength === null) await client.request('setMaxLength', { maxLength });
  }

  /** The recipe was saved: its files, columns and labels may be others. */
  private async useRecipe(uri: Uri): Promise<void> {
    const recipe = await openRecipe(uri, this.services.addresses);
    const client = await this.client;
    if (!recipe?.data.splits.some(({ file }) => this.splits.some((split) => split.file === file))) return;
    const isSame = JSON.stringify(recipe.data) === JSON.stringify(this.recipe?.data);
    this.recipe = recipe;
    if (isSame) return;
    const shownSource = (): string => JSON.stringify(this.splits.find(({ name }) => name === this.state?.shown));
    const before = shownSource();
    this.splits = recipe.data.splits;
    await client.request('setSplits', { splits: [...this.splits] });
    // The split may be another file or another sheet by now.
    if (this.state && shownSource() !== before) await this.showRows(client, this.state.shown);
    await client.request('setRecipe', { recipe: shownRecipe(recipe) });
    if (this.state?.mappingSource !== 'person') await this.mapAsRecipe(client);
  }

  /**
   * A file that was changed is read anew; one that is being written is waited for. The watcher does not see what another
   * machine writes, nor what `files.watcherExclude` names: so the file is also looked at when the page is shown again.
   */
  private watch(panel: WebviewPanel): void {
    const pattern = new RelativePattern(Uri.file(dirname(this.file.fsPath)), basename(this.file.fsPath));
    const watcher = this.store.add(workspace.createFileSystemWatcher(pattern, false, false, true));
    let seen = versionOf(this.file);
    const changed = (): void => {
      seen = versionOf(this.file);
      clearTimeout(this.reloadTimer);
      this.reloadTimer = setTimeout(() => this.settled(this.reload()), reloadMs);
    };
    const look = async (): Promise<void> => {
      const [before, now] = await Promise.all([seen, versionOf(this.file)]);
      if (now !== undefined && now !== before) changed();
    };
    this.store.add(watcher.onDidChange(changed));
    this.store.add(watcher.onDidCreate(changed));
    this.store.add(panel.onDidChangeViewState(() => panel.visible && this.settled(look())));
  }

  private async reload(): Promise<void> {
    const shown = this.splits.find(({ name }) => name === this.state?.shown);
    if (shown?.file !== this.file.fsPath) return;
    await this.showRows(await this.client, shown.name);
  }

  private settled(work: Promise<unknown>): void {
    work.catch((caught: unknown) => {
      const { code, message } = asMedTextError(caught);
      if (code !== 'CANCELLED' && code !== 'CLOSED') this.services.log.warn(`dataset preview: ${message}`);
    });
  }

  // ── What the page asks ─────────────────────────────────────────────────────────────────────────────────────────

  private handlers(): Handlers<DatasetPreviewContract> {
    const client = () => this.client;
    return {
      initialize: async () => ({ ...windowLanguage(), snapshot: await this.snapshot() }),
      rows: async (params, signal) => {
        const { rows, total } = await (await client()).request('rows', params, signal);
        const shown = rows.map((row) => (row.bad ? { ...row, bad: wordedState(row.bad, this.services.t) } : row));
        return { rows: shown, total };
      },
      cell: async (params, signal) => (await client()).request('cell', params, signal),
      setView: async (query, signal) => (await client()).request('setView', { query }, signal),
      position: async (params, signal) => (await client()).request('position', params, signal),
      showSplit: ({ name }, signal) => this.showSplit(name, signal),
      showSheet: ({ name }) => this.showSheet(name),
      addSplit: () => this.addSplit(),
      setMapping: async (mapping) => this.map(await client(), mapping, 'person'),
      setMaxLength: async (params) => await (await client()).request('setMaxLength', params),
      chooseModel: async () => void (await commands.executeCommand('medtext.chooseActiveModel')),
      start: async ({ task }) => {
        if (task !== 'predictions') return await (await client()).request('start', { task });
        const active = this.services.models.active();
        if (!active) throw new MedTextError('NOT_FOUND', words`Choose a fine-tuned model first.`);
        void this.predictions.predictAll((signal) => this.allRows(signal));
      },
      cancel: async ({ task }) => {
        if (task === 'predictions') this.predictions.cancel();
        else await (await client()).request('cancel', { task });
      },
      predict: async ({ rows }, signal) => ({
        predictions: await this.predictions.predict(rows, this.state?.index.rows ?? 0, signal),
      }),
      jump: (params) => this.jump(params),
      copy: async (params) => {
        const { text, rows } = await (await client()).request('copy', params);
        await env.clipboard.writeText(text);
        return { rows };
      },
      export: async ({ format, ...params }, signal) => {
        const path = this.shownPath();
        const suggested = join(dirname(path), `${basename(path, extname(path))}-rows.${format}`);
        const target = await window.showSaveDialog({
          defaultUri: Uri.file(suggested),
          filters: { [format]: [format] },
        });
        if (!target) return null;
        const { rows } = await (await client()).request('export', { ...params, format, file: target.fsPath }, signal);
        return { fileName: basename(target.fsPath), rows };
      },
      writeMapping: async () => {
        const document = await this.recipeToWrite();
        if (!document || !this.state) return null;
        const fields = { ...mappingFields(this.state.mapping), ...this.sheetOfTraining() };
        await writeDatasetFields(document, [{ path: ['train'], fields }]);
        await this.adopt(document.uri);
        return { recipe: basename(document.fileName) };
      },
      skipBadRows: async () => {
        const document = await this.recipeToWrite();
        if (!document) return null;
        await writeDatasetFields(document, [{ path: ['train'], fields: { on_bad_row: 'skip' } }]);
        await this.adopt(document.uri);
        return { recipe: basename(document.fileName) };
      },
      planClean: async (options, signal) => (await client()).request('planClean', { options }, signal),
      writeClean: ({ options, target }, signal) => this.writeClean(options, target, signal),
      planSplit: async (options) => (await client()).request('planSplit', { options }),
      writeSplit: ({ options, target }, signal) => this.writeSplit(options, target, signal),
    };
  }

  private async showSplit(name: string, signal?: AbortSignal): Promise<void> {
    const client = await this.client;
    await this.showRows(client, name, signal);
    const split = this.splits.find((one) => one.name === name);
    if (split?.file === this.file.fsPath && split.sheet !== undefined) this.keepSheet(split.sheet);
    if (this.state?.mappingSource === 'recipe') await this.mapAsRecipe(client);
  }

  /** What was predicted, and what is being predicted, is of the rows before: it is forgotten first. */
  private async showRows(client: PreviewClient, name: string, signal?: AbortSignal): Promise<void> {
    this.predictions.forget();
    await client.request('showSplit', { name }, signal);
  }

  /** Its columns are others: they are recognised anew, or the recipe's. */
  private async showSheet(sheet: string): Promise<void> {
    const { sheets, shown } = this.state!;
    if (!sheets.includes(sheet)) throw new MedTextError('NOT_FOUND', words`There is no sheet ${JSON.stringify(sheet)}.`, { sheet }); // prettier-ignore
    this.splits = this.splits.map((split) => (split.name === shown ? { ...split, sheet } : split));
    const client = await this.client;
    this.predictions.forget();
    await client.request('setSplits', { splits: [...this.splits] });
    await this.map(client, null, 'guess');
    await this.showRows(client, shown);
    if (this.shownPath() === this.file.fsPath) this.keepSheet(sheet);
    await this.mapAsRecipe(client);
  }

  private async snapshot(): Promise<PreviewSnapshot> {
    await this.client;
    const predictions = wordedState(this.predictions?.shown ?? noPredictions, this.services.t);
    return { state: this.state!, insights: this.insights!, findings: this.findings!, predictions };
  }

  private shownPath(): string {
    return this.splits.find(({ name }) => name === this.state?.shown)?.file ?? this.file.fsPath;
  }

  private async score(texts: readonly TextPair[], signal: AbortSignal) {
    const { scoring, models } = this.services;
    const { use, model } = this.surroundings();
    const isSingle = texts[0].second === undefined;
    const secondText = findTask(use?.task)?.second;
    if (secondText === 'none' && !isSingle) {
      throw new MedTextError('UNSUPPORTED', words`${model!.name} reads one text at a time: map the second text to none, or choose another model.`); // prettier-ignore
    }
    if (secondText === 'required' && isSingle) {
      throw new MedTextError('UNSUPPORTED', words`${model!.name} reads pairs: map a second text, or choose another model.`); // prettier-ignore
    }
    if (!models.active()?.marksEntities) return (await scoring.score(texts, signal)).scores;
    return (await scoring.mark(texts.map(({ first }) => first), signal)).entities; // prettier-ignore
  }

  /** The number of rows once all of them are known. */
  private async allRows(signal: AbortSignal): Promise<number> {
    for (;;) {
      signal.throwIfAborted();
      const { working, rows } = (await this.snapshot()).state.index;
      if (!working) return rows;
      await new Promise((wake) => setTimeout(wake, 100));
    }
  }

  private async jump(params: { view: number; row: number }): Promise<void> {
    const path = this.shownPath();
    const noLines = new MedTextError('UNSUPPORTED', words`${basename(path)} has no lines to jump to.`);
    if (!this.state?.file?.hasLines) throw noLines;
    const { line } = await (await this.client).request('line', params);
    if (line === null) throw noLines;
    const selection = new Range(line - 1, 0, line - 1, 0);
    // The command opens files of any size, other than openTextDocument.
    await commands.executeCommand('vscode.openWith', Uri.file(path), 'default', { selection });
  }

  private async addSplit(): Promise<void> {
    const { t } = this.services;
    const title = t('Add files to compare with');
    const chosen = await window.showOpenDialog({ title, canSelectMany: true, defaultUri: Uri.file(dirname(this.file.fsPath)), filters: dataFilters(this.services.t) }); // prettier-ignore
    const splits = [...this.splits];
    for (const { fsPath: file } of chosen ?? []) {
      if (splits.some((split) => split.file === file)) continue;
      const name = basename(file);
      const taken = (wanted: string): boolean => splits.some((split) => split.name === wanted);
      let unique = name;
      for (let number = 2; taken(unique); number++) unique = `${name} (${number})`;
      splits.push({ name: unique, file });
    }
    if (splits.length === this.splits.length) return;
    this.splits = splits;
    await (await this.client).request('setSplits', { splits });
  }

  /** The sheet that was chosen, where what is shown is the training data. */
  private sheetOfTraining(): { sheet?: string } {
    const { shown, sheet, sheets } = this.state!;
    const isTraining = this.recipe ? shown === 'train' : this.splits[0].name === shown;
    return isTraining && sheets.length > 1 && sheet !== null ? { sheet } : {};
  }

  private async recipeToWrite() {
    if (this.recipe) return this.recipe.document;
    return chooseRecipe(this.services, this.shownPath(), this.state!.mapping);
  }

  private async adopt(uri: Uri): Promise<void> {
    this.recipe = (await openRecipe(uri, this.services.addresses)) ?? this.recipe;
    const client = await this.client;
    await client.request('setRecipe', { recipe: shownRecipe(this.recipe) });
    if (this.state) await this.map(client, this.state.mapping, 'recipe');
  }

  /** Another file, or the operations in a recipe, by which they are kept with the model. The data file stays as it is. */
  private async writeClean(
    { operations, dropDuplicates }: CleanOptions,
    target: 'file' | 'recipe',
    signal: AbortSignal,
  ) {
    const { t } = this.services;
    if (target === 'recipe') {
      const document = await this.recipeToWrite();
      if (!document) return null;
      const fields = { clean: operations, drop_duplicates: dropDuplicates ? true : undefined };
      await writeDatasetFields(document, [{ path: [], fields }]);
      await this.adopt(document.uri);
      return { name: basename(document.fileName) };
    }
    const path = this.shownPath();
    const ending = writtenEnding(path);
    const near = Uri.file(join(dirname(path), `${basename(path, extname(path))}.clean${ending}`));
    const picked = await window.showSaveDialog({ title: t('Write the cleaned rows to'), defaultUri: near, filters: { [t('Data')]: [ending.slice(1)] } }); // prettier-ignore
    if (!picked) return null;
    const { badRows } = await showProgress(
      t('Cleaning {0}', basename(path)),
      async (cancelled) =>
      (await this.client).request('writeClean', { options: { operations, dropDuplicates }, file: picked.fsPath }, AbortSignal.any([signal, cancelled])), // prettier-ignore
    );
    if (badRows > 0) void showWarning(t('{0} lacks the {1} rows of {2} that cannot be read.', basename(picked.fsPath), badRows, basename(path))); // prettier-ignore
    return { name: basename(picked.fsPath) };
  }

  /** New files, one a part. A recipe says the split itself where it can, and else names files beside the source. */
  private async writeSplit(options: SplitOptions, target: 'files' | 'recipe', signal: AbortSignal) {
    const { t } = this.services;
    const path = this.shownPath();
    const document = target === 'recipe' ? await this.recipeToWrite() : undefined;
    if (target === 'recipe' && !document) return null;
    const setting = document && splitSetting(options, this.state!.mapping);
    if (document && setting) {
      await writeDatasetFields(document, [{ path: [], fields: { split: setting, validation: undefined } }]);
      await this.adopt(document.uri);
      return { names: [basename(document.fileName)] };
    }
    const picked = document ? undefined : await window.showOpenDialog({ title: t('Write the parts into'), canSelectFolders: true, canSelectFiles: false, defaultUri: Uri.file(dirname(path)) }); // prettier-ignore
    const folder = document ? dirname(path) : picked?.[0]?.fsPath;
    if (folder === undefined) return null;
    const ending = writtenEnding(path);
    const stem = basename(path, extname(path));
    const parts = (['train', 'validation', 'test'] as const).filter((part) => options[part] > 0);
    const files = Object.fromEntries(parts.map((part) => [part, join(folder, `${stem}.${part}${ending}`)]));
    const existing = Object.values(files).filter((file) => existsSync(file));
    if (existing.length > 0) {
      const replace = t('Replace');
      const question = t('{0} exists already. Replace it?', existing.map((file) => basename(file)).join(', '));
      if ((await showWarning(question, { modal: true }, replace)) !== replace) return null;
    }
    await showProgress(t('Splitting {0}', basename(path)), async (cancelled) =>
      (await this.client).request('writeSplit', { options, files }, AbortSignal.any([signal, cancelled])),
    );
    if (document) {
      const recipeFolder = dirname(document.fileName);
      const changes = parts.map((part) => ({
        path: [part],
        // The parts of a workbook have one sheet.
        fields: { file: pathInRecipe(files[part], recipeFolder), sheet: undefined },
      }));
      await writeDatasetFields(document, [{ path: [], fields: { split: undefined } }, ...changes]);
    }
    return { names: Object.values(files).map((file) => basename(file)) };
  }
}

/** Tells a file from what it was before; undefined while there is none. */
async function versionOf({ fsPath }: Uri): Promise<string | undefined> {
  return stat(fsPath).then(
    ({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`,
    () => undefined,
  );
}

/** Forms that are not written as they are read become JSON Lines. */
function writtenEnding(path: string): string {
  const isOther = ['.parquet', '.conll', '.bio', '.ann'].includes(extname(path).toLowerCase());
  return isOther ? '.jsonl' : extname(path);
}

function shownRecipe(recipe: OpenRecipe | undefined): PreviewOpening['recipe'] {
  if (!recipe) return null;
  const { name, onBadRow, clean, dropDuplicates } = recipe.data;
  return { name, onBadRow, clean: [...clean], dropDuplicates };
}
