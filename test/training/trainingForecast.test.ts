import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { forecastText } from '../../src/cli/forecastText';
import { readyStarter, starterPackage } from '../../src/library/starter';
import { resolveRecipe, type Recipe } from '../../src/protocol/recipe';
import type { MemoryPlan } from '../../src/protocol/trainer';
import { finetune } from '../../src/training/finetune';
import { runFoldersOf } from '../../src/training/forecast/measuredRate';
import { forecastTraining } from '../../src/training/forecast/trainingForecast';
import { temporaryFolder } from '../data/support';
import { tinyRecipe } from '../support/tinyRecipe';

const noSignal = new AbortController().signal;

describe('what a training will take', () => {
  const temporary = temporaryFolder();
  const forecast = async (recipe: Recipe, options: { measures?: boolean; signal?: AbortSignal } = {}) =>
    forecastTraining(resolveRecipe(recipe), {
      baseFolder: temporary.path('.'),
      runFolders: await runFoldersOf(recipe.work_dir!),
      signal: noSignal,
      ...options,
    });

  it('is what the training says itself: examples, steps, length, memory; the time rests on its rate', async () => {
    const recipe = tinyRecipe(temporary.path('.'), {}, { device: 'cpu' });
    const before = await forecast(recipe);
    assert.equal(before.time, null, 'nothing has run here');
    let [plan, seconds, totalSteps]: [MemoryPlan | undefined, number, number] = [undefined, 0, 0];
    const began = performance.now();
    const run = async (given: Recipe) =>
      finetune({
        recipe: resolveRecipe(given),
        baseFolder: temporary.path('.'),
        name: 'tiny',
        log: () => undefined,
        onReport: (report) => (totalSteps = report.totalSteps),
        onEvaluation: () => undefined,
        onMemoryPlan: (given) => (plan = given),
        stopSignal: noSignal,
      });
    const { run: folder } = await run(recipe);
    seconds = (performance.now() - began) / 1000;
    const record = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8'));
    assert.deepEqual([before.steps, before.maxLength], [totalSteps, record.maxLength]);
    assert.deepEqual([before.examples, before.validation], [record.data.train.rows, record.data.validation.rows]);
    assert.equal(before.memory.estimatedBytes, plan!.estimatedBytes);
    assert.equal(before.memory.microBatchSize, plan!.microBatchSize);

    const after = (await forecast(recipe)).time!;
    assert.equal(after.run, 'tiny');
    // It leaves out reading, building graphs and writing, which is most of so short a run.
    assert.ok(after.seconds > 0 && after.seconds < seconds, `${after.seconds} of ${seconds}`);
    const longer = await forecast({ ...recipe, train: { ...recipe.train, max_epochs: 20 } });
    assert.ok(Math.abs(longer.time!.seconds / after.seconds - 10) < 0.5, `${longer.time!.seconds} of ${after.seconds}`);
    for (const other of [{ trainable: 'head' as const }, { r_drop: { alpha: 1 } }]) {
      const unlike = await forecast({ ...recipe, train: { ...recipe.train, ...other } });
      assert.equal(unlike.time, null, `${JSON.stringify(other)} is computed in another way`);
    }
  });

  it('rests on the newest runs of a work folder, whatever their models are called', async () => {
    const workDir = temporary.path('many-runs');
    const names = ['zh-20260101-000000', 'bert-20261130-170000', 'zh-20260102-000000', 'bert-20261130-170000-2'];
    for (const name of names) mkdirSync(join(workDir, name), { recursive: true });
    const found = (await runFoldersOf(workDir)).map((path) => basename(path));
    assert.deepEqual(found, [names[3], names[1], names[2], names[0]]);
  });

  it('rests on a few steps that are computed for it where no run tells a rate, and leaves nothing behind', async () => {
    const given = tinyRecipe(temporary.path('.'), {}, { device: 'cpu' });
    // No other test's runs.
    const recipe = { ...given, train: { ...given.train, max_epochs: 6 }, work_dir: temporary.path('measured') };
    const before = readdirSync(temporary.path('.')).sort();
    const { time } = await forecast(recipe, { measures: true });
    assert.ok(time && time.run === null && time.endedAt === null && time.steps >= 2, JSON.stringify(time));
    assert.deepEqual(readdirSync(temporary.path('.')).sort(), before);
    const longer = (await forecast({ ...recipe, train: { ...recipe.train, max_epochs: 12 } }, { measures: true }))
      .time!;
    // Each forecast measures anew, on a machine that may have other work to do. A wrong unit is a factor of 1000.
    const isNear = (seconds: number, other: number) => seconds > other / 50 && seconds < other * 50;
    assert.ok(isNear(longer.seconds, 2 * time.seconds), `${longer.seconds} and ${time.seconds}`);
    await finetune({
      recipe: resolveRecipe(recipe),
      baseFolder: temporary.path('.'),
      log: () => undefined,
      onReport: () => undefined,
      onEvaluation: () => undefined,
      stopSignal: noSignal,
    });
    const known = (await forecast(recipe, { measures: true })).time!;
    assert.ok(known.run !== null, 'a run says more');
    assert.ok(isNear(time.seconds, known.seconds), `${time.seconds} and ${known.seconds}`);
    const unlike = { ...recipe, train: { ...recipe.train, trainable: 'head' as const } };
    await assert.rejects(forecast(unlike, { measures: true, signal: AbortSignal.abort() }), { code: 'CANCELLED' });
  });

  it('is that of the starter encoder before it is unpacked, too', async () => {
    const recipe = { ...tinyRecipe(temporary.path('.'), {}, { device: 'cpu' }), model: starterPackage() };
    const packed = await forecast(recipe);
    const unpacked = await forecast({ ...recipe, model: await readyStarter(temporary.path('library')) });
    assert.ok(packed.steps > 0 && packed.memory.estimatedBytes > 100e6);
    const { availableBytes: _, ...memory } = packed.memory;
    const { availableBytes: _free, ...same } = unpacked.memory;
    assert.deepEqual({ ...packed, memory }, { ...unpacked, memory: same });
  });

  it('counts contradictory labels, shared texts and cut examples, and throws what the training would', async () => {
    const recipe = tinyRecipe(temporary.path('.'));
    const { train, validation } = recipe.dataset;
    const rows = JSON.parse(readFileSync(train.file, 'utf8')) as Record<string, string>[];
    const other = rows[3].label === '0' ? '1' : '0';
    const contradictory = [...rows, { ...rows[3], label: other }, { ...rows[3], label: other }, rows[5]];
    writeFileSync(train.file, JSON.stringify(contradictory));
    writeFileSync(validation!.file, JSON.stringify([rows[0], { ...rows[1], query1: '不在训练集' }]));
    const found = await forecast({ ...recipe, train: { ...recipe.train, max_length: 8 } });
    const { examples, ...counted } = found.contradictions;
    assert.deepEqual(counted, { texts: 1, rowCount: 3, rows: [3, 64, 65] });
    assert.deepEqual(examples[0].labels, [rows[3].label, other]);
    assert.equal(examples[0].first, rows[3].query1);
    assert.deepEqual([examples[0].lines, examples[0].rows], [[1, 1, 1], [3, 64, 65]]); // prettier-ignore
    assert.ok(forecastText(found).some((line) => line.startsWith('  rows 4, 65, 66: ')), 'one line has no lines to tell'); // prettier-ignore
    assert.equal(found.shared, 1);
    assert.ok(found.cut > 0 && found.cut <= 67, `${found.cut} cut`);
    await assert.rejects(forecast({ ...recipe, train: { ...recipe.train, max_length: 5000 } }), /positions/);
    const texts: Recipe = {
      ...recipe,
      task: 'masked-language-modeling',
      dataset: { train: { file: train.file } },
      train: {},
    };
    await assert.rejects(forecast(texts), { code: 'UNSUPPORTED', message: /labelled rows/ });
  });
});
