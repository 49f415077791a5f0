import { existsSync } from 'node:fs';
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
  type Findings,
  type Insights,
  type PreviewSnapshot,
  type PreviewState,
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
import { modelUse } from './modelUse';
import { noPredictions, PredictionRun } from './predictionRun';
import { mappingOf, splitSetting } from './recipeData';
import { chooseRecipe, mappingFields, openRecipe, recipeOf, writeDatasetFields, type OpenRecipe } from './recipeFiles';
import { showProgress, showWarning } from '../messages';

const reloadMs = 500;

/** One open preview: the data process holds file, views and statistics; this joins it with page, models and recipes. */
export class PreviewEditor implements Disposable {
  private readonly store = new DisposableStore();
  private readonly server: WebviewServer<DatasetPreviewContract>;
  private readonly predictions: PredictionRun;
  private readonly client: Promise<PreviewClient>;
  private splits: readonly PreviewSource[];
  private state: PreviewState | undefined;
  private insights: Insights | undefined;
  private findings: Findings | undefined;
  private reloadTimer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly file: Uri,
    private recipe: OpenRecipe | undefined,
    panel: WebviewPanel,
    private readonly services: BaseServices,
    private readonly query?: ViewQuery,
  ) {
    const { context, models, t } = services;
    this.splits = recipe?.data.splits ?? [{ name: basename(file.fsPath), file: file.fsPath }];
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
    // A new process reads the file again; what was predicted is gone with the old one.
    this.store.add(services.data.onCrash(() => this.predictions.forget()));
    this.store.add(models.onDidChange(() => this.settled(this.useModel())));
    this.store.add(
      workspace.onDidSaveTextDocument(({ uri }) => {
        if (uri.toString() === this.recipe?.document.uri.toString()) this.settled(this.useRecipe(uri));
      }),
    );
    this.watch();
  }

  /** @param recipe the one it was asked for from; otherwise one of the workspace that names the file */
  static async create(
    file: Uri,
    recipe: Uri | undefined,
    panel: WebviewPanel,
    services: BaseServices,
    query?: ViewQuery,
  ): Promise<PreviewEditor> {
    const known = recipe ? await openRecipe(recipe) : await recipeOf(file.fsPath);
    const names = known?.data.splits.some((split) => split.file === file.fsPath);
    return new PreviewEditor(file, names ? known : undefined, panel, services, query);
  }

  /** Shows these rows, whatever is on show. */
  show(query: ViewQuery): void {
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
      onLost: (error) => this.settled(Promise.reject(error)),
    });
    const overview = wordedState(await client.overview(), t);
    this.state ??= overview.state;
    this.insights ??= overview.insights;
    this.findings ??= overview.findings;
    await this.mapAsRecipe(client);
    return client;
  }

  private opening(): PreviewOpening {
    const { recipe, model, maxLength, labelNames } = this.surroundings();
    const shown = this.splits.find(({ file }) => file === this.file.fsPath)!.name;
    return {
      splits: [...this.splits],
      shown,
      ...{ maxLength, mapping: null, mappingSource: 'guess', recipe, model, labelNames },
      ...(this.query && { query: this.query }),
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
      labelNames: { ...use?.labelNames, ...this.recipe?.data.labelNames },
    };
  }

  private async mapAsRecipe(client: PreviewClient): Promise<void> {
    if (!this.recipe || !this.state?.file || Object.keys(this.recipe.data.columns).length === 0) return;
    const mapping = mappingOf(this.recipe.data, this.state.mapping, this.state.columns);
    const { labelNames } = this.surroundings();
    await client.request('setMapping', { mapping, source: 'recipe', labelNames });
  }

  private heard(state: PreviewState): void {
    const before = this.state;
    this.state = state;
    this.server.emit('state', state);
    const isOther = before && (before.shown !== state.shown || JSON.stringify(before.mapping) !== JSON.stringify(state.mapping)); // prettier-ignore
    if (isOther) this.predictions.forget();
  }

  private async useModel(): Promise<void> {
    const { model, maxLength, use } = this.surroundings();
    this.predictions.forget();
    const client = await this.client;
    await client.request('setModel', { model });
    if (use && this.state?.maxLength === null) await client.request('setMaxLength', { maxLength });
  }

  /** The recipe was saved: its files, columns and labels may be others. */
  private async useRecipe(uri: Uri): Promise<void> {
    const recipe = await openRecipe(uri);
    const client = await this.client;
    if (!recipe?.data.splits.some(({ file }) => this.splits.some((split) => split.file === file))) return;
    const isSame = JSON.stringify(recipe.data) === JSON.stringify(this.recipe?.data);
    this.recipe = recipe;
    if (isSame) return;
    this.splits = recipe.data.splits;
    await client.request('setSplits', { splits: [...this.splits] });
    await client.request('setRecipe', { recipe: shownRecipe(recipe) });
    if (this.state?.mappingSource !== 'person') await this.mapAsRecipe(client);
  }

  /** A file that was changed is read anew; one that is being written is waited for. */
  private watch(): void {
    const pattern = new RelativePattern(Uri.file(dirname(this.file.fsPath)), basename(this.file.fsPath));
    const watcher = this.store.add(workspace.createFileSystemWatcher(pattern, false, false, true));
    const changed = (): void => {
      clearTimeout(this.reloadTimer);
      this.reloadTimer = setTimeout(() => this.settled(this.reload()), reloadMs);
    };
    this.store.add(watcher.onDidChange(changed));
    this.store.add(watcher.onDidCreate(changed));
  }

  private async reload(): Promise<void> {
    const shown = this.splits.find(({ name }) => name === this.state?.shown);
    if (shown?.file !== this.file.fsPath) return;
    this.predictions.forget();
    await (await this.client).request('showSplit', { name: shown.name });
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
      showSplit: async ({ name }, signal) => {
        await (await client()).request('showSplit', { name }, signal);
        if (this.state?.mappingSource === 'recipe') await this.mapAsRecipe(await client());
      },
      addSplit: () => this.addSplit(),
      setMapping: async (mapping) => {
        const { labelNames } = this.surroundings();
        await (await client()).request('setMapping', { mapping, source: 'person', labelNames });
      },
      setMaxLength: async (params) => await (await client()).request('setMaxLength', params),
      chooseModel: async () => void (await commands.executeCommand('medtext.chooseActiveModel')),
      start: async ({ task }) => {
        if (task !== 'predictions') return await (await client()).request('start', { task });
        const active = this.services.models.active();
        if (!active) throw new MedTextError('NOT_FOUND', words`Choose a fine-tuned model first.`);
        if (active.marksEntities) throw new MedTextError('UNSUPPORTED', words`${active.name} finds entities, which the preview does not predict. Predict File… writes them.`); // prettier-ignore
        void this.predictions.predictAll(() => this.allRows());
      },
      cancel: async ({ task }) => {
        if (task === 'predictions') this.predictions.cancel();
        else await (await client()).request('cancel', { task });
      },
      predict: async ({ rows }, signal) => ({
        // Of entities there is nothing to show in a column.
        predictions: this.services.models.active()?.marksEntities ? rows.map(() => null) : await this.predictions.predict(rows, this.state?.index.rows ?? 0, signal), // prettier-ignore
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
        await writeDatasetFields(document, [{ path: ['train'], fields: mappingFields(this.state.mapping) }]);
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
      planSplit: async (options) => (await client()).request('planSplit', { options }),
      writeSplit: ({ options, target }, signal) => this.writeSplit(options, target, signal),
    };
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
    const { scoring } = this.services;
    const { use, model } = this.surroundings();
    const isSingle = texts[0].second === undefined;
    const secondText = findTask(use?.task)?.second;
    if (secondText === 'none' && !isSingle) {
      throw new MedTextError('UNSUPPORTED', words`${model!.name} reads one text at a time: map the second text to none, or choose another model.`); // prettier-ignore
    }
    if (secondText === 'required' && isSingle) {
      throw new MedTextError('UNSUPPORTED', words`${model!.name} reads pairs: map a second text, or choose another model.`); // prettier-ignore
    }
    return (await scoring.score(texts, signal)).scores;
  }

  /** The number of rows once all of them are known. */
  private async allRows(): Promise<number> {
    for (;;) {
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
    const chosen = await window.showOpenDialog({ title, canSelectMany: true, defaultUri: Uri.file(dirname(this.file.fsPath)), filters: dataFilters }); // prettier-ignore
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

  private async recipeToWrite() {
    if (this.recipe) return this.recipe.document;
    return chooseRecipe(this.services, this.shownPath(), this.state!.mapping);
  }

  private async adopt(uri: Uri): Promise<void> {
    this.recipe = (await openRecipe(uri)) ?? this.recipe;
    const client = await this.client;
    await client.request('setRecipe', { recipe: shownRecipe(this.recipe) });
    if (this.state) await client.request('setMapping', { mapping: this.state.mapping, source: 'recipe', labelNames: this.surroundings().labelNames }); // prettier-ignore
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
    const ending = ['.xlsx', '.parquet', '.conll', '.bio', '.ann'].includes(extname(path).toLowerCase())
      ? '.jsonl'
      : extname(path);
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
        fields: { file: pathInRecipe(files[part], recipeFolder) },
      }));
      await writeDatasetFields(document, [{ path: [], fields: { split: undefined } }, ...changes]);
    }
    return { names: Object.values(files).map((file) => basename(file)) };
  }
}

function shownRecipe(recipe: OpenRecipe | undefined): PreviewOpening['recipe'] {
  return recipe ? { name: recipe.data.name, onBadRow: recipe.data.onBadRow } : null;
}
