// The visible part of the sidebar when it is opened for the first time, also in a zoomed window.
import assert from 'node:assert/strict';
import { findWebview, openFile } from './editor.mjs';
import { picture, revealSidebar, until, useWindow } from './window.mjs';

describe('the room of the Training view', () => {
  const state = useWindow();
  const header = (page, name) => page.locator('.pane-header', { hasText: name });
  const heightOf = async (locator) => (await locator.boundingBox()).height;

  it('is most of the sidebar: Models is collapsed and names the active model', async () => {
    const { page } = state;
    await openFile(page, 'quick.medtext.json');
    await revealSidebar(page);
    await findWebview(page, 'More settings', 60_000);
    assert.equal(await header(page, 'Models').getAttribute('aria-expanded'), 'false');
    assert.equal(await header(page, 'Runs').getAttribute('aria-expanded'), 'true');
    const [training, runs] = [page.locator('.pane').nth(0), page.locator('.pane').nth(2)];
    assert.ok((await heightOf(training)) > 2 * (await heightOf(runs)));
  });

  it('shows every main setting and the button, one over the other nowhere, at a zoom of 1.5', async () => {
    const { page } = state;
    // The size of a window of 1280 by 800 at a zoom of 1.5.
    await page.setViewportSize({ width: 853, height: 533 });
    const view = await findWebview(page, 'More settings', 60_000);
    await view.getByRole('button', { name: 'Start' }).waitFor();
    const boxes = await until(async () => {
      const knobs = await view.locator('.content > section:first-of-type > .knobs .knob').all();
      const found = await Promise.all(knobs.map((knob) => knob.boundingBox()));
      return found.length === 5 && found.every(Boolean) && found;
    }, 'the settings');
    const button = await view.locator('.actions').boundingBox();
    await picture(page, 'layout-zoomed');
    for (const { y, height } of boxes.slice(0, 4)) assert.ok(y + height <= button.y + 1, 'above the button');
    // Scrolling reaches the other fields, which the button must not cover.
    const last = view.locator('.content > section:first-of-type > .knobs .knob').last();
    await last.scrollIntoViewIfNeeded();
    const box = await last.boundingBox();
    assert.ok(box.y + box.height <= (await view.locator('.actions').boundingBox()).y + 1);
    await page.setViewportSize({ width: 1280, height: 800 });
  });
});
