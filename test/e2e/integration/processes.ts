import assert from 'node:assert/strict';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { TrainingOutcome } from '../../../src/extension/trainingService';
import { accepting, api, openTabs, until } from './support';

const folder = vscode.workspace.workspaceFolders![0].uri.fsPath;
const file = (name: string): vscode.Uri => vscode.Uri.file(join(folder, name));
const set = (name: string, value: unknown): Thenable<void> =>
  vscode.workspace.getConfiguration().update(name, value, vscode.ConfigurationTarget.Global);
const runRecipe = (name: string): Thenable<TrainingOutcome | undefined> =>
  vscode.commands.executeCommand<TrainingOutcome | undefined>('medtext.runRecipe', file(name));

describe('processes in the host', () => {
  afterEach(async () => {
    await set('medtext.training.onWindowClose', undefined);
    await set('medtext.runtime.nodePath', undefined);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('asks what shall be when the window closes; whoever does not answer starts nothing', async () => {
    const { services } = await api();
    await set('medtext.training.onWindowClose', 'ask');
    const outcome = await accepting(runRecipe('quick.medtext.json'));
    assert.equal(outcome?.status, 'finished');
    assert.equal(outcome.request.onHostGone, 'stop', 'the first of the two');

    const runs = services.runs.list().length;
    let ended = false;
    const dismissed = Promise.resolve(runRecipe('quick.medtext.json')).finally(() => (ended = true));
    await until(async () => {
      await vscode.commands.executeCommand('workbench.action.closeQuickOpen');
      return ended;
    }, 'the question is closed');
    assert.equal(await dismissed, undefined);
    assert.equal(services.runs.list().length, runs);
  });

  it('a Node that is none is named by its setting, for training and scoring, and neither is lost for it', async () => {
    const { services } = await api();
    await set('medtext.runtime.nodePath', '/nowhere/node');
    await services.scorer.restart();
    const outcome = await runRecipe('quick.medtext.json');
    assert.equal(outcome?.status, 'failed');
    assert.equal(outcome.error?.code, 'NOT_FOUND');
    assert.match(outcome.error.message, /medtext\.runtime\.nodePath/);
    await assert.rejects(services.scorer.request('doctor', { device: 'cpu' }), { code: 'NOT_FOUND' });

    await set('medtext.runtime.nodePath', process.execPath);
    assert.equal((await runRecipe('quick.medtext.json'))?.status, 'finished');
    await services.scorer.restart();
    const facts = await services.scorer.request('doctor', { device: 'cpu' });
    assert.equal((facts.selfTest as { passed: boolean }).passed, true);
  });

  it('runs one training at a time, and stops one at once', async () => {
    const { services } = await api();
    const running = runRecipe('long.medtext.json');
    await until(() => (services.training.state.report?.step ?? 0) > 3, 'training steps');
    const { pid } = services.training;
    assert.equal(await runRecipe('quick.medtext.json'), undefined, 'refused with a message');
    assert.equal(services.training.pid, pid);
    await vscode.commands.executeCommand('medtext.stopNow');
    const outcome = (await running)!;
    assert.deepEqual([outcome.status, outcome.stoppedNow], ['interrupted', true]);
  });

  it('pins and clears the reference of the selection, and scores it in a panel', async () => {
    const { services } = await api();
    const document = await vscode.workspace.openTextDocument(file('note.txt'));
    const editor = await vscode.window.showTextDocument(document);
    editor.selection = new vscode.Selection(0, 0, 0, 8);
    await vscode.commands.executeCommand('medtext.setReference');
    assert.equal(services.scoring.reference, '高血压怎么治疗？');
    await vscode.commands.executeCommand('medtext.scoreSelection');
    await until(() => openTabs().some(({ input }) => input instanceof vscode.TabInputWebview), 'similarity panel');
    await vscode.commands.executeCommand('medtext.clearReference');
    assert.equal(services.scoring.reference, undefined);
  });

  it('says what the device can do, after the scorer was killed too', async () => {
    const { services } = await api();
    await services.scorer.request('doctor', { device: 'cpu' });
    process.kill((await services.scorer.pid())!, 'SIGKILL');
    await vscode.commands.executeCommand('medtext.checkDevice');
    const file = vscode.Uri.joinPath(services.context.globalStorageUri, 'device.md');
    const report = Buffer.from(await vscode.workspace.fs.readFile(file)).toString('utf8');
    assert.match(report, /Training works on cpu/);
    assert.match(report, /CPU: chosen/);
  });
});
