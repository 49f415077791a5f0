import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunFinder } from '../../src/extension/runFinder';
import { RunLogs } from '../../src/extension/runLog';
import { isResumable, RunStore, type RunRecord } from '../../src/extension/runStore';
import { StartNotes } from '../../src/extension/startNotes';
import { askToStop } from '../../src/extension/stopRequests';
import type { TrainingState } from '../../src/extension/trainingService';
import { jsonLines, start } from '../cli/support/commandLine';
import { tinyRecipe } from '../support/tinyRecipe';
import { memory } from './trainingService.test';

/** A window beside trainings of the command line, each in a process of its own. */
describe('a run that trains without this window', () => {
  let folder: string;
  let recipeFile: string;
  let logs: RunLogs;
  let runs: RunStore;
  let finder: RunFinder;
  const started: ReturnType<typeof start>[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-watched-'));
    recipeFile = join(folder, 'watched.medtext.json');
    writeFileSync(recipeFile, JSON.stringify(tinyRecipe(folder, { max_epochs: 9000, evaluate_every: 40 })));
    logs = new RunLogs();
    runs = new RunStore(memory());
    const training = { pid: undefined, state: { phase: 'idle' } as TrainingState };
    finder = new RunFinder(runs, training, new StartNotes(join(folder, 'starts')), logs);
  });
  afterEach(async () => {
    for (const { process, ended } of started.splice(0)) {
      process.kill('SIGKILL');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  function train(...parameters: string[]): ReturnType<typeof start> {
    const run = start(['finetune', ...parameters, '--json'], { cwd: folder });
    started.push(run);
    return run;
  }
  const onlyRun = (): RunRecord => {
    assert.equal(runs.list().length, 1);
    return runs.list()[0];
  };
  const record = ({ folder }: RunRecord) => JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as { status: string; step: number; owner?: object }; // prettier-ignore
  const stopFile = ({ folder }: RunRecord): string => join(folder, '.stop');

  it('is watched step by step, stops when it is asked, and is resumed', async () => {
    const terminal = train(recipeFile);
    await terminal.until('"step":3,');
    await finder.look([join(folder, 'runs')]);
    const run = onlyRun();
    assert.deepEqual([run.status, run.name, run.place], ['running', 'watched', { program: 'terminal' }]);
    assert.ok(finder.hasDetached);
    await finder.follow();
    const { history } = await logs.read(run.folder);
    assert.ok(history.steps.length >= 3 && history.steps[0] === 1);
    await terminal.until(`"step":${history.steps.length + 5},`);
    let news = 0;
    runs.onDidChange(() => news++);
    await finder.follow();
    assert.ok(logs.last(run.folder)!.step! >= history.steps.length + 5);
    assert.ok(news > 0, 'views look again at each step that is new');

    assert.equal(await askToStop(run), true);
    const { code, stdout, stderr } = await terminal.ended;
    assert.equal(code, 130, stderr);
    assert.match(stderr, /asked this training to stop/);
    const last = jsonLines(stdout).filter((line) => 'loss' in line).at(-1) as { step: number }; // prettier-ignore
    const { stopped, lost } = await finder.follow();
    assert.deepEqual([stopped.map(({ folder }) => folder), lost], [[run.folder], []]);
    const now = onlyRun();
    assert.deepEqual([now.status, now.step, now.place, isResumable(now)], ['stopped', last.step, undefined, true]);
    assert.equal(record(run).owner, undefined);
    assert.deepEqual([existsSync(stopFile(run)), finder.hasDetached], [false, false]);

    // A request that was meant for a process that is gone stops nobody.
    writeFileSync(stopFile(run), JSON.stringify({ pid: terminal.process.pid }));
    const again = train('--resume', run.folder);
    await again.until(`"step":${last.step + 40},`);
    assert.equal(existsSync(stopFile(run)), false);
    writeFileSync(stopFile(run), JSON.stringify({ pid: again.process.pid, processStart: 'another' }));
    await again.until(`"step":${last.step + 80},`);
    assert.equal(record(run).status, 'running');
  });

  it('says that it was asked, to every window', async () => {
    const terminal = train(recipeFile);
    await terminal.until('"step":3,');
    await finder.look([join(folder, 'runs')]);
    const run = onlyRun();
    // A process that stands still reads nothing: what it was asked is seen by others.
    terminal.process.kill('SIGSTOP');
    await askToStop(run);
    await finder.follow();
    assert.deepEqual([onlyRun().status, onlyRun().stopAsked], ['running', true]);
    terminal.process.kill('SIGCONT');
    assert.equal((await terminal.ended).code, 130);
    await finder.follow();
    assert.deepEqual([onlyRun().status, onlyRun().stopAsked], ['stopped', false]);
  });

  it('ends at once when it is asked to, and says why in its terminal', async () => {
    const terminal = train(recipeFile);
    await terminal.until('"step":45,');
    await finder.look([join(folder, 'runs')]);
    const run = onlyRun();
    assert.equal(await askToStop(run, { now: true }), true);
    const { code, stderr } = await terminal.ended;
    assert.equal(code, 130, stderr);
    assert.match(stderr, /Another program asked this training to end at once/);
    await finder.follow();
    assert.deepEqual([onlyRun().status, isResumable(onlyRun())], ['interrupted', true]);
  });

  it('whose process has died is not asked, and can be resumed', async () => {
    const terminal = train(recipeFile);
    await terminal.until('"evaluation"');
    await terminal.until('"step":45,');
    await finder.look([join(folder, 'runs')]);
    const run = onlyRun();
    terminal.process.kill('SIGKILL');
    await terminal.ended;
    assert.equal(await askToStop(run), false);
    assert.equal(existsSync(stopFile(run)), false);
    assert.deepEqual((await finder.follow()).lost.map(({ folder }) => folder), [run.folder]); // prettier-ignore
    assert.ok(isResumable(onlyRun()));
    assert.deepEqual(readdirSync(join(run.folder, 'checkpoints')), ['step-000000040']);
  });
});
