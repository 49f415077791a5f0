// Counts a person's actions from an empty folder to a result. An action is one command, button or confirmed choice.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { choose, findWebview, hoverText, notification, openFile, runCommand } from './editor.mjs';
import { newestRun, openSidebar, picture, runRow, until, useWindow } from './window.mjs';

/** A counter of a person's actions. */
function counting() {
  let count = 0;
  return {
    get count() {
      return count;
    },
    async action(work) {
      count++;
      return work();
    },
  };
}

const emptied = (folder) => {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  // The file makes the explorer show a row once the folder is open.
  writeFileSync(join(folder, '.gitkeep'), '');
};

for (const locale of ['en', 'zh-cn']) {
  const isChinese = locale === 'zh-cn';
  describe(`from an empty folder to a first score (${locale})`, () => {
    const state = useWindow({ prepare: emptied, ...(isChinese && { locale }) });

    it('offers the sample in the Training view, once', async () => {
      const { page } = state;
      await openSidebar(page);
      const view = await findWebview(page, isChinese ? '试用示例…' : 'Try the Sample…', 60_000);
      await view.getByText('CoNLL').waitFor();
      await picture(page, `flow-welcome-${locale}`);
      const texts = await page.locator('.pane').allInnerTexts();
      const named = (text) => texts.join(' ').split(text).length - 1;
      assert.equal(named(isChinese ? '导入模型…' : 'Import Model…'), 1, 'one way to import');
      assert.equal(named(isChinese ? '微调编码器…' : 'Fine-Tune Encoder…'), 0, 'fine-tuning is in the view above');
    });

    it('takes at most four actions with the sample', async () => {
      const { page, workspace } = state;
      const did = counting();
      const command = isChinese ? 'MedText Lab: 试用示例' : 'MedText Lab: Try the Sample';
      await did.action(() => runCommand(page, command));
      const dialog = page.locator('.quick-input-widget');
      await dialog.locator('input[type=text]').first().waitFor();
      await until(async () => (await dialog.locator('input[type=text]').first().inputValue()).includes(workspace.folder), 'the folder is proposed'); // prettier-ignore
      await did.action(() => page.keyboard.press('Enter'));
      const folder = join(workspace.folder, 'medtext-sample');
      await until(() => existsSync(join(folder, 'starter.medtext.json')), 'the sample is there', 120_000);
      const text = isChinese ? '示例' : 'sample';
      await page.locator('.tab.active', { hasText: text }).waitFor({ timeout: 60_000 });
      for (const tab of ['train.json', 'starter.medtext.json']) await page.locator('.tab', { hasText: tab }).waitFor();
      await notification(page, isChinese ? '示例已放在' : 'The sample is in');
      await picture(page, `flow-sample-${locale}`);
      const hover = await hoverText(page, '肺炎的治疗方法有哪些', isChinese ? '余弦' : 'cosine');
      assert.match(hover, /肺炎怎么治疗/);
      assert.ok(did.count <= 4, `${did.count} actions`);
      await picture(page, `flow-score-${locale}`);
    });

    it('shows the recipe of the sample, ready to start', async () => {
      const { page } = state;
      await page.locator('.tab', { hasText: 'starter.medtext.json' }).click();
      const view = await findWebview(page, 'medical-pairs/train.json', 60_000);
      await view.getByRole('group', { name: isChinese ? '训练' : 'Training' }).waitFor();
      assert.equal(await view.locator('.notice.error').count(), 0);
    });

    it('asked nothing of the outside', () => assert.deepEqual(state.outside, []));
  });
}

