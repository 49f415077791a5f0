import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunFinder } from '../../src/extension/runFinder';
import { checkpointStep, isTrainer } from '../../src/extension/runFolderRecord';
import { RunLogs } from '../../src/extension/runLog';
import { isResumable, RunStore } from '../../src/extension/runStore';
import { StartNotes } from '../../src/extension/startNotes';
import type { TrainingState } from '../../src/extension/trainingService';
import { memory } from './trainingService.test';

describe('finding runs by what lies on the disk', () => {
  let root: string;
  let alive: Set<number>;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'medtext-finder-'));
    alive = new Set();
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** A window that opens: an empty memory, or an earlier one's, and what lies on the disk. */
  function openWindow(stored = memory(), own: { pid?: number; runFolder?: string } = {}) {
    const runs = new RunStore(stored);
    const starts = new StartNotes(join(root, 'storage/starts'));
    const training = { pid: own.pid, state: { runFolder: own.runFolder } as TrainingState };
    return { runs, starts, finder: new RunFinder(runs, training, starts, new RunLogs(), (pid) => alive.has(pid)) };
  }

  function writeRun(name: string, file: object, workDir = join(root, 'runs')): string {
    const folder = join(workDir, name);
    mkdirSync(folder, { recursive: true });
    const usual = { startedAt: '2026-01-02T03:04:05.000Z', updatedAt: '2026-01-02T03:14:05.000Z', totalSteps: 10 };
    writeFileSync(join(folder, 'run.json'), JSON.stringify({ ...usual, ...file }));
    return folder;
  }

  it('lists the runs of the command line with status, metric and duration, and the live one as running', async () => {
    const best = { metric: 'accuracy', value: 0.75, step: 10 };
    const finished = writeRun('a', { status: 'finished', step: 10, best });
    mkdirSync(join(finished, 'model'));
    writeRun('b', { status: 'running', step: 4, pid: 11 });
    writeRun('c', { status: 'running', step: 3, pid: 12 });
    mkdirSync(join(root, 'runs/no-run'));
    alive.add(11);
    const { runs, finder } = openWindow();
    const news = await finder.look([join(root, 'runs'), join(root, 'absent')]);
    const facts = [...runs.list()].sort((a, b) => a.name.localeCompare(b.name));
    assert.deepEqual(
      facts.map(({ name, status, step, pid }) => [name, status, step, pid]),
      [
        ['a', 'finished', 10, 0],
        ['b', 'running', 4, 11],
        ['c', 'interrupted', 3, 12],
      ],
    );
    const [a] = facts;
    assert.deepEqual([a.metric, a.modelFolder], [{ name: 'accuracy', value: 0.75 }, join(finished, 'model')]);
    assert.equal(a.endedAtMs! - a.startedAtMs, 600_000);
    assert.deepEqual([news.finished.map(({ name }) => name), news.lost], [['a'], []]);
    assert.deepEqual(await finder.look([join(root, 'runs')]), { finished: [], lost: [], stopped: [], neverBegun: [] });
  });

  it('finds without any event what was written since the window opened, once, and nothing older', async () => {
    const place = join(root, 'runs');
    const elsewhere = join(root, 'elsewhere');
    const write = (name: string, file: object, secondsFromNow: number, workDir = place): string => {
      const folder = writeRun(name, file, workDir);
      const time = new Date(Date.now() + 1000 * secondsFromNow);
      utimesSync(join(folder, 'run.json'), time, time);
      return folder;
    };
    const nothing = { finished: [], lost: [], stopped: [], neverBegun: [] };
    write('old', { status: 'finished', step: 10 }, -60);
    const { runs, finder } = openWindow();
    const stateOf = (folder: string) => [runs.get(folder)?.status, runs.get(folder)?.step];
    assert.deepEqual(await finder.poll([place]), nothing);
    assert.equal(runs.list().length, 0);

    alive.add(11);
    const begun = write('new', { status: 'running', step: 4, pid: 11 }, 1);
    mkdirSync(join(place, 'without a record'));
    assert.deepEqual(await finder.poll([place]), nothing);
    assert.deepEqual([runs.list().length, ...stateOf(begun)], [1, 'running', 4]);

    write('new', { status: 'stopped', step: 6 }, 2);
    const { stopped } = await finder.poll([place]);
    assert.deepEqual([stopped.map(({ folder }) => folder), ...stateOf(begun)], [[begun], 'stopped', 6]);
    let changes = 0;
    runs.onDidChange(() => changes++);
    assert.deepEqual([await finder.poll([place]), changes], [nothing, 0]);

    const other = write('other', { status: 'running', step: 1, pid: 11 }, 1, elsewhere);
    await finder.poll([place]);
    assert.deepEqual(stateOf(other), [undefined, undefined]);
    await finder.look([elsewhere]);
    write('other', { status: 'finished', step: 10 }, 3, elsewhere);
    await finder.poll([place]);
    assert.deepEqual(stateOf(other), ['finished', 10]);
  });

  it('a folder full of nonsense is no run, or one without facts', async () => {
    for (const [index, text] of ['', '[]', 'null', '{', '{"status": 3, "best": "x", "step": "many"}'].entries()) {
      const folder = writeRun(`n${index}`, {});
      writeFileSync(join(folder, 'run.json'), text);
    }
    const { runs, finder } = openWindow();
    await finder.look([join(root, 'runs')]);
    for (const { status, step, metric } of runs.list()) {
      assert.deepEqual([status, step, metric], ['interrupted', 0, undefined]);
    }
  });

  it('what was taken off the list stays off, until it runs again; what was deleted on the disk goes', async () => {
    const folder = writeRun('a', { status: 'stopped', step: 4 });
    const { runs, finder } = openWindow();
    await finder.look([join(root, 'runs')]);
    await runs.forget(folder);
    await finder.look([join(root, 'runs')]);
    assert.deepEqual(runs.list(), []);
    writeRun('a', { status: 'running', pid: 5 });
    alive.add(5);
    await finder.look([join(root, 'runs')]);
    assert.equal(runs.list().length, 1);
    rmSync(folder, { recursive: true });
    await finder.look([join(root, 'runs')]);
    assert.deepEqual(runs.list(), []);
  });

  it("does not take this window's own run for another's, even before its first report", async () => {
    writeRun('own', { status: 'running', pid: 5 });
    alive.add(5);
    const { runs, finder } = openWindow(memory(), { pid: 5 });
    await finder.look([join(root, 'runs')]);
    assert.deepEqual(runs.list(), []);
  });

  it('tells a run by its own name and recipe, whether it stopped early, and whether there is anything to resume', async () => {
    const recipe = join(root, 'mine.medtext.json');
    writeFileSync(recipe, '{}');
    const early = { reason: 'earlyStop', step: 4, evaluationsWithoutGain: 3 };
    writeRun('a', { status: 'finished', step: 4, name: 'mine', recipe: { file: recipe, sha256: '0' }, trainingEnd: early }); // prettier-ignore
    const stopped = writeRun('b', {
      status: 'stopped',
      step: 4,
      recipe: { file: join(root, 'gone.json'), sha256: '0' },
    });
    mkdirSync(join(stopped, 'checkpoints/step-000000004'), { recursive: true });
    writeRun('c', { status: 'running', pid: 12, step: 0 });
    const { runs, finder } = openWindow();
    await finder.look([join(root, 'runs')]);
    const [a, b, c] = [...runs.list()].sort((x, y) => x.folder.localeCompare(y.folder));
    assert.deepEqual([a.name, a.recipeFile, a.stoppedEarly, isResumable(a)], ['mine', recipe, true, false]);
    assert.deepEqual([b.name, b.recipeFile, b.stoppedEarly, isResumable(b)], ['b', join(stopped, 'recipe.medtext.json'), false, true]); // prettier-ignore
    assert.deepEqual([c.status, isResumable(c)], ['interrupted', false]);
  });

  it('a run that was seen and has ended while the window was reloaded is no training that never began', async () => {
    const stored = memory();
    const first = openWindow(stored);
    first.starts.add({ pid: 5, recipeFile: '/w/a.medtext.json', name: 'a', workDir: join(root, 'runs'), startedAtMs: Date.parse('2026-01-02T03:04:00.000Z') }); // prettier-ignore
    const folder = writeRun('mine', { status: 'running', pid: 5, step: 367 });
    await first.runs.put({ runId: 'mine', folder, recipeFile: '/w/a.medtext.json', name: 'a', status: 'running', pid: 5, startedAtMs: 1, step: 300, totalSteps: 10 }); // prettier-ignore
    // Its host went: it saved, ended, and names no process any more.
    writeRun('mine', { status: 'stopped', step: 367 });
    mkdirSync(join(folder, 'checkpoints/step-000000367'), { recursive: true });
    const { runs, starts, finder } = openWindow(stored);
    const { neverBegun } = await finder.follow();
    assert.deepEqual([neverBegun, starts.list()], [[], []]);
    const [run] = runs.list();
    assert.deepEqual([run.status, run.step, isResumable(run)], ['stopped', 367, true]);
  });

  for (const [status, kind] of [
    ['finished', 'finished'],
    ['running', 'lost'],
  ] as const) {
    // prettier-ignore
    it(`a run that was seen and is ${kind} when the window opens again is told of once`, async () => {
      const stored = memory();
      const first = openWindow(stored);
      first.starts.add({ pid: 5, recipeFile: '/w/a.medtext.json', name: 'a', workDir: join(root, 'runs'), startedAtMs: Date.parse('2026-01-02T03:04:00.000Z') }); // prettier-ignore
      const folder = writeRun('mine', { status: 'running', pid: 5, step: 3 });
      await first.runs.put({ runId: 'mine', folder, recipeFile: '/w/a.medtext.json', name: 'a', status: 'running', pid: 5, startedAtMs: 1, step: 3, totalSteps: 10 }); // prettier-ignore
      mkdirSync(join(folder, 'model'));
      writeRun('mine', { status, pid: 5, step: 10 });
      const { finder } = openWindow(stored);
      const news = await finder.follow();
      assert.deepEqual(
        news[kind].map((run) => [run.folder, run.name, run.modelFolder]),
        [[folder, 'a', kind === 'finished' ? join(folder, 'model') : undefined]],
      );
      const more = await finder.look([join(root, 'runs')]);
      assert.deepEqual([more.finished, more.lost], [[], []]);
    });
  }

  describe('a window reloaded before it has heard of the run folder', () => {
    const startedAtMs = Date.parse('2026-01-02T03:04:00.000Z');
    const note = () => ({
      pid: 5,
      recipeFile: '/w/a.medtext.json',
      name: 'a',
      workDir: join(root, 'runs'),
      startedAtMs,
    });

    it('finds the run live as soon as its folder is there, under its recipe and name', async () => {
      alive.add(5);
      openWindow().starts.add(note());
      const { runs, starts, finder } = openWindow();
      assert.equal(finder.hasDetached, true);
      await finder.follow();
      assert.deepEqual([runs.list().length, starts.list().length], [0, 1]);
      writeRun('old', { status: 'running', pid: 5, startedAt: '2025-01-01T00:00:00.000Z' });
      const folder = writeRun('mine', { status: 'running', pid: 5, step: 2 });
      await finder.follow();
      assert.deepEqual(
        runs.list().map(({ status, name, recipeFile, pid, folder }) => [status, name, recipeFile, pid, folder]),
        [['running', 'a', '/w/a.medtext.json', 5, folder]],
      );
      assert.deepEqual([starts.list(), finder.hasDetached], [[], true]);
      writeRun('mine', { status: 'finished', step: 10 });
      assert.deepEqual(
        (await finder.follow()).finished.map(({ name }) => name),
        ['a'],
      );
      assert.equal(finder.hasDetached, false);
    });

    it('finds the run that was stopped by the reload, although it no longer names a process', async () => {
      openWindow().starts.add(note());
      writeRun('earlier', { status: 'finished', startedAt: '2026-01-02T03:03:00.000Z' });
      writeRun('mine', { status: 'stopped', step: 1 });
      const { runs, finder } = openWindow();
      await finder.follow();
      assert.deepEqual(
        runs.list().map(({ runId, status, name }) => [runId, status, name]),
        [['mine', 'stopped', 'a']],
      );
    });

    it('says that it never began when the process is gone without a folder, once', async () => {
      openWindow().starts.add(note());
      const { finder } = openWindow();
      assert.deepEqual(
        (await finder.follow()).neverBegun.map(({ name }) => name),
        ['a'],
      );
      assert.deepEqual((await finder.follow()).neverBegun, []);
    });

    it('waits for a resumed run to write, for its folder tells of the time before', async () => {
      const folder = writeRun('mine', { status: 'stopped', step: 4 });
      alive.add(5);
      openWindow().starts.add({ ...note(), runFolder: folder });
      const { runs, finder } = openWindow();
      await finder.follow();
      assert.deepEqual(runs.list(), []);
      writeRun('mine', { status: 'running', step: 4, pid: 5 });
      await finder.follow();
      assert.deepEqual(
        runs.list().map(({ status, pid }) => [status, pid]),
        [['running', 5]],
      );
    });
  });

  it('a run that this window ends at once is listed as interrupted, and told of by who ended it', async () => {
    const folder = writeRun('a', { status: 'running', step: 4, pid: 11 });
    alive.add(11);
    const { runs, finder } = openWindow();
    await finder.look([join(root, 'runs')]);
    const news = await finder.whileEnding(folder, () => {
      alive.delete(11);
      return finder.follow();
    });
    assert.deepEqual([news.lost, runs.get(folder)?.status], [[], 'interrupted']);
    // The next loss of the same run is news again.
    alive.add(11);
    await finder.follow();
    await finder.update([folder]);
    assert.equal(runs.get(folder)?.status, 'running');
    alive.delete(11);
    assert.deepEqual(
      (await finder.follow()).lost.map((run) => run.folder),
      [folder],
    );
  });

  it('a run that lost its process while nobody watched is told of, with the step it can go on from', async () => {
    const folder = writeRun('a', { status: 'running', pid: 5, step: 8 });
    for (const name of ['step-000000004', 'step-000000008', 'step-000000012.writing-x']) {
      mkdirSync(join(folder, 'checkpoints', name), { recursive: true });
    }
    alive.add(5);
    const { finder, runs } = openWindow();
    await finder.look([join(root, 'runs')]);
    writeFileSync(join(folder, 'metrics.jsonl'), '{"step":9,"loss":1}\n{"step":10,"loss":1}\n');
    alive.clear();
    assert.deepEqual(
      (await finder.follow()).lost.map(({ folder }) => folder),
      [folder],
    );
    assert.equal(checkpointStep(folder), 8);
    // It came further than its checkpoint, which is all that run.json knows; a later look says the same.
    assert.equal(runs.get(folder)?.step, 10);
    await finder.look([join(root, 'runs')]);
    assert.equal(runs.get(folder)?.step, 10);
    assert.equal(checkpointStep(join(root, 'absent')), undefined);
  });

  it('a process of somebody else is no trainer, whatever its number', function () {
    if (process.platform !== 'linux') this.skip();
    assert.equal(isTrainer(1), false);
    assert.equal(isTrainer(2 ** 22 + 1), false);
  });
});
