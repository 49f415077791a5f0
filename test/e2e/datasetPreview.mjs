// Data files as tables in a real VS Code: with the data process, the scorer and a model fine-tuned there.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  choose,
  findWebview,
  notification,
  openBrowser,
  openFile,
  openFolder,
  runCommand,
  startServer,
} from './editor.mjs';
import { makeWorkspace } from './workspace.mjs';

const { MEDTEXT_E2E_VSIX: vsix, MEDTEXT_E2E_ARTEFACTS: artefacts } = process.env;

async function until(condition, what, timeoutMs = 60_000) {
  for (const end = Date.now() + timeoutMs; Date.now() < end;) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`timed out: ${what}`);
}

/** A page that VS Code shows again is made anew: what is asked of it is asked of the one that is there. */
const preview = (page) => findWebview(page, 'pairs-', 60_000);

describe('the dataset preview in VS Code', () => {
  const state = {};
  before(async () => {
    state.workspace = makeWorkspace();
    state.server = await startServer({ vsix: [vsix], settings: { 'files.autoSave': 'off' } });
    Object.assign(state, await openBrowser());
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

  it('shows the rows of a recipe’s data with its columns, searches them and jumps to their lines', async () => {
    const { page } = state;
    await openFile(page, 'quick.medtext.json');
    await page.locator('.codelens-decoration a', { hasText: 'Preview data' }).click();
    const view = await preview(page);
    await view.getByText('320 rows', { exact: false }).first().waitFor({ timeout: 60_000 });
    await page.screenshot({ path: join(artefacts, 'dataset-preview-light.png') });
    const rows = JSON.parse(readFileSync(join(state.workspace.folder, 'data/pairs-train.json'), 'utf8'));
    const words = rows[5].query1;
    const expected = rows.filter((row) => Object.values(row).some((value) => String(value).includes(words))).length;
    await view.getByRole('searchbox').first().fill(words);
    await view.getByText(`${expected} of 320`, { exact: false }).first().waitFor();
  });
});
