import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { hugePages } from '../../src/base/hugePages';
import { MedTextError } from '../../src/base/errors';
import type { ChosenDevice } from '../../src/protocol/deviceWords';
import type { UnderstoodData } from '../../src/protocol/fieldGuess';
import type { EvaluationReport, MemoryPlan, TrainingReport } from '../../src/protocol/trainer';
import { ScorerClient } from '../../src/worker/scorerClient';
import { TrainerClient } from '../../src/worker/trainerClient';
import { tinyRecipe } from '../support/tinyRecipe';
import { isAlive, launchOf, until } from './support/launch';

const withCode = (code: string) => (error: MedTextError) => error instanceof MedTextError && error.code === code;

function recipeOf(max_epochs: number, model = 'm') {
  const dataset = { train: { file: 'a.json' } };
  return { task: 'sentence-similarity', model, dataset, train: { max_epochs } };
}

async function train(
  max_epochs: number,
  { model = 'm', onHostGone = 'stop' as 'stop' | 'continue', lines = [] as string[] } = {},
) {
  const reports: TrainingReport[] = [];
  const evaluations: EvaluationReport[] = [];
  const plans: MemoryPlan[] = [];
  const choices: ChosenDevice[] = [];
  const understood: UnderstoodData[] = [];
  const client = await TrainerClient.start(
    launchOf('fakeTrainer.ts', lines),
    { recipe: recipeOf(max_epochs, model), recipeFile: '/somewhere/a.medtext.json', onHostGone },
    {
      onChosenDevice: (choice) => choices.push(choice),
      onUnderstoodData: (data) => understood.push(data),
      onPreparation: ({ doneBytes, totalBytes }) => lines.push(`prepared ${doneBytes} of ${totalBytes}`),
      onMemoryPlan: (plan) => plans.push(plan),
      onReport: (report) => reports.push(report),
      onEvaluation: (evaluation) => evaluations.push(evaluation),
    },
  );
  return { client, reports, evaluations, plans, choices, understood };
}

/** The nice value of each thread of a process, by its id; none of a process that is gone. */
function threadNices(pid: number): ReadonlyMap<string, number> {
  try {
    const tasks = `/proc/${pid}/task`;
    // The name stands in brackets and may hold spaces; the nice value is the seventeenth field behind it.
    const niceOf = (id: string) => Number(readFileSync(join(tasks, id, 'stat'), 'utf8').replace(/^.*\) /s, '').split(' ')[16]); // prettier-ignore
    return new Map(readdirSync(tasks).map((id) => [id, niceOf(id)]));
  } catch {
    return new Map();
  }
}

