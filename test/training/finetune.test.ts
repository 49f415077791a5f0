import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { modelContent } from '../../src/models/modelContent';
import { openModelFolder } from '../../src/models/modelFolder';
import { metricOf, type ClassificationReport, type MultiLabelReport } from '../../src/protocol/evaluation';
import { resolveRecipe, validateRecipe, type Recipe } from '../../src/protocol/recipe';
import type { EvaluationReport, TrainingReport, TrainingResult } from '../../src/protocol/trainer';
import { evaluateModel } from '../../src/evaluation/evaluateModel';
import { predictFile } from '../../src/evaluation/predictFile';
import { openPairScorer } from '../../src/inference/pairScorer';
import type { HeldOutPredictions } from '../../src/runs/heldOutPredictions';
import { processorThreads } from '../../src/devices/processorThreads';
import { Session, supportedDevices, type ExecutionDevice } from '../../src/inference/session';
import { LoopTrainer } from '../../src/steps/loopTrainer';
import { Trainer } from '../../src/steps/trainer';
import type { TrainerOptions } from '../../src/steps/trainingSteps';
import { MedTextError } from '../../src/base/errors';
import { finetune, type FinetuneOptions } from '../../src/training/finetune';
import { tinyRecipe } from '../support/tinyRecipe';

const samples = join(__dirname, '../../samples');

