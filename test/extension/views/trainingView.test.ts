import assert from 'node:assert/strict';
import { memory } from '../trainingService.test';
import { withEditor } from '../support/withEditor';

/** What reaches the disk and the commands, in order. */
const done: string[] = [];
const slowly = () => new Promise((turn) => setTimeout(turn, 10));
const nothing = () => ({ dispose: () => undefined });
let text = '';

class Uri {
  constructor(
    readonly fsPath: string,
    readonly path = fsPath,
  ) {}
  static file = (path: string): Uri => new Uri(path);
  static joinPath = ({ fsPath }: Uri): Uri => new Uri(fsPath);
}
class WorkspaceEdit {
  readonly changes: { start: number; end: number; content: string }[] = [];
  replace(_: Uri, { start, end }: { start: number; end: number }, content: string): void {
    this.changes.push({ start, end, content });
  }
  get size(): number {
    return this.changes.length;
  }
}
const editor = {
  ...{ Uri, WorkspaceEdit, RelativePattern: class {}, QuickPickItemKind: {}, ProgressLocation: {}, l10n: {}, env: {} },
  Range: class {
    constructor(
      readonly start: number,
      readonly end: number,
    ) {}
  },
  commands: { executeCommand: async (id: string) => void done.push(id) },
  window: { onDidChangeActiveTextEditor: nothing },
  workspace: {
    isTrusted: true,
    textDocuments: [],
    onDidChangeTextDocument: nothing,
    onDidGrantWorkspaceTrust: nothing,
    createFileSystemWatcher: () => ({ onDidChange: nothing, onDidCreate: nothing, onDidDelete: nothing, ...nothing() }),
    async openTextDocument(uri: Uri) {
      await slowly();
      const save = async () => (await slowly(), done.push(text));
      return { uri, isDirty: false, getText: () => text, positionAt: (offset: number) => offset, save };
    },
    async applyEdit({ changes }: WorkspaceEdit) {
      const before = text;
      await slowly();
      // The editor refuses an edit of a text that has changed meanwhile.
      if (text !== before) return false;
      for (const { start, end, content } of changes) text = text.slice(0, start) + content + text.slice(end);
      return true;
    },
  },
};

const { createTrainingView } = withEditor(
  editor,
  () =>
    require('../../../src/extension/views/trainingView') as typeof import('../../../src/extension/views/trainingView'),
);

describe('the Training view', () => {
  it('starts a run with the values that were typed just before, of several fields', async () => {
    const training = { isActive: false, onDidChange: nothing, onDidEnd: nothing };
    const services = {
      ...{ training, runs: { onDidChange: nothing, list: () => [] }, models: { onDidChange: nothing } },
      ...{ context: { workspaceState: memory() }, t: (message: string) => message, log: { warn: () => undefined } },
    };
    const view = createTrainingView(services as any) as any;
    const recipe = '/w/a.medtext.json';
    text = '{"train":{"max_epochs":3,"batch_size":8}}';
    view.recipe.show(recipe);
    const { editRecipe, act } = view.handlers();
    const abort = new AbortController().signal;
    await Promise.all([
      editRecipe({ recipe, field: 'train.max_epochs', value: '5' }, abort),
      editRecipe({ recipe, field: 'train.batch_size', value: '16' }, abort),
      act({ action: 'start' }, abort),
    ]);
    assert.deepEqual(done.slice(-2), ['{"train":{"max_epochs":5,"batch_size":16}}', 'medtext.runRecipe']);
    view.dispose();
  });
});
