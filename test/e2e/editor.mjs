// Starts a real VS Code (code-server) and drives it in Chromium.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format } from 'node:util';
import {
  bareServerEntry,
  chromium as chromiumPath,
  isFloor,
  playwrightFolder,
  serverEntry,
  serverNode,
} from './setup.mjs';

const defaultSettings = {
  'workbench.startupEditor': 'none',
  'telemetry.telemetryLevel': 'off',
  'extensions.ignoreRecommendations': true,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'chat.disableAIFeatures': true,
  'git.enabled': false,
  'editor.hover.delay': 100,
  'editor.minimap.enabled': false,
};

/**
 * Starts a server with its own profile and extensions. It ends as a whole process group.
 * @param vsix packaged extensions to install
 * @param machineSettings settings of the scope `machine`, which a server reads from a separate file
 * @param testDriver lets the page run integration tests; suppresses notifications
 * @param trustPrompts keeps workspace trust on
 */
export async function startServer({
  vsix = [],
  settings = {},
  machineSettings = {},
  locale,
  testDriver = false,
  trustPrompts = false,
  env = {},
} = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'medtext-e2e-'));
  const user = join(folder, 'user');
  for (const path of [join(user, 'User'), join(user, 'Machine'), join(folder, 'extensions'), join(folder, 'home')])
    mkdirSync(path, { recursive: true });
  const userSettings = {
    ...defaultSettings,
    ...(!trustPrompts && { 'security.workspace.trust.enabled': false }),
    ...settings,
  };
  writeFileSync(join(user, 'User/settings.json'), JSON.stringify(userSettings));
  writeFileSync(join(user, 'Machine/settings.json'), JSON.stringify(machineSettings));
  if (locale && locale !== 'en') writeLanguagePack(folder, user, locale);

  const profile = ['--user-data-dir', user, '--extensions-dir', join(folder, 'extensions')];
  const base = [serverEntry, '--config', join(folder, 'config.yaml'), ...profile];
  // An empty gallery stops every request to the outside.
  const childEnv = { ...process.env, HOME: join(folder, 'home'), EXTENSIONS_GALLERY: '{}', ...env };
  for (const name of Object.keys(childEnv)) if (/^(VSCODE_|npm_)/.test(name)) delete childEnv[name];
  if (vsix.length > 0) copyInstalled(vsix, childEnv, join(folder, 'extensions'));
  const flags = ['--disable-telemetry', '--disable-getting-started-override'];
  if (!trustPrompts) flags.push('--disable-workspace-trust');
  if (locale) flags.push('--locale', locale);
  const own = ['--auth', 'none', '--bind-addr', '127.0.0.1:0', '--disable-update-check', '--disable-proxy'];
  if (testDriver) own.push('--vscode-option', 'enable-smoke-test-driver');
  const command = testDriver && isFloor ? bareServer(profile) : [...base, ...own];
  const server = spawn(serverNode, [...command, ...flags], {
    env: childEnv,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  const url = await new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`code-server ${why}:\n${log}`));
    const timer = setTimeout(() => fail('did not start'), 60_000);
    const onData = (chunk) => {
      log += chunk;
      const match = /(?:HTTP server listening on http:\/\/|Server bound to )(127\.0\.0\.1:\d+)/.exec(log);
      if (!match) return;
      clearTimeout(timer);
      resolve(`http://${match[1]}`);
    };
    server.stdout.on('data', onData);
    server.stderr.on('data', onData);
    server.once('exit', (code) => fail(`exited with ${code}`));
  });

  return {
    url,
    authority: new URL(url).host,
    folder,
    log: () => log,
    async stop() {
      const gone = new Promise((resolve) => server.once('exit', resolve));
      signalGroup(server.pid, 'SIGTERM');
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 5000))]);
      signalGroup(server.pid, 'SIGKILL');
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
}

/** The folders into which packages were installed, by the packages' names. */
const installed = new Map();

