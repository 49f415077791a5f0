// node --import tsx test/webview/preview.mjs FOLDER [SCENE]: pictures of the webviews in every theme and both languages,
// in a headless Chromium under their real security policy. Ends with 1 when a page reported an error. Needs dist/.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { chinese, servePages } from './pageServer.mjs';
import { pageAnswers, scenes } from './previewScenes.mjs';
import { themes } from './previewThemes.mjs';

const [folder, wanted] = process.argv.slice(2);
if (!folder) throw new Error('usage: node --import tsx test/webview/preview.mjs FOLDER [SCENE]');
mkdirSync(folder, { recursive: true });
const widths = { trainingView: 320, similarityPanel: 760, runComparison: 860, modelDetail: 760 };

const { origin, close } = await servePages();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
const problems = [];
for (const [view, states] of Object.entries(scenes)) {
  for (const [scene, snapshot] of Object.entries(states)) {
    if (wanted && wanted !== scene) continue;
    const isMain = ['running', 'ranking', 'comparison', 'model'].includes(scene);
    for (const [theme, variables] of Object.entries(themes)) {
      for (const language of ['en', 'zh-cn']) {
        const isChecked = isMain || (theme === 'vscode-dark' && language === 'en') || (theme === 'vscode-light' && language === 'zh-cn'); // prettier-ignore
        if (isChecked) await picture({ view, scene, snapshot, theme, variables, language });
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

async function picture({ view, scene, snapshot, theme, variables, language }) {
  const name = `${view}-${scene}-${theme}-${language}`;
  const page = await browser.newPage({ viewport: { width: widths[view], height: 700 } });
  page.on('console', (message) => message.type() === 'error' && problems.push(`${name}: ${message.text()}`));
  page.on('pageerror', (error) => problems.push(`${name}: ${error.message}`));
  const background = variables[view === 'trainingView' ? '--vscode-sideBar-background' : '--vscode-editor-background'];
  await page.addInitScript(fakeEditor, {
    answers: pageAnswers,
    start: { language, wordings: language === 'en' ? {} : chinese, snapshot },
    variables: { ...variables, background },
    theme,
  });
  await page.goto(`${origin}/${view}`);
  await page.waitForFunction(() => document.querySelector('#root section, #root .notice') !== null);
  if (scene === 'running') {
    for (const summary of await page.locator('summary').all()) await summary.click();
    await page.locator('.chart').first().focus();
    await page.keyboard.press('ArrowLeft');
  }
  if (scene === 'model') {
    await page.locator('.mask-form vscode-button').click();
    await page.locator('.fills table').waitFor();
  }
  if (scene === 'ranking') await page.locator('.toggle').nth(1).click();
  await page.waitForTimeout(250);
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  await page.close();
}

// Runs in the page, before its script: what VS Code puts there, and a host that answers the first request.
function fakeEditor({ start, answers, variables, theme }) {
  let state;
  document.addEventListener('DOMContentLoaded', () => {
    document.body.className = theme;
    document.body.style.background = variables.background;
    for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(name, value);
  });
  document.addEventListener('securitypolicyviolation', (event) =>
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`),
  );
  window.acquireVsCodeApi = () => ({
    getState: () => state,
    setState: (next) => (state = next),
    postMessage({ page, message }) {
      if (message.id === undefined) return;
      const content = message.method === 'initialize' ? structuredClone(start) : answers[message.method];
      const answer = JSON.parse(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { content } }));
      setTimeout(() => window.postMessage({ page, message: answer }, '*'));
    },
  });
}
