// Ranking in a real VS Code, in both languages: from a file of queries to the recipe, trained, on the run's page, in the panel.
import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { choose, findWebview, notification, openFile, runCommand, selectLines } from './editor.mjs';
import { newestRun, picture, useWindow } from './window.mjs';

const words = JSON.parse(readFileSync('l10n/bundle.l10n.zh-cn.json', 'utf8'));
const commands = {
  en: JSON.parse(readFileSync('package.nls.json', 'utf8')),
  'zh-cn': JSON.parse(readFileSync('package.nls.zh-cn.json', 'utf8')),
};
const texts = ['高血压早上吃药还是晚上吃药', '降压药什么时间吃效果好', '低血压头晕怎么办', '早上空腹能不能跑步'];

function prepare(folder) {
  cpSync('samples/questions/train.jsonl', join(folder, 'data/queries-train.jsonl'));
  cpSync('samples/questions/validation.jsonl', join(folder, 'data/queries-dev.jsonl'));
  writeFileSync(join(folder, 'queries.txt'), `${texts.join('\n')}\n`);
  const recipe = {
    task: 'ranking',
    model: 'encoder',
    dataset: { train: { file: 'data/queries-train.jsonl' }, validation: { file: 'data/queries-dev.jsonl' } },
    train: { max_epochs: 2, batch_size: 16, seed: 1, optimizer: { lr: 0.001 } },
    device: 'cpu',
  };
  writeFileSync(join(folder, 'rank.medtext.json'), JSON.stringify(recipe, undefined, 1));
}

for (const locale of ['en', 'zh-cn']) {
  const isChinese = locale === 'zh-cn';
  const t = (text) => (isChinese ? words[text] : text);
  const command = (name) => `MedText Lab: ${commands[locale][`command.${name}`]}`;

  describe(`ranking in VS Code (${locale})`, () => {
    const state = useWindow({ prepare, ...(isChinese && { locale }) });

    it('is recognised by the page that drafts the recipe', async () => {
      const { page } = state;
      await openFile(page, 'queries-train.jsonl');
      await runCommand(page, command('fineTune'));
      const view = await findWebview(page, 'queries-train.medtext.json', 60_000);
      await view.locator('pre', { hasText: '"task": "ranking"' }).waitFor({ timeout: 60_000 });
      await view.locator('pre', { hasText: 'queries-dev.jsonl' }).waitFor();
      await picture(page, `ranking-page-${locale}`);
    });

    it('is learned, and the page of the run says how well', async () => {
      const { page, workspace } = state;
      await runCommand(page, command('runRecipe'));
      await choose(page, 'rank.medtext.json');
      await notification(page, isChinese ? '微调完成' : 'is fine-tuned', t('Use This Model'), 150_000);
      const run = newestRun(workspace);
      assert.equal(run.best.metric, 'ndcg@10');
      await runCommand(page, command('showRun'));
      await choose(page, 'rank');
      // The Training view also names the metrics.
      const view = await findWebview(page, t('Best checkpoint on validation data'), 60_000);
      await view
        .locator('table', { hasText: 'NDCG@1' })
        .filter({ hasText: t('mean reciprocal rank') })
        .first()
        .waitFor();
      await picture(page, `ranking-run-${locale}`);
    });

    it('orders the sentences of a document by a selected query', async () => {
      const { page } = state;
      await openFile(page, 'queries.txt');
      await selectLines(page, [texts[0]]);
      await runCommand(page, command('scoreSelection'));
      const view = await findWebview(page, t('Sentences of the document'), 60_000);
      await view.locator('ol.ranking li').nth(2).waitFor({ timeout: 60_000 });
      assert.equal(await view.locator('ol.ranking li', { hasText: texts[0] }).count(), 0, 'the query is no candidate');
      await picture(page, `ranking-panel-${locale}`);
    });

    it('asked nothing of the outside', () => assert.deepEqual(state.outside, []));
  });
}
