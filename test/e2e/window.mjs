// What every suite that drives a window needs: server, browser, workspace, and the view of the extension's own things.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser, openFolder, startServer } from './editor.mjs';
import { makeWorkspace } from './workspace.mjs';

const { MEDTEXT_E2E_VSIX: vsix, MEDTEXT_E2E_ARTEFACTS: artefacts } = process.env;

/**
 * A window on a throw-away workspace for a group of tests; a picture is kept of how each ended.
 * @param prepare changes the workspace's folder before it is opened
 * @param options of the server; `locale` is the browser's too
 */
export function useWindow({ prepare, ...options } = {}) {
  const state = {};
  before(async () => {
    state.workspace = makeWorkspace();
    state.prepared = prepare?.(state.workspace.folder);
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

/** Keeps a picture of the window among the artefacts. */
export const picture = (page, name) => page.screenshot({ path: join(artefacts, `${name}.png`) });

/** The first truthy answer of the condition. */
export async function until(condition, what, timeoutMs = 60_000) {
  for (const end = Date.now() + timeoutMs; Date.now() < end;) {
    const value = await condition();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`timed out: ${what}`);
}

/**
 * What the JSON file holds, once it is whole and `isSo` of it. VS Code saves in place: a file that is being saved is empty
 * for a moment.
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

export async function openSidebar(page) {
  const tab = page.locator('.activitybar .action-item', { has: page.locator('a[aria-label^="MedText Lab"]') });
  if (!(await tab.getAttribute('class')).includes('checked')) await tab.click();
}

export const runRow = (page) => page.locator('.pane', { hasText: 'Runs' }).locator('.monaco-list-row').first();

export const statusBar = (page) => page.locator('.statusbar-item[id*="medtext"]');

/** The item's tooltip, once it says this. */
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

/** The newest run folder and what it says of itself. */
export function newestRun(workspace) {
  const runs = join(workspace.folder, 'runs');
  if (!existsSync(runs)) return undefined;
  const folders = readdirSync(runs)
    .map((name) => join(runs, name))
    .filter((path) => existsSync(join(path, 'run.json')));
  const newest = folders.sort().at(-1);
  return newest && { folder: newest, ...JSON.parse(readFileSync(join(newest, 'run.json'), 'utf8')) };
}
