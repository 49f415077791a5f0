/** What commands on runs do to runs that train meanwhile. The editor itself is a stand-in. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { thisProcess } from '../../src/base/processIdentity';
import { STOP_FILE } from '../../src/protocol/stopRequest';
import { RunStore, type RunRecord } from '../../src/extension/runStore';
import { memory } from './trainingService.test';
import { withEditor } from './support/withEditor';

const said: string[] = [];
/** What a message is answered by: the label of a button. */
let answer: (text: string) => unknown = () => undefined;
const show = async (text: string) => (said.push(text), answer(text));

class Uri {
  private constructor(readonly fsPath: string) {}
  static file = (path: string): Uri => new Uri(path);
  toString = (): string => this.fsPath;
}
class Task {
  constructor(...[, , , , { run }]: [unknown, unknown, string, string, { run: () => Promise<Terminal> }]) {
    this.run = run;
  }
  readonly run: () => Promise<Terminal>;
}
interface Terminal {
  open(): void;
  close(): void;
}
const editor = {
  Task,
  CustomExecution: class {
    constructor(readonly run: unknown) {}
  },
  EventEmitter: class {
    fire(): void {}
  },
  ...{ ProgressLocation: {}, QuickInputButtons: {}, QuickPickItemKind: {}, TaskScope: {}, TaskGroup: {}, Uri },
  ...{ Range: class {}, Selection: class {}, ViewColumn: {} },
  commands: { executeCommand: async () => undefined },
  env: { language: 'en' },
  workspace: {
    isTrusted: true,
    textDocuments: [],
    getConfiguration: () => ({ get: () => undefined }),
  },
  window: {
    showInformationMessage: show,
    showWarningMessage: show,
    showErrorMessage: show,
    setStatusBarMessage: () => undefined,
  },
};

const { deleteRun, tellNews, taskProvider } = withEditor(editor, () => ({
  ...(require('../../src/extension/commands/runCommands') as typeof import('../../src/extension/commands/runCommands')),
  ...(require('../../src/extension/taskProvider') as typeof import('../../src/extension/taskProvider')),
}));

const t = (text: string, ...values: unknown[]) => text.replace(/\{(\d+)\}/g, (_, i) => String(values[Number(i)]));

describe('commands on runs', () => {
  let place: string;
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'medtext-runs-'));
    said.length = 0;
    answer = () => undefined;
    editor.workspace.isTrusted = true;
  });
  afterEach(() => rmSync(place, { recursive: true, force: true }));

  const idle = { isActive: false, state: { phase: 'idle' } as { phase: string; runFolder?: string } };
  async function services({ training = idle as object } = {}) {
    const runs = new RunStore(memory());
    const run: RunRecord = {
      ...{ runId: 'one', folder: join(place, 'one'), recipeFile: join(place, 'a.medtext.json'), name: 'one' },
      ...{ status: 'stopped', pid: 0, startedAtMs: 1, step: 2, totalSteps: 4 },
    };
    mkdirSync(run.folder);
    writeRun(run, { status: 'stopped' });
    await runs.put(run);
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    return { services: { t, runs, training, log, runSelection: { list: () => [] } } as any, runs, run };
  }
  const writeRun = ({ folder }: RunRecord, content: object) => writeFileSync(join(folder, 'run.json'), JSON.stringify({ version: 1, ...content })); // prettier-ignore

  const goingOn = () => {
    const { pid, start, host } = thisProcess();
    return { status: 'running', pid, processStart: start, host };
  };

  it('Delete spares a run that this window is resuming, and one that was resumed while it asked', async () => {
    const training = { isActive: true, state: { phase: 'starting', runFolder: join(place, 'one') } };
    const here = await services({ training });
    answer = () => 'Delete Run and Its Files';
    await deleteRun(here.services, here.run);
    assert.deepEqual([existsSync(here.run.folder), said], [true, ['one is training already.']]);

    here.services.training = idle;
    said.length = 0;
    answer = (text) => {
      if (!text.startsWith('Delete')) return undefined;
      writeRun(here.run, goingOn());
      return 'Delete Run and Its Files';
    };
    await deleteRun(here.services, here.run);
    assert.deepEqual([existsSync(here.run.folder), said], [true, ['Delete one?', 'one is training already.']]);

    writeRun(here.run, { status: 'stopped' });
    answer = () => 'Delete Run and Its Files';
    await deleteRun(here.services, here.run);
    assert.deepEqual([existsSync(here.run.folder), here.runs.list()], [false, []]);
  });

  it('a task whose terminal is closed before its training begins stops no other', async () => {
    const here = await services();
    writeRun(here.run, goingOn());
    await here.runs.put({ ...here.run, status: 'running', pid: process.pid });
    let stops = 0;
    const training = { ...idle, onDidChange: () => ({ dispose: () => undefined }), stop: async () => void stops++ };
    Object.assign(here.services, { training, finder: { hasDetached: true, update: async () => ({ finished: [], lost: [], stopped: [], neverBegun: [] }) } }); // prettier-ignore
    editor.workspace.isTrusted = false;
    const asked = new Promise<void>((resolve) => {
      answer = () => (resolve(), new Promise(() => undefined));
    });
    const task = taskProvider(here.services).resolveTask({ definition: { recipe: here.run.recipeFile } } as any, {} as any); // prettier-ignore
    const terminal = await (task as unknown as Task).run();
    terminal.open();
    await asked;
    assert.match(said[0], /^Trust this folder first/);
    terminal.close();
    await new Promise((turn) => setTimeout(turn, 50));
    assert.deepEqual([existsSync(join(here.run.folder, STOP_FILE)), stops], [false, 0]);

    Object.assign(training, { isActive: true, state: { phase: 'running', request: { recipeFile: here.run.recipeFile } } }); // prettier-ignore
    terminal.close();
    assert.equal(stops, 1);
  });

  it('shows why what a button of a message asks for could not be done', async () => {
    const { services: given, run } = await services();
    rmSync(run.folder, { recursive: true });
    answer = (text) => (/was stopped; it can be resumed/.test(text) ? 'Resume' : undefined);
    tellNews(given, { finished: [], lost: [], stopped: [run], neverBegun: [] });
    await new Promise((turn) => setTimeout(turn, 100));
    assert.equal(said[0], 'one was stopped; it can be resumed.');
    assert.equal(said.length, 2);
  });
});
