// Data files as tables in a real VS Code: with the data process, the scorer and a model fine-tuned there.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { choose, chooseMenu, findWebview, notification, openFile, openFolder, runCommand } from './editor.mjs';
import { picture, savedJson, until, useWindow } from './window.mjs';

/** The preview's current page. VS Code makes a page again when it shows it again. */
const preview = (page) => findWebview(page, 'pairs-', 60_000);

/** Writes training data with a contradiction and a cell that a careless page would execute, and returns the rows. */
function prepare(folder) {
  const file = join(folder, 'data/pairs-train.json');
  const rows = JSON.parse(readFileSync(file, 'utf8'));
  rows.push({ ...rows[0], id: 'contradiction', label: rows[0].label === '0' ? '2' : '0' });
  rows[1].query1 = '<img src=x onerror="document.title=1"></script>';
  writeFileSync(file, `${JSON.stringify(rows, undefined, 1)}\n`);
  return rows;
}

// VS Code in a browser saves automatically by default.
const settings = { 'files.autoSave': 'off' };

describe('the dataset preview in VS Code', () => {
  const unwatched = { ...settings, 'files.watcherExclude': { '**/data/**': true } };
  const state = useWindow({ prepare, settings: unwatched });

  it('shows the rows of a recipe’s data, searches and filters them, and opens what a finding speaks of', async () => {
    const { page, prepared: rows } = state;
    await openFile(page, 'quick.medtext.json');
    await page.locator('.codelens-decoration a', { hasText: 'Preview data' }).click();
    const view = await preview(page);
    await view.getByText('321 rows').first().waitFor({ timeout: 60_000 });
    await view.getByText('<img src=x onerror="document.title=1"></script>').waitFor();
    await picture(page, 'dataset-preview-light');

    const words = rows[5].query1;
    const expected = rows.filter((row) => Object.values(row).some((value) => String(value).includes(words))).length;
    const search = view.getByRole('textbox', { name: 'Search' });
    await search.fill(words);
    await view.getByText(`${expected} of 321 rows`).waitFor();
    await search.fill('');
    await view.getByText('of 321 rows').waitFor({ state: 'detached' });

    const twos = rows.filter(({ label }) => label === '2').length;
    await view.getByTitle('Show only these rows').filter({ hasText: '2' }).first().click();
    await view.getByText(`${twos} of 321 rows`).waitFor();
    await view.getByRole('button', { name: 'Clear all' }).click();

    await view.getByText('Contradict', { exact: false }).first().click();
    await view.getByText('2 of 321 rows').waitFor();
    await view.getByText('contradiction').first().waitFor();
    await view.getByRole('button', { name: 'Clear all' }).click();
  });

  it('jumps to the line of a row', async () => {
    const { page } = state;
    const view = await preview(page);
    await view.getByRole('grid').focus();
    await page.keyboard.press('Control+Home');
    await view.getByRole('gridcell', { name: '8', exact: true }).first().dblclick();
    await page.locator('.tab.active', { hasText: 'pairs-train.json' }).waitFor();
    await page.locator('.editor-instance .monaco-editor .view-line').first().waitFor();
    await page.locator('.statusbar-item', { hasText: 'Ln 8,' }).waitFor();
    await page.locator('.tab.active').click({ button: 'middle' });
    await preview(page);
  });

  it('reads a file again that changed while another tab was shown, without the file watcher', async () => {
    const { page, workspace, prepared: rows } = state;
    const file = join(workspace.folder, 'data/pairs-train.json');
    const tab = (name) => page.locator('.tab', { hasText: name }).first();
    for (const count of [322, 321]) {
      await tab('quick.medtext.json').click();
      await page.locator('.tab.active', { hasText: 'quick.medtext.json' }).waitFor();
      writeFileSync(file, JSON.stringify([...rows, { ...rows[0], id: 'later' }].slice(0, count)));
      await tab('pairs-train.json').click();
      const view = await preview(page);
      await view.getByText(`${count} rows`).first().waitFor();
    }
  });

  it('predicts with a model fine-tuned here, and lists the disagreements with the labels first', async () => {
    const { page } = state;
    await runCommand(page, 'MedText Lab: Run Recipe');
    await choose(page, 'quick.medtext.json');
    await notification(page, 'is fine-tuned', 'Use This Model', 120_000);
    let view = await preview(page);
    await view.getByText('Model:').waitFor();
    await view.getByRole('button', { name: 'Predict all rows' }).first().click();
    await view.getByText(/disagreements first/).waitFor({ timeout: 60_000 });
    await view.getByText(/disagreements first/).click();
    await view.getByText('Rows 1–', { exact: false }).waitFor();
    await picture(page, 'dataset-preview-predictions');
    // After the data process is killed, the preview is reopened in a new process.
    const dataProcesses = () =>
      execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' })
        .split('\n')
        .filter((line) => /medtext-lab[^ ]*\/dist\/data\.js/.test(line))
        .map((line) => Number(line.trim().split(' ')[0]));
    const before = dataProcesses();
    assert.equal(before.length, 1);
    process.kill(before[0], 'SIGKILL');
    await until(() => dataProcesses().some((pid) => pid !== before[0]), 'a new data process');
    view = await preview(page);
    await view.getByText('321 rows').first().waitFor({ timeout: 60_000 });
  });

  it('writes the columns into the recipe, and a split beside the data', async () => {
    const { page, workspace } = state;
    const view = await preview(page);
    await view.getByRole('button', { name: 'Write into recipe…' }).click();
    const recipe = join(workspace.folder, 'quick.medtext.json');
    await savedJson(recipe, ({ dataset }) => dataset.train.first_sequence === 'query1');
    await view.getByRole('button', { name: 'Clean…', exact: true }).click();
    await view.getByRole('checkbox', { name: /Full-width letters/ }).check();
    await view.getByRole('checkbox', { name: /White space at both ends/ }).check();
    await view.getByText('rows change', { exact: false }).waitFor();
    await picture(page, 'dataset-preview-clean');
    await view.getByRole('button', { name: 'Write into Recipe…', exact: true }).click();
    const cleaned = await savedJson(recipe, (saved) => saved.dataset.clean !== undefined);
    assert.deepEqual(cleaned.dataset.clean, ['half_width', 'trim']);
    await view.getByRole('button', { name: 'Split…', exact: true }).click();
    await view.getByRole('button', { name: 'Write into Recipe…', exact: true }).click();
    const { clean: _, ...dataset } = (await savedJson(recipe, (saved) => saved.dataset.train.file === 'data/pairs-train.train.json')).dataset; // prettier-ignore
    const count = (part) =>
      JSON.parse(readFileSync(join(workspace.folder, `data/pairs-train.${part}.json`), 'utf8')).length;
    assert.ok(existsSync(join(workspace.folder, 'data/pairs-train.train.json')));
    const parts = Object.values(dataset).map(({ file }) => file.match(/\.(train|validation|test)\.json$/)[1]);
    assert.equal(
      parts.reduce((sum, part) => sum + count(part), 0),
      321,
    );
  });

  it('asked nothing of the outside', () => assert.deepEqual(state.outside, []));
});

