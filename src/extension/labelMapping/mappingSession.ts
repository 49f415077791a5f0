import { basename, dirname, extname, relative, resolve } from 'node:path';
import { Range, Uri, WorkspaceEdit, commands, window, workspace, type TextDocument, type WebviewPanel } from 'vscode';
import { DisposableStore, type Disposable } from '../../base/disposables';
import { asMedTextError, MedTextError, words } from '../../base/errors';
import { DATA_EXTENSIONS } from '../../protocol/dataFormat';
import { errorText } from '../../protocol/errorWords';
import type { Handlers } from '../../protocol/channel';
import {
  labelMappingContract,
  type LabelMappingContract,
  type MappingOperation,
  type MappingSnapshot,
} from '../../protocol/labelMappingEditor';
import { isRecipeAddress } from '../../protocol/recipeAddress';
import type { BaseServices } from '../baseServices';
import type { LocatedData } from '../dataAddresses';
import { showText } from '../showText';
import { loadPageSurely, windowLanguage } from '../views/webviewHtml';
import { WebviewServer } from '../views/webviewServer';
import { withFields } from './jsonText';
import { editorTypeOf } from './editorTypes';
import { classesOf, mappingFacts, type SplitFacts } from './mappingFacts';
import {
  changedMapping,
  readMapping,
  type MappingDocument,
  type MappingKind,
  type MappingSplit,
  type OperationFacts,
} from './mappingText';
import { changesNames, withWeightsOfFile } from './migration';
import { addChange, applyMigration, migrationOf, recipesOfLabelsFile, type Migration, type Renaming } from './migrationEdit'; // prettier-ignore
import { dataSplits, SplitCounts, type DataSplit } from './splitCounts';
import { SuspectSearch } from './suspectSearch';

/** What a text says, with the splits whose values count. */
interface ReadText {
  readonly document: MappingDocument;
  readonly splits: readonly DataSplit[];
}