describe('the page of a run', () => {
  const state = useWindow();

  it('opens by a click on the run, also while it trains', async () => {
    const { page, workspace } = state;
    await openFile(page, 'long.medtext.json');
    await runCommand(page, 'MedText Lab: Run Recipe');
    await until(() => newestRun(workspace)?.step > 3, 'some steps', 120_000);
    await openSidebar(page);
    await runRow(page).filter({ hasText: 'running' }).click();
    const view = await findWebview(page, 'Rate, gradient, speed and memory', 60_000);
    await view.getByRole('application', { name: /^Learning rate by step/ }).waitFor();
    await picture(page, 'run-page-training');
    await view.getByRole('button', { name: 'Stop', exact: true }).click();
    await notification(page, 'was stopped', undefined, 60_000);
    await view.getByRole('button', { name: 'Resume' }).waitFor({ timeout: 30_000 });
    await page.locator('.tab', { hasText: /^long$/ }).click({ button: 'middle' });
  });

  it('shows what a finished run came to, and the rows of a cell of its matrix', async () => {
    const { page } = state;
    await openFile(page, 'quick.medtext.json');
    await runCommand(page, 'MedText Lab: Run Recipe');
    await notification(page, 'is fine-tuned', undefined, 120_000);
    await openSidebar(page);
    await runRow(page).filter({ hasText: 'finished' }).click();
    const view = await findWebview(page, 'Best checkpoint on validation data', 60_000);
    await view.getByText('train.optimizer.lr').waitFor();
    await picture(page, 'run-page-finished');
    const note = view.getByLabel('Note', { exact: true });
    await note.fill('第一次');
    await note.blur();
    const cell = view.locator('.matrix button').first();
    const words = await cell.getAttribute('aria-label');
    const rows = Number(/(\d+) rows$/.exec(words)[1]);
    await cell.click();
    const preview = await findWebview(page, 'predicted as', 60_000);
    await preview.getByText(`${rows} rows`, { exact: false }).or(preview.getByText(`${rows} of`, { exact: false })).first().waitFor(); // prettier-ignore
    await picture(page, 'run-page-rows');
  });

  it('has the same form for an evaluation', async () => {
    const { page } = state;
    await page.locator('.tab', { hasText: /^quick$/ }).click();
    const view = await findWebview(page, 'Best checkpoint on validation data', 60_000);
    assert.equal(await view.getByLabel('Note', { exact: true }).inputValue(), '第一次');
    await view.getByRole('button', { name: 'Evaluate…' }).click();
    await choose(page, 'pairs-train.json', 'Evaluate on which file?');
    const evaluated = await findWebview(page, 'evaluation', 120_000);
    await evaluated.getByRole('heading', { name: 'pairs-train.json' }).waitFor({ timeout: 60_000 });
    await evaluated.locator('.matrix button').first().click();
    await findWebview(page, 'predicted as', 60_000);
    await picture(page, 'run-page-evaluation');
  });

  it('asked nothing of the outside', () => assert.deepEqual(state.outside, []));
});

