// axe-core over every page, in every theme: names, roles, contrast, focus. What it cannot see (whether the keyboard
// reaches all) the suites of the pages and keyboard.mjs drive.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { scenes as previewScenes, servePage } from '../webview/datasetPreviewPage.mjs';
import { serveLabelMapping, suspects } from '../webview/labelMappingPage.mjs';
import { scenes } from '../webview/previewScenes.mjs';
import { themes } from '../webview/previewThemes.mjs';
import { serveScenes } from '../webview/scenePages.mjs';
import { openBrowser } from './editor.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const rules = {
  // The window is VS Code's: its landmarks and its heading of first level are not a page's to give.
  region: { enabled: false },
  'landmark-one-main': { enabled: false },
  'page-has-heading-one': { enabled: false },
};

/** What axe finds wrong: rule, what it says, and where. */
async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate((options) => window.axe.run(document, options), {
    runOnly: { type: 'tag', values: tags },
    rules,
    resultTypes: ['violations'],
  });
  return found.violations.flatMap(
    ({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(' ')}: ${failureSummary.split('\n').slice(1).join('; ')}`), // prettier-ignore
  );
}

describe('accessibility by axe', () => {
  let browser;
  let pages;
  before(async () => {
    ({ browser } = await openBrowser());
    const [one, preview, mapping] = await Promise.all([serveScenes(), servePage(), serveLabelMapping()]);
    pages = { one, preview, mapping };
  });
  after(async () => {
    await browser?.close();
    for (const served of Object.values(pages ?? {})) await served.close();
  });

  async function check(page) {
    try {
      assert.equal((await violations(page)).join('\n'), '');
    } finally {
      await page.close();
    }
  }

  for (const [view, states] of Object.entries(scenes)) {
    for (const scene of Object.keys(states)) {
      for (const theme of Object.keys(themes)) {
        it(`${view}, ${scene}, ${theme}`, async () => check(await pages.one.open(browser, { view, scene, theme })));
      }
    }
  }

  for (const scene of [
    'whole',
    'finding',
    'entities',
    'row',
    'column',
    'predicted',
    'split',
    'export',
    'indexing',
    'empty',
    'broken',
  ]) {
    for (const theme of Object.keys(themes)) {
      it(`datasetPreview, ${scene}, ${theme}`, async () => {
        const { act, ...options } = previewScenes[scene];
        const page = await pages.preview.open(browser, { theme, ...options });
        await page.waitForTimeout(300);
        await act?.(page);
        await check(page);
      });
    }
  }

  for (const theme of Object.keys(themes)) {
    it(`labelMapping, changed, with suspects, ${theme}`, async () => {
      const { page, file } = await pages.mapping.open(browser, { theme, change: { suspects } });
      file.change({ kind: 'assign', values: ['Same', '语义相同'], to: 'same' });
      await page.evaluate((snapshot) => window.showSnapshot(snapshot), file.snapshot());
      await page.locator('.distribution').first().waitFor();
      await check(page);
    });
  }

  it('finds what is wrong with a page that was broken on purpose', async () => {
    const page = await pages.one.open(browser, { view: 'trainingView', scene: 'idle' });
    await page.evaluate(() => {
      const field = document.createElement('input');
      field.style.cssText = 'color: #333; background: #222';
      document.getElementById('root').append(field, Object.assign(document.createElement('img'), { src: 'data:,' }));
    });
    const found = await violations(page);
    await page.close();
    assert.deepEqual([...new Set(found.map((text) => text.split(':')[0]))].sort(), ['image-alt', 'label']);
  });
});
