/** What a command does when the person leaves one of its questions. The editor itself is a stand-in. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelStore } from '../../src/extension/modelStore';
import { memory } from './trainingService.test';
import { withEditor } from './support/withEditor';

interface Item {
  readonly label: string;
}

/** The titles of the questions in the order they came. */
const asked: string[] = [];
/** What the next questions are answered by: a label, or undefined for Escape. */
let answers: (string | undefined)[] = [];

function answer(title: string, items: readonly Item[]): Item | undefined {
  asked.push(title);
  const label = answers.shift();
  if (label === undefined) return undefined;
  const found = items.find((item) => item.label.includes(label));
  assert.ok(found, `${title}: ${label} is not offered`);
  return found;
}

/** What the person does once a list stands; undefined: it is answered at once. */
let whileShown: ((input: QuickPick) => Promise<void>) | undefined;

class QuickPick {
  title = '';
  value = '';
  activeItems: readonly Item[] = [];
  private list: readonly Item[] = [];
  get items(): readonly Item[] {
    return this.list;
  }
  /** As in the editor, a new list begins at its first item. */
  set items(items: readonly Item[]) {
    this.list = items;
    this.activeItems = items.slice(0, 1);
  }
  selectedItems: readonly Item[] = [];
  private readonly listeners: Record<string, () => void> = {};
  private readonly on = (name: string) => (listener: () => void) => {
    this.listeners[name] = listener;
    return { dispose: () => undefined };
  };
  readonly onDidAccept = this.on('accept');
  readonly onDidHide = this.on('hide');
  readonly onDidTriggerButton = this.on('button');
  readonly onDidChangeValue = this.on('value');
  hide(): void {}
  show(): void {
    if (whileShown) {
      void whileShown(this).then(() => {
        this.selectedItems = this.activeItems;
        this.listeners.accept();
      });
      return;
    }
    const choice = answer(this.title, this.items);
    this.selectedItems = choice ? [choice] : [];
    this.listeners[choice ? 'accept' : 'hide']();
  }
  dispose(): void {}
}

class Uri {
  constructor(readonly fsPath = '') {}
  static file = (path: string): Uri => new Uri(path);
  get path(): string {
    return this.fsPath;
  }
}
const executed: unknown[][] = [];

const editor = {
  ...{ ConfigurationTarget: { Global: 1 }, ProgressLocation: {}, QuickInputButtons: {}, QuickPickItemKind: {} },
  ...{ Range: class {}, Selection: class {}, Uri, ViewColumn: {} },
  commands: { executeCommand: async (...command: unknown[]) => void executed.push(command) },
  workspace: {
    isTrusted: true,
    findFiles: async () => [],
    getConfiguration: () => ({ get: () => 'float32', update: async () => undefined }),
  },
  window: {
    showQuickPick: async (items: readonly Item[], { title }: { title: string }) => answer(title, items),
    showOpenDialog: async ({ title }: { title: string }) => void asked.push(title),
    createQuickPick: () => new QuickPick(),
    showTextDocument: async () => Promise.reject(new Error('Files above 50MB cannot be synchronized with extensions.')),
    showSaveDialog: async ({ defaultUri }: { defaultUri: Uri }) => defaultUri,
    showInformationMessage: async () => undefined,
    activeTextEditor: undefined as unknown,
    withProgress: (_: object, work: (...given: object[]) => unknown) =>
      work({ report: () => undefined }, { onCancellationRequested: () => undefined }),
    showWarningMessage: async (title: string, _: object, ...labels: string[]) =>
      answer(title, labels.map((label) => ({ label })))?.label, // prettier-ignore
  },
};

const { modelCommands, choosePrecision, pickSource, sayScale, markEntities, columnStep } = withEditor(editor, () => ({
  modelCommands:
    require('../../src/extension/commands/modelCommands') as typeof import('../../src/extension/commands/modelCommands'),
  ...(require('../../src/extension/commands/choosePrecision') as typeof import('../../src/extension/commands/choosePrecision')),
  ...(require('../../src/extension/commands/importSourcePick') as typeof import('../../src/extension/commands/importSourcePick')),
  ...(require('../../src/extension/commands/similarityScale') as typeof import('../../src/extension/commands/similarityScale')),
  ...(require('../../src/extension/commands/markEntities') as typeof import('../../src/extension/commands/markEntities')),
  ...(require('../../src/extension/commands/textSteps') as typeof import('../../src/extension/commands/textSteps')),
}));

