// axe-core on every page in every theme: names, roles, contrast, focus. The suites of the pages and keyboard.mjs test that
// the keyboard reaches everything, which axe-core cannot test.
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
  // These rules are off because VS Code's window has the landmarks and the first-level heading, not the pages.
  region: { enabled: false },
  'landmark-one-main': { enabled: false },
  'page-has-heading-one': { enabled: false },
};

/** In this theme every rule is checked. In the others those of colours are, because a theme changes nothing else. */
const [wholeTheme] = Object.keys(themes);
const ofColours = ['color-contrast', 'link-in-text-block'];

/** The violations that axe finds: rule, message and place. */
async function violations(page, theme = wholeTheme) {
  await page.evaluate(axe);
  const found = await page.evaluate((options) => window.axe.run(document, options), {
    ...(theme === wholeTheme
      ? { runOnly: { type: 'tag', values: tags }, rules }
      : { runOnly: { type: 'rule', values: ofColours } }),
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

  async function check(page, theme) {
    try {
      assert.equal((await violations(page, theme)).join('\n'), '');
    } finally {
      await page.close();
    }
  }

  for (const [view, states] of Object.entries(scenes)) {
    for (const scene of Object.keys(states)) {
      for (const theme of Object.keys(themes)) {
        it(`${view}, ${scene}, ${theme}`, async () =>
          check(await pages.one.open(browser, { view, scene, theme }), theme));
      }
    }
  }

  for (const scene of [
    'whole',
    'finding',
    'entities',
    'row',
    'column',
    'menu',
    'headMenu',
    'bad',
    'expression',
    'nothing',
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
        await check(page, theme);
      });
    }
  }

  for (const theme of Object.keys(themes)) {
    it(`labelMapping, changed, with suspects, ${theme}`, async () => {
      const { page, file } = await pages.mapping.open(browser, { theme, change: { suspects } });
      file.change({ kind: 'assign', values: ['Same', '语义相同'], to: 'same' });
      await page.evaluate((snapshot) => window.showSnapshot(snapshot), file.snapshot());
      await page.locator('.distribution').first().waitFor();
      await check(page, theme);
    });
  }

  const elsewhere = { renamed: [{ from: 'same', to: '相同' }], recipes: ['other.medtext.json'], models: ['pairs 3'] };
  const failed = { ...suspects, state: 'failed', error: { code: 'CLOSED', message: 'The scorer process has ended.' } };
  const problem = { code: 'RECIPE', message: 'Line 3 is no JSON.' };
  for (const [scene, change, shown] of [
    ['names used elsewhere', { elsewhere }, '#elsewhere-title'],
    ['a search that failed', { suspects: failed }, '.notice.error a'],
    ['a text that cannot be shown', { problem }, '.notice.error a'],
  ]) {
    for (const theme of Object.keys(themes)) {
      it(`labelMapping, ${scene}, ${theme}`, async () => {
        const { page } = await pages.mapping.open(browser, { theme, change });
        await page.locator(shown).waitFor();
        await check(page, theme);
      });
    }
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
