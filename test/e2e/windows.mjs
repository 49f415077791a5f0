// Several windows: a run has one owner, a terminal or a window; the others watch it and may ask it to stop.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findWebview, notification, openFile, openFolder, runCommand } from './editor.mjs';
import { newestRun, openSidebar, picture, runRow, until, useWindow } from './window.mjs';

const cli = resolve('dist/cli.js');

describe('a training of the command line', () => {
  // The view shows another recipe than this one at first. The file watcher of VS Code misses a folder that is made in a
  // folder that was just made, on a busy machine: here it misses all of them.
  const state = useWindow({
    settings: { 'files.watcherExclude': { '**/runs/**': true } },
    prepare: (folder) => cpSync(join(folder, 'long.medtext.json'), join(folder, 'terminal.medtext.json')),
  });
  let training;
  let ended;
  after(() => training?.kill('SIGKILL'));

  const begin = (...parameters) => {
    training = spawn(process.execPath, [cli, 'finetune', ...parameters], {
      cwd: state.workspace.folder,
      stdio: 'ignore',
    });
    ended = new Promise((done) => training.on('exit', (code, signal) => done(code ?? signal)));
  };

  it('is watched in the Training view, the Runs view and its page', async () => {
    const { page, workspace } = state;
    await openSidebar(page);
    await findWebview(page, 'More settings', 60_000);
    begin('terminal.medtext.json');
    await until(() => newestRun(workspace), 'a run folder', 120_000);
    await runRow(page).filter({ hasText: 'in a terminal' }).waitFor({ timeout: 60_000 });
    const view = await findWebview(page, 'is training already', 60_000);
    await picture(page, 'windows-terminal-notice');
    await view.getByRole('button', { name: 'Show Run' }).click();
    await view.getByText('It trains in a terminal.').waitFor();
    await view.getByRole('application', { name: /^Loss by step/ }).waitFor();
    const step = async () => Number(/Step (\d+) of/.exec(await view.locator('section.run').innerText())?.[1] ?? 0);
    const before = await step();
    await until(async () => (await step()) > before, 'the step goes on');
    const stepOfRow = async () => Number(/step (\d+) of/.exec(await runRow(page).innerText())?.[1] ?? 0);
    const rowBefore = await stepOfRow();
    await until(async () => (await stepOfRow()) > rowBefore, 'the row goes on');
    const runPage = await findWebview(page, 'Rate, gradient, speed and memory', 60_000);
    await runPage.getByText('It trains in a terminal.').waitFor();
    await picture(page, 'windows-terminal-watched');
  });

  it('is stopped from the editor, and resumed there', async () => {
    const { page, workspace } = state;
    const view = await findWebview(page, 'Smoothing', 60_000);
    await view.getByRole('button', { name: 'Stop', exact: true }).click();
    assert.equal(await ended, 130);
    const run = newestRun(workspace);
    assert.equal(run.status, 'stopped');
    assert.ok(existsSync(join(run.folder, 'checkpoints', `step-${String(run.step).padStart(9, '0')}`)));
    assert.equal(existsSync(join(run.folder, '.stop')), false);
    await runRow(page).filter({ hasText: 'stopped' }).waitFor();
    const runPage = await findWebview(page, 'Rate, gradient, speed and memory');
    await runPage.getByRole('status').filter({ hasText: 'stopped' }).waitFor();
    await runPage.getByRole('button', { name: 'Resume' }).waitFor();
    await notification(page, 'was stopped', 'Resume');
    await until(() => newestRun(workspace).status === 'running', 'the run goes on');
    const resumed = newestRun(workspace);
    assert.deepEqual([resumed.folder, resumed.owner.program], [run.folder, 'editor']);
    await runCommand(page, 'MedText Lab: Stop Training');
    await notification(page, 'was stopped');
  });

  it('is offered for Resume when its process dies', async () => {
    const { page, workspace } = state;
    const { folder, step } = newestRun(workspace);
    begin('--resume', folder);
    await runRow(page).filter({ hasText: 'in a terminal' }).waitFor({ timeout: 60_000 });
    process.kill(newestRun(workspace).pid, 'SIGKILL');
    await notification(page, `Resume continues from the checkpoint of step ${step}`);
    await runRow(page).filter({ hasText: 'interrupted' }).waitFor();
    await picture(page, 'windows-terminal-died');
  });

  it('is ended at once by Stop Now on its page, which says so and offers Resume', async () => {
    const { page, workspace } = state;
    await runCommand(page, 'Notifications: Clear All Notifications');
    const { folder } = newestRun(workspace);
    begin('--resume', folder);
    await runRow(page).filter({ hasText: 'in a terminal' }).waitFor({ timeout: 60_000 });
    await runRow(page).click();
    const runPage = await findWebview(page, 'Rate, gradient, speed and memory', 60_000);
    await runPage.getByText('It trains in a terminal.').waitFor();
    const stepOfRow = async () => Number(/step (\d+) of/.exec(await runRow(page).innerText())?.[1] ?? 0);
    const before = await stepOfRow();
    await until(async () => (await stepOfRow()) > before, 'the run goes on');
    await runPage.getByRole('button', { name: 'Stop Now' }).click();
    // The process ends itself with its own code: nothing had to kill it.
    assert.equal(await ended, 130);
    const saved = readdirSync(join(folder, 'checkpoints')).flatMap((name) => /^step-(\d+)$/.exec(name)?.[1] ?? []);
    const toast = await notification(page, 'You stopped');
    const newest = Math.max(...saved.map(Number));
    assert.match(await toast.innerText(), new RegExp(`at once, at step \\d+.*checkpoint of step ${newest}\\.`, 's'));
    const said = Number(/at step (\d+)/.exec(await toast.innerText())[1]);
    const reached = readFileSync(join(folder, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).step);
    assert.equal(said, reached.at(-1));
    await runPage.getByRole('status').filter({ hasText: 'interrupted' }).waitFor();
    await runPage.getByRole('button', { name: 'Resume' }).waitFor();
    assert.equal(await runPage.getByRole('button', { name: 'Stop' }).count(), 0);
    // The watch that finds a lost process has nothing to add, however soon it looks.
    await new Promise((wait) => setTimeout(wait, 5000));
    assert.equal(await page.locator('.notifications-toasts').getByText('was interrupted').count(), 0);
    await picture(page, 'windows-terminal-ended');
    await runCommand(page, 'Notifications: Clear All Notifications');
  });

  it('asked nothing of the outside', () => assert.deepEqual(state.outside, []));
});

describe('a training of another window', () => {
  const state = useWindow();

  it('is watched and stopped from the second', async () => {
    const { page, server, workspace } = state;
    await openFile(page, 'long.medtext.json');
    await runCommand(page, 'MedText Lab: Run Recipe');
    await until(() => newestRun(workspace)?.status === 'running', 'a run', 120_000);
    const second = await page.context().newPage();
    await openFolder(second, server, workspace.folder);
    await openSidebar(second);
    await runRow(second).filter({ hasText: 'in another window' }).waitFor({ timeout: 60_000 });
    await runRow(second).click();
    const watched = await findWebview(second, 'Rate, gradient, speed and memory', 60_000);
    await watched.getByText('It trains in another window.').waitFor();
    await picture(second, 'windows-second');
    await watched.getByRole('button', { name: 'Stop', exact: true }).click();
    await notification(second, 'was stopped');
    await notification(page, 'was stopped');
    assert.equal(newestRun(workspace).status, 'stopped');
    await second.close();
  });
});
