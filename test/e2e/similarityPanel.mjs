// The similarity panel in a real VS Code: several selections, following, hostile texts, themes, a reload, restricted mode.
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  choose,
  colorThemes,
  findWebview,
  notification,
  openFile,
  openFolder,
  runCommand,
  selectLines,
  setTheme,
} from './editor.mjs';
import { openSidebar, picture, useWindow } from './window.mjs';

const lines = ['骨密度对身体有害吗？', '做骨密度伤身体吗？', '如何降尿酸？'];
const hostile = '<img src=x onerror="document.title=1"></script>\u202e？';

function prepare(folder) {
  writeFileSync(join(folder, 'questions.txt'), [...lines, hostile, ''].join('\n'));
  const quick = readFileSync(join(folder, 'quick.medtext.json'), 'utf8');
  writeFileSync(join(folder, 'other.medtext.json'), quick.replace('"seed": 1', '"seed": 2'));
}

describe('the similarity panel in VS Code', () => {
  const state = useWindow({ prepare });
  const panel = (page) => findWebview(page, 'Follow the selection', 60_000);

  it('shows every pair of several selections as a heat map', async () => {
    const { page } = state;
    await runCommand(page, 'MedText Lab: Run Recipe');
    await choose(page, 'quick.medtext.json');
    await notification(page, 'is fine-tuned', 'Use This Model', 120_000);
    await openFile(page, 'questions.txt');
    await selectLines(page, lines);
    await runCommand(page, 'MedText Lab: Score Selection');
    const view = await panel(page);
    await view.getByText('Every pair of the 3 selected texts').waitFor({ timeout: 60_000 });
    await view.getByRole('button', { name: /^3 before 2: \d\.\d{2}$/ }).waitFor();
    assert.equal(await view.locator('table.heat button.cell').count(), 6);
    await view.getByRole('button', { name: /^1 before 3:/ }).click();
    await view.getByRole('heading', { name: '1 and 3' }).waitFor();
  });

  it('follows the selection, or stays where it is', async () => {
    const { page } = state;
    await page.locator('.tab', { hasText: 'questions.txt' }).click();
    await selectLines(page, ['如何降尿酸']);
    const view = await panel(page);
    const selected = view.locator('section[aria-labelledby="selected-title"]');
    await selected.getByText('如何降尿酸？').waitFor();
    // The box shows the extension's state, which changes a moment after the click.
    const follow = view.getByLabel('Follow the selection');
    await follow.click();
    await view.locator('.follow input:not(:checked)').waitFor();
    await selectLines(page, ['做骨密度伤身体吗']);
    // The wait is longer than the panel's delay before it reads a selection.
    await page.waitForTimeout(1500);
    await selected.getByText('如何降尿酸？').waitFor();
    await follow.click();
    await selected.getByText('做骨密度伤身体吗？').waitFor();
  });

  it('keeps what a document holds as text', async () => {
    const { page } = state;
    await selectLines(page, ['onerror']);
    const view = await panel(page);
    const selected = view.locator('section[aria-labelledby="selected-title"]');
    await selected.getByText('<img src=x onerror=', { exact: false }).waitFor();
    assert.equal(await view.locator('img').count(), 0);
    assert.deepEqual(state.outside, []);
  });

  it('never shows one model’s scores under another’s name', async () => {
    const { page } = state;
    await selectLines(page, ['做骨密度伤身体吗']);
    const view = await panel(page);
    await view.locator('section[aria-labelledby="selected-title"]').getByText('做骨密度伤身体吗？').waitFor();
    const values = view.locator('ol.ranking .similarity').filter({ hasText: /\d/ });
    await values.nth(2).waitFor();
    const before = await values.allInnerTexts();
    await runCommand(page, 'MedText Lab: Run Recipe');
    await choose(page, 'other.medtext.json');
    await notification(page, 'other is fine-tuned', undefined, 120_000);
    // A cursor between sentences selects nothing, so the comparison stays.
    await page.locator('.tab', { hasText: 'questions.txt' }).click();
    await page.locator('.editor-instance .view-lines').first().click();
    await page.keyboard.press('Control+End');
    for (const [name, isSame] of [
      ['other', false],
      ['quick', true],
    ]) {
      await runCommand(page, 'MedText Lab: Choose Active Model');
      await choose(page, name, 'Choose Active Model');
      await view.locator('.model strong', { hasText: name }).waitFor();
      await values.nth(2).waitFor({ timeout: 60_000 });
      assert.equal(JSON.stringify(await values.allInnerTexts()) === JSON.stringify(before), isSame, name);
    }
    await view.locator('section[aria-labelledby="selected-title"]').getByText('做骨密度伤身体吗？').waitFor();
  });

  it('wears each of the editor’s themes', async () => {
    const { page } = state;
    for (const theme of [...Object.keys(colorThemes), 'vscode-dark']) {
      await setTheme(page, theme);
      const view = await panel(page);
      await view.locator(`body.${theme}`).waitFor();
      await picture(page, `similarity-panel-${theme}`);
    }
  });

  it('comes back when the window is reloaded', async () => {
    const { page, server, workspace } = state;
    await openFolder(page, server, workspace.folder);
    await page.locator('.tab', { hasText: 'Similarity' }).waitFor({ timeout: 60_000 });
    const view = await panel(page);
    await view.getByText('Model:').waitFor();
    await page.locator('.tab', { hasText: 'questions.txt' }).click();
    await selectLines(page, ['骨密度对身体有害吗']);
    await view.locator('section[aria-labelledby="selected-title"]').getByText('骨密度对身体有害吗？').waitFor();
  });

  it('asked nothing of the outside', () => assert.deepEqual(state.outside, []));
});

