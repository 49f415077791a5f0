// The packaged extension, installed in a real VS Code and used through its interface.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { choose, findWebview, hoverText, notification, openFile, openFolder, runCommand } from './editor.mjs';
import {
  newestRun,
  openSidebar,
  picture,
  runRow,
  savedJson,
  statusBar,
  statusBarTooltip,
  until,
  useWindow,
} from './window.mjs';

/** Starts the long recipe and waits until it has taken some steps. */
async function startLongRun(page, workspace) {
  const before = newestRun(workspace)?.folder;
  // The previous run's process may still be ending after its record is complete.
  await statusBar(page).waitFor({ state: 'hidden', timeout: 60_000 });
  await openFile(page, 'long.medtext.json');
  await runCommand(page, 'MedText Lab: Run Recipe');
  await statusBar(page).filter({ hasText: '%' }).waitFor({ timeout: 60_000 });
  return until(() => {
    const run = newestRun(workspace);
    return run && run.folder !== before && run.status === 'running' ? run : undefined;
  }, 'a running run');
}

describe('MedText Lab in VS Code', () => {
  const state = useWindow();

  it('gives a recipe from the palette, step by step', async () => {
    const { page, workspace } = state;
    await runCommand(page, 'MedText Lab: Fine-Tune Step by Step');
    const item = page.locator('.quick-input-list .monaco-list-row', { hasText: 'quick.medtext.json' });
    assert.equal((await item.innerText()).match(/quick\.medtext\.json/g).length, 1, 'its name once');
    await picture(page, 'wizard-recipes');
    await choose(page, 'quick.medtext.json', 'recipe or model');
    await page.locator('.tab.active', { hasText: 'quick.medtext.json' }).waitFor();
    await notification(page, 'is fine-tuned', 'Use This Model', 90_000);
    assert.equal(newestRun(workspace).status, 'finished');
    await openSidebar(page);
    await runRow(page).filter({ hasText: 'finished' }).waitFor();
    const model = page.locator('.pane', { hasText: 'Models' }).locator('.monaco-list-row', { hasText: 'active' });
    await model.waitFor();
    const facts = page.locator('.monaco-hover', { hasText: 'Trained from random weights' });
    await until(async () => {
      await page.mouse.move(700, 500);
      await model.hover();
      return facts.waitFor({ timeout: 3000 }).then(
        () => true,
        () => false,
      );
    }, 'where the model comes from');
    assert.match(await facts.innerText(), /pairs-train\.json\s·\s320\srows/);
    await page.mouse.move(700, 500);
    await facts.waitFor({ state: 'hidden' });
  });

  it('shows the score of a data row and of a sentence in the hover', async () => {
    const { page } = state;
    await openFile(page, 'pairs-dev.json');
    assert.match(await hoverText(page, 'query1', 'similarity'), /Predicted/);
    await openFile(page, 'note.txt');
    await page.locator('.editor-instance .view-line').first().click();
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+End');
    await runCommand(page, 'MedText Lab: Set Selection as Reference');
    assert.match(await hoverText(page, '吃什么药', 'similarity'), /高血压怎么治疗/);
  });

  it('ranks the sentences of the document by similarity to the selection', async () => {
    const { page } = state;
    await openFile(page, 'note.txt');
    await page.locator('.editor-instance .view-line').first().click();
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+End');
    await runCommand(page, 'MedText Lab: Score Selection');
    const panel = await findWebview(page, 'most similar first');
    await panel.getByText('白内障手术多少钱', { exact: false }).last().click();
    await page
      .locator('.statusbar-item[id="status.editor.selection"]', { hasText: 'Ln 2' })
      .waitFor({ timeout: 10_000 });
  });

  it('writes a recipe from model, data and columns, with a way back', async () => {
    const { page, workspace } = state;
    await runCommand(page, 'MedText Lab: Fine-Tune Step by Step');
    await choose(page, '2 × 128', 'recipe or model');
    await choose(page, 'pairs-train.json', 'training data');
    await choose(page, 'query1', 'columns');
    await page.locator('.quick-input-titlebar a.codicon-quick-input-back').click();
    await choose(page, 'query1', 'columns');
    await choose(page, 'query2', 'columns');
    const columns = page.locator('.quick-input-list .monaco-list-row');
    await columns.filter({ hasText: 'recognised, 3 different values' }).waitFor();
    await picture(page, 'wizard-label');
    await choose(page, 'label', 'columns');
    await choose(page, 'pairs-dev.json', 'validation data');
    await choose(page, 'Sentence similarity', 'task');
    await choose(page, 'CPU', 'device');
    await page.locator('.tab.active', { hasText: 'pairs-train.medtext.json' }).waitFor();
    const recipe = await savedJson(join(workspace.folder, 'pairs-train.medtext.json'));
    assert.deepEqual(recipe.dataset.train.labels, ['0', '1', '2']);
    assert.equal(recipe.dataset.validation.file, 'data/pairs-dev.json');
    assert.equal(recipe.train.seed, 2021);
  });

  it('stops a training and resumes it', async () => {
    const { page, workspace } = state;
    await startLongRun(page, workspace);
    await statusBar(page).filter({ hasText: '· CPU' }).waitFor();
    await statusBarTooltip(page, 'Device: CPU');
    await picture(page, 'status-bar-device');
    await page.mouse.move(700, 500);
    await runCommand(page, 'MedText Lab: Stop Training');
    await notification(page, 'was stopped', 'Resume');
    await statusBar(page).filter({ hasText: '%' }).waitFor({ timeout: 60_000 });
    await runCommand(page, 'MedText Lab: Stop Training');
    await notification(page, 'was stopped');
    assert.equal(newestRun(workspace).status, 'stopped');
  });

  it('compares the two newest runs', async () => {
    const { page } = state;
    await runCommand(page, 'MedText Lab: Compare Runs');
    await page.locator('.quick-input-title', { hasText: 'Compare which runs' }).waitFor();
    await page.keyboard.press('Enter');
    const panel = await findWebview(page, 'Best checkpoints on validation data');
    await panel.getByText('train.max_epochs').waitFor();
    assert.equal(await panel.locator('thead .run-head').count(), 2);
    await panel
      .getByRole('button', { name: /^Leave .* out of the comparison$/ })
      .last()
      .click();
    await panel.locator('thead .run-head').nth(1).waitFor({ state: 'detached' });
    await panel.getByText('All settings are equal.').waitFor();
    await page.locator('.tab', { hasText: 'Compare Runs' }).click({ button: 'middle' });
    await page.locator('.tab', { hasText: 'Compare Runs' }).waitFor({ state: 'detached' });
  });

  it('says at once that the trainer was killed, and offers to resume', async () => {
    const { page, workspace } = state;
    const { pid } = await startLongRun(page, workspace);
    process.kill(pid, 'SIGKILL');
    await notification(page, 'was interrupted', undefined, 5000);
    await openSidebar(page);
    await runRow(page).filter({ hasText: 'interrupted' }).waitFor({ timeout: 10_000 });
  });

  it('says that the trainer stands still, and when it goes on', async () => {
    const { page, workspace } = state;
    const { pid } = await startLongRun(page, workspace);
    process.kill(pid, 'SIGSTOP');
    try {
      await notification(page, 'has made no progress for', undefined, 90_000);
      await openSidebar(page);
      const view = await findWebview(page, 'has made no progress for');
      await picture(page, 'trainer-stands-still');
      process.kill(pid, 'SIGCONT');
      await view.getByText('has made no progress for').waitFor({ state: 'detached', timeout: 60_000 });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await runCommand(page, 'MedText Lab: Stop Training');
    await until(() => newestRun(workspace).status === 'stopped', 'the run is stopped');
  });

  it('keeps a run resumable when the window is reloaded, and leaves no process behind', async () => {
    const { page, workspace, server } = state;
    const { pid } = await startLongRun(page, workspace);
    await openFolder(page, server, workspace.folder);
    await until(() => !existsSync(`/proc/${pid}`), 'trainer ended');
    assert.equal(newestRun(workspace).status, 'stopped');
    await openSidebar(page);
    await runRow(page)
      .filter({ hasText: /stopped|interrupted/ })
      .waitFor({ timeout: 30_000 });
  });

  it('asked nothing of the outside', () => assert.deepEqual(state.outside, []));
});

describe('the trainer of a window that goes away', () => {
  const state = useWindow({ settings: { 'medtext.training.onWindowClose': 'continue' } });

  it('goes on without it when told so, and is found again', async () => {
    const { page, workspace, server } = state;
    const { pid } = await startLongRun(page, workspace);
    // A reloaded window finds a run only if the window before it has listed the run's folder.
    await openSidebar(page);
    await runRow(page).filter({ hasText: 'running' }).waitFor({ timeout: 60_000 });
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await openFolder(page, server, workspace.folder);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    assert.ok(existsSync(`/proc/${pid}`));
    await openSidebar(page);
    await runRow(page).filter({ hasText: 'running' }).waitFor({ timeout: 30_000 });
    await runRow(page).hover();
    await runRow(page).locator('a[aria-label="Stop Training"]').click();
    await until(() => !existsSync(`/proc/${pid}`), 'trainer ended');
    await runRow(page).filter({ hasText: 'stopped' }).waitFor({ timeout: 15_000 });
  });
});

describe('the extension in Chinese', () => {
  const state = useWindow({ locale: 'zh-cn' });

  it('words commands, views and messages in Chinese', async () => {
    const { page } = state;
    await openFile(page, 'note.txt');
    await openSidebar(page);
    await page.locator('.pane-header', { hasText: '训练记录' }).waitFor();
    await page.getByText('还没有训练记录。').first().waitFor();
    await runCommand(page, '运行配方');
    await choose(page, 'quick.medtext.json', '运行哪个配方');
    await notification(page, '微调完成', undefined, 90_000);
  });

  it('tells what went wrong in its process in Chinese, too', async () => {
    const { page, workspace } = state;
    const inFolder = (name) => join(workspace.folder, name);
    const recipe = JSON.parse(readFileSync(inFolder('quick.medtext.json'), 'utf8'));
    const { first_sequence, second_sequence, label } = recipe.dataset.train;
    const row = { [first_sequence ?? 'query1']: '肺炎怎么治疗', [second_sequence ?? 'query2']: '肺炎', [label ?? 'label']: '1' }; // prettier-ignore
    writeFileSync(inFolder('alike.json'), JSON.stringify([row, row, row]));
    const alike = { ...recipe, dataset: { train: { file: 'alike.json' } } };
    writeFileSync(inFolder('alike.medtext.json'), JSON.stringify(alike));
    await openFile(page, 'alike.medtext.json');
    await runCommand(page, '运行配方');
    const told = await notification(page, 'alike 失败', undefined, 90_000);
    await told.getByText('alike.json 只有一个标签（1），没有可学习的内容。').waitFor();
    await openSidebar(page);
    const view = await findWebview(page, '只有一个标签');
    await view.getByText('没有可学习的内容').first().waitFor();
  });

  it('says in the status bar and the Training view what it computes on, and why on nothing else', async () => {
    const { page, workspace } = state;
    const long = JSON.parse(readFileSync(join(workspace.folder, 'long.medtext.json'), 'utf8'));
    writeFileSync(join(workspace.folder, 'auto.medtext.json'), JSON.stringify({ ...long, device: 'auto' }));
    await openFile(page, 'auto.medtext.json');
    await runCommand(page, '运行配方');
    await statusBar(page).filter({ hasText: '%' }).waitFor({ timeout: 120_000 });
    const tooltip = await statusBarTooltip(page, '本机各设备的自检');
    assert.match(await tooltip.innerText(), /设备：[\s\S]*CPU：(已选用|可用)/);
    await page.waitForTimeout(300);
    await picture(page, 'status-bar-device-zh-cn');
    await page.mouse.move(700, 500);
    await openSidebar(page);
    const view = await findWebview(page, '为什么用这个设备');
    await view.getByText('为什么用这个设备').click();
    await view.locator('.reasons li', { hasText: 'CPU' }).waitFor();
    await view.locator('.reasons', { hasText: 'CPU' }).scrollIntoViewIfNeeded();
    await picture(page, 'training-view-device-zh-cn');
    await runCommand(page, '停止训练');
    await until(() => newestRun(workspace).status === 'stopped', 'the run is stopped');
    assert.ok(newestRun(workspace).deviceChoice.some((line) => line.startsWith('CPU: ')));
  });
});

describe('when everything is closed', () => {
  it('no process of ours is left', async () => {
    const left = () =>
      execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).match(/medtext-lab[^ ]*\/dist\/(trainer|scorer)\.js/g);
    await until(() => left() === null, `processes ended: ${left()}`, 20_000);
  });
});