describe('the trainer process', () => {
  it('reports at most ten times a second, the last report always, evaluations all, and ends with its run', async () => {
    const lines: string[] = [];
    const { client, reports, evaluations, plans, choices, understood } = await train(60, { lines });
    const end = await client.result;
    assert.deepEqual([end.status, end.run, end.best?.value], ['finished', '/somewhere/runs/run-1', 0.5]);
    assert.deepEqual(understood.map(({ fields }) => fields), [[{ role: 'label', column: 'y', reason: 'name' }]]); // prettier-ignore
    assert.deepEqual(plans, [{ estimatedBytes: 1e9, batchSize: 16, microBatchSize: 4 }]);
    assert.deepEqual(choices, [{ device: 'cpu', trials: [{ device: 'cuda', passed: false, fault: { code: 'noLibraries' } }] }]); // prettier-ignore
    assert.equal(reports.at(-1)!.step, 60);
    assert.ok(reports.length < 20, `${reports.length} reports of 60`);
    assert.ok(reports.every(({ memoryBytes }) => memoryBytes! > 0));
    assert.deepEqual(
      evaluations.map(({ step }) => step),
      [3],
    );
    assert.ok(lines.some((line) => line.includes('sentence-similarity in /somewhere')));
    assert.ok(lines.includes('prepared 1 of 2'));
    await client.exited();
    assert.equal(isAlive(client.pid), false);
  });

  it('stops after the step when asked', async () => {
    const { client, reports } = await train(9999);
    await until(() => reports.length > 0, 'a report');
    await client.stop();
    assert.equal((await client.result).status, 'stopped');
  });

  it("fails with the engine's code, and with the recipe's for a recipe that is not valid", async () => {
    await assert.rejects((await train(3, { model: 'broken' })).client.result, withCode('MODEL_CONFIG'));
    await assert.rejects((await train(-3)).client.result, withCode('RECIPE'));
  });

  it('killed, fails at once with CLOSED', async () => {
    const { client, reports } = await train(9999);
    await until(() => reports.length > 0, 'a report');
    client.kill();
    await assert.rejects(client.result, (error: MedTextError) => {
      assert.equal(error.code, 'CLOSED');
      assert.doesNotMatch(error.message, /memory/, 'the person ended it, not the system');
      return true;
    });
  });

  it('frozen, is noticed while it lives, and so is its return', async () => {
    const silences: (string | undefined)[] = [];
    const launch = { ...launchOf('fakeTrainer.ts'), silenceLimits: { frozenMs: 3500, blockedMs: 60_000 } };
    const listeners = {
      onReport: () => undefined,
      onEvaluation: () => undefined,
      onSilence: (silence?: { kind: string }) => silences.push(silence?.kind),
    };
    const params = { recipe: recipeOf(9999), recipeFile: '/somewhere/a.medtext.json', onHostGone: 'stop' as const };
    const client = await TrainerClient.start(launch, params, listeners);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.deepEqual(silences, []);
    process.kill(client.pid, 'SIGSTOP');
    await until(() => silences.length === 1, 'silence noticed');
    process.kill(client.pid, 'SIGCONT');
    await until(() => silences.length === 2, 'return noticed');
    assert.deepEqual(silences, ['frozen', undefined]);
    process.kill(client.pid, 'SIGSTOP');
    client.kill();
    await assert.rejects(client.result, withCode('CLOSED'));
    await client.exited();
    assert.equal(isAlive(client.pid), false);
  });

  it('is noted before it is asked to train, and gets its memory in huge pages', async () => {
    const noted: number[] = [];
    const listeners = {
      onProcess: (pid: number) => noted.push(pid),
      onReport: () => undefined,
      onEvaluation: () => undefined,
    };
    const params = { recipe: recipeOf(9999), recipeFile: '/somewhere/a.medtext.json', onHostGone: 'stop' as const };
    const client = await TrainerClient.start(launchOf('fakeTrainer.ts'), params, listeners);
    assert.deepEqual(noted, [client.pid]);
    // Scoring and the editor go first.
    assert.ok(getPriority(client.pid) > getPriority(), `${getPriority(client.pid)}`);
    if (process.platform === 'linux') {
      const environment = readFileSync(`/proc/${client.pid}/environ`, 'utf8').split('\0');
      const given = environment.find((entry) => entry.startsWith('GLIBC_TUNABLES='));
      // The C library cuts the text into its settings where it stands; the first shows that it has come.
      const expected = (process.env.GLIBC_TUNABLES ?? hugePages().GLIBC_TUNABLES).split(':')[0];
      assert.equal(given?.split(':')[0], `GLIBC_TUNABLES=${expected}`);
    }
    client.kill();
    await assert.rejects(client.result);
  });

  it('computes in threads of a lower priority than the scorer’s', async () => {
    // macOS and Windows know the priority of a whole process alone.
    if (process.platform !== 'linux') return;
    const folder = mkdtempSync(join(tmpdir(), 'medtext-priority-'));
    try {
      const scorer = new ScorerClient(() => launchOf('fakeScorer.ts'));
      await scorer.scorePairs({ folder: 'a', device: 'cpu' }, []);
      const scorerNice = getPriority((await scorer.pid())!);
      scorer.dispose();
      const recipe = { ...tinyRecipe(folder, {}, { threads: 3 }) };
      const recipeFile = join(folder, 'a.medtext.json');
      writeFileSync(recipeFile, JSON.stringify(recipe));
      let before: ReadonlyMap<string, number> = new Map();
      const nices: ReadonlyMap<string, number>[] = [];
      const client = await TrainerClient.start(
        launchOf('cpuTrainer.ts'),
        { recipe, recipeFile, baseFolder: folder, onHostGone: 'stop' },
        {
          onProcess: (pid) => (before = threadNices(pid)),
          onReport: () => nices.push(threadNices(client.pid)),
          onEvaluation: () => undefined,
        },
      );
      await client.result;
      assert.ok(nices.length > 0);
      // V8's own threads are there before the process can ask for anything.
      for (const threads of nices) {
        const made = [...threads].filter(([id]) => !before.has(id));
        assert.ok(made.length >= 2, 'the runtime’s threads');
        for (const [id, nice] of made) assert.ok(nice > scorerNice, `thread ${id}: ${nice}, the scorer ${scorerNice}`);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('let go by its window, stops by itself or goes on to its end, as it was told', async () => {
    const stopping = await train(9999);
    const going = await train(300, { onHostGone: 'continue' });
    await until(() => stopping.reports.length > 0 && going.reports.length > 0, 'reports');
    stopping.client.release();
    going.client.release();
    await until(() => !isAlive(stopping.client.pid), 'the stopping one ended');
    assert.ok(isAlive(going.client.pid));
    await until(() => !isAlive(going.client.pid), 'the other finished');
  });
});

describe('the scorer process', () => {
  let scorer: ScorerClient;
  beforeEach(() => (scorer = new ScorerClient(() => launchOf('fakeScorer.ts'))));
  afterEach(() => scorer.dispose());
  const model = (folder: string) => ({ folder, device: 'cpu' });

  it('starts with the first request and keeps one model at a time, whatever the order of requests', async () => {
    assert.equal(await scorer.pid(), undefined);
    const pair = [{ first: 'x', second: 'x' }];
    const folders = ['a', 'b', 'a', 'a', 'c'];
    const opened: string[] = [];
    scorer.onOpened(({ folder, memoryBytes }) => memoryBytes > 1e7 && opened.push(folder));
    const scores = await Promise.all(folders.map((folder) => scorer.scorePairs(model(folder), pair)));
    assert.deepEqual(
      scores.map(([{ probabilities }]) => Object.keys(probabilities)[0]),
      folders,
    );
    assert.deepEqual(opened, ['a', 'b', 'a', 'c'], 'with the memory that the process held then');
  });

  it('scores in a precision once it was measured, with the model that it has open, too', async () => {
    const asked = { ...model('a'), precision: 'int8' as const };
    assert.equal((await scorer.load(asked)).precision, 'float32');
    await scorer.request('checkPrecision', asked);
    assert.equal((await scorer.load(asked)).precision, 'int8');
  });

  it('fails for a model that is not there and works for the next', async () => {
    await assert.rejects(scorer.scorePairs(model('absent'), []), withCode('NOT_FOUND'));
    assert.deepEqual(await scorer.scorePairs(model('a'), []), []);
  });

  it('starts again after a crash, and is given up after three', async () => {
    const crashes: unknown[] = [];
    scorer.onCrash((exit) => crashes.push(exit.signal));
    for (let n = 1; n <= 3; n++) {
      await assert.rejects(scorer.scorePairs(model('a'), [{ first: 'die', second: '' }]), withCode('CLOSED'));
      await until(() => crashes.length === n, 'crash noticed');
    }
    await assert.rejects(
      scorer.request('doctor', { device: 'cpu' }),
      (error: MedTextError) => error.detail.givenUp === true,
    );
    await scorer.restart();
    assert.deepEqual(await scorer.request('doctor', { device: 'cpu' }), {});
  });

  it('renewed, ends after the files that it works on, while a new process answers', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'medtext-renew-'));
    const file = join(folder, 'long');
    const begun = new Promise<void>((wake) => scorer.onProgress(() => wake()));
    const evaluated = scorer.request('evaluate', { folder: 'a', file, device: 'cpu' });
    await begun;
    const before = (await scorer.pid())!;
    await scorer.renew();
    assert.deepEqual(await scorer.request('doctor', { device: 'cpu' }), {});
    assert.notEqual(await scorer.pid(), before);
    assert.ok(isAlive(before));
    writeFileSync(file, '');
    assert.deepEqual(await evaluated, { report: { rows: 2 } });
    await until(() => !isAlive(before), 'the earlier process ended');
    // Without such work it ends at once.
    const idle = (await scorer.pid())!;
    await scorer.renew();
    assert.ok(!isAlive(idle));
    // A process that hangs ends with a restart, also where another one has taken its place.
    const hung = scorer.request('evaluate', { folder: 'a', file: join(folder, 'too long'), device: 'cpu' });
    const hungPid = await scorer.pid();
    await scorer.renew();
    await Promise.all([assert.rejects(hung, withCode('CLOSED')), scorer.restart()]);
    assert.ok(!isAlive(hungPid!));
    rmSync(folder, { recursive: true });
  });

  it('checks a split by the rules of a task that reads its fields', async () => {
    const count = (split: object) => scorer.request('labelCounts', { split: { file: 'a.csv', ...split } });
    for (const split of [{}, { label_separator: ';' }, { label_separator: null }, { second_sequence: 'b' }])
      assert.equal((await count(split)).rows, 0, JSON.stringify(split));
    await assert.rejects(count({ label_separator: 7 }), withCode('RECIPE'));
    await assert.rejects(count({ no_field: 1 }), withCode('RECIPE'));
  });

  it('tells its progress and stops with its owner', async () => {
    const seen: number[] = [];
    scorer.onProgress(({ done }) => seen.push(done));
    await scorer.request('evaluate', { folder: 'a', file: 'f', device: 'cpu' });
    assert.deepEqual(seen, [1]);
    const pid = (await scorer.pid())!;
    scorer.dispose();
    await until(() => !isAlive(pid), 'process ended');
    await assert.rejects(scorer.request('doctor', { device: 'cpu' }), withCode('CLOSED'));
  });
});
