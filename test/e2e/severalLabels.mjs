// Several labels a text in a real VS Code, in both languages: from the file to the recipe, trained, in hovers, panel, preview and Map Labels.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { choose, chooseMenu, findWebview, hoverText, notification, openFile, runCommand, selectLines } from './editor.mjs'; // prettier-ignore
import { picture, useWindow } from './window.mjs';

const words = JSON.parse(readFileSync('l10n/bundle.l10n.zh-cn.json', 'utf8'));
const commands = {
  en: JSON.parse(readFileSync('package.nls.json', 'utf8')),
  'zh-cn': JSON.parse(readFileSync('package.nls.zh-cn.json', 'utf8')),
};

function prepare(folder) {
  copyFileSync('samples/symptoms/train.csv', join(folder, 'data/symptoms-train.csv'));
  const rows = readFileSync('samples/symptoms/validation.csv', 'utf8').trim().split('\n').slice(1);
  const lines = rows.slice(0, 30).map((row) => {
    const [text, labels] = row.split(',');
    return JSON.stringify({ text, labels: labels.split(';').filter(Boolean) });
  });
  writeFileSync(join(folder, 'data/symptoms-list.jsonl'), `${lines.join('\n')}\n`);
  const recipe = {
    task: 'multi-label-classification',
    model: 'encoder',
    dataset: { train: { file: 'data/symptoms-train.csv', label_separator: ';' }, split: { validation: 0.2 } },
    train: { max_epochs: 8, batch_size: 16, seed: 1, optimizer: { lr: 0.002 } },
    device: 'cpu',
  };
  writeFileSync(join(folder, 'several.medtext.json'), JSON.stringify(recipe, undefined, 1));
  return rows[0].split(',')[0];
}

for (const locale of ['en', 'zh-cn']) {
  const isChinese = locale === 'zh-cn';
  const t = (text) => (isChinese ? words[text] : text);
  const command = (name) => `MedText Lab: ${commands[locale][`command.${name}`]}`;

  describe(`several labels in VS Code (${locale})`, () => {
    const state = useWindow({ prepare, ...(isChinese && { locale }) });

    it('are recognised by the page that drafts the recipe: task, separator, labels one by one', async () => {
      const { page } = state;
      await openFile(page, 'symptoms-train.csv');
      await runCommand(page, command('fineTune'));
      const view = await findWebview(page, '"label_separator": ";"', 60_000);
      await view.getByText('"task": "multi-label-classification"').waitFor();
      await view.getByText('内分泌科', { exact: false }).first().waitFor();
      assert.equal(await view.getByText('内分泌科;', { exact: false }).count(), 0, 'no combination is a label');
      await picture(page, `several-labels-page-${locale}`);
    });

    it('are learned, and a hover says whether a row of lists is as given', async () => {
      const { page, prepared: text } = state;
      await runCommand(page, command('runRecipe'));
      await choose(page, 'several.medtext.json');
      await notification(page, isChinese ? '微调完成' : 'is fine-tuned', t('Use This Model'), 150_000);
      await openFile(page, 'symptoms-list.jsonl');
      const hover = await hoverText(page, text.slice(0, 4), t('probability of each label'));
      assert.match(hover, new RegExp(`${t('as given')} ✓|✗`));
      assert.match(hover, /内分泌科[^]*%|%[^]*内分泌科/);
      await picture(page, `several-labels-hover-${locale}`);
    });

    it('have their probabilities in the panel of a selection', async () => {
      const { page, prepared: text } = state;
      await selectLines(page, [text]);
      await runCommand(page, command('scoreSelection'));
      const view = await findWebview(page, t('Sentences of the document'), 60_000);
      await view.locator('table.orders th', { hasText: '内分泌科' }).first().waitFor({ timeout: 60_000 });
      await view.locator('ol.ranking.several li').nth(3).waitFor();
      assert.equal(await view.getByText(t('Similarity'), { exact: true }).count(), 0);
      await picture(page, `several-labels-panel-${locale}`);
    });

    it('are filtered one by one and compared with those of the rows in the preview', async () => {
      const { page } = state;
      const file = page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'symptoms-list.jsonl' });
      await chooseMenu(page, file, commands[locale]['command.previewData']);
      await findWebview(page, t('Overview'), 90_000);
      await runCommand(page, 'View: Close Editors in Other Groups');
      const view = await findWebview(page, t('Overview'), 60_000);
      await view.locator('table.labels button', { hasText: '内分泌科' }).first().click();
      await view.locator('.chip', { hasText: '内分泌科' }).first().waitFor();
      await picture(page, `several-labels-filter-${locale}`);
      await view.getByRole('button', { name: t('Clear all') }).click();
      // The rows on the screen are predicted at once: the button for all may say so already.
      const all = new RegExp(`^(?:${t('Predict all rows')}|${t('Predict again')})$`);
      await view.locator('.mapping').getByRole('button', { name: all }).click();
      const first = view.getByText(isChinese ? /先看 \d+ 处不一致/ : /\d+ disagreements first/).first();
      await first.waitFor({ timeout: 120_000 });
      await view
        .locator('.mapping')
        .getByRole('button', { name: t('Predict again'), exact: true })
        .waitFor();
      const differing = Number(/\d+/.exec(await first.innerText())[0]);
      // Rows without labels are as given even by a model that has learned little.
      assert.ok(differing < 30, `${differing} of 30 rows differ: order and form are no difference`);
      await picture(page, `several-labels-preview-${locale}`);
    });

    it('are counted one by one and together in Map Labels', async () => {
      const { page } = state;
      await openFile(page, 'several.medtext.json');
      await runCommand(page, command('mapLabels'));
      // Panel and preview name the labels, too.
      const view = await findWebview(page, t('Values of the data'), 60_000);
      await view.getByText('内分泌科').first().waitFor();
      await view
        .getByText(isChinese ? /324 行/ : /324 rows/)
        .first()
        .waitFor();
      await picture(page, `several-labels-mapping-${locale}`);
    });

    it('asked nothing of the outside', () => assert.deepEqual(state.outside, []));
  });
}
