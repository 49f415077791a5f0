// npm run screenshots [-- --only readme|themes] [--no-package]: pictures of the installed extension at work on the
// bundled samples. The README's go to media/readme, those of every theme, for looking at, to .artefacts/pictures.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  choose,
  colorThemes,
  findWebview,
  hoverText,
  notification,
  openBrowser,
  openFile,
  openFolder,
  runCommand,
  selectLines,
  setTheme,
  startServer,
} from './editor.mjs';
import { setup } from './setup.mjs';
import { makeShowcase } from './workspace.mjs';

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, package: { type: 'boolean', default: true } },
  allowNegative: true,
});
process.chdir(resolve(import.meta.dirname, '../..'));
const folders = { readme: 'media/readme', themes: '.artefacts/pictures' };
for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true });
await setup();
if (options.package)
  execFileSync(process.execPath, ['scripts/package.mjs'], { stdio: ['ignore', 'ignore', 'inherit'] });
const { name, version } = JSON.parse(readFileSync('package.json', 'utf8'));
const vsix = [resolve(`${name}-${process.platform}-${process.arch}-${version}.vsix`)];

const workspace = makeShowcase();
const server = await startServer({ vsix, settings: { 'window.title': '${rootName}' } });
const { browser, page } = await openBrowser({ width: 1200, height: 770 });
try {
  await openFolder(page, server, workspace.folder);
  await setTheme(page, 'vscode-dark');
  await train();
  await score();
  await lookAtData();
} catch (error) {
  await page.screenshot({ path: join(folders.themes, 'failed.png') });
  throw error;
} finally {
  await browser.close();
  await server.stop();
  workspace.remove();
}

/** Takes a picture for the README, and one for each theme. `again` reopens what a change of the theme closes. */
async function picture(file, { readme = [], again } = {}) {
  for (const theme of Object.keys(colorThemes)) {
    const isReadme = readme.includes(theme);
    if (options.only === 'readme' && !isReadme) continue;
    await setTheme(page, theme);
    await again?.();
    await page.waitForTimeout(900);
    await page.screenshot({ path: join(folders.themes, `${file}-${theme}.png`) });
    if (!isReadme || options.only === 'themes') continue;
    const suffix = readme.length > 1 ? `-${theme.replace('vscode-', '')}` : '';
    await page.screenshot({ path: join(folders.readme, `${file}${suffix}.png`) });
  }
  await setTheme(page, 'vscode-dark');
}

async function train() {
  await openFile(page, 'medical-pairs.medtext.json');
  await page.locator('.codelens-decoration a', { hasText: 'Fine-tune' }).first().waitFor({ timeout: 30_000 });
  await sidebar();
  await widenSidebar(340);
  await findWebview(page, 'Batch size');
  await picture('recipe', { readme: ['vscode-light'] });
  await runCommand(page, 'MedText Lab: Run Recipe');
  const view = await findWebview(page, 'running', 60_000);
  await view
    .getByText(/best, step/)
    .first()
    .waitFor({ timeout: 120_000 });
  await view.getByText(/epoch 3\.\d+ of/).waitFor({ timeout: 120_000 });
  await picture('training', { readme: ['vscode-dark', 'vscode-light'] });
  await notification(page, 'is fine-tuned', 'Use This Model', 180_000);
  await page.waitForTimeout(1000);
  await picture('finished');
}

async function score() {
  await openFile(page, '问题.md');
  await selectLines(page, ['骨密度对身体有害吗']);
  await runCommand(page, 'MedText Lab: Set Selection as Reference');
  // The sidebar is closed to make room for the panel beside the editor.
  await page.keyboard.press('Control+B');
  await picture('hover', { readme: ['vscode-light'], again: () => hoverText(page, '伤身体', 'similarity') });
  await page.mouse.move(5, 5);
  // The small model of the training ranks poorly; a newcomer's first panel is the starter encoder's.
  await useModel('Starter');
  await selectLines(page, ['做骨密度有没有辐射']);
  await runCommand(page, 'MedText Lab: Score Selection');
  await findWebview(page, 'most similar first');
  await page.waitForTimeout(2500);
  await picture('similarity', { readme: ['vscode-light', 'vscode-dark'] });
  await selectLines(page, [
    '骨密度对身体有害吗',
    '做骨密度伤身体吗',
    '做骨密度有没有辐射',
    '做骨密度多少钱',
    '如何降尿酸',
  ]);
  await findWebview(page, 'Every pair of the 5');
  await page.waitForTimeout(2500);
  await picture('heatMap', { readme: ['vscode-light'] });
  await useModel('medical-pairs');
}

async function useModel(name) {
  await runCommand(page, 'MedText Lab: Choose Active Model');
  await choose(page, name, 'Choose Active Model');
}

/** Shows the recipe's data as a table with predictions, and its labels. */
async function lookAtData() {
  await runCommand(page, 'View: Close All Editors');
  await page.setViewportSize({ width: 1360, height: 770 });
  await openFile(page, 'medical-pairs.medtext.json');
  await page.locator('.codelens-decoration a', { hasText: 'Preview data' }).click();
  const view = await findWebview(page, 'train.json', 60_000);
  await view.getByText('5,159 rows').first().waitFor();
  await view.getByRole('button', { name: 'Predict all rows' }).first().click();
  await view.getByText('of 5,159 agree').waitFor({ timeout: 180_000 });
  await view.getByText('Majority baseline').waitFor({ timeout: 60_000 });
  await picture('dataset', { readme: ['vscode-light'] });
  await openFile(page, 'medical-pairs.medtext.json');
  await page.locator('.codelens-decoration a', { hasText: 'Map labels' }).click();
  await (await findWebview(page, 'Values of the data')).getByText('rows, column label').first().waitFor();
  await picture('labels', { readme: ['vscode-light'] });
}

async function sidebar() {
  const tab = page.locator('.activitybar .action-item', { has: page.locator('a[aria-label^="MedText Lab"]') });
  if (!(await tab.getAttribute('class')).includes('checked')) await tab.click();
}

async function widenSidebar(width) {
  const box = await page.locator('.part.sidebar').boundingBox();
  await page.mouse.move(box.x + box.width, 300);
  await page.mouse.down();
  await page.mouse.move(box.x + width, 300, { steps: 5 });
  await page.mouse.up();
  await page.mouse.move(box.x + width + 300, 500);
}
