// node --import tsx test/webview/preview.mjs FOLDER [SCENE]: pictures of the webviews in every theme and both languages,
// in a headless Chromium under their real security policy. Ends with 1 when a page reported an error. Needs dist/.
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { chromium } from 'playwright-core';
import { webviewPage } from '../../src/extension/views/webviewPage.ts';
import { scenes } from './previewScenes.mjs';
import { themes } from './previewThemes.mjs';

const [folder, wanted] = process.argv.slice(2);
if (!folder) throw new Error('usage: node --import tsx test/webview/preview.mjs FOLDER [SCENE]');
mkdirSync(folder, { recursive: true });
const chinese = JSON.parse(readFileSync('l10n/bundle.l10n.zh-cn.json', 'utf8'));
const widths = { trainingView: 320, similarityPanel: 760 };

const types = { '.js': 'text/javascript', '.css': 'text/css' };
const server = createServer((request, response) => {
  const name = request.url.split('/').pop().split('?')[0];
  if (name in widths) {
    const address = (extension) => `${origin}/${name}.${extension}`;
    response.setHeader('content-type', 'text/html');
    return response.end(webviewPage({ cspSource: origin, nonce: 'bm9uY2U=', scriptUri: address('js'), styleUri: address('css'), title: name, language: 'en' })); // prettier-ignore
  }
  if (!/^\w+\.(js|css)$/.test(name)) return response.writeHead(404).end();
  response.setHeader('content-type', types[extname(name)]);
  response.end(readFileSync(join('dist/webview', name)));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
const problems = [];
for (const [view, states] of Object.entries(scenes)) {
  for (const [scene, snapshot] of Object.entries(states)) {
    if (wanted && wanted !== scene) continue;
    const isMain = scene === 'running' || scene === 'ranking';
    for (const [theme, variables] of Object.entries(themes)) {
      for (const language of ['en', 'zh-cn']) {
        const isChecked = isMain || (theme === 'vscode-dark' && language === 'en') || (theme === 'vscode-light' && language === 'zh-cn'); // prettier-ignore
        if (isChecked) await picture({ view, scene, snapshot, theme, variables, language });
      }
    }
  }
}
await browser.close();
server.close();
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
    start: { language, wordings: language === 'en' ? {} : chinese, snapshot },
    variables: { ...variables, background },
    theme,
  });
  await page.goto(`${origin}/${view}`);
  await page.waitForFunction(() => document.querySelector('#root section') !== null);
  if (scene === 'running') {
    for (const summary of await page.locator('summary').all()) await summary.click();
    await page.locator('.chart').first().focus();
    await page.keyboard.press('ArrowLeft');
  }
  if (scene === 'ranking') await page.locator('.toggle').nth(1).click();
  await page.waitForTimeout(250);
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  await page.close();
}

// Runs in the page, before its script: what VS Code puts there, and a host that answers the first request.
function fakeEditor({ start, variables, theme }) {
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
      const content = message.method === 'initialize' ? structuredClone(start) : undefined;
      const answer = JSON.parse(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { content } }));
      setTimeout(() => window.postMessage({ page, message: answer }, '*'));
    },
  });
}
