// node --import tsx test/webview/preview.mjs FOLDER [SCENE]: pictures of the webviews in every theme and both languages,
// in a headless Chromium under their real security policy. Ends with 1 when a page reported an error. Needs dist/.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { scenes } from './previewScenes.mjs';
import { themes } from './previewThemes.mjs';
import { serveScenes } from './scenePages.mjs';

const [folder, wanted] = process.argv.slice(2);
if (!folder) throw new Error('usage: node --import tsx test/webview/preview.mjs FOLDER [SCENE]');
mkdirSync(folder, { recursive: true });

const { open, problems, close } = await serveScenes();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
for (const [view, states] of Object.entries(scenes)) {
  for (const scene of Object.keys(states)) {
    if (wanted && wanted !== scene) continue;
    const isMain = [
      'running',
      'ranking',
      'comparison',
      'model',
      'ended',
      'recognised',
      'byType',
      'rankings',
      'relevances',
      'relevancePairs',
    ].includes(scene);
    for (const theme of Object.keys(themes)) {
      for (const language of ['en', 'zh-cn']) {
        const isChecked = isMain || (theme === 'vscode-dark' && language === 'en') || (theme === 'vscode-light' && language === 'zh-cn'); // prettier-ignore
        if (!isChecked) continue;
        const page = await open(browser, { view, scene, theme, language });
        await page.waitForTimeout(250);
        await page.screenshot({ path: join(folder, `${view}-${scene}-${theme}-${language}.png`), fullPage: true });
        await page.close();
      }
    }
  }
}
await browser.close();
await close();
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
