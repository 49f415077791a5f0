// The whole way with the keyboard alone: fine-tune, hover, score, jump, rename and delete a run.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { findWebview, notification, openFile, runCommand } from './editor.mjs';
import { newestRun, picture, until, useWindow } from './window.mjs';

/** Presses Tab in the page that has the focus until what has it there is named so. */
async function tabTo(page, view, name) {
  const focused = () =>
    view.locator('body').evaluate(() => {
      const { activeElement: element } = document;
      if (!element || element === document.body) return '';
      return element.getAttribute('aria-label') ?? element.textContent.trim();
    });
  for (let steps = 0; steps < 60; steps++) {
    if (name.test(await focused())) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not reach ${name}`);
}

describe('with the keyboard alone', () => {
  const state = useWindow();
  // A mouse that lies somewhere would hover.
  before(() => state.page.mouse.move(640, 2));

  it('starts a training in the Training view and sees its end', async () => {
    const { page, workspace } = state;
    await openFile(page, 'quick.medtext.json');
    await runCommand(page, 'Focus on Training View');
    const view = await findWebview(page, 'Batch size');
    await tabTo(page, view, /^Start$/);
    await page.keyboard.press('Enter');
    await notification(page, 'is fine-tuned', undefined, 120_000);
    assert.equal(newestRun(workspace).status, 'finished');
    await view.getByText('finished', { exact: true }).waitFor();
  });

  it('goes on to the Runs view, where F2 renames', async () => {
    const { page, workspace } = state;
    await runCommand(page, 'Notifications: Clear All Notifications');
    await runCommand(page, 'Focus on Runs View');
    const row = page.locator('.pane', { hasText: 'Runs' }).locator('.monaco-list-row');
    await until(async () => {
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('Space');
      return (await row.and(page.locator('.selected')).count()) === 1;
    }, 'the run is selected');
    await page.keyboard.press('F2');
    await page.locator('.quick-input-title', { hasText: 'Rename Run' }).waitFor();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('a name that is my own');
    await page.keyboard.press('Enter');
    await row.filter({ hasText: 'a name that is my own' }).waitFor();
    assert.ok(existsSync(newestRun(workspace).folder));
  });

  it('hovers and scores at the cursor, and jumps to a sentence from the panel', async () => {
    const { page } = state;
    await runCommand(page, 'MedText Lab: Choose Active Model');
    await page.locator('.quick-input-list .monaco-list-row.focused').waitFor();
    await page.keyboard.press('Enter');
    await openFile(page, 'note.txt');
    await page.keyboard.press('Control+Home');
    await page.keyboard.press('Shift+End');
    await page.locator('.statusbar-item', { hasText: 'selected)' }).waitFor();
    await page.keyboard.press('Control+Alt+R');
    await page.locator('.statusbar-item', { hasText: 'Reference: 高血压怎么治疗' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Home');
    const hover = page.locator('.monaco-hover:not(.hidden) .hover-contents', { hasText: 'similarity' }).first();
    await until(async () => {
      await page.keyboard.press('Control+K');
      await page.keyboard.press('Control+I');
      return hover.waitFor({ timeout: 3000 }).then(
        () => true,
        () => false,
      );
    }, 'a hover at the cursor');
    await picture(page, 'keyboard-hover');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+Home');
    await page.keyboard.press('Shift+End');
    await page.locator('.statusbar-item', { hasText: 'selected)' }).waitFor();
    await page.keyboard.press('Control+Alt+S');
    const panel = await findWebview(page, 'most similar first');
    await runCommand(page, 'View: Focus Next Editor Group');
    await tabTo(page, panel, /白内障手术多少钱/);
    await page.keyboard.press('Enter');
    await page.locator('.statusbar-item[id="status.editor.selection"]', { hasText: 'Ln 2' }).waitFor();
  });

  it('deletes the run with its files after a question', async () => {
    const { page, workspace } = state;
    const { folder } = newestRun(workspace);
    await runCommand(page, 'Focus on Runs View');
    const row = page.locator('.pane', { hasText: 'Runs' }).locator('.monaco-list-row');
    await until(async () => {
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('Space');
      return (await row.and(page.locator('.selected')).count()) === 1;
    }, 'the run is selected');
    await page.keyboard.press('Delete');
    const dialog = page.locator('.monaco-dialog-box', { hasText: 'Delete a name that is my own?' });
    await dialog.waitFor();
    await picture(page, 'delete-run');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    assert.ok(existsSync(folder));
    await page.keyboard.press('Delete');
    await dialog.waitFor();
    await page.keyboard.press('Enter');
    await until(() => !existsSync(folder), 'the folder is gone');
    await row.waitFor({ state: 'detached' });
  });

  it('asked nothing of the outside', () => assert.deepEqual(state.outside, []));
});
