// Models from a hub in a real VS Code: found by a pasted address, weighed, downloaded, looked into,
// guarded by a token, cancelled and gone on with, deleted.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LoopbackHub } from '../hub/support/loopbackHub.ts';
import { choose, chooseMenu, findWebview, notification, runCommand } from './editor.mjs';
import { openSidebar, picture, until, useWindow } from './window.mjs';

const token = 'a-token-of-nobody-0123456789';

/** The files of a small masked language model on a hub. */
function repository() {
  const fixture = (path) => ({ content: readFileSync(join('test/fixtures/checkpoints', path)) });
  return {
    'config.json': fixture('masked-lm/config.json'),
    'pytorch_model.bin': fixture('masked-lm/pytorch_model.bin'),
    'vocab.txt': fixture('structbert/vocab.txt'),
    'README.md': { content: Buffer.from('---\nlicense: Apache License 2.0\n---\n# <b>tiny</b>\n') },
  };
}

describe('models from a hub in VS Code', () => {
  let hub;
  const machineSettings = { 'http.noProxy': ['127.0.0.1'] };
  before(async () => {
    // The models differ, because the library keeps equal models only once.
    const files = repository();
    const named = (text) => ({ ...files, 'README.md': { content: Buffer.from(text) } });
    const other = (layers) => ({
      ...named(`${layers}`),
      'config.json': {
        content: Buffer.from(
          JSON.stringify({ ...JSON.parse(files['config.json'].content), num_hidden_layers: layers }),
        ),
      },
    });
    hub = await LoopbackHub.start({
      'damo/tiny': { files },
      'damo/guarded': { files: other(1), token },
      'damo/slow': { files: named('slow') },
    });
    machineSettings['medtext.hub.modelscopeEndpoint'] = hub.endpoint;
  });
  const state = useWindow({ machineSettings });
  after(() => hub?.stop());

  /** Goes as far as the question before the download, or its refusal. */
  async function lookUp(page, name) {
    const asked = () => hub.requests.filter(({ path }) => path.includes(name)).length;
    const before = asked();
    for (let tries = 0; tries < 3; tries++) {
      await runCommand(page, 'MedText Lab: Import Model');
      await page.locator('.quick-input-title', { hasText: 'Import Model' }).waitFor();
      // The hubs' own downloads are listed a moment later, which makes the list again.
      await page.locator('.quick-input-widget .monaco-progress-container.done').waitFor({ state: 'attached' });
      // A page that has just become visible may take the focus.
      await page
        .locator('.quick-input-widget input[type=text]')
        .first()
        .fill(`https://www.modelscope.cn/models/${name}/summary`);
      await choose(page, 'Import https', 'Import Model');
      const isAsked = await until(() => asked() > before, `the hub is asked for ${name}`, 20_000).catch(() => false);
      if (isAsked) return;
      await page.keyboard.press('Escape');
    }
    throw new Error(`the hub was not asked for ${name}`);
  }

  const modelRow = (page, name) =>
    page.locator('.pane', { hasText: 'Models' }).locator('.monaco-list-row', { hasText: name });

  it('says what a pasted address would bring, and brings it', async () => {
    const { page } = state;
    await lookUp(page, 'damo/tiny');
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
    await notification(page, 'tiny is intact');
  });

  it('asks for a token where one is needed, and keeps it to itself', async () => {
    const { page, server } = state;
    await lookUp(page, 'damo/guarded');
    const refusal = page.locator('.notification-list-item', { hasText: 'Give an access token' });
    // A message that has left the corner of the window is still in the list of notifications.
    await until(async () => {
      if (await refusal.first().isVisible()) return true;
      await runCommand(page, 'Notifications: Show Notifications');
      return refusal.first().isVisible();
    }, 'the refusal');
    await refusal.first().locator('.monaco-button', { hasText: 'Set Access Token' }).click();
    await choose(page, 'ModelScope', 'Set Access Token');
    await page.locator('.quick-input-title', { hasText: 'Access token of ModelScope' }).waitFor();
    await page.keyboard.insertText(token);
    await page.keyboard.press('Enter');
    await page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
    await runCommand(page, 'Notifications: Clear All Notifications');
    await lookUp(page, 'damo/guarded');
    await choose(page, 'Download', 'modelscope:damo/guarded');
    await notification(page, 'guarded is imported');
    assert.ok(hub.requests.some(({ headers }) => headers.authorization === `Bearer ${token}`));
    const found = spawnSync('grep', ['-rlF', token, server.folder], { encoding: 'utf8' }).stdout;
    assert.deepEqual(found.split('\n').filter((path) => /\.(log|txt)$/.test(path)), []); // prettier-ignore
  });

  it('keeps what came of a download that is cancelled, and goes on from there', async () => {
    const { page } = state;
    hub.throttle = { bytes: 1000, everyMs: 300 };
    await lookUp(page, 'damo/slow');
    await choose(page, 'Download', 'modelscope:damo/slow');
    const toast = await notification(page, 'Importing slow');
    await toast.getByText(/ of .*\/s/).waitFor({ timeout: 60_000 });
    await toast.hover();
    await toast.locator('.monaco-button', { hasText: 'Cancel' }).click();
    await toast.waitFor({ state: 'detached' });
    hub.throttle = undefined;
    await lookUp(page, 'damo/slow');
    await page.locator('.quick-input-list .monaco-list-row', { hasText: 'already downloaded' }).waitFor();
    await choose(page, 'Download', 'modelscope:damo/slow');
    await notification(page, 'in the library already, as tiny');
  });

  it('deletes a model with its files after a question', async () => {
    const { page, server } = state;
    await openSidebar(page);
    const find = () =>
      spawnSync('find', [server.folder, '-type', 'd', '-name', 'guarded'], { encoding: 'utf8' }).stdout;
    assert.notEqual(find(), '');
    await chooseMenu(page, modelRow(page, 'guarded'), 'Delete');
    const dialog = page.locator('.monaco-dialog-box', { hasText: 'Delete guarded?' });
    await dialog.locator('.monaco-button', { hasText: 'Delete Model and Its Files' }).click();
    await modelRow(page, 'guarded').waitFor({ state: 'detached' });
    await until(() => find() === '', 'the folder is gone');
    await modelRow(page, 'tiny').waitFor();
  });

  it('asked nothing of the outside, and left the workspace alone', () => {
    assert.deepEqual(state.outside, []);
    assert.ok(!existsSync(join(state.workspace.folder, 'tiny')), 'models lie in the storage, not in the workspace');
  });
});

