// The label mapping's page in the browser that the editor's tests use, over the real operations on a recipe's text.
import assert from 'node:assert/strict';
import { openBrowser } from './editor.mjs';
import { serveLabelMapping } from '../webview/labelMappingPage.mjs';

describe('the page of the label mapping', () => {
  let served;
  let browser;
  before(async () => {
    served = await serveLabelMapping();
    ({ browser } = await openBrowser());
  });
  after(async () => {
    await browser?.close();
    await served?.close();
  });
  const train = (file) => JSON.parse(file.text).dataset.train;

  it('renames, maps, merges, orders and describes by the keyboard alone', async () => {
    const { page, file } = await served.open(browser);
    const tabTo = async (label) => {
      for (let steps = 0; steps < 120; steps++) {
        await page.keyboard.press('Tab');
        if ((await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))) === label) return;
      }
      throw new Error(`Tab does not reach ${label}`);
    };
    await tabTo('Class of Same');
    await page.keyboard.type('same');
    await page.locator('.card .member').getByText('Same', { exact: true }).waitFor();
    assert.equal(train(file).label_mapping.Same, 'same');
    await tabTo('Name of class 0');
    await page.keyboard.press('Control+a');
    await page.keyboard.type('different');
    await page.keyboard.press('Enter');
    await page.getByText('was unrelated').waitFor();
    assert.deepEqual(train(file).labels, ['different', 'related', 'same']);
    assert.equal(train(file).label_mapping['0'], 'different');
    await tabTo('Move different down');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelectorAll('.field-name')[1].value === 'different');
    assert.deepEqual(train(file).labels, ['related', 'different', 'same']);
    await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Move different down');
    await tabTo('Description of different');
    await page.keyboard.type('别的');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelectorAll('.field-description')[1].value === '别的');
    assert.equal(train(file).label_details.different.description, '别的');
    await tabTo('Merge different into');
    await page.keyboard.type('rel');
    await tabTo('Merge different into related');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelectorAll('.card').length === 2);
    assert.deepEqual(train(file).labels, ['related', 'same']);
    await page.close();
  });

  it('maps what is dragged, the picked values together, and says the effect', async () => {
    const { page, file } = await served.open(browser);
    await page.getByLabel('Pick Same').check();
    await page.getByLabel('Pick 语义相同').check();
    await page.locator('tr', { hasText: '语义相同' }).locator('th').dragTo(page.locator('.card').nth(2));
    await page.getByText('231 rows change their class').waitFor();
    assert.equal(train(file).label_mapping['语义相同'], 'same');
    assert.equal(train(file).label_mapping.Same, 'same');
    await page.locator('tr', { hasText: '<img' }).locator('th').dragTo(page.locator('.out'));
    await page.locator('.fixes').waitFor({ state: 'detached' });
    await page.close();
  });

  it('offers a class for another spelling of it, and settles what is not mapped with one click', async () => {
    const { page, file } = await served.open(browser);
    await page.getByRole('button', { name: 'Map Same to same' }).click();
    await page.waitForFunction(() => !document.querySelector('.fixes').textContent.includes('Map Same'));
    await page.getByRole('button', { name: 'Leave out' }).click();
    await page.locator('.fixes').waitFor({ state: 'detached' });
    assert.equal(train(file).label_mapping['语义相同'], null);
    await page.close();
  });

  it('refuses a name that is taken, in words, and shows the old one again', async () => {
    const { page, file } = await served.open(browser);
    await page.getByLabel('Name of class 0').fill('same');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'There is a class same already.' }).waitFor();
    await page.waitForFunction(() => document.querySelector('.field-name').value === 'unrelated');
    assert.equal(file.text, file.saved);
    await page.close();
  });

  it('keeps hostile values text', async () => {
    const { page } = await served.open(browser);
    await page.getByLabel('Search values').fill('<img');
    await page.waitForFunction(() => document.querySelectorAll('.values tbody tr').length === 1);
    assert.ok((await page.locator('.values tbody').innerText()).includes('<img src=x'));
    assert.equal(await page.locator('img, script:not([src])').count(), 0);
    assert.equal(await page.evaluate(() => window.broken), undefined);
    await page.close();
  });

  it('reported nothing: no error and no breach of its policy', () => assert.deepEqual(served.problems, []));
});
