// The documentation inside the editor: its command, an error's way to it, and what fields mean where they are edited.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findWebview, hoverText, notification, openFile, runCommand } from './editor.mjs';
import { openSidebar, picture, until, useWindow } from './window.mjs';

/** A recipe that passes its check and fails in the training, because its data have only one label. */
function withOneLabel(folder) {
  const row = { query1: '肺炎怎么治疗', query2: '肺炎', label: '1' };
  writeFileSync(join(folder, 'alike.json'), JSON.stringify([row, row, row]));
  const dataset = { train: { file: 'alike.json' } };
  writeFileSync(join(folder, 'alike.medtext.json'), JSON.stringify({ task: 'sentence-similarity', model: 'encoder', dataset, train: { max_epochs: 1 } }, null, 2)); // prettier-ignore
}

const languages = {
  en: {
    locale: 'en-US',
    command: 'MedText Lab: Documentation',
    contents: 'MedText Lab: documentation',
    start: 'Getting started',
    whatToDo: 'What to Do',
    remedy: 'What to do:',
    epochs: 'Passes over the training data.',
    run: 'MedText Lab: Run Recipe',
    failed: 'alike failed',
  },
  'zh-cn': {
    locale: 'zh-cn',
    command: '文档',
    contents: 'MedText Lab 文档',
    start: '快速开始',
    whatToDo: '处理办法',
    remedy: '处理办法：',
    epochs: '训练的轮数。',
    run: '运行配方',
    failed: 'alike 失败',
  },
};

for (const [language, words] of Object.entries(languages)) {
  describe(`the documentation, ${language}`, () => {
    const state = useWindow({
      prepare: withOneLabel,
      ...(language === 'en' ? {} : { locale: words.locale }),
    });

    it('opens in the editor, page by page', async () => {
      const { page } = state;
      await openFile(page, 'alike.medtext.json');
      await runCommand(page, words.command);
      const contents = await findWebview(page, words.contents);
      await contents.getByRole('link', { name: words.start }).click();
      await findWebview(page, 'KUAKE-QQR/KUAKE-QQR_train.json');
    });

    it('says in a recipe and in the Training view what a field means', async () => {
      const { page } = state;
      await openFile(page, 'alike.medtext.json');
      await hoverText(page, 'max_epochs', words.epochs);
      await openSidebar(page);
      const view = await findWebview(page, 'alike.json');
      const knob = view.locator('.knob').first();
      await until(
        async () => (await knob.getAttribute('title'))?.includes(words.epochs),
        'the help of the first field',
      );
      await knob.locator('input').focus();
      await view.locator('.help', { hasText: words.epochs }).waitFor();
      await picture(page, `training-view-help-${language}`);
    });

    it('is where an error says what to do', async () => {
      const { page } = state;
      await openFile(page, 'alike.medtext.json');
      await runCommand(page, words.run);
      await notification(page, words.failed, words.whatToDo, 90_000);
      const help = await findWebview(page, words.remedy);
      const heading = help.getByRole('heading', { name: 'LABELS', exact: true });
      await until(async () => {
        const box = await heading.boundingBox();
        return box !== null && box.y < 200 && box.y > -50;
      }, 'the page shows the place of the error');
      assert.ok(await heading.isVisible());
      await picture(page, `error-help-${language}`);
    });
  });
}
