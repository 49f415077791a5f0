/** What commands on runs do to runs that train meanwhile. The editor itself is a stand-in. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import Module from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { thisProcess } from '../../src/base/processIdentity';
import { RunStore, type RunRecord } from '../../src/extension/runStore';
import { memory } from './trainingService.test';

const said: string[] = [];
/** What a message is answered by: the label of a button. */
let answer: (text: string) => unknown = () => undefined;
const show = async (text: string) => (said.push(text), answer(text));

class Uri {
  private constructor(readonly fsPath: string) {}
  static file = (path: string): Uri => new Uri(path);
  toString = (): string => this.fsPath;
}
const editor = {
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

const loaded = new Set(Object.keys(require.cache));
const load = (Module as any)._load;
(Module as any)._load = (request: string, ...rest: unknown[]) =>
  request === 'vscode' ? editor : load(request, ...rest);
const { deleteRun } = require('../../src/extension/commands/runCommands') as typeof import('../../src/extension/commands/runCommands'); // prettier-ignore

(Module as any)._load = load;
// Other tests have a stand-in of their own.
for (const file of Object.keys(require.cache)) if (!loaded.has(file)) delete require.cache[file];

const t = (text: string, ...values: unknown[]) => text.replace(/\{(\d+)\}/g, (_, i) => String(values[Number(i)]));

describe('commands on runs', () => {
  let place: string;
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'medtext-runs-'));
    said.length = 0;
    answer = () => undefined;
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
      const { pid, start, host } = thisProcess();
      writeRun(here.run, { status: 'running', pid, processStart: start, host });
      return 'Delete Run and Its Files';
    };
    await deleteRun(here.services, here.run);
    assert.deepEqual([existsSync(here.run.folder), said], [true, ['Delete one?', 'one is training already.']]);

    writeRun(here.run, { status: 'stopped' });
    answer = () => 'Delete Run and Its Files';
    await deleteRun(here.services, here.run);
    assert.deepEqual([existsSync(here.run.folder), here.runs.list()], [false, []]);
  });
});
