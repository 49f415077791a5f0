// The dataset preview's page in the browser that the editor's tests use, on a million generated rows.
import assert from 'node:assert/strict';
import { openBrowser } from './editor.mjs';
import { servePage } from '../webview/datasetPreviewPage.mjs';

describe('the page of the dataset preview', () => {
  let served;
  let browser;
  before(async () => {
    served = await servePage();
    ({ browser } = await openBrowser());
  });
  after(async () => {
    await browser?.close();
    await served?.close();
  });
  const indices = (page) =>
    page.evaluate(() => [...document.querySelectorAll('[data-index]')].map(({ dataset }) => Number(dataset.index)));
  const shows = (page, least) =>
    page.waitForFunction((from) => {
      const row = document.querySelector('[data-index]');
      return Number(row.dataset.index) >= from && row.textContent.includes('train-');
    }, least);

  it('shows any of a million rows, by bar, wheel and keyboard, and draws only those on the screen', async () => {
    const page = await served.open(browser);
    await shows(page, 0);
    await page.mouse.move(300, 400);
    await page.mouse.wheel(0, 1000);
    await shows(page, 38);
    await page.evaluate(() => {
      const bar = document.querySelector('.scrollbar');
      bar.scrollTop = (bar.scrollHeight - bar.clientHeight) / 2;
    });
    await shows(page, 400_000);
    await page.locator('#grid').focus();
    await page.keyboard.press('Control+End');
    await page.waitForFunction(() => document.querySelector('[data-index="999999"]')?.textContent.includes('train-'));
    assert.ok((await indices(page)).length < 60);
    const active = await page.locator('#grid').getAttribute('aria-activedescendant');
    assert.equal(await page.locator(`#${active}`).getAttribute('role'), 'gridcell');
    await page.close();
  });

  it('copies, jumps and searches by the keyboard alone', async () => {
    const page = await served.open(browser);
    await shows(page, 0);
    const calls = (name) => page.evaluate((wanted) => window.calls.filter(([method]) => method === wanted), name);
    await page.locator('#grid').focus();
    await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('Control+c');
    await page.getByText('2 rows copied.').waitFor();
    assert.deepEqual((await calls('copy'))[0][1].ranges, [{ start: 0, count: 2 }]);
    await page.keyboard.press('Control+Home');
    await page.keyboard.press('Enter');
    assert.deepEqual((await calls('jump'))[0][1].row, 0);
    await page.keyboard.press('Control+f');
    await page.keyboard.type('高血压');
    await page.locator('.chip', { hasText: '高血压' }).waitFor();
    assert.equal((await calls('setView')).length, 1, 'one view a pause of typing');
    await page.close();
  });

  it('has a menu for a cell and for a head, by mouse and keyboard', async () => {
    const page = await served.open(browser);
    await shows(page, 0);
    const calls = (name) => page.evaluate((wanted) => window.calls.filter(([method]) => method === wanted), name);
    const menu = page.getByRole('menu');
    await page.locator('[data-index="1"] [data-column="2"]').click({ button: 'right' });
    await menu.getByRole('menuitem', { name: 'Only Rows with This Value' }).waitFor();
    await page.keyboard.press('Escape');
    await menu.waitFor({ state: 'detached' });
    await page.locator('#grid').focus();
    await page.keyboard.press('Shift+F10');
    await menu.waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await menu.waitFor({ state: 'detached' });
    const [, query] = (await calls('setView')).at(-1);
    assert.equal(query.filters.at(-1).exclude, true);
    await page.locator('[role=columnheader][data-column="2"]').click({ button: 'right' });
    await menu.getByRole('menuitem', { name: 'Use as Label' }).click();
    assert.equal((await calls('setMapping')).length, 1);
    await page.close();
  });

  it('has every button of its bars by name, free and inside a narrow page, and no panel over its table', async () => {
    const page = await served.open(browser, { width: 400, height: 600 });
    await shows(page, 0);
    for (const name of ['Clean…', 'Split…', 'Export…', 'Details', 'Change…', 'Predict the rows on the screen']) {
      await page.getByRole('button', { name, exact: true }).click({ trial: true, timeout: 10_000 });
    }
    const [table, panel] = [await page.locator('.table').boundingBox(), await page.locator('.panel').boundingBox()];
    assert.ok(table.x + table.width <= panel.x + 1 && panel.x + panel.width <= 401, 'side by side');
    assert.ok(table.width > 120 && table.height > 120, 'room for rows');
    await page.locator('.mapping').getByRole('button', { name: 'Predict all rows' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => window.calls.some(([method]) => method === 'start'));
    await page.close();
  });

  it('keeps hostile cells text', async () => {
    const page = await served.open(browser, { hostile: true });
    await shows(page, 0);
    assert.equal(await page.evaluate(() => window.broken), undefined);
    assert.equal(await page.locator('.body img, .body script').count(), 0);
    assert.ok((await page.locator('[data-index="0"]').innerText()).includes('<img src=x'));
    await page.close();
  });

  it('reported nothing: no error and no breach of its policy', () => assert.deepEqual(served.problems, []));
});
