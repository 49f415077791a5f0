// Models from a hub in a real VS Code: found by a pasted address, weighed, downloaded, looked into.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LoopbackHub } from '../hub/support/loopbackHub.ts';
import { choose, findWebview, notification, openBrowser, openFolder, runCommand, startServer } from './editor.mjs';
import { makeWorkspace } from './workspace.mjs';

const { MEDTEXT_E2E_VSIX: vsix, MEDTEXT_E2E_ARTEFACTS: artefacts } = process.env;

describe('models from a hub in VS Code', () => {
  const state = {};
  before(async () => {
    state.workspace = makeWorkspace();
    const fixture = (path) => ({ content: readFileSync(join('test/fixtures/checkpoints', path)) });
    const files = {
      'config.json': fixture('masked-lm/config.json'),
      'pytorch_model.bin': fixture('masked-lm/pytorch_model.bin'),
      'vocab.txt': fixture('structbert/vocab.txt'),
      'README.md': { content: Buffer.from('---\nlicense: Apache License 2.0\n---\n# <b>tiny</b>\n') },
    };
    state.hub = await LoopbackHub.start({ 'damo/tiny': { files } });
    const machineSettings = { 'medtext.hub.modelscopeEndpoint': state.hub.endpoint, 'http.noProxy': ['127.0.0.1'] };
    state.server = await startServer({ vsix: [vsix], machineSettings });
    Object.assign(state, await openBrowser());
    await openFolder(state.page, state.server, state.workspace.folder);
  });
  afterEach(async function () {
    const name = this.currentTest.fullTitle().replace(/[^a-z0-9]+/gi, '-');
    await state.page?.screenshot({ path: join(artefacts, `${name}-${this.currentTest.state}.png`) });
  });
  after(async () => {
    await state.browser?.close();
    await state.server?.stop();
    await state.hub?.stop();
    state.workspace?.remove();
  });

  it('says what a pasted address would bring, and brings it', async () => {
    const { page, hub } = state;
    await runCommand(page, 'MedText Lab: Import Model');
    await page.locator('.quick-input-title', { hasText: 'Import Model' }).waitFor();
    await page.locator('.quick-input-list .monaco-list-row', { hasText: 'structbert' }).first().waitFor();
    await page.keyboard.insertText('https://www.modelscope.cn/models/damo/tiny/summary');
    await choose(page, 'Import https', 'Import Model');
    await page.locator('.quick-input-list .monaco-list-row', { hasText: 'pytorch_model.bin' }).waitFor();
    assert.ok(
      hub.requests.every(({ path }) => !path.includes('FilePath')),
      'nothing is downloaded before it is agreed to',
    );
    await choose(page, 'Download', 'modelscope:damo/tiny');
    await notification(page, 'tiny is imported', 'Show Details');
  });

  it('shows what it is, cuts texts into tokens, fills in masked words, verifies it', async () => {
    const { page } = state;
    const view = await findWebview(page, 'Apache License 2.0');
    await view.getByText('modelscope:damo/tiny').waitFor();
    await view.getByLabel('Text', { exact: true }).fill('糖尿病');
    await view.locator('.token', { hasText: '糖' }).waitFor();
    assert.deepEqual(await view.locator('.token').allTextContents(), ['[CLS]', '糖', '尿', '病', '[SEP]']);
    await view.getByLabel('Text with [MASK]').fill('糖[MASK]病');
    await page.keyboard.press('Enter');
    await view.locator('.fills tbody tr').nth(7).waitFor();
    await view.getByLabel('Show tensors with this in their name').fill('LayerNorm.bias');
    await view.locator('.tensors tbody tr', { hasText: 'query' }).first().waitFor({ state: 'detached' });
    await view.locator('vscode-button', { hasText: 'Verify' }).click();
    await notification(page, 'tiny is whole');
  });

  it('is listed, and asked nothing of the outside', async () => {
    const { page } = state;
    const tab = page.locator('.activitybar .action-item', { has: page.locator('a[aria-label^="MedText Lab"]') });
    if (!(await tab.getAttribute('class')).includes('checked')) await tab.click();
    await page.locator('.pane', { hasText: 'Models' }).locator('.monaco-list-row', { hasText: 'tiny' }).waitFor();
    assert.deepEqual(state.outside, []);
    assert.ok(!existsSync(join(state.workspace.folder, 'tiny')), 'models lie in the storage, not in the workspace');
  });
});
