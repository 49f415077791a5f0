import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withEditor } from '../support/withEditor';

const nothing = () => ({ dispose: () => undefined });
const slowly = () => new Promise((turn) => setTimeout(turn, 20));
const commands: string[] = [];
let found: readonly { fsPath: string }[] = [];
const granted: (() => void)[] = [];
const editor = {
  ...{ Uri: { file: (fsPath: string) => ({ fsPath }) }, ViewColumn: {}, l10n: {}, env: {}, ProgressLocation: {} },
  ...{ TabInputText: class {}, TabInputCustom: class {} },
  commands: { executeCommand: async (id: string) => void commands.push(id) },
  workspace: {
    isTrusted: true,
    onDidGrantWorkspaceTrust: (listener: () => void) => (granted.push(listener), nothing()),
    asRelativePath: (path: string | { fsPath: string }) => (typeof path === 'string' ? path : path.fsPath),
    findFiles: async () => (await slowly(), found),
    getConfiguration: () => ({ get: () => 'auto' }),
    getWorkspaceFolder: () => undefined,
  },
  window: { showTextDocument: slowly, tabGroups: { activeTabGroup: {} } },
};

const { createFineTune } = withEditor(
  editor,
  () =>
    require('../../../src/extension/views/fineTunePanel') as typeof import('../../../src/extension/views/fineTunePanel'),
);

describe('the fine-tune page', () => {
  const info = { format: 'csv', header: true, columns: ['q', 'label'], rows: 9, badRows: 0, first: 'q', label: 'label', facts: [] }; // prettier-ignore
  const counts = { rows: 9, badRows: 0, otherRows: 0, values: ['a', 'b'].map((value) => ({ value, count: 4, firstLine: 2 })) }; // prettier-ignore
  let home: string;
  let page: any;
  const read: string[] = [];
  beforeEach(() => {
    read.length = 0;
    granted.length = 0;
    home = mkdtempSync(join(tmpdir(), 'medtext-page-'));
    commands.length = 0;
    const answers: Record<string, unknown> = { labelCounts: counts, exampleLengths: { rows: 1, median: 1, p99: 1, longest: 1 } }; // prettier-ignore
    const services = {
      ...{ t: (text: string) => text, log: { debug: () => undefined }, context: { extensionPath: home } },
      models: { onDidChange: nothing, list: () => [], isStarter: () => false },
      runs: { list: () => [] },
      dataInfo: async () => undefined,
      scorer: {
        request: async (name: string, { file }: { file: string }) => {
          if (name === 'dataInfo') read.push(file);
          return name === 'forecast' ? new Promise(() => undefined) : (answers[name] ?? { ...info, file });
        },
      },
    };
    page = createFineTune(services as any, {} as any);
  });
  afterEach(() => {
    page.dispose();
    rmSync(home, { recursive: true });
  });

  it('keeps the file that is chosen while the workspace is being looked through', async () => {
    found = [{ fsPath: join(home, 'train.csv') }];
    const own = join(home, 'own.csv');
    const begun = page.begin({});
    page.browsed.add(own);
    await page.choose('train', own);
    await begun;
    assert.equal(page.chosen.train, own);
    assert.deepEqual(page.snapshot().files.length, 2);
    assert.equal(page.snapshot().state, 'ready');
    // Otherwise it is the one that is called so.
    await page.begin({});
    assert.equal(page.chosen.train, found[0].fsPath);
  });

  it('writes one recipe and starts one run for a double click', async () => {
    found = [{ fsPath: join(home, 'train.csv') }];
    await page.begin({});
    page.chosen = { ...page.chosen, model: '/models/encoder' };
    await Promise.all([page.handlers().write({ start: true }), slowly().then(() => page.handlers().write({ start: true }))]); // prettier-ignore
    assert.deepEqual([readdirSync(home), commands], [['train.medtext.json'], ['medtext.runRecipe']]);
  });

  it('that comes back in Restricted Mode reads no file of the folder before the folder is trusted', async () => {
    found = [{ fsPath: join(home, 'train.csv') }];
    editor.workspace.isTrusted = false;
    page.panel.panel = { visible: true, dispose: () => undefined };
    await page.begin({});
    assert.deepEqual([page.snapshot().state, page.snapshot().files.length, read], ['asking', 1, []]);
    editor.workspace.isTrusted = true;
    for (const listener of granted) listener();
    while (page.snapshot().state !== 'ready') await slowly();
    assert.equal(page.chosen.train, found[0].fsPath);
    // A choice that was made stays.
    const own = join(home, 'own.csv');
    page.browsed.add(own);
    await page.choose('train', own);
    for (const listener of granted) listener();
    await slowly();
    assert.equal(page.chosen.train, own);
  });
});
