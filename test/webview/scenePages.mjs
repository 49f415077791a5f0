// The pages that one snapshot describes, in a browser, under their real security policy, with a host that answers as
// previewScenes.mjs says.
import { chinese, servePages } from './pageServer.mjs';
import { pageAnswers, scenes } from './previewScenes.mjs';
import { themes } from './previewThemes.mjs';

const widths = {
  trainingView: 320,
  similarityPanel: 760,
  runComparison: 860,
  modelDetail: 760,
  runPage: 980,
  fineTune: 1080,
};

/** What a person would do to see all of a scene. */
const acts = {
  async running(page) {
    for (const summary of await page.locator('summary').all()) await summary.click();
    await page.locator('.chart').first().focus();
    await page.keyboard.press('ArrowLeft');
  },
  async model(page) {
    await page.locator('.mask-form vscode-button').click();
    await page.locator('.fills table').waitFor();
  },
  async byType(page) {
    await page.locator('.scores').scrollIntoViewIfNeeded();
  },
  async byLabel(page) {
    await page.locator('.scores').scrollIntoViewIfNeeded();
  },
  async ranking(page) {
    await page.locator('.toggle').nth(1).click();
  },
  async cosines(page) {
    await page.locator('.toggle').first().click();
  },
};

/** Serves the pages as built in dist/; what they report is collected in `problems`. */
export async function serveScenes() {
  const { origin, close } = await servePages();
  const problems = [];

  async function open(browser, { view, scene, theme = 'vscode-dark', language = 'en', width = widths[view] }) {
    const page = await browser.newPage({ viewport: { width, height: 700 } });
    const name = `${view} ${scene} ${theme} ${language}`;
    page.on('console', (message) => message.type() === 'error' && problems.push(`${name}: ${message.text()}`));
    page.on('pageerror', (error) => problems.push(`${name}: ${error.message}`));
    const variables = themes[theme];
    const background =
      variables[view === 'trainingView' ? '--vscode-sideBar-background' : '--vscode-editor-background'];
    await page.addInitScript(fakeEditor, {
      answers: pageAnswers,
      start: { language, wordings: language === 'en' ? {} : chinese, snapshot: scenes[view][scene] },
      variables: { ...variables, background },
      theme,
    });
    await page.goto(`${origin}/${view}`);
    await page.locator('html[data-answered] #root > *').first().waitFor();
    await acts[scene]?.(page);
    return page;
  }
  return { open, problems, close };
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
      setTimeout(() => {
        window.postMessage({ page, message: answer }, '*');
        // The page has drawn the answer by then.
        setTimeout(() => (document.documentElement.dataset.answered = ''), 50);
      });
    },
  });
}