/** One open editor: the document's text is all the state there is, its page shows it and asks for changes. */
export class MappingSession implements Disposable {
  private readonly store = new DisposableStore();
  private readonly kind: MappingKind;
  private readonly server: WebviewServer<LabelMappingContract>;
  private readonly counts: SplitCounts;
  private readonly suspects: SuspectSearch;
  /** Data named by address, as far as it was looked for. */
  private readonly located = new Map<string, LocatedData>();
  /** The text on disk, which the effect of the changes is measured against. */
  private savedText: string;
  /** For a labels file: recipes that name it. */
  private users: readonly TextDocument[] = [];
  /** Renamings that other files may want, too; the page asks. */
  private renamings: Renaming[] = [];
  private migration: Migration | undefined;
  /** Changes come one after the other: each is one of the text that the one before has left. */
  private changes: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly document: TextDocument,
    private readonly panel: WebviewPanel,
    private readonly services: BaseServices,
  ) {
    const { context, models, t } = services;
    this.kind = document.fileName.endsWith('.medtext.json') ? 'recipe' : 'labels';
    this.savedText = document.getText();
    this.counts = this.store.add(
      new SplitCounts(
        services,
        () => this.send(),
        () => workspace.isTrusted,
        (address) => this.located.get(address),
      ),
    );
    this.suspects = this.store.add(new SuspectSearch(services, () => this.send()));
    this.store.add(loadPageSurely(panel.webview, context, 'labelMapping', t('Label mapping')));
    this.server = this.store.add(new WebviewServer(panel.webview, labelMappingContract, this.handlers(), services.t));
    const isOurs = (changed: TextDocument): boolean => changed === document;
    this.store.add(
      workspace.onDidChangeTextDocument(({ document: changed }) => {
        if (!isOurs(changed)) return;
        this.send();
        // Reverted, changed on disk, or changed just now: whether it is dirty is told after the change itself.
        if (!document.isDirty) void this.readSaved();
      }),
    );
    this.store.add(
      workspace.onDidSaveTextDocument((saved) => {
        if (isOurs(saved)) {
          this.savedText = saved.getText();
          this.send();
        } else if (saved.fileName.endsWith('.medtext.json')) void this.findUsers();
      }),
    );
    this.store.add(models.onDidChange(() => this.send()));
    this.store.add(
      workspace.onDidGrantWorkspaceTrust(() => {
        this.send();
        void this.findUsers();
      }),
    );
    this.store.add(panel.onDidChangeViewState(() => this.send()));
    // A document that comes back with its unsaved changes differs from its file.
    void this.readSaved();
    void this.findUsers();
  }

  dispose(): void {
    this.store.dispose();
  }

  private async readSaved(): Promise<void> {
    try {
      const text = new TextDecoder().decode(await workspace.fs.readFile(this.document.uri));
      if (text === this.savedText) return;
      this.savedText = text;
    } catch {
      // Never saved: nothing to compare with but itself.
    }
    this.send();
  }

  private async findUsers(): Promise<void> {
    if (this.kind !== 'labels') return;
    this.users = workspace.isTrusted ? await recipesOfLabelsFile(this.document.fileName) : [];
    this.send();
  }

  /** The editor closes a document that it does not show after a while: from then on it knows nothing of its file. */
  private async openUsers(): Promise<void> {
    if (this.users.some(({ isClosed }) => isClosed)) await this.findUsers();
  }

  private handlers(): Handlers<LabelMappingContract> {
    return {
      initialize: () => ({ ...windowLanguage(), snapshot: this.snapshot() }),
      change: (operation) => this.queued(() => this.change(operation)),
      reveal: ({ split, value }) => this.reveal(split, value),
      revealRow: ({ split, line }) => this.openAt(this.splitOf(split).path, line),
      recount: () => {
        this.counts.forget();
        this.located.clear();
        this.send();
      },
      openText: async () => void (await commands.executeCommand('vscode.openWith', this.document.uri, 'default')),
      openLabelsFile: () => this.openLabelsFile(),
      addData: () => this.queued(() => this.addData()),
      chooseModel: async () => void (await commands.executeCommand('medtext.chooseActiveModel')),
      findSuspects: ({ split }) => {
        const { document } = this.read(this.document.getText());
        return this.suspects.find(this.splitOf(split), document.content);
      },
      cancelSuspects: () => this.suspects.cancel(),
      correct: ({ rows }) => this.suspects.correct(rows),
      openCorrections: async () => void (await window.showTextDocument(Uri.file(this.suspects.correctionPath()))),
      renameElsewhere: ({ isWanted }) => this.queued(() => this.renameElsewhere(isWanted)),
      useCorrections: () => this.queued(() => this.useCorrections()),
    };
  }

  private queued(work: () => Promise<void>): Promise<void> {
    const next = this.changes.then(work);
    this.changes = next.catch(() => undefined);
    return next;
  }

  private read(text: string): ReadText {
    const document = readMapping(text, this.kind);
    const user = this.users[0];
    if (!user) return { document, splits: this.splitsOf(document.splits, this.document.fileName) };
    const splits = readMapping(user.getText(), 'recipe').splits.map((split) => ({ ...split, own: undefined }));
    return { document, splits: this.splitsOf(splits, user.fileName) };
  }

  private splitsOf(splits: readonly MappingSplit[], documentPath: string): DataSplit[] {
    const files = splits.map(({ fields }) => String(fields.file));
    const unknown = files.filter((file) => isRecipeAddress(file) && !this.located.has(file));
    if (unknown.length > 0 && workspace.isTrusted) void this.locate(unknown);
    return dataSplits(splits, documentPath, this.located);
  }

  private async locate(addresses: readonly string[]): Promise<void> {
    for (const address of addresses) this.located.set(address, {});
    try {
      for (const [address, found] of await this.services.addresses.find(addresses)) this.located.set(address, found);
      this.send();
    } catch (error) {
      this.services.log.warn(`label mapping: ${(error as Error).message}`);
    }
  }

  private splitOf(name: string): DataSplit {
    const split = this.read(this.document.getText()).splits.find((candidate) => candidate.name === name);
    if (split) return split;
    throw new MedTextError('NOT_FOUND', words`There is no split ${name} any more.`);
  }

  private async change(operation: MappingOperation): Promise<void> {
    await this.openUsers();
    const text = this.document.getText();
    const { document, splits } = this.read(text);
    const known = splits.map((split) => this.counts.of(split));
    const train = known[0]?.counts;
    if (!document.content.labels && splits.length > 0 && !train && !known[0]?.error) {
      throw new MedTextError('LABELS', words`The rows are still being counted.`);
    }
    const before = classesOf(document.content, train);
    const values = known.flatMap(({ counts }) => (counts?.values ?? []).map(({ value }) => value));
    const facts: OperationFacts = { inferred: before, known: new Set([...values, ...this.savedClasses(train)]) };
    const changed = changedMapping(text, this.kind, operation, facts);
    const edit = new WorkspaceEdit();
    addChange(edit, this.document, changed);
    const after = classesOf(readMapping(changed, this.kind).content, train);
    for (const user of this.users) {
      const weighed = withWeightsOfFile(user.getText(), operation, before, after);
      if (weighed !== undefined) addChange(edit, user, weighed);
    }
    await this.apply(edit);
    if (!changesNames(operation)) return;
    this.renamings.push({ operation, facts, scheme: { labels: before, files: splits.map(({ path }) => path) } });
    await this.lookForEarlierNames();
  }

  /** Looks for recipes and models with the old class names and asks about them in the page, which can be used meanwhile. */
  private async lookForEarlierNames(): Promise<void> {
    this.migration = await migrationOf(this.document, this.renamings, this.services.models.list());
    if (this.migration.texts.size === 0) this.renamings = [];
    this.send();
  }

  private async renameElsewhere(isWanted: boolean): Promise<void> {
    const renamings = this.renamings;
    this.renamings = [];
    this.migration = undefined;
    this.send();
    if (!isWanted || renamings.length === 0) return;
    // The files may have changed since the question, so they are read again.
    const { models, scorer } = this.services;
    const migration = await migrationOf(this.document, renamings, models.list());
    if (!(await applyMigration(migration))) throw new MedTextError('IO', words`The other files could not be changed.`);
    if (migration.models.length === 0) return;
    // It has the models open as they were.
    await scorer.renew();
    models.refresh();
  }

  private savedClasses(train: SplitFacts['counts']): readonly string[] {
    try {
      return classesOf(readMapping(this.savedText, this.kind).content, train);
    } catch {
      return [];
    }
  }

  private async apply(edit: WorkspaceEdit): Promise<void> {
    if (edit.size > 0 && !(await workspace.applyEdit(edit))) {
      throw new MedTextError('CANCELLED', words`Nothing was changed.`);
    }
  }

  private async reveal(split: string, value: string): Promise<void> {
    const source = this.splitOf(split);
    const found = this.counts.of(source).counts?.values.find((candidate) => candidate.value === value);
    if (found) await this.openAt(source.path, found.firstLine);
  }

  private async openAt(path: string, line: number): Promise<void> {
    if (['.xlsx', '.parquet'].includes(extname(path).toLowerCase())) {
      throw new MedTextError('UNSUPPORTED', words`${basename(path)} has no lines to jump to.`);
    }
    const selection = new Range(line - 1, 0, line - 1, 0);
    await showText(Uri.file(path), { selection });
  }

  private async openLabelsFile(): Promise<void> {
    const { labelsFile } = readMapping(this.document.getText(), this.kind);
    if (labelsFile === undefined) return;
    const uri = Uri.file(resolve(dirname(this.document.fileName), labelsFile));
    await commands.executeCommand('vscode.openWith', uri, editorTypeOf(uri.path) ?? 'default');
  }

  private async addData(): Promise<void> {
    const folder = dirname(this.document.fileName);
    const filters = { [this.services.t('Data')]: DATA_EXTENSIONS };
    const [chosen] = (await window.showOpenDialog({ defaultUri: Uri.file(folder), filters })) ?? [];
    if (!chosen) return;
    const file = relative(folder, chosen.fsPath).replaceAll('\\', '/');
    const edit = new WorkspaceEdit();
    const place = ['dataset', 'train'];
    addChange(edit, this.document, withFields(this.document.getText(), place, new Map([['file', file]])));
    await this.apply(edit);
  }

  private async useCorrections(): Promise<void> {
    const { split, correctionFile } = this.suspects.shown ?? {};
    await this.openUsers();
    const target = this.kind === 'recipe' ? this.document : this.users[0];
    if (split === undefined || correctionFile === undefined || !target) return;
    const file = relative(dirname(target.fileName), this.suspects.correctionPath()).replaceAll('\\', '/');
    const edit = new WorkspaceEdit();
    const changed = withFields(target.getText(), ['dataset', split], new Map([['corrections', file]]));
    addChange(edit, target, changed);
    await this.apply(edit);
  }

  private send(): void {
    if (this.panel.visible) this.server.emit('snapshot', this.snapshot());
  }

  private snapshot(): MappingSnapshot {
    const { models } = this.services;
    const model = models.active();
    const frame = {
      kind: this.kind,
      fileName: basename(this.document.fileName),
      isReadOnly: workspace.fs.isWritableFileSystem(this.document.uri.scheme) !== true,
      isDirty: this.document.isDirty,
      users: this.users.map(({ uri }) => workspace.asRelativePath(uri)),
      elsewhere: this.elsewhere(),
      model: model ? { name: model.name, hasHead: model.hasHead } : null,
    };
    try {
      return { ...frame, ...this.contents() };
    } catch (caught) {
      const error = asMedTextError(caught);
      return { ...frame, ...noContents, problem: { code: error.code, message: errorText(error, this.services.t) } };
    }
  }

  private elsewhere(): MappingSnapshot['elsewhere'] {
    if (!this.migration || this.migration.texts.size === 0) return null;
    const { recipes, models } = this.migration;
    return {
      renamed: this.renamings.map(({ operation }) => ({
        from: operation.label,
        to: operation.kind === 'rename' ? operation.name.trim() : operation.into,
      })),
      recipes: recipes.map(({ uri }) => workspace.asRelativePath(uri)),
      models: models.map(({ name }) => name),
    };
  }

  private contents(): Omit<
    MappingSnapshot,
    'kind' | 'fileName' | 'isReadOnly' | 'isDirty' | 'users' | 'elsewhere' | 'model'
  > {
    const { document, splits } = this.read(this.document.getText());
    const saved = this.readSavedMapping(document);
    const { comparesTexts, countsEntities, findsSuspects } = this.users[0]
      ? readMapping(this.users[0].getText(), 'recipe')
      : document;
    const facts = splits.map((split): SplitFacts => {
      const { counts, error, isUnlabelled } = this.counts.of(split);
      const ownBefore = saved.splits.find(({ name }) => name === split.name)?.own;
      const { name, own } = split;
      return { name, file: String(split.fields.file), counts, error, isUnlabelled, own, ownBefore };
    });
    const corrections = this.suspects.shown && splits.find(({ name }) => name === this.suspects.shown!.split)?.request.corrections; // prettier-ignore
    return {
      ...mappingFacts(document, saved, facts),
      problem: null,
      isRegression: document.isRegression,
      comparesTexts,
      countsEntities,
      findsSuspects,
      labelsFile: document.labelsFile ?? null,
      suspects: this.suspects.shown && {
        ...this.suspects.shown,
        isUsed: this.kind === 'recipe' || this.users.length > 0 ? corrections === this.suspects.correctionPath() : null,
      },
    };
  }

  private readSavedMapping(fallback: MappingDocument): MappingDocument {
    try {
      return readMapping(this.savedText, this.kind);
    } catch {
      return fallback;
    }
  }
}

const noContents = {
  isRegression: false,
  comparesTexts: false,
  countsEntities: false,
  findsSuspects: false,
  labelsFile: null,
  labelsAreInferred: false,
  splits: [],
  classes: [],
  gone: [],
  values: [],
  moreValues: 0,
  conflicts: [],
  changedRows: [],
  dropped: { before: [], after: [] },
  unmapped: { before: [], after: [] },
  suspects: null,
} satisfies Partial<MappingSnapshot>;
