import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withEditor } from '../support/withEditor';

const nothing = () => ({ dispose: () => undefined });
const watcher = { onDidChange: nothing, onDidCreate: nothing, ...nothing() };
const editor = {
  ...{ RelativePattern: class {}, Range: class {}, WorkspaceEdit: class {}, l10n: {}, env: { language: 'en' } },
  ...{ ProgressLocation: {}, window: {}, commands: {}, QuickPickItemKind: {} },
  Uri: { joinPath: (uri: object) => uri, file: (fsPath: string) => ({ fsPath, path: fsPath, toString: () => fsPath }) },
  workspace: {
    ...{ onDidSaveTextDocument: nothing, findFiles: async () => [], createFileSystemWatcher: () => watcher },
    getConfiguration: () => ({ get: () => undefined }),
  },
};

const { PreviewEditor } = withEditor(
  editor,
  () =>
    require('../../../src/extension/datasetPreview/previewEditor') as typeof import('../../../src/extension/datasetPreview/previewEditor'),
);

describe('the editor of a preview', () => {
  const yes = { similarity: 0.9, measure: 'label-scale', probabilities: { no: 0.1, yes: 0.9 }, logits: [-1, 1] };
  const mapping = { first_sequence: 'a', second_sequence: null, label: null };
  const state = { shown: 'a.csv', sheet: null, sheets: [], mapping, mappingSource: 'guess', index: { rows: 2, working: false } }; // prettier-ignore
  let folder: string;
  let asked: string[];
  let answers: ((scores: unknown) => void)[];
  let preview: any;
  let listener: { onReopening(): void };
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-preview-'));
    [asked, answers] = [[], []];
    const client = {
      overview: async () => ({ state, insights: {}, findings: {} }),
      dispose: () => undefined,
      async request(name: string, { rows }: { rows: number[] }) {
        asked.push(name);
        if (name === 'inputs') return rows.map(() => ({ first: 'x', second: null, label: null }));
        if (name === 'predicted') return { differs: [], done: rows.length, compared: 0, disagreements: 0, counts: [] };
      },
    };
    const services = {
      ...{ t: (text: string) => text, log: { warn: () => undefined, error: assert.fail } },
      context: { extensionUri: {}, workspaceState: { get: () => undefined, update: async () => undefined } },
      models: { onDidChange: nothing, active: () => ({ name: 'm', description: '', folder }) },
      data: { openPreview: async (_: object, given: typeof listener) => ((listener = given), client) },
      scoring: { score: (texts: unknown[]) => new Promise((answer) => answers.push(() => answer({ scores: texts.map(() => yes) }))) }, // prettier-ignore
    };
    const webview = { onDidReceiveMessage: nothing, asWebviewUri: (uri: object) => uri, cspSource: '' };
    const panel = { webview, visible: true, onDidChangeViewState: nothing };
    const file = editor.Uri.file(join(folder, 'a.csv'));
    preview = await PreviewEditor.create(file as any, undefined, panel as any, services as any);
    await preview.client;
  });
  afterEach(() => {
    preview.dispose();
    rmSync(folder, { recursive: true });
  });
  const turn = () => new Promise((then) => setTimeout(then, 5));
  const handlers = () => preview.handlers();
  const signal = new AbortController().signal;

  const changes: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['another split', () => handlers().showSplit({ name: 'a.csv' }, signal)],
    ['a mapping', () => handlers().setMapping(mapping)],
    ['the rows of a new process', async () => listener.onReopening()],
  ];
  for (const [what, change] of changes) {
    it(`forgets predictions before it asks for ${what}: none of the rows before are kept with the new ones`, async () => {
      const first = handlers().predict({ rows: [0, 1] }, signal);
      await turn();
      answers.shift()!(undefined);
      await first;
      assert.equal((await preview.snapshot()).predictions.done, 2);

      const second = handlers().predict({ rows: [0, 1] }, signal);
      second.catch(() => undefined);
      await turn();
      asked.length = 0;
      const changed = change();
      answers.shift()!(undefined);
      await assert.rejects(second, { code: 'CANCELLED' });
      await changed;
      assert.ok(!asked.includes('predicted'), asked.join());
      assert.equal((await preview.snapshot()).predictions.done, 0);
    });
  }
});