describe('Export Model', () => {
  const state = useWindow();

  it('asks for format and folder, writes it, and lets it be tried', async () => {
    const { page, workspace } = state;
    await openFile(page, 'quick.medtext.json');
    await runCommand(page, 'MedText Lab: Run Recipe');
    await notification(page, 'is fine-tuned', 'Use This Model', 90_000);
    await runCommand(page, 'MedText Lab: Export Model');
    await choose(page, 'ONNX, quantised', 'Export');
    await page.locator('.quick-input-title', { hasText: 'Export Model' }).waitFor();
    await page.locator('.quick-input-action .monaco-button', { hasText: 'Export Into This Folder' }).click();
    await notification(page, 'its logits differ', 'Try It');
    const exported = readdirSync(workspace.folder).find((name) => name.endsWith('-onnx-int8'));
    assert.ok(existsSync(join(workspace.folder, exported, 'model_int8.onnx')));
    const panel = await findWebview(page, exported);
    await panel.getByText('肺炎的治疗方法有哪些').waitFor();
  });
});

describe('the Training view', () => {
  const state = useWindow();

  it('writes a knob into the recipe, starts it, draws its curves, survives hiding, stops and resumes', async () => {
    const { page, workspace } = state;
    const recipe = join(workspace.folder, 'long.medtext.json');
    const written = readFileSync(recipe, 'utf8');
    await openFile(page, 'long.medtext.json');
    await openSidebar(page);
    let view = await findWebview(page, 'Batch size');
    const batchSize = view.locator('vscode-textfield').nth(1).locator('input');
    await batchSize.fill('0');
    await batchSize.press('Enter');
    await view.locator('.problem').waitFor();
    await batchSize.fill('8');
    await batchSize.press('Enter');
    await savedJson(recipe, ({ train }) => train.batch_size === 8);
    assert.equal(readFileSync(recipe, 'utf8'), written.replace('"batch_size": 16', '"batch_size": 8'));
    await view.getByRole('button', { name: 'Start', exact: true }).click();
    await view.locator('.chart canvas').first().waitFor({ timeout: 60_000 });
    await view.getByText(/Step \d+ of \d+/).waitFor();
    await view.getByText('What the model learns from').click();
    await view.getByText(/^label: column "label", /).waitFor();
    await view.getByText(/^3 labels: 0 \(\d+\), 1 \(\d+\), 2 \(\d+\)$/).waitFor();
    await picture(page, 'training-understood');

    await page.locator('.activitybar .action-item').first().click();
    await page.locator('.explorer-folders-view').waitFor();
    await openSidebar(page);
    view = await findWebview(page, 'running');
    await view.locator('.chart canvas').first().waitFor();
    await view.getByRole('button', { name: 'Stop', exact: true }).click();
    await view.getByRole('button', { name: 'Resume', exact: true }).waitFor({ timeout: 60_000 });
    await view.getByText('stopped', { exact: true }).waitFor();
    const { step } = newestRun(workspace);
    await view.getByRole('button', { name: 'Resume', exact: true }).click();
    const goesOn = async () => Number(/Step (\d+) of/.exec(await view.locator('body').innerText())?.[1]) > step + 5;
    await until(goesOn, 'steps beyond the stop');
    await view.getByRole('button', { name: 'Stop Now', exact: true }).click();
    await view.getByText('interrupted', { exact: true }).waitFor({ timeout: 30_000 });
  });

  it('asked nothing of the outside', () => assert.deepEqual(state.outside, []));
});
