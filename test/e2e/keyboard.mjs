// The whole way with the keyboard alone: fine-tune, hover, score, jump, rename and delete a run.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { choose, findWebview, notification, openFile, runCommand } from './editor.mjs';
import { newestRun, picture, until, useWindow } from './window.mjs';

/** Presses Tab in the focused page until the focused element has this name. */
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
  // The mouse is moved away, so that it causes no hover.
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

  it('keeps the keyboard among the buttons when the training is stopped', async () => {
    const { page, workspace } = state;
    await openFile(page, 'long.medtext.json');
    await runCommand(page, 'Focus on Training View');
    const view = await findWebview(page, 'long');
    await tabTo(page, view, /^(Start|Start Again)$/);
    await page.keyboard.press('Enter');
    await view.getByText(/^Step [1-9]/).waitFor({ timeout: 120_000 });
    await tabTo(page, view, /^Stop$/);
    await page.keyboard.press('Enter');
    await view.getByRole('button', { name: 'Resume' }).waitFor({ timeout: 60_000 });
    assert.equal(newestRun(workspace).status, 'stopped');
    const isAmongButtons = () =>
      view.locator('body').evaluate(() => document.activeElement.closest('.actions') !== null);
    await until(isAmongButtons, 'the focus is among the buttons', 10_000);
    // Enter presses the focused button, which is the first one: Resume.
    await tabTo(page, view, /^Resume$/);
    await picture(page, 'keyboard-stopped');
  });

  it('sees why a value is refused, above the button, however low the view is', async () => {
    const { page } = state;
    await page.setViewportSize({ width: 853, height: 533 });
    await runCommand(page, 'Focus on Training View');
    const view = await findWebview(page, 'More settings');
    await view.locator('.knob', { hasText: 'Seed' }).locator('input').fill('x');
    await page.keyboard.press('Enter');
    const why = view.locator('.knob .problem');
    await why.waitFor();
    await until(async () => {
      const [error, button] = [await why.boundingBox(), await view.locator('.actions').boundingBox()];
      return error.y >= 0 && error.y + error.height <= button.y + 1;
    }, 'the error stands above the button');
    await why.getByRole('link', { name: 'What to Do' }).waitFor();
    await picture(page, 'keyboard-refused');
    await page.keyboard.press('Escape');
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  it('goes back in the wizard with Alt+Left', async () => {
    const { page } = state;
    await runCommand(page, 'MedText Lab: Fine-Tune Step by Step');
    await choose(page, 'Starter encoder', 'recipe or model');
    await page.locator('.quick-input-title', { hasText: 'training data' }).waitFor();
    await page.keyboard.press('Alt+ArrowLeft');
    await page.locator('.quick-input-title', { hasText: 'recipe or model' }).waitFor();
    await page.keyboard.press('Escape');
  });

  it('asked nothing of the outside', () => assert.deepEqual(state.outside, []));
});
