import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MedTextError } from '../../src/base/errors';
import { resolveRecipe, validateRecipe, type Recipe } from '../../src/protocol/recipe';
import { runRecord, type RunRecord } from '../../src/protocol/runRecord';
import type { TrainingReport, TrainingResult } from '../../src/protocol/trainer';
import { evaluateModel } from '../../src/evaluation/evaluateModel';
import { finetune, type FinetuneOptions } from '../../src/training/finetune';
import { createTrainer } from '../../src/steps/createTrainer';
import { tinyRecipe } from '../support/tinyRecipe';

const samples = join(__dirname, '../../samples');

describe('a run that is interrupted', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'medtext-interrupted-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** On what it learns from the loss falls at each evaluation: each one makes a new best model. */
  function improving(): Recipe {
    const given = withTest(tinyRecipe(folder, { metric_for_best: 'loss', optimizer: { lr: 3e-3 }, dropout: 0 }));
    return { ...given, dataset: { ...given.dataset, validation: { file: given.dataset.train.file } } };
  }
  const stopsEarly = (): Recipe =>
    withTest(tinyRecipe(folder, { max_epochs: 10, optimizer: { lr: 1e-9 }, early_stopping: { patience: 2, min_delta: 0.01 } })); // prettier-ignore

  function withTest({ dataset, ...rest }: Recipe): Recipe {
    const all = JSON.parse(readFileSync(join(samples, 'medical-pairs/validation.json'), 'utf8')) as object[];
    const file = join(folder, 'test.json');
    writeFileSync(file, JSON.stringify(all.slice(-90)));
    return { ...rest, dataset: { ...dataset, test: { file } } };
  }

  interface Run {
    readonly result: TrainingResult;
    readonly reports: readonly TrainingReport[];
    readonly log: readonly string[];
  }
  async function run(
    given: Recipe,
    { onReport, stop = new AbortController(), ...options }: Partial<FinetuneOptions> & { stop?: AbortController } = {},
  ): Promise<Run> {
    const reports: TrainingReport[] = [];
    const log: string[] = [];
    const result = await finetune({
      recipe: resolveRecipe(validateRecipe(given, 'test')),
      baseFolder: folder,
      onReport: (report) => {
        reports.push(report);
        onReport?.(report);
      },
      onEvaluation: () => undefined,
      log: (line) => log.push(line),
      stopSignal: stop.signal,
      ...options,
    });
    return { result, reports, log };
  }

  /** Trains in a process of its own that is killed. @returns the run's folder */
  async function killed(given: Recipe, place: string, resumeFrom?: string): Promise<string> {
    const file = join(folder, 'killed.medtext.json');
    writeFileSync(file, JSON.stringify(given));
    const before = runs();
    const parameters = ['--require', 'tsx/cjs', join(__dirname, 'killedChild.ts'), file, folder, place];
    const child = spawn(process.execPath, resumeFrom === undefined ? parameters : [...parameters, resumeFrom], {
      stdio: ['ignore', 'ignore', 'inherit'],
      cwd: join(__dirname, '../..'),
    });
    const signal = await new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal)));
    assert.equal(signal, 'SIGKILL', place);
    return (
      resumeFrom ??
      join(
        folder,
        'runs',
        runs().find((name) => !before.includes(name))!,
      )
    );
  }

  const runs = (): string[] => (existsSync(join(folder, 'runs')) ? readdirSync(join(folder, 'runs')) : []);
  const sha256 = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
  const recordIn = (path: string): RunRecord => runRecord(JSON.parse(readFileSync(join(path, 'run.json'), 'utf8')));
  const files = (path: string): string[] => (readdirSync(path, { recursive: true }) as string[]).sort();
  const names = (path: string) => files(path).filter((name) => !name.includes('tfevents'));
  /** Contents and times of all there is. */
  const state = (path: string) =>
    files(path).map((name) => {
      const at = join(path, name);
      const found = statSync(at);
      return `${name} ${found.mtimeMs} ${found.isFile() ? sha256(at) : ''}`;
    });

  /** All that a run leaves behind but its name and its times. */
  function left(path: string): unknown {
    const { id, startedAt: _, updatedAt: __, ...record } = recordIn(path);
    const told = (text: string): string => text.replaceAll(id, 'RUN').replaceAll(folder, 'FOLDER');
    const lines = readFileSync(join(path, 'metrics.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line)); // prettier-ignore
    const [checkpoint] = readdirSync(join(path, 'checkpoints'));
    return {
      record: JSON.parse(told(JSON.stringify(record))),
      card: told(readFileSync(join(path, 'model/README.md'), 'utf8')),
      held: readFileSync(join(path, 'heldOutPredictions.json'), 'utf8'),
      losses: lines.map(({ step, loss, evaluation }) => ({ step, loss, evaluation })),
      weights: sha256(join(path, 'model/model.safetensors')),
      checkpoint: readdirSync(join(path, 'checkpoints', checkpoint)).map((name) => `${checkpoint} ${name} ${sha256(join(path, 'checkpoints', checkpoint, name))}`), // prettier-ignore
      names: names(path),
    };
  }

  describe('by kill -9, ends as if it had not been', () => {
    const places: readonly (readonly [name: string, place: string, firstStep: number | undefined])[] = [
      ['between two steps', 'step 6', 5],
      ['in the second evaluation', 'validation 3', 5],
      ['while the second best model is written', 'open model.writing.*/config.json 2', 5],
      ['between the two renames of the second best model', 'rename writing-\\w+.->.*/model$ 2', 5],
      ['between the second best model and its checkpoint', 'rename heldOutPredictions.json$ 2', 5],
      ['while its checkpoint is written', 'open checkpoints.*optimizer 2', 5],
      ['between its checkpoint and the removal of the one before', 'rm step-0+4$', 9],
      ['before the best model of before is removed', 'rm model.before$ 3', 9],
      ['before run.json tells the last checkpoint', 'rename run.json$ 5', undefined],
      ['during the final test', 'test', undefined],
      ['in the card, after the final test', 'rename model/README.md$', undefined],
      ['before run.json says that it has finished', 'rename run.json$ 9', undefined],
    ];
    let whole: unknown;
    for (const [name, place, firstStep] of places) {
      it(`${name}`, async () => {
        const given = improving();
        whole ??= left((await run(given)).result.run);
        const path = await killed(given, place);
        assert.equal(recordIn(path).status, 'running');
        const { reports, result } = await run(given, { resumeFrom: path });
        assert.equal(reports[0]?.step, firstStep);
        assert.equal(result.status, 'finished');
        assert.deepEqual(left(path), whole);
      });
    }

    it('before its first checkpoint, also with a best model by then: it begins again in its folder', async () => {
      const given = improving();
      const whole = await run(given);
      for (const place of ['step 2', 'open checkpoints.*optimizer']) {
        const path = await killed(given, place);
        writeFileSync(join(path, 'notes.json'), '{"note":"mine","tags":[]}');
        const { log, reports, result } = await run(given, { resumeFrom: path });
        assert.ok(log.some((line) => line.includes('begins again at step 1')), place); // prettier-ignore
        assert.deepEqual([result.run, result.status, reports[0].step], [path, 'finished', 1]);
        assert.equal(readFileSync(join(path, 'notes.json'), 'utf8'), '{"note":"mine","tags":[]}');
        rmSync(join(path, 'notes.json'));
        assert.deepEqual(left(path), left(whole.result.run), place);
      }
    });

    it('in the final test after an early stop: no step is taken, the test is finished, and then it is over', async () => {
      const given = stopsEarly();
      const whole = await run(given);
      assert.equal(whole.result.trainingEnd?.reason, 'earlyStop');
      const path = await killed(given, 'test');
      assert.deepEqual(recordIn(path).trainingEnd, { reason: 'earlyStop', step: 12, evaluationsWithoutGain: 2 });
      const model = sha256(join(path, 'model/model.safetensors'));
      const again = await killed(given, 'test', path);
      const { reports, result } = await run(given, { resumeFrom: again });
      assert.deepEqual(reports, []);
      assert.equal(sha256(join(path, 'model/model.safetensors')), model);
      assert.deepEqual(result.test, whole.result.test);
      assert.deepEqual(left(path), left(whole.result.run));
    });

    it('and goes on on a device that judges otherwise: the model is the one that its checkpoint knows', async () => {
      const given = improving();
      const path = await killed(given, 'rename heldOutPredictions.json$ 2');
      const stepOf = (name: string) => JSON.parse(readFileSync(join(path, name, 'config.json'), 'utf8')).medtext.step;
      assert.deepEqual([stepOf('model'), stepOf('.model.before')], [8, 4]);
      // Stopped before it has computed anything: what is there has to fit together.
      const signal = new AbortController();
      const { result } = await run(given, {
        resumeFrom: path,
        stop: signal,
        createTrainer: async (options) => {
          signal.abort();
          return createTrainer(options);
        },
      });
      assert.equal(result.status, 'stopped');
      assert.deepEqual([stepOf('model'), result.best?.step, existsSync(join(path, '.model.before'))], [4, 4, false]);
    });
  });

  it('by Stop right after a step with an evaluation: that evaluation is made up for', async () => {
    for (const at of [8, 16]) {
      const given = improving();
      const whole = await run(given);
      const stop = new AbortController();
      const begun = await run(given, { stop, onReport: ({ step }) => step === at && stop.abort() });
      assert.equal(begun.result.status, 'stopped', `at ${at}`);
      const { reports } = await run(given, { resumeFrom: begun.result.run });
      assert.equal(reports[0]?.step, at === 8 ? 9 : undefined);
      assert.deepEqual(left(begun.result.run), left(whole.result.run));
    }
  });

  it('by Stop right after a step with an evaluation: what that takes later is not expected of each step', async () => {
    const given = improving();
    const stop = new AbortController();
    const begun = await run(given, { stop, onReport: ({ step }) => step === 8 && stop.abort() });
    let isFirst = true;
    const onEvaluation = () => {
      for (const began = performance.now(); isFirst && performance.now() - began < 2000;);
      isFirst = false;
    };
    const { reports } = await run(given, { resumeFrom: begun.result.run, onEvaluation });
    assert.ok(reports[0].secondsLeft < 7, String(reports[0].secondsLeft));
  });

  it('by Stop in the final test: it is stopped, not finished without one', async () => {
    const given = improving();
    const whole = await run(given);
    const stop = new AbortController();
    const begun = await run(given, { stop, onEvaluationProgress: ({ split }) => split === 'test' && stop.abort() });
    assert.deepEqual([begun.result.status, begun.result.test], ['stopped', undefined]);
    const { reports } = await run(given, { resumeFrom: begun.result.run });
    assert.deepEqual(reports, []);
    assert.deepEqual(left(begun.result.run), left(whole.result.run));
  });

  describe('is not resumed', () => {
    it('when it is over: that is said, with what trains its model further, and nothing is changed', async () => {
      for (const given of [improving(), stopsEarly()]) {
        const { result } = await run(given);
        const before = state(result.run);
        for (let i = 0; i < 2; i++) {
          await assert.rejects(run(given, { resumeFrom: result.run }), (error: MedTextError) => {
            assert.equal(error.code, 'RESUME');
            assert.match(error.message, /has finished \(.*step \d+.*\); nothing was changed\. .*medtext finetune \S+recipe\.medtext\.json --model \S+/); // prettier-ignore
            return true;
          });
        }
        assert.deepEqual(state(result.run), before);
      }
    });

    it('on another tokenizer or architecture, as on other data; other weights are those of the checkpoint', async () => {
      const given = improving();
      const stop = new AbortController();
      const begun = await run(given, { stop, onReport: ({ step }) => step === 5 && stop.abort() });
      const { run: path } = begun.result;
      const put = async (name: string, content: string | undefined, change: (before: string) => string) => {
        const file = join(given.model, name);
        writeFileSync(file, change(content ?? ''));
        await assert.rejects(run(given, { resumeFrom: path }), (error: MedTextError) => {
          assert.equal(error.code, 'RESUME', `${name}: ${error.message}`);
          assert.ok(error.message.startsWith(`${file} is not the file that this run began with`), error.message);
          return true;
        });
        if (content === undefined) rmSync(file);
        else writeFileSync(file, content);
      };
      const text = (name: string) => readFileSync(join(given.model, name), 'utf8');
      const tokens = text('vocab.txt').trimEnd().split('\n');
      await put('vocab.txt', text('vocab.txt'), () => `${[...tokens.slice(0, 100), ...tokens.slice(100).reverse()].join('\n')}\n`); // prettier-ignore
      await put('special_tokens_map.json', existsSync(join(given.model, 'special_tokens_map.json')) ? text('special_tokens_map.json') : undefined, () => '{"unk_token":"[UNK]"}'); // prettier-ignore
      await put('config.json', text('config.json'), (before) => JSON.stringify({ ...JSON.parse(before), hidden_act: 'relu' })); // prettier-ignore
      writeFileSync(join(given.model, 'README.md'), 'changed');
      assert.equal((await run(given, { resumeFrom: path })).result.status, 'finished');
    });

    it('on other corrections of its labels', async () => {
      const given = improving();
      const rows = JSON.parse(readFileSync(given.dataset.train.file, 'utf8')) as Record<'query1' | 'query2' | 'label', string>[]; // prettier-ignore
      const corrections = join(folder, 'train.corrections.json');
      const correct = (count: number) => {
        const corrected = rows.slice(0, count).map(({ query1: first, query2: second, label }, row) => ({ row, line: row + 1, first, second, given: label, label: label === '0' ? '1' : '0' })); // prettier-ignore
        writeFileSync(corrections, JSON.stringify({ format: 1, file: 'train.json', corrections: corrected }));
      };
      correct(1);
      const train = { ...given.dataset.train, corrections };
      const recipe = { ...given, dataset: { ...given.dataset, train } };
      const stop = new AbortController();
      const begun = await run(recipe, { stop, onReport: ({ step }) => step === 5 && stop.abort() });
      correct(9);
      await assert.rejects(run(recipe, { resumeFrom: begun.result.run }), (error: MedTextError) => {
        assert.equal(error.code, 'RESUME', error.message);
        assert.ok(error.message.startsWith(`${corrections} is not the file that this run began with`), error.message);
        return true;
      });
      correct(1);
      assert.equal((await run(recipe, { resumeFrom: begun.result.run })).result.status, 'finished');
    });

    it('by two at once', async () => {
      const given = improving();
      const stop = new AbortController();
      const begun = await run(given, { stop, onReport: ({ step }) => step === 5 && stop.abort() });
      const { run: path } = begun.result;
      const ends = await Promise.allSettled([1, 2].map(() => run(given, { resumeFrom: path })));
      const codes = ends.map((end) => (end.status === 'rejected' ? (end.reason as MedTextError).code : end.value.result.status)); // prettier-ignore
      assert.deepEqual(codes.sort(), ['BUSY', 'finished']);
      assert.ok(!existsSync(join(path, '.lock')));
    });
  });

  it('tells a recipe that has changed since, and goes on with its own', async () => {
    const given = improving();
    const recipeFile = join(folder, 'mine.medtext.json');
    writeFileSync(recipeFile, JSON.stringify(given));
    const stop = new AbortController();
    const begun = await run(given, { stop, recipeFile, onReport: ({ step }) => step === 5 && stop.abort() });
    const { run: path } = begun.result;
    assert.deepEqual([recordIn(path).name, recordIn(path).recipe?.file], ['mine', recipeFile]);
    assert.equal(statSync(join(path, 'recipe.medtext.json')).mode & 0o222, 0, 'a record is not to be edited');
    const again = new AbortController();
    const same = await run(given, { resumeFrom: path, stop: again, onReport: () => again.abort() });
    assert.ok(!same.log.some((line) => line.includes('has changed')));
    writeFileSync(recipeFile, JSON.stringify({ ...given, train: { ...given.train, max_epochs: 5 } }));
    const { log, result } = await run(given, { resumeFrom: path });
    assert.ok(log.some((line) => line.startsWith(`${recipeFile} has changed since this run began. It is not used`)), log.join('\n')); // prettier-ignore
    assert.deepEqual([result.status, recordIn(path).name], ['finished', 'mine']);
  });

  describe('whose folder goes away', () => {
    const moved = 'moved';
    for (const [how, act] of [
      ['moved', (path: string) => renameSync(path, join(folder, moved))],
      ['deleted', (path: string) => rmSync(path, { recursive: true })],
    ] as const) {
      it(`${how}: notices, does not finish, and makes no other folder of that name`, async () => {
        const given = improving();
        const whole = await run(given);
        let path = '';
        const away = run(given, {
          onReport({ runId, step }) {
            path = join(folder, 'runs', runId);
            if (step === 6) act(path);
          },
        });
        await assert.rejects(away, { code: 'IO', message: /was moved or deleted during the training/ });
        assert.equal(existsSync(path), false);
        if (how !== 'moved') return;
        // Its process would have ended by now.
        rmSync(join(folder, moved, '.lock'));
        const { result } = await run(given, { resumeFrom: join(folder, moved) });
        assert.equal(result.status, 'finished');
        assert.equal(sha256(join(result.model, 'model.safetensors')), sha256(join(whole.result.model, 'model.safetensors'))); // prettier-ignore
      });
    }
  });

  describe('nothing is lost of', () => {
    /** Scores of texts; validation whose scores are all one have no Pearson. */
    const regression = (validation: readonly number[], changes: Partial<Recipe['train']> = {}): Recipe => {
      const rows = (name: string, scores: readonly number[]) => {
        const file = join(folder, name);
        writeFileSync(file, scores.map((y, i) => JSON.stringify({ text: '头'.repeat(1 + (i % 5)), y })).join('\n'));
        return file;
      };
      const train = { file: rows('reg.jsonl', Array.from({ length: 20 }, (_, i) => i % 5)), first_sequence: 'text', second_sequence: null, label: 'y' }; // prettier-ignore
      const dataset = { train, validation: { file: rows('reg_dev.jsonl', validation) } };
      return tinyRecipe(
        folder,
        { max_epochs: 6, evaluate_every: 'epoch', ...changes },
        { task: 'regression', dataset },
      );
    };

    for (const [name, validation] of [
      ['all scores equal', [2, 2, 2]],
      ['a single row', [2]],
    ] as const) {
      it(`a regression whose validation gives no Pearson (${name}): the model of the last step, and it is said`, async () => {
        const given = regression(validation, { early_stopping: { patience: 2, min_delta: 0 } });
        const { result, reports, log } = await run(given);
        assert.equal(reports.length, 18, 'patience does not end what cannot be measured');
        assert.deepEqual([result.status, result.best], ['finished', null]);
        const record = recordIn(result.run);
        assert.match(record.noBest!.message, /pearson cannot be computed .* the model of the last step is kept/i);
        assert.ok(log.some((line) => line === record.noBest!.message));
        const checkpoint = join(result.run, 'checkpoints/step-000000018/model.safetensors');
        assert.ok(existsSync(checkpoint));
        const report = await evaluateModel(result.model, given.dataset.validation!.file, { threads: 1 });
        assert.equal(report.rows, validation.length);
        const { evaluation } = JSON.parse(readFileSync(join(result.run, 'metrics.jsonl'), 'utf8').trim().split('\n').at(-1)!); // prettier-ignore
        assert.equal(report.loss, evaluation.loss);
        await assert.rejects(run(given, { resumeFrom: result.run }), { code: 'RESUME', message: /has finished/ });
        const path = await killed(given, 'rename run.json$ 9');
        assert.equal((await run(given, { resumeFrom: path })).result.status, 'finished');
        assert.equal(sha256(join(path, 'model/model.safetensors')), sha256(join(result.model, 'model.safetensors')));
      });
    }

    it('why a final test failed', async () => {
      const given = improving();
      const { dataset } = given;
      const file = join(folder, 'bare.json');
      const all = JSON.parse(readFileSync(dataset.test!.file, 'utf8')) as Record<string, string>[];
      writeFileSync(file, JSON.stringify(all.map(({ query1, query2 }) => ({ query1, query2 }))));
      const { result } = await run(
        { ...given, dataset: { ...dataset, test: { file } } },
        { onEvaluationProgress: ({ split, done }) => split === 'test' && done === 90 && rmSync(file) },
      );
      assert.equal(result.status, 'finished');
      const { testError, test, predictions } = recordIn(result.run);
      assert.deepEqual([test, predictions, testError?.code], [undefined, undefined, 'NOT_FOUND']);
      assert.ok(testError!.message.includes(file));
      assert.equal(result.testError?.message, testError!.message);
    });

    it('the evaluations before it was resumed, in its card', async () => {
      const given = improving();
      const stop = new AbortController();
      const begun = await run(given, { stop, onReport: ({ step }) => step === 13 && stop.abort() });
      await run(given, { resumeFrom: begun.result.run });
      const card = readFileSync(join(begun.result.run, 'model/README.md'), 'utf8');
      for (const step of [4, 8, 12, 16]) assert.match(card, new RegExp(`^\\| ${step} \\|`, 'm'));
    });
  });
});