/** Installs the packages once in this process, and gives each server a copy: an installation takes seconds, a copy does not. */
function copyInstalled(vsix, env, extensions) {
  const key = vsix.join('\n');
  if (!installed.has(key)) {
    const folder = mkdtempSync(join(tmpdir(), 'medtext-installed-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const own = ['--config', join(folder, 'config.yaml'), '--user-data-dir', join(folder, 'user')];
    const install = [serverEntry, ...own, '--extensions-dir', join(folder, 'extensions'), '--force'];
    for (const file of vsix)
      execFileSync(serverNode, [...install, '--install-extension', file], {
        env,
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    installed.set(key, join(folder, 'extensions'));
  }
  const template = installed.get(key);
  cpSync(template, extensions, { recursive: true });
  // The list of extensions holds their absolute paths.
  const list = join(extensions, 'extensions.json');
  writeFileSync(list, readFileSync(list, 'utf8').replaceAll(template, extensions));
}

/** Starts VS Code's own server, which code-server wraps, because the oldest code-server does not pass on unknown options. */
function bareServer(profile) {
  const place = ['--host', '127.0.0.1', '--port', '0', '--without-connection-token', '--accept-server-license-terms'];
  return [bareServerEntry, ...profile, ...place, '--enable-smoke-test-driver'];
}

function signalGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // The process has already ended.
  }
}

/** Writes a language pack without an extension. The workbench stays English, and the extension gets the language. */
function writeLanguagePack(folder, user, locale) {
  const translations = join(folder, 'main.i18n.json');
  writeFileSync(translations, JSON.stringify({ '': [], version: '1.0.0', contents: {} }));
  const extensions = [{ extensionIdentifier: { id: 'test.language-pack' }, version: '1.0.0' }];
  const pack = { hash: 'e2e', extensions, translations: { vscode: translations }, label: locale };
  writeFileSync(join(user, 'languagepacks.json'), JSON.stringify({ [locale]: pack }));
}

/** A headless browser whose requests to anywhere else are refused and recorded in `outside`. */
export async function openBrowser({ locale = 'en-US', width = 1280, height = 800, scale = 1 } = {}) {
  const { chromium } = createRequire(import.meta.url)(playwrightFolder);
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'];
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-dev-shm-usage', ...quiet];
  const browser = await chromium.launch({ executablePath: chromiumPath, headless: true, args });
  const context = await browser.newContext({ viewport: { width, height }, locale, deviceScaleFactor: scale });
  // A machine may have much else to do.
  context.setDefaultTimeout(60_000);
  context.setDefaultNavigationTimeout(120_000);
  const outside = [];
  const isOutside = ({ protocol, hostname }) =>
    /^(http|ws)s?:$/.test(protocol) && hostname !== '127.0.0.1' && !hostname.endsWith('vscode-cdn.net');
  await context.route(isOutside, (route) => {
    outside.push(route.request().url());
    return route.abort();
  });
  return { browser, page: await context.newPage(), outside };
}

/**
 * Runs a mocha entry in the extension host. A crashed host reports success, so only a fresh result file of the entry with
 * passes and no failure counts.
 */
export async function runIntegration({
  server,
  extensionFolder,
  entry,
  workspace,
  resultFile,
  timeoutMs = 900_000,
  screenshot,
}) {
  rmSync(resultFile, { force: true });
  const { browser, page } = await openBrowser();
  let finish;
  const finished = new Promise((resolve) => (finish = resolve));
  await page.exposeFunction('codeAutomationLog', (_type, parts) => {
    const line = format(...(parts ?? []));
    if (process.env.MEDTEXT_E2E_VERBOSE) console.log(line);
  });
  await page.exposeFunction('codeAutomationExit', (code) => finish(code));
  const remote = (path) => `vscode-remote://${server.authority}${path}`;
  const payload = JSON.stringify([
    ['extensionDevelopmentPath', remote(extensionFolder)],
    ['extensionTestsPath', remote(entry)],
  ]);
  let timer;
  try {
    await page.goto(`${server.url}/?folder=${encodeURIComponent(workspace)}&payload=${encodeURIComponent(payload)}`);
    const timeout = new Promise((resolve) => (timer = setTimeout(() => resolve('timeout'), timeoutMs)));
    const code = await Promise.race([finished, timeout]);
    if (code !== 0) await page.screenshot({ path: screenshot }).catch(() => undefined);
    const result = readResult(resultFile);
    const ok = code === 0 && result?.failures === 0 && result.tests.some(({ state }) => state === 'passed');
    return { ok, code, result };
  } finally {
    clearTimeout(timer);
    await browser.close();
  }
}

function readResult(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

export async function openFolder(page, server, folder) {
  await page.goto(`${server.url}/?folder=${encodeURIComponent(folder)}`);
  await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor({ timeout: 60_000 });
}

/** Opens a file by name with Quick Open; the explorer may not show it. */
export async function openFile(page, name) {
  const widget = page.locator('.quick-input-widget');
  // Enter opens the focused row, and an older list may still be shown.
  const chosen = page.locator('.quick-input-list .monaco-list-row.focused', { hasText: name }).first();
  await retried(page, `Quick Open does not list ${name}`, async () => {
    await page.keyboard.press('Control+P');
    if (!(await isShown(widget, 3000))) return false;
    await page.keyboard.type(name);
    if (!(await isShown(chosen, 5000))) return false;
    await page.keyboard.press('Enter');
    return true;
  });
  await page.locator('.tab.active', { hasText: name }).waitFor();
  await page.locator('.editor-instance .monaco-editor .view-line').first().waitFor();
}

/** Repeats an attempt. A busy window may lose a key that is pressed before it listens, or while a page takes the focus. */
async function retried(page, what, attempt) {
  for (let tries = 0; tries < 10; tries++) {
    if (await attempt()) return;
    await page.keyboard.press('Escape');
    await page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }
  throw new Error(what);
}

/** Runs a command by the palette. A palette that opens before the editor knows the extension never lists its commands, so it is reopened. */
export async function runCommand(page, title) {
  const widget = page.locator('.quick-input-widget');
  const wanted = title.split(': ').pop();
  const chosen = page.locator('.quick-input-list .monaco-list-row.focused', { hasText: wanted });
  await retried(page, `the palette does not list ${title}`, async () => {
    await page.keyboard.press('F1');
    if (!(await isShown(widget, 3000))) return false;
    await page.keyboard.type(title);
    // Enter is safer than a click, because the list may still be moving.
    if (!(await isShown(chosen, 2000))) return false;
    await page.keyboard.press('Enter');
    await widget.locator('.monaco-list-row', { hasText: wanted }).first().waitFor({ state: 'hidden' });
    return true;
  });
}

const isShown = (locator, timeout) =>
  locator.waitFor({ timeout }).then(
    () => true,
    () => false,
  );

/** The webview that contains the text. Webviews lie over the workbench, not inside their view's elements. */
export async function findWebview(page, text, timeout = 30_000) {
  const views = page.locator('iframe.webview.ready');
  for (const end = Date.now() + timeout; Date.now() < end; await page.waitForTimeout(150)) {
    for (let index = 0; index < (await views.count()); index++) {
      const view = views.nth(index).contentFrame().frameLocator('iframe#active-frame');
      const found = await view
        .locator('body', { hasText: text })
        .count()
        .catch(() => 0);
      if (found > 0) return view;
    }
  }
  throw new Error(`no webview with ${text}`);
}

/** Chooses the row of the open quick pick that contains the text. */
export async function choose(page, text, title) {
  if (title) await page.locator('.quick-input-title', { hasText: title }).waitFor({ timeout: 30_000 });
  const widget = page.locator('.quick-input-widget');
  const list = page.locator('.quick-input-list');
  await list.locator('.monaco-list-row', { hasText: text }).first().waitFor({ timeout: 30_000 });
  // The keyboard is safer than a click, because the list may still be moving.
  const focused = list.locator('.monaco-list-row.focused', { hasText: text });
  for (let steps = 0; !(await isShown(focused, steps === 0 ? 500 : 200)); steps++) {
    if (steps === 60) throw new Error(`the keyboard does not reach ${text}`);
    if (!(await widget.isVisible())) throw new Error(`the question closed before ${text} was chosen`);
    // A page that opens meanwhile takes the focus, but the question stays.
    await widget.locator('input[type=text]').first().focus();
    await page.keyboard.press('ArrowDown');
  }
  await widget.locator('input[type=text]').first().focus();
  await page.keyboard.press('Enter');
  // The row must disappear first, so that the next choice does not find it.
  await focused.waitFor({ state: 'hidden', timeout: 30_000 });
}

/** Waits for a notification with the text and presses one of its buttons if named. */
export async function notification(page, text, button, timeout = 60_000) {
  const toast = page.locator('.notifications-toasts .notification-list-item', { hasText: text }).first();
  await toast.waitFor({ timeout });
  if (button) await toast.locator('.monaco-button', { hasText: button }).click();
  return toast;
}

/** Chooses an entry of the context menu of an element. */
export async function chooseMenu(page, element, label) {
  const entry = page.locator('.monaco-menu .action-item', { hasText: label });
  await element.click({ button: 'right' });
  await entry.waitFor();
  // Just after opening, a menu takes a click for the end of the click that opened it.
  while (await entry.isVisible()) {
    await entry.click({ timeout: 2000 }).catch(() => undefined);
    await entry.waitFor({ state: 'hidden', timeout: 1000 }).catch(() => undefined);
  }
}

async function wordBox(page, word) {
  return page.evaluate((wanted) => {
    for (const line of document.querySelectorAll('.editor-instance .view-line')) {
      const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        const node = walker.currentNode;
        const index = node.data.replace(/\u00a0/g, ' ').indexOf(wanted);
        if (index < 0) continue;
        const range = document.createRange();
        range.setStart(node, index);
        range.setEnd(node, index + wanted.length);
        const { x, y, width, height } = range.getBoundingClientRect();
        return { x, y, width, height };
      }
    }
    return undefined;
  }, word);
}

/** Moves the mouse onto the word until a hover with the expected text appears, and returns the hover's text. */
export async function hoverText(page, word, expected, tries = 20) {
  const box = await wordBox(page, word);
  if (!box) throw new Error(`not visible: ${word}`);
  const hover = page.locator('.monaco-hover:not(.hidden) .hover-contents', { hasText: expected }).first();
  const y = box.y + box.height / 2;
  for (let i = 0; i < tries; i++) {
    await page.mouse.move(box.x + box.width / 2, box.y + box.height * 6);
    await page.mouse.move(box.x + 2, y);
    await page.mouse.move(box.x + box.width / 2, y, { steps: 4 });
    if (await isShown(hover, 1500)) return hover.innerText();
  }
  throw new Error(`no hover with ${expected}`);
}

/** The editor's own themes with their names in the picker, by the class that a webview's body has. */
export const colorThemes = {
  'vscode-dark': { label: 'Dark Modern', workbench: 'vs-dark' },
  'vscode-light': { label: 'Light Modern', workbench: 'vs' },
  'vscode-high-contrast': { label: 'Dark High Contrast', workbench: 'hc-black' },
  'vscode-high-contrast-light': { label: 'Light High Contrast', workbench: 'hc-light' },
};

/** Chooses a colour theme in the picker, as a person does, and waits until the window shows it. */
export async function setTheme(page, name) {
  const { label, workbench } = colorThemes[name];
  const worn = page.locator(`.monaco-workbench.${workbench}`);
  const themes = page.locator('.quick-input-list .monaco-list-row', { hasText: 'Modern' }).first();
  // On a busy machine the list may show a theme as chosen without applying it.
  for (let tries = 0; tries < 3; tries++) {
    // A window that has just opened ignores keys.
    for (let presses = 0; presses < 10; presses++) {
      await page.keyboard.press('Control+K');
      await page.keyboard.press('Control+T');
      if (await isShown(themes, 3000)) break;
      await page.keyboard.press('Escape');
    }
    await page.keyboard.type(label);
    await page.locator('.quick-input-list .monaco-list-row.focused', { hasText: label }).waitFor();
    await isShown(worn, 10_000);
    await page.keyboard.press('Enter');
    await page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
    if (await isShown(worn, 5000)) return;
  }
  throw new Error(`the window does not wear ${label}`);
}

/** Focuses the editor and selects the lines, each as a separate selection. */
export async function selectLines(page, lines) {
  const row = (line) => page.locator('.editor-instance .view-line', { hasText: line }).first();
  await row(lines[0]).click();
  await page.keyboard.press('Home');
  await page.keyboard.press('Shift+End');
  for (const line of lines.slice(1)) {
    // The click adds a cursor in the line. "Expand to the line" would also select the line break.
    await row(line).click({ modifiers: ['Alt'] });
  }
  if (lines.length === 1) return;
  await page.keyboard.press('Home');
  await page.keyboard.press('Shift+End');
}