describe('a folder that is not trusted', () => {
  const state = useWindow({
    /** Adds a finished run that another machine has made. */
    prepare(folder) {
      const run = join(folder, 'runs', 'planted-20260101-000000');
      cpSync('samples/structbert-tiny', join(run, 'model'), { recursive: true });
      writeFileSync(join(run, 'run.json'), JSON.stringify({ status: 'finished', step: 1, totalSteps: 1 }));
    },
    trustPrompts: true,
    settings: { 'security.workspace.trust.startupPrompt': 'never', 'security.workspace.trust.banner': 'never' },
  });

  it('is neither read nor remembered unasked, and starts no process', async () => {
    const { page, server } = state;
    await page.locator('.statusbar-item', { hasText: 'Restricted Mode' }).waitFor({ timeout: 60_000 });
    await openFile(page, 'quick.medtext.json');
    await page.locator('.codelens-decoration a', { hasText: 'Preview data' }).waitFor();
    await openSidebar(page);
    await findWebview(page, 'quick', 60_000);
    // The wait is longer than the delays before recipes are checked and runs are listed.
    await page.waitForTimeout(2000);
    const rows = page.locator('.pane').locator('.monaco-list-row');
    assert.equal(await rows.filter({ hasText: 'planted' }).count(), 0);
    assert.deepEqual(childrenOf(server.folder), []);
  });

  it('shows its data, and is trained only after a question', async () => {
    const { page, workspace } = state;
    await openFile(page, 'quick.medtext.json');
    await page.locator('.codelens-decoration a', { hasText: 'Preview data' }).click();
    const view = await findWebview(page, '320 rows', 60_000);
    await view.getByText('320 rows').first().waitFor({ timeout: 60_000 });
    await openFile(page, 'quick.medtext.json');
    await page.locator('.codelens-decoration a', { hasText: 'Fine-tune' }).click();
    await notification(page, 'Trust this folder first');
    assert.deepEqual(readdirSync(join(workspace.folder, 'runs')), ['planted-20260101-000000']);
  });
});

/** The extension's child processes on the server in this folder; empty on a system without /proc. */
function childrenOf(folder) {
  if (!existsSync('/proc/self/cmdline')) return [];
  const lines = readdirSync('/proc').flatMap((pid) => {
    try {
      return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
    } catch {
      return [];
    }
  });
  return lines.filter((line) => line.includes(folder) && /dist\/(scorer|trainer|library|data)\.js/.test(line));
}
