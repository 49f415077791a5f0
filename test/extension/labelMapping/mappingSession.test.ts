import assert from 'node:assert/strict';
import { withEditor } from '../support/withEditor';

const nothing = () => ({ dispose: () => undefined });
const granted: (() => void)[] = [];
const recipe = (indentation: string) => `{${indentation}"dataset": { "train": { "file": "d.csv", "labels_file": "x.labels.json" } }, "train": { "class_weights": [1, 2] } }`; // prettier-ignore

interface Document {
  readonly fileName: string;
  readonly isClosed: boolean;
  readonly uri: { readonly fsPath: string; readonly scheme: string; toString(): string };
  text: string;
  getText(): string;
  positionAt(offset: number): number;
}
const documentOf = (path: string, text: string, isClosed = false): Document => ({
  ...{ fileName: path, isClosed, uri: { fsPath: path, scheme: 'file', toString: () => path }, text },
  getText() {
    return this.text;
  },
  positionAt: (offset: number) => offset,
});
let user: Document;
class WorkspaceEdit {
  readonly changes: [Document['uri'], { start: number; end: number }, string][] = [];
  replace(...change: [Document['uri'], { start: number; end: number }, string]): void {
    this.changes.push(change);
  }
  get size(): number {
    return this.changes.length;
  }
}
const edited = new Map<string, Document>();
const editor = {
  ...{ WorkspaceEdit, l10n: {}, env: { language: 'en' }, window: {}, commands: {} },
  Uri: { joinPath: (uri: object) => uri, file: (fsPath: string) => ({ fsPath }) },
  Range: class {
    constructor(
      readonly start: number,
      readonly end: number,
    ) {}
  },
  workspace: {
    isTrusted: false,
    fs: { readFile: async () => Promise.reject(new Error()), isWritableFileSystem: () => true },
    asRelativePath: ({ fsPath }: { fsPath: string }) => fsPath,
    getConfiguration: () => ({ get: () => undefined }),
    findFiles: async () => [user.uri],
    openTextDocument: async () => user,
    ...{ onDidChangeTextDocument: nothing, onDidSaveTextDocument: nothing },
    onDidGrantWorkspaceTrust: (listener: () => void) => (granted.push(listener), nothing()),
    async applyEdit({ changes }: WorkspaceEdit) {
      for (const [uri, { start, end }, content] of changes) {
        const document = edited.get(uri.fsPath)!;
        document.text = document.text.slice(0, start) + content + document.text.slice(end);
      }
      return true;
    },
  },
};

const { MappingSession } = withEditor(
  editor,
  () =>
    require('../../../src/extension/labelMapping/mappingSession') as typeof import('../../../src/extension/labelMapping/mappingSession'),
);

describe('label mapping: a labels file that is open for long', () => {
  it('counts once the folder is trusted, and changes its recipe as it stands by then', async () => {
    const turn = () => new Promise((then) => setTimeout(then, 20));
    const labels = documentOf('/w/x.labels.json', '{ "labels": ["a", "b"] }');
    user = documentOf('/w/a.medtext.json', recipe(' '));
    const asked: unknown[] = [];
    const services = {
      ...{ t: (text: string) => text, log: { warn: () => undefined }, context: { extensionUri: {} } },
      models: { onDidChange: nothing, active: () => undefined, list: () => [] },
      scorer: { onProgress: nothing, request: (_: string, params: unknown) => (asked.push(params), new Promise(() => undefined)) }, // prettier-ignore
    };
    const webview = { onDidReceiveMessage: nothing, asWebviewUri: (uri: object) => uri, cspSource: '' };
    const panel = { webview, visible: true, onDidChangeViewState: nothing };
    const session = new MappingSession(labels as any, panel as any, services as any) as any;
    await turn();
    assert.deepEqual([session.snapshot().users, asked], [[], []]);
    editor.workspace.isTrusted = true;
    for (const listener of granted) listener();
    await turn();
    assert.deepEqual(session.snapshot().users, ['/w/a.medtext.json']);
    assert.equal(asked.length, 1);

    // The editor lets go of the recipe, and a person changes it elsewhere.
    (user as { isClosed: boolean }).isClosed = true;
    user = documentOf('/w/a.medtext.json', recipe('\n\n          '));
    for (const document of [labels, user]) edited.set(document.fileName, document);
    await session.handlers().change({ kind: 'move', label: 'b', to: 0 });
    assert.equal(labels.text, '{ "labels": ["b", "a"] }');
    assert.equal(user.text, recipe('\n\n          ').replace('[1, 2]', '[2, 1]'));
    session.dispose();
  });
});
