import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { paletteCommands } from '../../../src/extension/ids';
import type { TrainingOutcome } from '../../../src/extension/trainingService';
import { api, extension, hoverAt, openTabs, until } from './support';

const folder = vscode.workspace.workspaceFolders![0].uri.fsPath;
const file = (name: string): vscode.Uri => vscode.Uri.file(join(folder, name));

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the extension in its host', () => {
  it('loads its core at the first use, and neither runtime nor process with it', async () => {
    await extension.activate();
    const hasCore = () => Object.keys(require.cache).some((path) => path.endsWith(join('dist', 'core.js')));
    assert.equal(hasCore(), false);
    const { services } = await api();
    assert.equal(hasCore(), true);
    assert.equal(await services.scorer.pid(), undefined);
    const heavy = Object.keys(require.cache).filter((path) => path.includes('onnxruntime'));
    assert.deepEqual(heavy, []);
  });

  it('registers every command of the palette', async () => {
    const registered = new Set(await vscode.commands.getCommands(true));
    assert.deepEqual(
      paletteCommands.filter((command) => !registered.has(command)),
      [],
    );
  });

  it('checks recipes as they are typed, with a quick fix for an unknown column', async () => {
    const document = await vscode.workspace.openTextDocument(file('quick.medtext.json'));
    await vscode.window.showTextDocument(document);
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
      'vscode.executeCodeLensProvider',
      document.uri,
    );
    assert.deepEqual(
      lenses.map(({ command }) => command?.command),
      ['medtext.runRecipe', 'medtext.previewData', 'medtext.mapLabels'],
    );
    const edit = new vscode.WorkspaceEdit();
    const offset = document.getText().indexOf('"file": "data/pairs-train.json"');
    edit.insert(document.uri, document.positionAt(offset), '"label": "etiquette", ');
    await vscode.workspace.applyEdit(edit);
    const ours = () => vscode.languages.getDiagnostics(document.uri).filter(({ source }) => source === 'MedText Lab');
    await until(() => ours().length === 1, 'diagnostic');
    assert.match(ours()[0].message, /has no column etiquette/);
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      ours()[0].range,
    );
    const fix = actions.find(({ title }) => title === 'Use the column label')!;
    await vscode.workspace.applyEdit(fix.edit!);
    await until(() => ours().length === 0, 'diagnostic gone');
    await vscode.commands.executeCommand('workbench.action.files.revert');
  });

  it('validates recipes by the schema', async () => {
    const document = await vscode.workspace.openTextDocument(file('quick.medtext.json'));
    const edit = new vscode.WorkspaceEdit();
    edit.replace(document.uri, document.lineAt(1).range, ' "task": "poetry",');
    await vscode.workspace.applyEdit(edit);
    await until(
      () => vscode.languages.getDiagnostics(document.uri).some(({ message }) => /sentence-similarity/.test(message)),
      'schema diagnostic',
    );
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand('workbench.action.files.revert');
  });

  describe('training and scoring', () => {
    let finished: TrainingOutcome;

    it('runs a recipe to the end and lists model and run', async () => {
      const { services } = await api();
      finished = (await vscode.commands.executeCommand('medtext.runRecipe', file('quick.medtext.json')))!;
      assert.equal(finished.status, 'finished', finished.error?.message);
      assert.ok(existsSync(join(finished.result!.model, 'model.safetensors')));
      const [run] = services.runs.list();
      assert.equal(run.status, 'finished');
      assert.equal(run.step, run.totalSteps);
      assert.equal(run.folder, finished.result!.run);
      assert.deepEqual(
        services.models.list().map(({ folder: path, hasHead }) => [path, hasHead]),
        [[finished.result!.model, true]],
      );
    });

    it('scores rows of data files and sentences against the reference in hovers', async () => {
      const { services } = await api();
      await vscode.commands.executeCommand('medtext.useModel', finished.result!.model);
      const rows = await vscode.workspace.openTextDocument(file('data/pairs-dev.json'));
      const at = rows.positionAt(rows.getText().indexOf('"query1"') + 12);
      const hover = await hoverAt(rows.uri, at);
      assert.match(hover, /similarity \*\*[01]\.\d{3}\*\*/);
      assert.match(hover, /Predicted `[012]`/);

      const note = await vscode.workspace.openTextDocument(file('note.txt'));
      assert.equal(await hoverAt(note.uri, new vscode.Position(1, 2)), '');
      await vscode.commands.executeCommand('medtext.setReference', '高血压怎么治疗？');
      assert.match(await hoverAt(note.uri, new vscode.Position(1, 2)), /Reference: “高血压怎么治疗？”/);
      services.setReference(undefined);
    });

    it('scores the same after the scorer was killed', async () => {
      const { services } = await api();
      const pair = [{ first: '高血压怎么治疗？', second: '高血压吃什么药好。' }];
      const [before] = (await services.scoring.score(pair)).scores;
      const pid = (await services.scorer.pid())!;
      process.kill(pid, 'SIGKILL');
      await until(async () => (await services.scorer.pid()) === undefined, 'scorer noticed as gone');
      services.scoring.forget();
      const [after] = (await services.scoring.score(pair)).scores;
      assert.deepEqual(after, before);
      assert.notEqual(await services.scorer.pid(), pid);
    });

    it('answers hovers while training, stops on request and resumes', async () => {
      const { services } = await api();
      const running = vscode.commands.executeCommand<TrainingOutcome>('medtext.runRecipe', file('long.medtext.json'));
      await until(() => (services.training.state.report?.step ?? 0) > 3, 'training steps');
      services.scoring.forget();
      const begin = Date.now();
      await services.scoring.score([{ first: '甲', second: '乙' }]);
      assert.ok(Date.now() - begin < 5000);
      await vscode.commands.executeCommand('medtext.stopTraining');
      const stopped = await running;
      assert.equal(stopped.status, 'stopped', stopped.error?.message);
      const step = services.runs.get(stopped.runFolder!)!.step;
      assert.ok(step > 3);

      const resumed = vscode.commands.executeCommand<TrainingOutcome>(
        'medtext.resumeRun',
        services.runs.get(stopped.runFolder!),
      );
      await until(() => (services.training.state.report?.step ?? 0) > step, 'step after resume');
      assert.ok(services.training.state.report!.step < step + 200);
      await vscode.commands.executeCommand('medtext.stopTraining');
      assert.equal((await resumed).status, 'stopped');
    });

    it('notices at once that the trainer was killed, and the run can be resumed', async () => {
      const { services } = await api();
      const running = vscode.commands.executeCommand<TrainingOutcome>('medtext.runRecipe', file('long.medtext.json'));
      await until(() => (services.training.state.report?.step ?? 0) > 3, 'training steps');
      const runFolder = services.training.state.runFolder!;
      const pid = JSON.parse(readFileSync(join(runFolder, 'run.json'), 'utf8')).pid as number;
      assert.ok(isAlive(pid));
      const begin = Date.now();
      process.kill(pid, 'SIGKILL');
      const outcome = await running;
      assert.ok(Date.now() - begin < 3000);
      assert.equal(outcome.status, 'interrupted');
      assert.equal(outcome.error?.code, 'CLOSED');
      assert.equal(services.runs.get(runFolder)?.status, 'interrupted');
      assert.equal(services.training.isActive, false);
    });

    it('exports a model in the scorer process; what it wrote scores', async () => {
      const { services } = await api();
      const { model } = finished.result!;
      const output = join(folder, 'exported-int8');
      const exported = await services.scorer.request('exportModel', { folder: model, output, format: 'onnx-int8' });
      assert.ok(existsSync(join(output, 'model_int8.onnx')) && exported.files.includes('tokenizer.json'));
      assert.ok(exported.largestDifference! > 0);
      await vscode.commands.executeCommand('medtext.useModel', output);
      const { scores } = await services.scoring.score([{ first: '高血压怎么治疗？', second: '高血压吃什么药好。' }]);
      const [score] = scores;
      assert.equal(Object.keys(score.probabilities).length, 3);
      await vscode.commands.executeCommand('medtext.useModel', model);
    });

    it('compares runs side by side', async () => {
      const { services } = await api();
      const runs = services.runs.list();
      assert.ok(runs.length >= 2);
      await vscode.commands.executeCommand('medtext.compareRuns', runs[0], runs);
      const isOpen = () => openTabs().some(({ label }) => label === 'Compare Runs');
      await until(isOpen, 'comparison');
    });

    it('evaluates, predicts and checks the device in the scorer process', async () => {
      const { services } = await api();
      const { model } = finished.result!;
      const params = { folder: model, file: file('data/pairs-dev.json').fsPath, device: 'cpu' };
      const { report: metrics } = await services.scorer.request('evaluate', params);
      assert.equal(metrics.rows, 64);
      const output = file('predicted.json').fsPath;
      const { rows } = await services.scorer.request('predict', { ...params, output });
      assert.equal(rows, 64);
      assert.equal(JSON.parse(readFileSync(output, 'utf8')).length, 64);
      const facts = await services.scorer.request('doctor', { device: 'cpu' });
      assert.equal((facts.selfTest as { passed: boolean }).passed, true);
    });

    it('reports a recipe that cannot run without breaking anything', async () => {
      const { services } = await api();
      await vscode.workspace.fs.writeFile(
        file('broken.medtext.json'),
        Buffer.from(
          JSON.stringify({ task: 'regression', model: 'absent', dataset: { train: { file: 'absent.json' } } }),
        ),
      );
      const outcome = await vscode.commands.executeCommand<TrainingOutcome>(
        'medtext.runRecipe',
        file('broken.medtext.json'),
      );
      assert.equal(outcome?.status, 'failed');
      assert.equal(outcome?.error?.code, 'NOT_FOUND');
      assert.equal(services.training.isActive, false);
    });
  });
});