for (const locale of ['en', 'zh-cn']) {
  const isChinese = locale === 'zh-cn';
  describe(`the search for a model in VS Code (${locale})`, () => {
    let hub;
    const machineSettings = { 'http.noProxy': ['127.0.0.1'] };
    before(async () => {
      hub = await LoopbackHub.start({
        'org/medbert-tiny': { files: repository() },
        'org/other': { files: repository() },
      });
      machineSettings['medtext.hub.modelscopeEndpoint'] = hub.endpoint;
      // No server listens at this address.
      machineSettings['medtext.hub.huggingFaceEndpoint'] = 'http://127.0.0.1:9';
    });
    const settings = isChinese ? { 'workbench.colorTheme': 'Default Dark Modern' } : {};
    const state = useWindow({ machineSettings, settings, ...(isChinese && { locale }) });
    after(() => hub?.stop());

    const command = isChinese ? 'MedText Lab: 导入模型' : 'MedText Lab: Import Model';
    const title = isChinese ? '导入模型' : 'Import Model';
    const type = async (page, text) => {
      await runCommand(page, command);
      await page.locator('.quick-input-title', { hasText: title }).waitFor();
      await page.locator('.quick-input-widget .monaco-progress-container.done').waitFor({ state: 'attached' });
      await page.locator('.quick-input-widget input[type=text]').first().fill(text);
    };
    const row = (page, text) => page.locator('.quick-input-list .monaco-list-row', { hasText: text });

    it('names encoders that are known to fit, with what is unknown of them', async () => {
      const { page } = state;
      await type(page, '');
      await row(page, 'nlp_medical_structbert_backbone_base').waitFor();
      await row(page, isChinese ? '许可证 未知' : 'licence unknown')
        .first()
        .waitFor();
      await picture(page, `import-known-${locale}`);
      await page.keyboard.press('Escape');
    });

    it('sends nothing while a person types, names the hub, and asks it on Enter', async () => {
      const { page } = state;
      await type(page, 'medbert');
      const search = row(page, isChinese ? '在 ModelScope 中搜索' : 'Search ModelScope');
      await search.waitFor();
      await search.filter({ hasText: new URL(hub.endpoint).host }).waitFor();
      await picture(page, `import-search-${locale}`);
      assert.deepEqual(hub.requests, [], 'nothing is sent before Enter');
      await page.keyboard.press('Enter');
      await row(page, 'org/medbert-tiny').waitFor({ timeout: 30_000 });
      assert.equal(await row(page, 'org/other').count(), 0);
      assert.deepEqual(hub.requests.map(({ path }) => path.split('?')[0]), ['/openapi/v1/models']); // prettier-ignore
      await picture(page, `import-found-${locale}`);
      await page.keyboard.press('Enter');
      await row(page, 'pytorch_model.bin').waitFor({ timeout: 30_000 });
      await page.keyboard.press('Escape');
    });

    it('says plainly that a hub cannot be reached', async () => {
      const { page } = state;
      await type(page, 'medbert');
      await choose(page, isChinese ? '在 Hugging Face 中搜索' : 'Search Hugging Face');
      await notification(page, isChinese ? '无法连接' : 'cannot be reached', undefined, 60_000);
    });
  });
}