const t = (text: string, ...values: unknown[]) => text.replace(/\{(\d+)\}/g, (_, i) => String(values[Number(i)]));
const encoder = { folder: '/models/encoder', name: 'encoder', hasHead: false, missing: false, active: true, description: '' }; // prettier-ignore
const classifier = { ...encoder, folder: '/models/classifier', name: 'classifier', hasHead: true, active: false };

function servicesWith(active = encoder) {
  const requests: string[] = [];
  let current = active;
  const list = () => [encoder, classifier].map((model) => ({ ...model, active: model.folder === current.folder }));
  const models = {
    list,
    isStarter: () => false,
    active: () => list().find((model) => model.active),
    activate: async (folder: string) => void (current = [encoder, classifier].find((one) => one.folder === folder)!),
  };
  const scorer = { request: async (name: string) => (requests.push(name), { columns: ['text'] }) };
  return { services: { t, models, scorer } as any, requests };
}

describe('questions that are left', () => {
  beforeEach(() => {
    asked.length = 0;
    answers = [];
  });

  it('Evaluate ends where no model with labels is chosen in place of the active encoder', async () => {
    const { services, requests } = servicesWith();
    await modelCommands.evaluate(services);
    assert.deepEqual([asked, requests], [['Choose Active Model'], []]);
    // The model that is chosen is the one that is evaluated.
    answers = ['classifier'];
    await modelCommands.evaluate(services);
    assert.deepEqual(asked.slice(1), ['Choose Active Model', 'Evaluate on which file?']);
    assert.equal(services.models.active().name, 'classifier');
  });

  it('Choose Precision is about the active encoder, which has scores without labels', async () => {
    await choosePrecision(servicesWith().services);
    assert.deepEqual(asked, ['Precision of encoder']);
  });

  it('the column of texts is asked for where a table has several', async () => {
    const facts = (name: string, kind: string) => ({ name, kind, distinct: 2, values: 2 });
    const tables: Record<string, unknown> = {
      '/w/病 历.csv': { columns: ['编号', '主诉'], facts: [facts('编号', 'identifier'), facts('主诉', 'text')] },
      '/w/one.jsonl': { columns: ['text'] },
    };
    const services = { t, dataInfo: async (file: string) => tables[file] } as any;
    const step = columnStep(services, 'column');
    const position = { step: 1, totalSteps: 1 };
    const ask = (...texts: string[]) => step({ texts }, position);
    answers = ['主诉', undefined];
    assert.deepEqual(await ask('/w/notes', '/w/病 历.csv'), { texts: ['/w/notes', '/w/病 历.csv'], column: '主诉' });
    assert.equal(await ask('/w/病 历.csv'), undefined);
    assert.equal(asked.length, 2);
    for (const texts of [['/w/one.jsonl'], ['/w/notes'], ['/w/notes.txt'], ['/w/unreadable.csv']]) {
      const before = { texts };
      assert.equal(await step(before, position), before);
    }
    assert.equal(asked.length, 2);
  });

  it('Remove takes a model of the library away with its files alone, and the list shows it', async () => {
    const library = mkdtempSync(join(tmpdir(), 'medtext-library-'));
    const folder = join(library, 'kept');
    const facts = { contentHash: 'sha256:0', modelType: 'bert', layers: 1, hiddenSize: 8, vocabSize: 9, parameterCount: 9, sizeBytes: 9, license: null, source: 'hf:a/kept', revision: null, commit: null, importedAt: null, labels: [], hasMaskedLm: false }; // prettier-ignore
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.json'), '{}');
    writeFileSync(join(folder, 'medtext-model.json'), JSON.stringify(facts));
    const models = new ModelStore(memory(), memory(), () => library);
    let shown: string[] = models.list().map(({ name }) => name);
    models.onDidChange(() => (shown = models.list().map(({ name }) => name)));
    const requests = { request: async () => rmSync(folder, { recursive: true }) };
    const [model] = models.list();
    answers = ['Remove from List'];
    await assert.rejects(modelCommands.removeModel({ t, models, library: requests } as any, model), /is not offered/);
    answers = ['Delete Model and Its Files'];
    await modelCommands.removeModel({ t, models, library: requests } as any, model);
    assert.deepEqual(shown, []);
    rmSync(library, { recursive: true });
  });

  it('a source that is chosen stays chosen when what was downloaded before is listed late', async () => {
    let found: (caches: unknown[]) => void = () => undefined;
    const caches = new Promise<unknown[]>((resolve) => (found = resolve));
    const requests = { request: async (name: string) => (name === 'caches' ? caches : { modelscope: 'a', huggingface: 'b' }) }; // prettier-ignore
    const services = {
      t,
      library: requests,
      hubs: { options: async () => ({}) },
      log: { warn: () => undefined },
    } as any;
    whileShown = async (input) => {
      input.activeItems = input.items.filter(({ label }) => label.includes('From a weights file'));
      found([{ kind: 'model', reference: 'hf:a/b', sizeBytes: 1, folder: '/c' }]);
      await new Promise((turn) => setTimeout(turn, 20));
      assert.ok(input.items.some(({ label }) => label.includes('hf:a/b')));
    };
    await pickSource(services, 'model');
    whileShown = undefined;
    // The file is asked for next.
    assert.deepEqual(asked, ['Import Model']);
  });

  it('a document is marked by one model, not by the one that is chosen meanwhile, too', async () => {
    const text = Array.from({ length: 40 }, (_, i) => `line ${i}`).join('\n');
    const document = { fileName: '/w/a.txt', version: 1, isClosed: false, getText: () => text };
    editor.window.activeTextEditor = { document };
    let folder = '/first';
    const scoring = {
      async mark(lines: string[]) {
        folder = '/second';
        return { entities: lines.map(() => [{ start: 0, end: 4, type: 'x', probability: 1 }]) };
      },
    };
    const marked: unknown[] = [];
    const entityMarks = { clear: () => false, mark: (...marks: unknown[]) => marked.push(marks) };
    const models = { active: () => ({ folder, name: 'ner', marksEntities: true }) };
    await assert.rejects(markEntities({ t, scoring, entityMarks, models } as any), /Another model is active by now/);
    assert.deepEqual(marked, []);
  });

  it('predictions open whatever their size, which documents of extensions do not', async () => {
    const { services } = servicesWith(classifier);
    services.scorer = {
      onProgress: () => ({ dispose: () => undefined }),
      request: async (name: string, { file }: { file: string }) => name === 'predict' ? { output: '', rows: 9 } : { file, format: 'csv', columns: ['q'], first: 'q' }, // prettier-ignore
    };
    await modelCommands.predictFile(services, Uri.file('/w/a.csv'));
    assert.deepEqual(executed.at(-1), ['vscode.openWith', Uri.file('/w/a.predicted.csv'), 'default', {}]);
  });

  it('a scale that was said is taken back by saying that the labels are classes only', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'medtext-scale-'));
    const file = join(folder, 'config.json');
    writeFileSync(
      file,
      JSON.stringify({ id2label: { 0: '咳嗽', 1: '发热' }, medtext: { task: 'pair-classification' } }),
    );
    const medtext = () => (JSON.parse(readFileSync(file, 'utf8')) as { medtext: object }).medtext;
    let restarts = 0;
    const scorer = { renew: async () => void restarts++ };
    const models = { active: () => ({ ...classifier, folder }), refresh: () => undefined };
    const say = (...labels: string[]) => ((answers = labels), sayScale({ t, scorer, models } as any));
    await say('No similarity');
    assert.equal(restarts, 0);
    await say('发热');
    assert.deepEqual(medtext(), { task: 'pair-classification', label_scores: { 发热: 1, 咳嗽: 0 } });
    await say('No similarity');
    assert.deepEqual([medtext(), restarts], [{ task: 'pair-classification' }, 2]);
    rmSync(folder, { recursive: true });
  });
});
