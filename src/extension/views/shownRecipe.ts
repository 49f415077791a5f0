import { stat } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Range, RelativePattern, Uri, WorkspaceEdit, window, workspace, type TextDocument } from 'vscode';
import { readTextFile } from '../../base/textFile';
import { DisposableStore, Slot, type Disposable } from '../../base/disposables';
import { MedTextError, words } from '../../base/errors';
import { Emitter } from '../../base/events';
import { isRecipe } from '../recipe/recipeEditor';
import type { Memory } from '../modelStore';
import type { TextChange } from './recipeKnobs';

const memoryKey = 'medtext.shownRecipe';
const maxRecipeBytes = 1_000_000;
const ignored = '**/{node_modules,runs,dist,.git}/**';

/** The recipe that the Training view shows: the chosen one, else the one in the editor, else one of the workspace. */
export class ShownRecipeFile implements Disposable {
  private readonly store = new DisposableStore();
  private readonly watcher = this.store.add(new Slot<Disposable>());
  private readonly change = this.store.add(new Emitter<void>());
  private path: string | undefined;
  private searched = false;

  readonly onDidChange = this.change.event;

  constructor(
    private readonly memory: Memory,
    /** While a run is followed, opening another recipe must not take it off the view. */
    private readonly isHeld: () => boolean,
  ) {
    this.store.add(window.onDidChangeActiveTextEditor((editor) => editor && this.follow(editor.document)));
    this.store.add(workspace.onDidChangeTextDocument(({ document }) => this.isShown(document) && this.change.fire()));
  }

  get file(): string | undefined {
    return this.path;
  }

  show(file: string): void {
    if (file === this.path) return;
    this.path = file;
    if (workspace.isTrusted) void this.memory.update(memoryKey, file);
    this.watch(file);
    this.change.fire();
  }

  /** The file and its text as it stands in the editor, saved or not; undefined when there is none. */
  async read(): Promise<{ file: string; text: string } | undefined> {
    await this.find();
    const file = this.path;
    if (file === undefined) return undefined;
    const open = workspace.textDocuments.find((document) => this.isShown(document));
    if (open) return { file, text: open.getText() };
    try {
      if ((await stat(file)).size > maxRecipeBytes) return undefined;
      return { file, text: await readTextFile(file) };
    } catch {
      return undefined;
    }
  }

  /** Edits through the editor, so that it can be undone; a recipe without unsaved changes is saved at once. */
  async edit(file: string, changesOf: (text: string) => readonly TextChange[]): Promise<void> {
    if (file !== this.path) throw new MedTextError('NOT_FOUND', words`The page shows another recipe now.`, { file });
    if (isRunRecipe(file)) throw new MedTextError('USAGE', words`${file} is the record of a run and cannot be changed. Choose a recipe of your own.`, { file }); // prettier-ignore
    const document = await workspace.openTextDocument(Uri.file(file));
    const wasDirty = document.isDirty;
    const edit = new WorkspaceEdit();
    for (const { offset, length, content } of changesOf(document.getText())) {
      const range = new Range(document.positionAt(offset), document.positionAt(offset + length));
      edit.replace(document.uri, range, content);
    }
    if (edit.size === 0) return;
    if (!(await workspace.applyEdit(edit))) throw new MedTextError('IO', words`${file} could not be edited.`, { file });
    if (!wasDirty) await document.save();
  }

  dispose(): void {
    this.store.dispose();
  }

  private follow(document: TextDocument): void {
    if (isRecipe(document) && !this.isHeld()) this.show(document.fileName);
  }

  private isShown(document: TextDocument): boolean {
    return this.path !== undefined && document.uri.scheme === 'file' && document.fileName === this.path;
  }

  /** Once, when the view first asks: activation reads nothing. */
  private async find(): Promise<void> {
    if (this.path !== undefined || this.searched) return;
    const editor = window.activeTextEditor?.document;
    const remembered = this.memory.get<string>(memoryKey);
    if (editor && isRecipe(editor)) return this.show(editor.fileName);
    // In Restricted Mode no file is read that nobody opened.
    if (!workspace.isTrusted) return;
    this.searched = true;
    if (remembered !== undefined && (await exists(remembered))) return this.show(remembered);
    const found = await workspace.findFiles('**/*.medtext.json', ignored, 50);
    const first = found.map(({ fsPath }) => fsPath).sort()[0];
    if (first !== undefined && this.path === undefined) this.show(first);
  }

  private watch(file: string): void {
    const uri = Uri.file(file);
    const watcher = workspace.createFileSystemWatcher(
      new RelativePattern(
        Uri.joinPath(uri, '..'),
        uri.path
          .split('/')
          .at(-1)!
          .replace(/[[\]{}*?]/g, '?'),
      ),
    );
    for (const event of [watcher.onDidChange, watcher.onDidCreate, watcher.onDidDelete])
      event(() => this.change.fire());
    this.watcher.value = watcher;
  }
}

/** A run's own copy of its recipe. */
export const isRunRecipe = (file: string): boolean =>
  basename(file) === 'recipe.medtext.json' && existsSync(join(dirname(file), 'run.json'));

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
