// Entities in a real VS Code: marked in a document and taken away again, in the dataset preview; their types in Map Labels.
import assert from 'node:assert/strict';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { choose, findWebview, notification, openFile, runCommand } from './editor.mjs';
import { openSidebar, picture, runRow, savedJson, until, useWindow } from './window.mjs';

const lines = ['患者因肺炎服青霉素', '患者服青霉素后好转，因肺炎'];

function prepare(folder) {
  cpSync('test/fixtures/tokenClassifier/roberta', join(folder, 'tagger'), { recursive: true });
  writeFileSync(join(folder, 'notes.txt'), `${lines.join('\n')}\n`);
  cpSync('test/fixtures/entities/cmeee.jsonl', join(folder, 'data/entities.jsonl'));
  cpSync('samples/entities/train.jsonl', join(folder, 'data/marked.jsonl'));
  cpSync('samples/entities/validation.jsonl', join(folder, 'data/marked-dev.jsonl'));
  const labels = ['疾病', '症状', '药物', '检查', '部位', '手术'];
  const recipe = {
    task: 'token-classification',
    model: 'tagger',
    dataset: { train: { file: 'data/marked.jsonl', labels } },
  };
  writeFileSync(join(folder, 'marked.medtext.json'), JSON.stringify(recipe, undefined, 1));
  const learnt = {
    task: 'token-classification',
    model: 'encoder',
    dataset: { train: { file: 'data/marked.jsonl' }, validation: { file: 'data/marked-dev.jsonl' } },
    train: { seed: 1, max_epochs: 12, batch_size: 8, optimizer: { lr: 2e-3 }, dropout: 0, evaluate_every: 'epoch' },
    device: 'cpu',
  };
  writeFileSync(join(folder, 'learnt.medtext.json'), JSON.stringify(learnt, undefined, 1));
  return join(folder, 'tagger');
}

describe('entities in VS Code', () => {
  const state = useWindow({ prepare });

  it('are marked in the document by a command that takes them away again', async () => {
    const { page, prepared: model } = state;
    await runCommand(page, 'MedText Lab: Import Model');
    await page.locator('.quick-input-title', { hasText: 'Import Model' }).waitFor();
    await page.locator('.quick-input-widget .monaco-progress-container.done').waitFor({ state: 'attached' });
    await page.locator('.quick-input-widget input[type=text]').first().fill(model);
    await choose(page, 'Import /', 'Import Model');
    await notification(page, 'is imported', undefined, 120_000);
    await runCommand(page, 'MedText Lab: Choose Active Model');
    await choose(page, 'tagger');
    await openFile(page, 'notes.txt');
    await runCommand(page, 'MedText Lab: Mark or Unmark Entities');
    const status = page.locator('.statusbar-item', { hasText: /\d entities/ });
    await status.waitFor({ timeout: 60_000 });
    await picture(page, 'entities-marked');
    await runCommand(page, 'MedText Lab: Mark or Unmark Entities');
    await status.waitFor({ state: 'detached' });
  });

  it('are marked in the texts of the dataset preview, with their types to filter by', async () => {
    const { page } = state;
    await openFile(page, 'entities.jsonl');
    await runCommand(page, 'MedText Lab: Preview Dataset');
    await choose(page, 'entities.jsonl', 'Preview which file?');
    const view = await findWebview(page, 'entities.jsonl', 60_000);
    await view.locator('.entity', { hasText: '左肺上叶' }).first().waitFor({ timeout: 60_000 });
    await view.getByText('Overlapping entities').waitFor();
    await picture(page, 'entities-preview');
    await view.locator('table.labels button', { hasText: 'dru' }).click();
    await view.locator('.entity', { hasText: '阿莫西林' }).waitFor();
    await view.locator('.entity', { hasText: '左肺上叶' }).first().waitFor({ state: 'detached' });
  });

  it('have types that Map Labels renames and merges, and the recipe keeps that', async () => {
    const { page, workspace } = state;
    await openFile(page, 'marked.medtext.json');
    await runCommand(page, 'MedText Lab: Map Labels');
    const view = await findWebview(page, 'Values of the data');
    await view.getByText('96 rows', { exact: false }).first().waitFor({ timeout: 60_000 });
    await view.getByText('83 entities').waitFor();
    assert.equal(await view.getByLabel(/^Similarity score of/).count(), 0);
    const name = view.getByLabel('Name of class 0');
    await name.fill('诊断');
    await name.press('Enter');
    await until(async () => (await name.inputValue()) === '诊断', 'the type is renamed');
    await view.getByLabel('Merge 手术 into').selectOption({ label: '检查' });
    await view.getByRole('button', { name: 'Merge 手术 into 检查' }).click();
    await picture(page, 'entities-mapping');
    await view.getByRole('button', { name: 'Count again' }).focus();
    await page.keyboard.press('Control+s');
    const { train } = (await savedJson(join(workspace.folder, 'marked.medtext.json'), ({ dataset }) => dataset.train.labels.length === 5)).dataset; // prettier-ignore
    assert.deepEqual(train.labels, ['诊断', '症状', '药物', '检查', '部位']);
    assert.deepEqual(train.label_mapping, { 疾病: '诊断', 手术: '检查' });
  });

  it('are scored by type in the Training view of a run, and on its page', async () => {
    const { page } = state;
    await openFile(page, 'learnt.medtext.json');
    await runCommand(page, 'MedText Lab: Run Recipe');
    await notification(page, 'is fine-tuned', undefined, 240_000);
    await openSidebar(page);
    const view = await findWebview(page, 'F1 by type', 60_000);
    const table = view.locator('table', { has: view.getByRole('columnheader', { name: 'Type' }) }).first();
    for (const type of ['疾病', '药物', '部位']) await table.getByText(type, { exact: true }).waitFor();
    await table.scrollIntoViewIfNeeded();
    await picture(page, 'entities-by-type');
    const models = page.locator('.pane', { hasText: 'Models' });
    for (const name of ['tagger', 'learnt'])
      await models.locator('.monaco-list-row', { hasText: name }).first().waitFor();
    await runRow(page).click();
    const runPage = await findWebview(page, 'Confusion of types', 60_000);
    await runPage.getByText('Confusion of types').first().scrollIntoViewIfNeeded();
    await picture(page, 'entities-run-page');
  });
});
