// Entities in a real VS Code: marked in a document and taken away again, in a hover, in the dataset preview.
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { choose, findWebview, notification, openFile, runCommand } from './editor.mjs';
import { picture, useWindow } from './window.mjs';

const lines = ['患者因肺炎服青霉素', '患者服青霉素后好转，因肺炎'];

function prepare(folder) {
  cpSync('test/fixtures/tokenClassifier/roberta', join(folder, 'tagger'), { recursive: true });
  writeFileSync(join(folder, 'notes.txt'), `${lines.join('\n')}\n`);
  cpSync('test/fixtures/entities/cmeee.jsonl', join(folder, 'data/entities.jsonl'));
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
});