describe('fine-tuning', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-finetune-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const recipe = (changes: Partial<Recipe['train']> = {}, more: Partial<Recipe> = {}): Recipe =>
    tinyRecipe(folder, changes, more);

  async function run(
    given: Recipe,
    options: { resumeFrom?: string; stopAfter?: number } & Pick<
      FinetuneOptions,
      'chooseDevice' | 'createTrainer' | 'onEvaluationProgress'
    > = {},
  ): Promise<{
    result: TrainingResult;
    reports: TrainingReport[];
    evaluations: EvaluationReport[];
    log: string[];
    parts: number[];
  }> {
    const stop = new AbortController();
    const reports: TrainingReport[] = [];
    const evaluations: EvaluationReport[] = [];
    const log: string[] = [];
    const parts: number[] = [];
    const result = await finetune({
      onMemoryPlan: ({ microBatchSize }) => parts.push(microBatchSize),
      recipe: resolveRecipe(validateRecipe(given, 'test')),
      baseFolder: folder,
      resumeFrom: options.resumeFrom,
      createTrainer: options.createTrainer,
      onEvaluationProgress: options.onEvaluationProgress,
      onReport: (report) => {
        reports.push(report);
        if (report.step === options.stopAfter) stop.abort();
      },
      onEvaluation: (evaluation) => evaluations.push(evaluation),
      log: (line) => log.push(line),
      stopSignal: stop.signal,
      chooseDevice: options.chooseDevice,
    });
    return { result, reports, evaluations, log, parts };
  }

  const losses = (reports: readonly TrainingReport[]) => reports.map(({ step, loss }) => `${step}: ${loss}`);
  const bytes = (...parts: string[]) => readFileSync(join(...parts));

  it('leaves a run folder with recipe, record, metrics, events, checkpoint and a model with its card', async () => {
    const { result, reports, evaluations } = await run(recipe());
    assert.equal(result.status, 'finished');
    assert.equal(reports.length, 16);
    assert.deepEqual(
      evaluations.map(({ step }) => step),
      [4, 8, 12, 16],
    );
    const names = readdirSync(result.run).map((name) => name.replace(/tfevents.*/, 'tfevents'));
    assert.deepEqual(names.sort(), [
      'checkpoints',
      'events.out.tfevents',
      'heldOutPredictions.json',
      'metrics.jsonl',
      'model',
      'recipe.medtext.json',
      'run.json',
    ]);
    assert.deepEqual(readdirSync(join(result.run, 'checkpoints')), ['step-000000016']);
    const record = JSON.parse(bytes(result.run, 'run.json').toString());
    assert.equal(record.status, 'finished');
    assert.equal(record.pid, undefined);
    assert.match(record.data.train.sha256, /^[0-9a-f]{64}$/);
    const { contentHash } = await modelContent(await openModelFolder(record.model.path));
    assert.equal(record.model.contentHash, contentHash);
    assert.equal(record.data.train.rows, 64);
    assert.ok(existsSync(join(result.model, 'README.md')));
    const best = Math.max(...evaluations.map(({ evaluation }) => metricOf(evaluation, 'accuracy')!));
    assert.equal(result.best?.value, best);
  });

  it('holds a share of the training data out where the recipe says so, the same rows when it continues', async () => {
    const { dataset, ...rest } = recipe();
    const split = { validation: 0.25, group_by: 'first_sequence' as const };
    const given = { ...rest, dataset: { train: dataset.train, split } };
    const whole = await run(given);
    const record = JSON.parse(bytes(whole.result.run, 'run.json').toString());
    assert.equal(record.data.train.rows + record.data.validation.rows, 64);
    assert.ok(Math.abs(record.data.validation.rows - 16) <= 2, `${record.data.validation.rows} rows`);
    assert.equal(whole.evaluations[0].evaluation.rows, record.data.validation.rows);
    const kept = JSON.parse(bytes(whole.result.run, 'heldOutPredictions.json').toString()) as HeldOutPredictions;
    assert.equal(kept.file.sha256, record.data.train.sha256);
    assert.equal(kept.step, whole.result.best!.step);
    const labels = (JSON.parse(readFileSync(dataset.train.file, 'utf8')) as { label: string }[]).map(({ label }) => label); // prettier-ignore
    const right = kept.rows.filter((row, at) => {
      const given = kept.probabilities[at][kept.labels.indexOf(labels[row])];
      return given === Math.max(...kept.probabilities[at]);
    });
    assert.equal(right.length / kept.rows.length, whole.result.best!.value);
    const begun = await run(given, { stopAfter: 5 });
    const rested = await run(given, { resumeFrom: begun.result.run });
    assert.deepEqual(losses([...begun.reports, ...rested.reports]), losses(whole.reports));
  });

  it('computes a batch in parts where the recipe says so: the same losses but for the last digits', async () => {
    const whole = await run(recipe());
    const parts = await run(recipe({ micro_batch_size: 3 }));
    assert.ok(
      parts.log.some((line) => /Batches of 8 are computed in parts of 3/.test(line)),
      parts.log.join(),
    );
    assert.ok(
      whole.log.some((line) => /^About .* free\.$/.test(line)),
      whole.log.join(),
    );
    parts.reports.forEach(({ loss }, at) =>
      assert.ok(Math.abs(loss - whole.reports[at].loss) < 1e-4, `step ${at + 1}`),
    );
    assert.equal(JSON.parse(bytes(parts.result.run, 'run.json').toString()).microBatchSize, 3);
  });

  it('goes on with half a batch at a time when a step runs out of memory, and says when none fits', async () => {
    const { step } = Trainer.prototype;
    let limit = 2;
    Trainer.prototype.step = function (this: Trainer, ...given) {
      const { rows } = this as unknown as { rows: number };
      const isTooMuch = given[1] >= 3 && rows > limit;
      if (isTooMuch) throw new MedTextError('OUT_OF_MEMORY', 'Failed to allocate memory for requested buffer');
      return step.apply(this, given);
    };
    try {
      const { result, reports, log, parts } = await run(recipe());
      assert.equal(result.status, 'finished');
      assert.equal(reports.length, 16);
      assert.deepEqual(parts, [8, 4, 2], 'the view is told of the parts');
      assert.deepEqual(log.flatMap((line) => /^Step 3 ran out of memory.* parts of (\d)/.exec(line)?.[1] ?? []), ['4', '2']); // prettier-ignore
      assert.equal(JSON.parse(bytes(result.run, 'run.json').toString()).microBatchSize, 2);
      limit = 0;
      await assert.rejects(run(recipe()), (error: MedTextError) => error.code === 'OUT_OF_MEMORY' && /Step 3: .* single example/.test(error.message)); // prettier-ignore
    } finally {
      Trainer.prototype.step = step;
    }
  });

  it('keeps the reasons for its device when it goes on on it, and not on another', async () => {
    const trials = [{ device: 'cpu', passed: true, stepMilliseconds: 1 }] as const;
    const chooseDevice = async () => ({ device: 'cpu' as const, trials, remembered: false });
    const begun = await run(recipe({}, { device: 'auto' }), { stopAfter: 5, chooseDevice });
    const choiceIn = (folder: string) => JSON.parse(bytes(folder, 'run.json').toString()).deviceChoice;
    assert.match(choiceIn(begun.result.run).join(), /chosen/);
    const auto = recipe({}, { device: 'auto' });
    const rested = await run(auto, { resumeFrom: begun.result.run, chooseDevice, stopAfter: 9 });
    assert.deepEqual(choiceIn(rested.result.run), choiceIn(begun.result.run));
    const record = join(rested.result.run, 'run.json');
    const elsewhere = JSON.parse(readFileSync(record, 'utf8'));
    writeFileSync(record, JSON.stringify({ ...elsewhere, environment: { ...elsewhere.environment, device: 'cuda' } }));
    const moved = await run(recipe({}, { device: 'cpu' }), { resumeFrom: begun.result.run });
    assert.equal(choiceIn(moved.result.run), undefined);
  });

  it('computes with one number of threads from its first session to its last, evaluations and final test included', async () => {
    const { create } = Session;
    const threads: (number | undefined)[] = [];
    Session.create = (model, options, outside) => {
      threads.push(options?.threads);
      return create.call(Session, model, options, outside);
    };
    try {
      const given = recipe({}, { threads: 2 });
      const test = given.dataset.validation!;
      await run({ ...given, dataset: { ...given.dataset, test } });
    } finally {
      Session.create = create;
    }
    assert.ok(threads.length > 3);
    assert.deepEqual([...new Set(threads)], [2]);
  });

  it('goes on on the processor, from its checkpoint, when the device that was chosen by itself is lost', async () => {
    const { create } = Session;
    const { step } = Trainer.prototype;
    const device = supportedDevices().map(({ name }) => name).find((name) => ['cuda', 'dml', 'coreml'].includes(name)) as ExecutionDevice | undefined; // prettier-ignore
    if (!device) return;
    // Said to be another device's, the sessions are the CPU's.
    let lost = 1;
    let lostAt = 7;
    Trainer.prototype.step = function (this: Trainer, ...given) {
      if (given[1] === lostAt && lost++ === 0) throw new MedTextError('RUNTIME', 'the device is lost');
      return step.apply(this, given);
    };
    Session.create = (model, options) => create.call(Session, model, { ...options, device: 'cpu' });
    const trials = [{ device, passed: true, stepMilliseconds: 1 }];
    const chooseDevice = async () => ({ device, trials, remembered: false });
    const createTrainer = (options: TrainerOptions) => Trainer.create(options);
    // A device's own lengths are others than the CPU's.
    const fixed = (more: Partial<Recipe> = {}) => recipe({ length_buckets: 'none' }, more);
    try {
      const whole = await run(fixed());
      lost = 0;
      const { result, log, reports } = await run(fixed({ device: 'auto' }), { chooseDevice, createTrainer });
      assert.equal(lost, 2);
      assert.equal(result.status, 'finished');
      assert.ok(
        log.some((line) => line.endsWith(': chosen (1.0 ms for a step of a small encoder)')),
        log.join('\n'),
      );
      assert.ok(
        log.some((line) => /continues on the CPU from step-0+4\.$/.test(line)),
        log.join('\n'),
      );
      assert.deepEqual(losses(reports.slice(-10)), losses(whole.reports.slice(-10)));
      const record = JSON.parse(bytes(result.run, 'run.json').toString());
      assert.deepEqual([record.status, record.environment.device], ['finished', 'cpu']);

      // Before the first checkpoint it begins again, and leaves one run.
      [lost, lostAt] = [0, 3];
      const before = readdirSync(join(folder, 'runs'));
      const again = await run(fixed({ device: 'auto' }), { chooseDevice, createTrainer });
      assert.equal(lost, 2);
      assert.deepEqual(again.reports.map(({ step }) => step), [1, 2, ...whole.reports.map(({ step }) => step)]); // prettier-ignore
      assert.deepEqual(losses(again.reports.slice(2)), losses(whole.reports));
      const made = readdirSync(join(folder, 'runs')).filter((name) => !before.includes(name));
      assert.deepEqual(made, [basename(again.result.run)]);
      const events = readdirSync(again.result.run).filter((name) => name.includes('tfevents'));
      assert.equal(events.length, 1, 'nothing of what failed is left');
    } finally {
      Session.create = create;
      Trainer.prototype.step = step;
    }
  });

  it('saves the weights that did best: the model scores what its evaluation said', async () => {
    const given = recipe();
    const { result } = await run(given);
    const report = await evaluateModel(result.model, given.dataset.validation!.file, { threads: 1 });
    assert.deepEqual(JSON.parse(JSON.stringify(report)), JSON.parse(JSON.stringify(result.best?.evaluation)));
  });

  describe('with test data', () => {
    /** Rows that the training does not see. */
    const testFile = (name: string, change: (row: Record<string, string>) => object) => {
      const all = JSON.parse(readFileSync(join(samples, 'medical-pairs/validation.json'), 'utf8')) as Record<string, string>[]; // prettier-ignore
      const file = join(folder, name);
      writeFileSync(file, JSON.stringify(all.slice(-30).map(change), null, 1));
      return file;
    };
    const withTest = (file: string): Recipe => {
      const { dataset, ...rest } = recipe();
      return { ...rest, dataset: { ...dataset, test: { file } } };
    };
    const recordIn = (run: string) => JSON.parse(bytes(run, 'run.json').toString());

    it('evaluates the model on it at the end, once, and tells how far it is', async () => {
      const file = testFile('test.json', (row) => row);
      const told: string[] = [];
      const { result, reports } = await run(withTest(file), {
        onEvaluationProgress({ split, done, total, secondsLeft }) {
          told.push(`${split} ${done}/${total}`);
          assert.ok(secondsLeft >= 0 && Number.isFinite(secondsLeft));
        },
      });
      const report = JSON.parse(JSON.stringify(await evaluateModel(result.model, file, { threads: 1 })));
      assert.equal(report.rows, 30);
      assert.deepEqual(JSON.parse(JSON.stringify(result.test)), report);
      const record = recordIn(result.run);
      assert.deepEqual(record.test, report);
      assert.equal(record.data.test.rows, 30);
      assert.match(bytes(result.model, 'README.md').toString(), /## Results on the test data[\s\S]*On 30 test rows/);
      assert.equal(told.filter((line) => line === 'test 30/30').length, 1);
      assert.equal(told.filter((line) => line === 'validation 24/24').length, 4);
      // It has no part in the training.
      assert.deepEqual(losses(reports), losses((await run(recipe())).reports));
    });

    it('writes it with labels where it has none, as the file stands', async () => {
      // A column that could be taken for the labels, were they looked for.
      const file = testFile('unlabelled.json', ({ id, query1, query2 }) => ({ id, query1, query2, source: query1.length > 8 ? 'a' : 'b' })); // prettier-ignore
      const given = withTest(file);
      delete given.dataset.train.label;
      const { result } = await run(given);
      assert.equal(result.test, undefined);
      assert.equal(result.predictions, join(result.run, 'predictions', 'unlabelled.json'));
      assert.equal(recordIn(result.run).predictions, result.predictions);
      const output = join(folder, 'predicted.json');
      await predictFile(result.model, file, output, { threads: 1 });
      assert.equal(bytes(result.predictions!).toString(), bytes(output).toString());
      const rows = JSON.parse(bytes(output).toString()) as { label: string }[];
      assert.ok(rows.length === 30 && rows.every(({ label }) => ['0', '1', '2'].includes(label)));
    });

    it('refuses it before the training where it cannot be read, and keeps the model where it cannot be answered', async () => {
      const unknown = testFile('unknown.json', (row) => ({ ...row, label: 'x' }));
      await assert.rejects(run(withTest(unknown)), { code: 'LABELS', message: /unknown\.json/ });
      assert.equal(existsSync(join(folder, 'runs')), false);
      const file = testFile('unlabelled.json', ({ query1, query2 }) => ({ query1, query2 }));
      const { result, log } = await run(withTest(file), {
        onEvaluationProgress: ({ split, done }) => split === 'test' && done === 30 && rmSync(file),
      });
      assert.equal(result.status, 'finished');
      assert.equal(result.predictions, undefined);
      assert.ok(log.some((line) => line.startsWith('The test data were not evaluated: ') && line.includes(file)), log.join('\n')); // prettier-ignore
      assert.ok(existsSync(join(result.model, 'model.safetensors')));
    });

    it('is asked of the run that goes on, too, and not of one that was stopped', async () => {
      const given = withTest(testFile('test.json', (row) => row));
      const whole = await run(given);
      const begun = await run(given, { stopAfter: 5 });
      assert.equal(begun.result.test, undefined);
      const rested = await run(given, { resumeFrom: begun.result.run });
      assert.deepEqual(rested.result.test, whole.result.test);
    });
  });

  it('gives the same losses in every run of one recipe, and others with another seed', async () => {
    const first = await run(recipe());
    assert.deepEqual(losses((await run(recipe())).reports), losses(first.reports));
    assert.notDeepEqual(losses((await run(recipe({ seed: 4 }))).reports), losses(first.reports));
  });

  it('stops when asked, and continues bit for bit', async () => {
    const whole = await run(recipe());
    const begun = await run(recipe(), { stopAfter: 6 });
    assert.equal(begun.result.status, 'stopped');
    assert.equal(begun.reports.length, 6);
    const rest = await run(recipe(), { resumeFrom: begun.result.run });
    assert.deepEqual(losses([...begun.reports, ...rest.reports]), losses(whole.reports));
    assert.deepEqual(rest.result.best?.value, whole.result.best?.value);
    for (const file of ['model.safetensors', 'optimizer.safetensors']) {
      const checkpoint = 'checkpoints/step-000000016';
      assert.ok(bytes(rest.result.run, checkpoint, file).equals(bytes(whole.result.run, checkpoint, file)), file);
    }
    const logged = bytes(rest.result.run, 'metrics.jsonl').toString().trim().split('\n');
    assert.equal(logged.filter((line) => 'loss' in JSON.parse(line)).length, 16);
  });

  it('computes, stops and continues to the same bit where AdamW runs on several threads', async () => {
    const createTrainer = (options: TrainerOptions) => Trainer.create({ ...options, optimizerThreads: 3 });
    const single = await run(recipe());
    const begun = await run(recipe(), { stopAfter: 6, createTrainer });
    const rest = await run(recipe(), { resumeFrom: begun.result.run, createTrainer });
    assert.deepEqual(losses([...begun.reports, ...rest.reports]), losses(single.reports));
    for (const file of ['model.safetensors', 'optimizer.safetensors']) {
      const checkpoint = 'checkpoints/step-000000016';
      assert.ok(bytes(rest.result.run, checkpoint, file).equals(bytes(single.result.run, checkpoint, file)), file);
    }
    assert.ok(bytes(rest.result.model, 'model.safetensors').equals(bytes(single.result.model, 'model.safetensors')));
  });

  it('keeps the number of threads with the run and goes on with it, or says that the last digits change', async () => {
    const threadsOf = (run: string) => JSON.parse(bytes(run, 'run.json').toString()).environment.threads;
    const byItself = await run(recipe(), { stopAfter: 2 });
    assert.equal(threadsOf(byItself.result.run), processorThreads() ?? 'auto');
    const begun = await run(recipe({}, { threads: 2 }), { stopAfter: 2 });
    const automatic = await run(recipe(), { resumeFrom: begun.result.run, stopAfter: 4 });
    assert.equal(threadsOf(begun.result.run), 2);
    assert.ok(!automatic.log.some((line) => line.includes('last digits')), automatic.log.join('\n'));
    const other = await run(recipe({}, { threads: 1 }), { resumeFrom: begun.result.run, stopAfter: 6 });
    assert.equal(threadsOf(begun.result.run), 1);
    assert.match(other.log.join('\n'), /began with 2 threads and continues with 1, so the last digits/);
  });

  it('asks a device for several steps at once, none beyond an evaluation, and continues bit for bit', async () => {
    const asked: number[][] = [];
    const createTrainer = async (options: TrainerOptions) => {
      const trainer = new LoopTrainer(options);
      const steps = trainer.steps.bind(trainer);
      trainer.steps = (planned) => {
        asked.push(planned.map(({ step }) => step));
        return steps(planned);
      };
      Object.defineProperty(trainer, 'stepsAtOnce', { value: 3 });
      return trainer;
    };
    const [expected, whole] = [await run(recipe()), await run(recipe(), { createTrainer })];
    assert.deepEqual(asked.slice(0, 4), [[1, 2, 3], [4], [5, 6, 7], [8]]);
    whole.reports.forEach(({ loss, step }, i) => assert.ok(Math.abs(loss - expected.reports[i].loss) < 1e-4, `step ${step}`)); // prettier-ignore
    assert.deepEqual(whole.evaluations.map(({ step }) => step), [4, 8, 12, 16]); // prettier-ignore
    assert.ok(whole.reports.every(({ examplesPerSecond, secondsLeft }) => examplesPerSecond > 0 && secondsLeft >= 0));

    const begun = await run(recipe(), { stopAfter: 5, createTrainer });
    assert.equal(begun.result.status, 'stopped');
    assert.equal(begun.reports.length, 7, 'what was asked for at once is done, and saved');
    const rest = await run(recipe(), { resumeFrom: begun.result.run, createTrainer });
    assert.deepEqual(losses([...begun.reports, ...rest.reports]), losses(whole.reports));
  });

  it('continues bit for bit after kill -9', async () => {
    const whole = await run(recipe());
    const file = join(folder, 'killed.medtext.json');
    writeFileSync(file, JSON.stringify(recipe()));
    const child = spawn(process.execPath, ['--require', 'tsx/cjs', join(__dirname, 'finetuneChild.ts'), file, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: join(__dirname, '../..'),
    });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
      // Past the checkpoint of step 4, in the middle of what comes after it.
      if (output.includes('step 6\n')) child.kill('SIGKILL');
    });
    await new Promise((resolve) => child.on('exit', resolve));
    const killed = readdirSync(join(folder, 'runs'))
      .map((name) => join(folder, 'runs', name))
      .find((path) => JSON.parse(bytes(path, 'run.json').toString()).status === 'running')!;
    assert.ok(killed, 'the killed run still says it is running');
    const rest = await run(recipe(), { resumeFrom: killed });
    assert.ok(rest.reports[0].step >= 5 && rest.reports[0].step <= 9);
    assert.deepEqual(losses(rest.reports), losses(whole.reports).slice(rest.reports[0].step - 1));
    const checkpoint = 'checkpoints/step-000000016/model.safetensors';
    assert.ok(bytes(killed, checkpoint).equals(bytes(whole.result.run, checkpoint)));
    const steps = bytes(killed, 'metrics.jsonl')
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      steps.filter((line) => 'loss' in line).map((line) => line.step),
      Array.from({ length: 16 }, (_, i) => i + 1),
    );
  });

  it('refuses to continue on other data', async () => {
    const given = recipe();
    const { result } = await run(given, { stopAfter: 5 });
    writeFileSync(given.dataset.train.file, bytes(given.dataset.train.file).toString().replace('"label"', ' "label"'));
    await assert.rejects(run(given, { resumeFrom: result.run }), { code: 'RESUME' });
  });

  it('adds up to the same with gradient accumulation as with the larger batch', async () => {
    const none = { dropout: 0, length_buckets: 'none' as const, max_epochs: 1 };
    const large = await run(recipe({ ...none, batch_size: 16 }));
    const split = await run(recipe({ ...none, batch_size: 8, gradient_accumulation: 2 }));
    assert.equal(split.reports.length, large.reports.length);
    split.reports.forEach(({ loss }, i) => assert.ok(Math.abs(loss - large.reports[i].loss) < 1e-5));
  });

  it('trains only what is to be trained', async () => {
    const { result } = await run(recipe({ trainable: 'head', max_epochs: 1 }));
    const record = JSON.parse(bytes(result.run, 'run.json').toString());
    assert.equal(record.model.trainedCount, 32 * 32 + 32 + 3 * 32 + 3);
    const partly = await run(recipe({ trainable: { last_layers: 1 }, max_epochs: 1 }));
    assert.equal(partly.result.status, 'finished');
  });

  it('stops early when nothing is gained any more', async () => {
    const { reports, log } = await run(
      recipe({ optimizer: { lr: 1e-9 }, max_epochs: 10, early_stopping: { patience: 2, min_delta: 0.01 } }),
    );
    assert.equal(reports.length, 12);
    assert.match(log.join('\n'), /Stopped early at step 12/);
  });

  it('says so when the loss diverges, and the record says failed', async () => {
    const given = recipe();
    // Squares of such numbers overflow.
    const { file } = given.dataset.train;
    const rows = JSON.parse(bytes(file).toString()) as { label: string }[];
    writeFileSync(file, JSON.stringify(rows.map((row, i) => ({ ...row, label: `${i}e37` }))));
    given.task = 'regression';
    given.dataset = { train: { ...given.dataset.train, labels: undefined } };
    await assert.rejects(run(given), { code: 'DIVERGED' });
    const [name] = readdirSync(join(folder, 'runs'));
    assert.equal(JSON.parse(bytes(folder, 'runs', name, 'run.json').toString()).status, 'failed');
  });

  it('leaves no folder behind where the training is refused before it begins', async () => {
    const given = recipe({ class_weights: [1, 2] }, { work_dir: join(folder, 'refused') });
    given.dataset = { ...given.dataset, train: { ...given.dataset.train, labels: undefined } };
    await assert.rejects(run(given), { code: 'RECIPE', message: /2 numbers for 3 labels/ });
    assert.deepEqual(readdirSync(join(folder, 'refused')), []);
  });

  it('learns nothing of a step whose labels all have the weight 0, and goes on', async () => {
    const { reports } = await run(recipe({ class_weights: [0, 1, 1], batch_size: 1, max_epochs: 1, dropout: 0 }));
    assert.equal(reports.length, 64);
    const still = reports.filter(({ loss }) => loss === 0);
    assert.ok(still.length > 10 && still.every(({ gradientNorm }) => gradientNorm === 0));
  });

  it('learns a number, and single sentences, and with class weights and smoothing', async () => {
    const numbers = join(folder, 'numbers.jsonl');
    writeFileSync(
      numbers,
      Array.from({ length: 20 }, (_, i) => JSON.stringify({ text: '头'.repeat(1 + (i % 5)), y: i % 5 })).join('\n'),
    );
    const regression = await run(
      recipe(
        { max_epochs: 3 },
        {
          task: 'regression',
          dataset: {
            train: { file: numbers, first_sequence: 'text', second_sequence: null, label: 'y' },
            validation: { file: numbers },
          },
        },
      ),
    );
    assert.equal(regression.result.best?.metric, 'pearson');
    const kept = JSON.parse(bytes(regression.result.model, 'config.json').toString());
    assert.deepEqual(kept.medtext.label_range, [0, 4], 'the scale on which a prediction is a similarity');
    const departments = join(samples, 'departments');
    const single = await run(
      recipe(
        { max_epochs: 1, class_weights: 'balanced', label_smoothing: 0.1 },
        {
          task: 'text-classification',
          dataset: {
            train: { file: join(departments, 'train.jsonl') },
            validation: { file: join(departments, 'validation.jsonl') },
          },
        },
      ),
    );
    assert.equal((single.evaluations[0].evaluation as ClassificationReport).labels.length, 8);
  });

  it('gives several labels a text, whose thresholds the model keeps and predictions are written by', async () => {
    const symptoms = join(samples, 'symptoms');
    const file = join(folder, 'several.csv');
    writeFileSync(file, readFileSync(join(symptoms, 'train.csv'), 'utf8').split('\n').slice(0, 120).join('\n'));
    const test = join(folder, 'unlabelled.csv');
    writeFileSync(test, 'text,labels\n胸口闷还咳嗽,\n血糖高眼睛看不清,\n');
    const { result, evaluations, log } = await run(
      recipe(
        { max_epochs: 2, class_weights: 'balanced', thresholds: 'by_label', evaluate_every: 'epoch' },
        {
          task: 'multi-label-classification',
          dataset: { train: { file }, split: { validation: 0.2 }, test: { file: test } },
        },
      ),
    );
    assert.match(
      log.join('\n'),
      /";" separates the labels of a row; rows with several labels: \d+, without a label: \d+; combinations: \d+/,
    );
    const report = evaluations.at(-1)!.evaluation as MultiLabelReport;
    assert.deepEqual([report.labels.length, report.thresholdsChosenHere], [8, true]);
    assert.equal(result.best?.metric, 'averagePrecision');
    const config = JSON.parse(bytes(result.model, 'config.json').toString());
    assert.equal(config.problem_type, 'multi_label_classification');
    assert.equal(config.medtext.reads_pairs, false, 'it learned from single texts');
    const best = result.best.evaluation as MultiLabelReport;
    assert.deepEqual(config.medtext.thresholds, Object.fromEntries(best.labels.map((label) => [label, best.perLabel[label].threshold]))); // prettier-ignore
    assert.equal(config.medtext.label_separator, ';');
    const predicted = readFileSync(result.predictions!, 'utf8').split('\n');
    assert.match(predicted[1], /^胸口闷还咳嗽,(|[^;,]+(;[^;,]+)*)$/);
    const card = bytes(result.model, 'README.md').toString();
    assert.match(card, /any number of 8 labels.*Average precision \(mean over labels\).*chosen on these rows/s);

    // The same file again, by the model: what it was measured by, it is used by.
    const again = await evaluateModel(result.model, file);
    assert.equal((again as MultiLabelReport).thresholdsChosenHere, false);
    const lists = join(folder, 'lists.jsonl');
    writeFileSync(lists, '{"text":"胸口闷","labels":["心内科"]}\n{"text":"手抖","labels":[]}\n');
    const output = join(folder, 'out.jsonl');
    await predictFile(result.model, lists, output);
    for (const line of readFileSync(output, 'utf8').trim().split('\n'))
      assert.ok(Array.isArray(JSON.parse(line).labels), line);
    const scorer = await openPairScorer(result.model, { device: 'cpu' });
    const [score] = await scorer.score([{ first: '胸口闷还咳嗽' }]);
    await scorer.close();
    const given = best.labels.filter((label) => score.probabilities[label] >= config.medtext.thresholds[label]);
    assert.deepEqual([score.measure, score.similarity, score.chosen], ['labels', null, given]);
    assert.equal(given.join(';'), predicted[1].split(',')[1]);
  });

  it('says everywhere that it began with random weights, and nowhere when it began with a model', async () => {
    const first = await run(recipe({ max_epochs: 1 }));
    const next = await run({ ...recipe({ max_epochs: 1 }), model: first.result.model });
    for (const [{ result, reports, log }, isRandom] of [
      [first, true],
      [next, false],
    ] as const) {
      assert.equal(result.randomStart ?? false, isRandom);
      assert.ok(reports.every(({ randomStart }) => (randomStart ?? false) === isRandom));
      assert.equal(/starts from random weights: .*encoder has none/.test(log.join('\n')), isRandom);
      const record = JSON.parse(bytes(result.run, 'run.json').toString());
      assert.equal(record.model.randomStart ?? false, isRandom);
      const card = bytes(result.model, 'README.md').toString();
      assert.equal(/trained from \*\*random weights\*\*, with the architecture of encoder/.test(card), isRandom);
      assert.equal(/fine-tuned from \*\*/.test(card) && /^base_model: /m.test(card), !isRandom);
    }
  });

  it('says how large a random start is before it is made, and refuses one beyond the memory', async () => {
    const small = await run(recipe({ max_epochs: 1 }));
    const at = small.log.findIndex((line) => /starts from random weights: .*encoder has none \(\d+ parameters, \d/.test(line)); // prettier-ignore
    assert.equal(at, 0, small.log.join('\n'));
    const given = recipe();
    const config = join(given.model, 'config.json');
    const large = { hidden_size: 4096, num_attention_heads: 16, num_hidden_layers: 9, intermediate_size: 16384 };
    writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, 'utf8')), ...large }));
    const { availableMemory } = process as { availableMemory?: () => number };
    Object.assign(process, { availableMemory: () => 2e9 });
    try {
      await assert.rejects(run(given), { code: 'OUT_OF_MEMORY', message: /describes 18\d{8} parameters, which need 7\.\d GB of memory, but only 2\.0 GB are free/ }); // prettier-ignore
    } finally {
      Object.assign(process, { availableMemory });
    }
    assert.equal(readdirSync(join(folder, 'runs')).length, 1);
  });

  it('weights of another framework are no random start: nothing is trained', async () => {
    const given = recipe();
    writeFileSync(join(given.model, 'tf_model.h5'), 'x');
    await assert.rejects(run(given), { code: 'UNSUPPORTED', message: /tf_model\.h5/ });
    assert.ok(!existsSync(join(folder, 'runs')));
  });

  it('refuses a device that this platform has not, before it reads or writes anything', async () => {
    const device = process.platform === 'win32' ? 'coreml' : 'dml';
    await assert.rejects(run(recipe({}, { device })), { code: 'UNSUPPORTED' });
    assert.ok(!existsSync(join(folder, 'runs')));
  });
});
