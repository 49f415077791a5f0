import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { ListedModel } from '../../../src/extension/modelStore';
import type { TrainingOutcome } from '../../../src/extension/trainingService';
import { accepting, api, extension, hoverAt, openTabs, until } from './support';

const folder = vscode.workspace.workspaceFolders![0].uri.fsPath;
const file = (name: string): vscode.Uri => vscode.Uri.file(join(folder, name));
const run = <T>(command: string, ...parameters: unknown[]): Thenable<T> =>
  vscode.commands.executeCommand<T>(command, ...parameters);

/** Runs the command of the recipe's lens, as a click on the lens does. */
async function clickLens(name: string): Promise<void> {
  const { uri } = await vscode.workspace.openTextDocument(file('quick.medtext.json'));
  const lenses = await run<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri);
  const { command } = lenses.find((lens) => lens.command?.title.includes(name))!;
  await run(command!.command, ...command!.arguments!);
}

async function taskOf(recipe: string): Promise<vscode.Task> {
  const found = await vscode.tasks.fetchTasks({ type: 'medtext' });
  const task = found.find(({ definition }) => definition.recipe === recipe);
  assert.ok(task, `no task of ${recipe} among ${found.map(({ name }) => name).join(', ')}`);
  return task;
}

/** Runs the recipe as a task to its end and returns the exit code that VS Code reports. */
async function runTask(recipe: string): Promise<number | undefined> {
  const task = await taskOf(recipe);
  const ended = new Promise<number | undefined>((resolve) => {
    const subscription = vscode.tasks.onDidEndTaskProcess(({ execution, exitCode }) => {
      if (execution.task.definition.recipe !== recipe) return;
      subscription.dispose();
      resolve(exitCode);
    });
  });
  await vscode.tasks.executeTask(task);
  return ended;
}

