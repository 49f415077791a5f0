// node --import tsx test/webview/labelMappingPictures.mjs FOLDER: the label mapping in every theme and both languages.
// Ends with 1 when a page reported an error. Needs dist/.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { serveLabelMapping, suspects } from './labelMappingPage.mjs';
import { themes } from './previewThemes.mjs';

const [folder] = process.argv.slice(2);
if (!folder) throw new Error('usage: node --import tsx test/webview/labelMappingPictures.mjs FOLDER');
mkdirSync(folder, { recursive: true });
const { open, problems, close } = await serveLabelMapping();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
for (const theme of Object.keys(themes)) {
  for (const language of ['en', 'zh-cn']) {
    const { page, file } = await open(browser, { theme, language, height: 1240, change: { suspects } });
    file.change({ kind: 'assign', values: ['Same', '语义相同'], to: 'same' });
    file.change({ kind: 'merge', label: 'related', into: 'unrelated' });
    await page.evaluate((snapshot) => window.showSnapshot(snapshot), file.snapshot());
    await page.locator('.distribution[open]').waitFor();
    await page.screenshot({ path: join(folder, `labels-${theme}-${language}.png`) });
    await page.close();
  }
}
await browser.close();
await close();
if (problems.length > 0) throw new Error(problems.join('\n'));
