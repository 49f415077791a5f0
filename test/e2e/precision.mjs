// Choose Precision… in a real VS Code: what int8 costs a model is shown before it can be chosen; a harmed model is refused it.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeTinyModel } from '../cli/support/tinyModel.ts';
import { choose, chooseMenu, hoverText, notification, openFile, runCommand } from './editor.mjs';
import { openSidebar, picture, until, useWindow } from './window.mjs';

const model = { labels: ['0', '1', '2'], usage: { task: 'sentence-similarity' } };

async function prepare(folder) {
  await writeTinyModel(join(folder, 'sound'), model);
  await writeTinyModel(join(folder, 'outliers'), { ...model, isHarmedByInt8: true });
}

const words = {
  en: {
    models: 'Models',
    importModel: { command: 'MedText Lab: Import Model', title: 'Import Model', item: 'Import /' },
    imported: 'is imported',
    menu: 'Choose Precision…',
    title: 'Precision of ',
    measured: /sound: In int8, on \d+ sample texts: \d+ of \d+ predictions change\./,
    use: 'Score in int8',
    activate: 'Use This Model',
    harms: 'This changes the model’s results too much, so it is scored in float32.',
    float16: 'float16 runs only on GPUs',
    similarity: 'similarity',
  },
  'zh-cn': {
    models: '模型',
    importModel: { command: '导入模型', title: '导入模型', item: '导入 /' },
    imported: '已导入',
    menu: '选择精度…',
    title: '的精度',
    measured: /sound：int8，在 ?\d+ 条示例文本上：\d+ 个预测中有 \d+ 个改变。/,
    use: '使用 int8 打分',
    activate: '使用此模型',
    harms: '这对模型结果的影响过大，因此仍用 float32 打分。',
    float16: 'float16 只能在 GPU 上计算',
    similarity: '相似度',
  },
};

for (const [locale, said] of Object.entries(words)) {
  describe(`the precision of scores in VS Code, in ${locale}`, () => {
    const state = useWindow({ prepare, settings: { 'medtext.device': 'cpu' }, ...(locale !== 'en' && { locale }) });

    const rowOf = (page, name) =>
      page.locator('.pane', { hasText: said.models }).locator('.monaco-list-row', { hasText: name }).first();

    async function importModel(name) {
      const { page, workspace } = state;
      await runCommand(page, said.importModel.command);
      await page.locator('.quick-input-title', { hasText: said.importModel.title }).waitFor();
      await page.locator('.quick-input-widget .monaco-progress-container.done').waitFor({ state: 'attached' });
      await page.locator('.quick-input-widget input[type=text]').first().fill(join(workspace.folder, name));
      await choose(page, said.importModel.item, said.importModel.title);
      const toast = await notification(page, `${name} ${said.imported}`, undefined, 120_000); // prettier-ignore
      await toast.waitFor({ state: 'hidden' }).catch(() => undefined);
    }

    async function pick(name, precision) {
      const { page } = state;
      await openSidebar(page);
      await chooseMenu(page, rowOf(page, name), said.menu);
      await page.locator('.quick-input-title', { hasText: said.title }).waitFor();
      await picture(page, `precision-pick-${locale}`);
      await choose(page, precision, said.title);
    }

    /** The precision that settings files name; a server keeps some settings in a file of its own. */
    const chosen = () => {
      const { folder } = state.server;
      const texts = ['User', 'Machine'].map((name) =>
        readFileSync(join(folder, 'user', name, 'settings.json'), 'utf8'),
      );
      return texts.map((text) => /"medtext\.scoring\.precision":\s*"(\w+)"/.exec(text)?.[1]).find(Boolean);
    };

    /** What the scorer opened last, by the extension's log. */
    const opened = () => {
      const files = readdirSync(join(state.server.folder, 'user'), { recursive: true });
      const logs = files.filter((name) => name.endsWith('MedText Lab.log'));
      const lines = logs.flatMap((name) => readFileSync(join(state.server.folder, 'user', name), 'utf8').split('\n'));
      return lines.filter((line) => line.includes('The scorer opened')).at(-1);
    };

    async function hover() {
      const { page } = state;
      await openFile(page, 'pairs-dev.json');
      return hoverText(page, 'query1', said.similarity);
    }

    it('shows what int8 changes before it can be chosen; then a hover is scored in it', async () => {
      const { page } = state;
      await importModel('sound');
      await importModel('outliers');
      await pick('sound', 'int8');
      const dialog = page.locator('.monaco-dialog-box', { hasText: 'sound' });
      await dialog.waitFor({ timeout: 120_000 });
      assert.match((await dialog.innerText()).replace(/\s+/g, ' '), said.measured);
      assert.equal(chosen(), undefined, 'not before it is chosen');
      await picture(page, `precision-measured-${locale}`);
      await dialog.locator('.monaco-button', { hasText: said.use }).click();
      await until(() => chosen() === 'int8', 'int8 is chosen');
      await chooseMenu(page, rowOf(page, 'sound'), said.activate);
      await hover();
      await until(() => /sound.* \(cpu, int8\)/.test(opened() ?? ''), `the scorer computes in int8: ${opened()}`);
      await picture(page, `precision-hover-${locale}`);
    });

    it('refuses int8 to a model that it harms, and float16 on the CPU', async () => {
      const { page } = state;
      await pick('outliers', 'int8');
      await page.locator('.monaco-dialog-box', { hasText: said.harms }).waitFor({ timeout: 120_000 });
      await picture(page, `precision-harms-${locale}`);
      await page.keyboard.press('Escape');
      await chooseMenu(page, rowOf(page, 'outliers'), said.activate);
      await hover();
      await until(() => /outliers.* \(cpu, float32\)/.test(opened() ?? ''), `the scorer stays in float32: ${opened()}`);
      await pick('outliers', 'float16');
      await notification(page, said.float16);
      assert.equal(chosen(), 'int8');
    });
  });
}
