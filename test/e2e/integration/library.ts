import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { ListedModel } from '../../../src/extension/modelStore';
import { LoopbackHub, type StoredFile } from '../../hub/support/loopbackHub';
import { accepting, api, extension, openTabs } from './support';

const workspace = vscode.workspace.workspaceFolders![0].uri.fsPath;
const token = 'token-of-nobody';

describe('models and data sets from hubs', () => {
  let hub: LoopbackHub;
  let model: ListedModel;
  const set = async (name: string, value: unknown): Promise<void> =>
    vscode.workspace.getConfiguration().update(name, value, vscode.ConfigurationTarget.Global);

  before(async () => {
    const fixture = join(extension.extensionPath, 'test/fixtures/checkpoints/structbert');
    const files: Record<string, StoredFile> = {};
    for (const name of readdirSync(fixture)) files[name] = { content: readFileSync(join(fixture, name)) };
    const rows = { 'train.csv': { content: Buffer.from('query1,query2,label\n肺炎,感冒,0\n') } };
    const models = { 'damo/tiny': { files }, 'org/secret': { files, token } };
    hub = await LoopbackHub.start(models, { 'chuanqi/rows': { files: rows } });
    await set('http.noProxy', ['127.0.0.1']);
    await set('medtext.hub.modelscopeEndpoint', hub.endpoint);
    await set('medtext.hub.huggingFaceEndpoint', hub.endpoint);
  });
  after(async () => {
    const names = ['http.noProxy', 'medtext.hub.modelscopeEndpoint', 'medtext.hub.huggingFaceEndpoint'];
    for (const name of names) await set(name, undefined);
    const { services } = await api();
    await services.hubs.setToken('huggingface', undefined);
    if (model) await services.models.remove(model.folder);
    await hub.stop();
  });

  it('a model is imported after its size was said, and is listed with what it is', async () => {
    const { services } = await api();
    model = (await accepting(
      vscode.commands.executeCommand<ListedModel>('medtext.importModel', 'modelscope:damo/tiny'),
    ))!;
    assert.equal(model.record?.source, 'modelscope:damo/tiny');
    assert.equal(model.record?.layers, 2);
    assert.ok(existsSync(join(model.folder, 'model.safetensors')));
    const again = await accepting(
      vscode.commands.executeCommand<ListedModel>('medtext.importModel', 'https://modelscope.cn/models/damo/tiny'),
    );
    assert.equal(again?.folder, model.folder, 'kept once');
    assert.equal(services.models.list().filter(({ folder }) => folder === model.folder).length, 1);
  });

  it('what is closed opens with the token of the secret storage', async () => {
    const { services } = await api();
    const options = await services.hubs.options();
    const wish = { source: 'hf:org/secret', isDataset: false, downloads: join(workspace, '.downloads'), models: join(workspace, 'models'), known: [], job: 0 }; // prettier-ignore
    await assert.rejects(services.library.request('importModel', { ...wish, hub: options }), { code: 'ACCESS' });
    await services.hubs.setToken('huggingface', token);
    const { folder } = await services.library.request('importModel', { ...wish, hub: await services.hubs.options() });
    assert.ok(existsSync(join(folder, 'config.json')));
  });

  it('a data set goes into the workspace', async () => {
    await accepting(vscode.commands.executeCommand('medtext.importDataset', 'modelscope:chuanqi/rows'));
    assert.ok(existsSync(join(workspace, 'data', 'rows', 'train.csv')));
  });

  it('looks into it, verifies it, and opens its page', async () => {
    const { services } = await api();
    const { tokens } = await services.library.request('tokenize', { folder: model.folder, first: '糖尿病' });
    assert.deepEqual(tokens.map(({ text }) => text), ['[CLS]', '糖', '尿', '病', '[SEP]']); // prettier-ignore
    assert.ok((await services.library.request('verify', { folder: model.folder, job: 0 })).ok);
    await vscode.commands.executeCommand('medtext.showModel', model);
    const isOpen = (): boolean => openTabs().some(({ label }) => label === 'Model Details');
    // The editor reports the tab some time after the panel was made. Mocha's time limit ends the wait.
    while (!isOpen()) await new Promise((resolve) => setTimeout(resolve, 50));
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });
});
