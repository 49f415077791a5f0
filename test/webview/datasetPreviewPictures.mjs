// node --import tsx test/webview/datasetPreviewPictures.mjs FOLDER [SCENE]: pictures of the dataset preview, the main
// scene in every theme and both languages. Ends with 1 when a page reported an error. Needs dist/.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { scenes, servePage } from './datasetPreviewPage.mjs';
import { themes } from './previewThemes.mjs';

const [folder, wanted] = process.argv.slice(2);
if (!folder) throw new Error('usage: node --import tsx test/webview/datasetPreviewPictures.mjs FOLDER [SCENE]');
mkdirSync(folder, { recursive: true });
const { open, problems, close } = await servePage();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
for (const [scene, { act, ...options }] of Object.entries(scenes)) {
  if (wanted && wanted !== scene) continue;
  for (const theme of Object.keys(themes)) {
    for (const language of ['en', 'zh-cn']) {
      const isMain = scene === 'whole' || (theme === 'vscode-dark' && language === 'en') || (theme === 'vscode-light' && language === 'zh-cn'); // prettier-ignore
      if (!isMain) continue;
      const name = `${scene}-${theme}-${language}`;
      const known = problems.length;
      const page = await open(browser, { theme, language, ...options });
      await page.waitForTimeout(600);
      await act?.(page);
      await page.waitForTimeout(200);
      await page.screenshot({ path: join(folder, `${name}.png`) });
      await page.close();
      for (let at = known; at < problems.length; at++) problems[at] = `${name}: ${problems[at]}`;
    }
  }
}
await browser.close();
await close();
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