describe('from a folder of CBLUE and an imported checkpoint to a training', () => {
  const machineSettings = {};
  const state = useWindow({
    machineSettings,
    prepare(folder) {
      for (const [split, from] of Object.entries({ train: 'train', dev: 'validation', test: 'test' })) {
        const rows = JSON.parse(readFileSync(`samples/medical-pairs/${from}.json`, 'utf8')).slice(0, 200);
        const other = rows[0].label === '0' ? '1' : '0';
        const contradictory = split === 'train' ? [{ ...rows[0], label: other }] : [];
        writeFileSync(join(folder, `KUAKE-QQR_${split}.json`), JSON.stringify([...rows, ...contradictory]));
      }
      rmSync(join(folder, 'data'), { recursive: true });
      const library = join(folder, 'library');
      cpSync('test/fixtures/checkpoints/masked-lm', join(folder, 'checkpoint'), { recursive: true });
      cpSync('test/fixtures/checkpoints/structbert/vocab.txt', join(folder, 'checkpoint', 'vocab.txt'));
      execFileSync(process.execPath, [
        'dist/cli.js',
        'import',
        join(folder, 'checkpoint'),
        '--output',
        join(library, 'tiny'),
      ]);
      machineSettings['medtext.models.folder'] = library;
    },
  });

  it('takes at most three actions, by the keyboard', async () => {
    const { page, workspace } = state;
    const did = counting();
    await did.action(() => runCommand(page, 'MedText Lab: Fine-Tune Encoder'));
    const view = await findWebview(page, 'KUAKE-QQR_train.medtext.json', 60_000);
    const recipe = await view.locator('pre').innerText();
    for (const file of ['KUAKE-QQR_train.json', 'KUAKE-QQR_dev.json', 'KUAKE-QQR_test.json'])
      assert.ok(recipe.includes(file), file);
    assert.match(recipe, /tiny/);
    await view.getByText('Tokens per example', { exact: false }).waitFor({ timeout: 60_000 });
    await view.getByText('for the longest batches', { exact: false }).waitFor({ timeout: 60_000 });
    await view.getByText('Not known: no run here', { exact: false }).waitFor();
    await picture(page, 'flow-fine-tune-page');
    const start = view.locator('vscode-button', { hasText: 'Start Fine-Tuning' });
    await start.focus();
    await did.action(() => page.keyboard.press('Enter'));
    await until(() => newestRun(workspace)?.step > 0, 'a running training', 120_000);
    assert.ok(did.count <= 3, `${did.count} actions`);
    assert.ok(existsSync(join(workspace.folder, 'KUAKE-QQR_train.medtext.json')));
    await notification(page, 'is fine-tuned', undefined, 120_000);
  });

  it('lets each answer be changed, and the recipe follows', async () => {
    const { page } = state;
    await page.locator('.tab', { hasText: 'Fine-Tune Encoder' }).click();
    const view = await findWebview(page, 'Model and data', 60_000);
    await view
      .getByLabel('Validation data')
      .selectOption({ label: 'hold out 10 %, stratified, grouped by the first text' });
    await view.locator('pre', { hasText: '"group_by": "first_sequence"' }).waitFor();
    await view.getByLabel('None: the task reads one text').click();
    await view.locator('pre', { hasText: 'text-classification' }).waitFor({ timeout: 30_000 });
    assert.deepEqual(state.outside, []);
  });

  it('estimates the time by the run that it made, and shows the rows that contradict one another', async () => {
    const { page } = state;
    const view = await findWebview(page, 'Model and data', 60_000);
    await view.getByLabel('Second text: query2').click();
    await view.getByText('at the speed of the run', { exact: false }).waitFor({ timeout: 60_000 });
    await view.getByText('2 rows have the same texts as other rows', { exact: false }).waitFor();
    await picture(page, 'flow-fine-tune-contradictions');
    await view.getByRole('button', { name: 'Show in the preview' }).click();
    const preview = await findWebview(page, 'the same texts, different labels', 60_000);
    await preview.getByText('2 of', { exact: false }).first().waitFor();
    await picture(page, 'flow-contradictory-rows');
  });

  it('begins with the data file that is in front', async () => {
    const { page } = state;
    await runCommand(page, 'View: Close All Editors');
    await openFile(page, 'KUAKE-QQR_dev.json');
    await runCommand(page, 'MedText Lab: Fine-Tune Encoder');
    await findWebview(page, 'KUAKE-QQR_dev.medtext.json', 60_000);
  });

  it('estimates a training of the starter encoder before it is unpacked, and its time by a few steps', async () => {
    const { page, workspace } = state;
    const view = await findWebview(page, 'KUAKE-QQR_dev.medtext.json', 60_000);
    // The text of a label that holds its field holds the choices, too.
    await view
      .locator('label.field', { hasText: /^\s*Model/ })
      .locator('select')
      .selectOption('starter');
    await view.getByText('Not known: no run here', { exact: false }).waitFor({ timeout: 60_000 });
    await view.getByText('for the longest batches', { exact: false }).waitFor();
    await view.getByText('Tokens per example', { exact: false }).waitFor({ timeout: 60_000 });
    await view.getByRole('button', { name: 'Measure a Few Steps' }).click();
    await view.getByText('Measuring a few steps…').waitFor();
    await view.getByText('roughly', { exact: false }).waitFor({ timeout: 120_000 });
    await view.getByText('steps of median length, measured just now', { exact: false }).waitFor();
    await picture(page, 'flow-fine-tune-measured');
    assert.equal(existsSync(join(workspace.folder, 'library', 'starter-zh')), false, 'nothing is unpacked for it');
  });
});
