// Helpers of the suites that drive a window: server, browser, workspace, and the extension's views.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser, openFolder, startServer } from './editor.mjs';
import { makeWorkspace } from './workspace.mjs';

const { MEDTEXT_E2E_VSIX: vsix, MEDTEXT_E2E_ARTEFACTS: artefacts } = process.env;

/**
 * Opens a window on a temporary workspace for a group of tests, and keeps a picture of the end of each test.
 * @param prepare changes the workspace's folder before it is opened
 * @param options of the server; `locale` is the browser's too
 */
export function useWindow({ prepare, ...options } = {}) {
  const state = {};
  before(async () => {
    state.workspace = makeWorkspace();
    state.prepared = await prepare?.(state.workspace.folder);
    state.server = await startServer({ vsix: [vsix], ...options });
    Object.assign(state, await openBrowser({ locale: options.locale ?? 'en-US' }));
    await openFolder(state.page, state.server, state.workspace.folder);
  });
  afterEach(async function () {
    const name = this.currentTest.fullTitle().replace(/[^a-z0-9]+/gi, '-');
    await state.page?.screenshot({ path: join(artefacts, `${name}-${this.currentTest.state}.png`) });
  });
  after(async () => {
    await state.browser?.close();
    await state.server?.stop();
    state.workspace?.remove();
  });
  return state;
}

/** Saves a picture of the window in the folder of artefacts. */
export const picture = (page, name) => page.screenshot({ path: join(artefacts, `${name}.png`) });

/** Waits until the condition returns a truthy value, and returns it. */
export async function until(condition, what, timeoutMs = 60_000) {
  for (const end = Date.now() + timeoutMs; Date.now() < end;) {
    const value = await condition();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`timed out: ${what}`);
}

/**
 * Returns the JSON file's content once it can be parsed and `isSo` accepts it. VS Code saves in place, so a file is empty for a
 * moment while it is saved.
 */
export function savedJson(file, isSo = () => true) {
  const whole = () => {
    try {
      return JSON.parse(readFileSync(file, 'utf8'));
    } catch (error) {
      if (error instanceof SyntaxError || error.code === 'ENOENT') return undefined;
      throw error;
    }
  };
  return until(() => {
    const saved = whole();
    return saved !== undefined && isSo(saved) && saved;
  }, `${file} is saved, so: ${isSo}`);
}

/** Opens the sidebar and expands its list of models. */
export async function openSidebar(page) {
  await revealSidebar(page);
  const header = page.locator('.pane-header').nth(1);
  await header.waitFor();
  if ((await header.getAttribute('aria-expanded')) === 'false') await header.click();
}

export async function revealSidebar(page) {
  const tab = page.locator('.activitybar .action-item', { has: page.locator('a[aria-label^="MedText Lab"]') });
  if (!(await tab.getAttribute('class')).includes('checked')) await tab.click();
}

export const runRow = (page) => page.locator('.pane', { hasText: 'Runs' }).locator('.monaco-list-row').first();

export const statusBar = (page) => page.locator('.statusbar-item[id*="medtext"]');

/** The status bar item's tooltip, once it has this text. */
export async function statusBarTooltip(page, hasText) {
  const tooltip = page.locator('.monaco-hover', { hasText });
  await until(async () => {
    await page.mouse.move(700, 500);
    await statusBar(page).hover();
    return tooltip.waitFor({ timeout: 3000 }).then(
      () => true,
      () => false,
    );
  }, 'what the training computes on');
  return tooltip;
}

/** The newest run's folder and record. */
export function newestRun(workspace) {
  const runs = join(workspace.folder, 'runs');
  if (!existsSync(runs)) return undefined;
  const folders = readdirSync(runs)
    .map((name) => join(runs, name))
    .filter((path) => existsSync(join(path, 'run.json')));
  const newest = folders.sort().at(-1);
  return newest && { folder: newest, ...JSON.parse(readFileSync(join(newest, 'run.json'), 'utf8')) };
}