describe('the dataset preview in Chinese, in the dark', () => {
  const dark = { ...settings, 'workbench.colorTheme': 'Default Dark Modern' };
  const state = useWindow({ prepare, settings: dark, locale: 'zh-cn' });

  it('opens from the explorer, and says all in Chinese', async () => {
    const { page } = state;
    await page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'data' }).first().click();
    const file = page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'pairs-train.json' });
    await chooseMenu(page, file, '预览数据集');
    const view = await preview(page);
    await view.getByText('321 行').first().waitFor({ timeout: 60_000 });
    await view.getByText('标签矛盾', { exact: false }).first().waitFor();
    await view.locator('body.vscode-dark').waitFor();
    await picture(page, 'dataset-preview-dark-zh');
  });

  it('asked nothing of the outside', () => assert.deepEqual(state.outside, []));
});

for (const locale of ['en', 'zh-cn']) {
  const isChinese = locale === 'zh-cn';
  describe(`a workbook in VS Code (${locale})`, () => {
    const dark = { ...settings, 'workbench.colorTheme': 'Default Dark Modern' };
    const state = useWindow({
      prepare: (folder) => copyFileSync('test/fixtures/tables/splits.xlsx', join(folder, 'splits.xlsx')),
      settings: isChinese ? dark : settings,
      ...(isChinese && { locale }),
    });

    /** Before the editor knows the extension, the file opens as a text that cannot be shown; then it is opened again. */
    async function openedAsTable(page, text) {
      const table = page.locator('iframe.webview.ready').first();
      const tab = page.locator('.tab', { hasText: 'splits.xlsx' });
      await until(
        async () => {
          await page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'splits.xlsx' }).click();
          if (await table.waitFor({ timeout: 20_000 }).then(() => true, () => false)) return true; // prettier-ignore
          await tab.click({ button: 'middle' });
          await tab.waitFor({ state: 'detached' });
          return false;
        },
        'the workbook opens as a table',
        120_000,
      );
      return findWebview(page, text, 120_000);
    }

    it('opens as a table by a click, and shows the sheet that is chosen', async () => {
      const { page } = state;
      await page.locator('.activitybar a[aria-label^="MedText Lab"]').waitFor({ timeout: 120_000 });
      const view = await openedAsTable(page, '发热');
      await view
        .getByText(isChinese ? '3 行' : '3 rows')
        .first()
        .waitFor();
      await picture(page, `workbook-${locale}`);
      await view.getByRole('combobox', { name: isChinese ? '工作表' : 'Sheet' }).selectOption('封面');
      const other = view.getByRole('button', { name: isChinese ? '显示工作表 备注' : 'Show the sheet 备注' });
      await other.waitFor({ timeout: 60_000 });
      await picture(page, `workbook-empty-sheet-${locale}`);
      await other.focus();
      await page.keyboard.press('Enter');
      await view.getByText('呼吸科').first().waitFor({ timeout: 60_000 });
    });

    it('keeps the chosen sheet when its tab is closed, and when the window is loaded again', async () => {
      const { page, server, workspace } = state;
      const chosen = async (shown) => {
        const sheet = shown.getByRole('combobox', { name: isChinese ? '工作表' : 'Sheet' });
        await until(async () => (await sheet.inputValue()) === '备注', 'the chosen sheet');
      };
      await page.locator('.tab', { hasText: 'splits.xlsx' }).click({ button: 'middle' });
      await page.locator('.tab', { hasText: 'splits.xlsx' }).waitFor({ state: 'detached' });
      await page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'splits.xlsx' }).click();
      await chosen(await findWebview(page, '呼吸科', 60_000));
      // A click shows a file for a moment; twice, its tab stays.
      await page.locator('.tab', { hasText: 'splits.xlsx' }).dblclick();
      await openFolder(page, server, workspace.folder);
      await chosen(await findWebview(page, '呼吸科', 120_000));
    });

    it('names its sheets on the fine-tune page, where the splits are recognised', async () => {
      const { page } = state;
      const file = page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'splits.xlsx' });
      await chooseMenu(page, file, isChinese ? '微调编码器…' : 'Fine-Tune Encoder…');
      const view = await findWebview(page, '"sheet": "训练集"', 60_000);
      await view.getByText('"sheet": "验证集"').waitFor();
      await picture(page, `workbook-fine-tune-${locale}`);
      const sheet = view.getByRole('combobox', { name: isChinese ? '训练集的工作表' : 'Sheet of the training data' });
      await sheet.selectOption('备注');
      await view.getByText('"first_sequence": "text"').waitFor({ timeout: 60_000 });
      await view
        .getByRole('combobox', { name: isChinese ? '验证集的工作表' : 'Sheet of the validation data' })
        .selectOption('备注');
      await view.getByText(isChinese ? '请选择另一个工作表' : 'choose another sheet').waitFor();
    });

    it('asked nothing of the outside', () => assert.deepEqual(state.outside, []));
  });
}