describe('commands in the host', () => {
  let model: string;

  before(async () => {
    const { services } = await api();
    const listed = services.models.list().find(({ hasHead, missing }) => hasHead && !missing);
    if (listed) model = listed.folder;
    else {
      const outcome = await run<TrainingOutcome>('medtext.runRecipe', file('quick.medtext.json'));
      model = outcome.result!.model;
    }
    await run('medtext.useModel', model);
  });
  afterEach(() => run('workbench.action.closeAllEditors'));

  it('Evaluate shows the metrics of the active model as a page', async () => {
    await run('medtext.evaluate', file('data/pairs-dev.json'));
    // The editor reports the new tab a moment later.
    const shown = () => vscode.window.tabGroups.activeTabGroup.activeTab?.input as vscode.TabInputWebview | undefined;
    await until(async () => /medtext\.runPage/.test(String(shown()?.viewType)), 'the page of the evaluation');
  });

  it('Predict File writes the labels into a file that the person names, and opens it', async () => {
    await accepting(run('medtext.predictFile', file('data/pairs-dev.json')));
    const output = file('data/pairs-dev.predicted.json').fsPath;
    const rows = JSON.parse(readFileSync(output, 'utf8')) as Record<string, unknown>[];
    const given = JSON.parse(readFileSync(file('data/pairs-dev.json').fsPath, 'utf8')) as unknown[];
    assert.equal(rows.length, given.length);
    assert.ok(rows.every(({ label }) => ['0', '1', '2'].includes(String(label))));
    assert.equal(vscode.window.activeTextEditor?.document.uri.fsPath, output);
    rmSync(output);
  });

  it('Import Model takes the folder that the explorer names, once', async () => {
    const { services } = await api();
    const checkpoint = file('checkpoint');
    cpSync(join(extension.extensionPath, 'test/fixtures/checkpoints/structbert'), checkpoint.fsPath, {
      recursive: true,
    });
    const first = await run<ListedModel>('medtext.importModel', checkpoint);
    assert.ok(existsSync(join(first.folder, 'model.safetensors')));
    const { record } = services.models.list().find((one) => one.folder === first.folder)!;
    assert.equal(record?.layers, 2);
    assert.ok(record.parameterCount > 0);
    const second = await run<ListedModel>('medtext.importModel', checkpoint);
    assert.equal(second.folder, first.folder);
    await services.models.remove(first.folder);
    await services.library.request('remove', { folder: first.folder });
    rmSync(checkpoint.fsPath, { recursive: true });
  });

  it('Map labels opens the label mapping of the recipe', async () => {
    await clickLens('Map labels');
    const isOpen = () => openTabs().some(({ input }) => viewTypeOf(input) === 'medtext.labelMapping');
    await until(isOpen, 'label mapping');
  });

  it('Preview data opens the rows of the recipe’s data', async () => {
    // For a recipe with several files the command asks which one. The first is the training data.
    await accepting(Promise.resolve(clickLens('Preview data')));
    await until(() => openTabs().some(({ label }) => label.includes('pairs-train.json')), 'preview');
  });

  it('a recipe runs as a task to its end, and a broken one fails', async () => {
    const { services } = await api();
    const before = services.runs.list().length;
    assert.equal(await runTask('quick.medtext.json'), 0);
    const [newest, ...others] = services.runs.list();
    assert.equal(others.length, before);
    assert.equal(newest.status, 'finished');
    assert.ok(readdirSync(newest.folder).includes('model'));

    const broken = { task: 'regression', model: 'absent', dataset: { train: { file: 'absent.json' } } };
    await vscode.workspace.fs.writeFile(file('lost.medtext.json'), Buffer.from(JSON.stringify(broken)));
    assert.equal(await runTask('lost.medtext.json'), 1);
    await vscode.workspace.fs.delete(file('lost.medtext.json'));
  });

  it('a task whose terminal is closed stops its training, which can be resumed', async () => {
    const { services } = await api();
    const { training, runs } = services;
    await vscode.tasks.executeTask(await taskOf('long.medtext.json'));
    await until(() => (training.state.report?.step ?? 0) > 5, 'some steps');
    const terminal = vscode.window.terminals.find(({ name }) => name.includes('long.medtext.json'));
    assert.ok(terminal, `terminals: ${vscode.window.terminals.map(({ name }) => name).join(', ')}`);
    terminal.dispose();
    await until(() => !training.isActive, 'the training has ended');
    assert.equal(runs.list()[0].status, 'stopped');
  });

  it('without a chosen model the starter answers, or, switched off, a hint says once how to get one', async () => {
    const { services } = await api();
    const { globalState, workspaceState } = services.context;
    const switched = (on: boolean | undefined) => vscode.workspace.getConfiguration().update('medtext.hover.starter', on, vscode.ConfigurationTarget.Global); // prettier-ignore
    await globalState.update('medtext.hoverHintShown', undefined);
    await workspaceState.update('medtext.activeModel', undefined);
    const { uri } = await vscode.workspace.openTextDocument(file('note.txt'));
    const over = new vscode.Position(0, 2);
    if (!services.models.active()) {
      await switched(false);
      const hint = await hoverAt(uri, over);
      assert.match(hint, /once a model is active/);
      assert.match(hint, /command:medtext\.chooseActiveModel/);
      assert.equal(await hoverAt(uri, over), '', 'said once');
      await switched(undefined);
    }
    services.setReference('肺炎怎么治疗');
    assert.match(await hoverAt(uri, over), /cosine \*\*\d\.\d+\*\*/);
    services.setReference(undefined);
    assert.match(await hoverAt(uri, over), /most similar in this document, by cosine[^]*1\. \*\*0\.9\d\d\*\* “高血压吃什么药好。”[^]*command:medtext\.setReference/); // prettier-ignore
    assert.ok(services.models.isStarter(services.models.active()!));
    const code = await vscode.workspace.openTextDocument({ language: 'python', content: '# 高血压怎么治疗？\n# 高血压吃什么药好。\n' }); // prettier-ignore
    assert.equal(await hoverAt(code.uri, new vscode.Position(0, 4)), '', 'code is no text');
    await switched(false);
    assert.equal(await hoverAt(uri, over), '');
    await switched(undefined);
    await run('medtext.useModel', model);
  });
});

function viewTypeOf(input: unknown): string | undefined {
  return input instanceof vscode.TabInputCustom ? input.viewType : undefined;
}
