import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync, cpSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { untranslated } from '../../../src/base/translate';
import { measurementOf } from '../../../src/extension/views/measurement';
import { canBeScripted, pythonScript } from '../../../src/extension/views/pythonScript';
import { readRunNotes, writeRunNotes } from '../../../src/extension/views/runNotes';
import { runPageOf, settingsOf } from '../../../src/extension/views/runPageFacts';
import type { Entity } from '../../../src/data/entities/entity';
import type { RunRecord } from '../../../src/extension/runStore';
import { resolveRecipe, type Recipe } from '../../../src/protocol/recipe';
import { runPageSnapshot } from '../../../src/protocol/runPage';
import { rankingReport } from '../../../src/tasks/ranking/rankingReport';
import { spanReport } from '../../../src/tasks/entities/spanReport';
import { differs, reduce, remembered, restored, tagsOf } from '../../../webview/runPage/state';

const report = {
  rows: 4,
  loss: 0.5,
  accuracy: 0.75,
  accuracyInterval: [0.3, 0.95],
  majorityBaseline: 0.5,
  microF1: 0.75,
  macroF1: 0.7,
  macroF1Interval: [0.2, 1],
  perClass: {
    a: { precision: 1, recall: 0.5, f1: 0.67, support: 2 },
    b: { precision: 0.67, recall: 1, f1: 0.8, support: 2 },
  },
  confusionMatrix: [[1, 1], [0, 2]], // prettier-ignore
  labels: ['a', 'b'],
};
const recipe: Recipe = {
  task: 'sentence-similarity',
  model: '/m',
  dataset: { train: { file: '/d/train.csv', label_mapping: { NA: null } }, validation: { file: '/d/dev.csv' } },
  train: { batch_size: 7 },
};

const nothingRead = { run: null, series: [] };

describe('a report as a measurement', () => {
  const of = (value: Readonly<Record<string, unknown>>) =>
    measurementOf(value, { split: 'test', file: 'f', canOpen: true });

  it('has the metrics of its task in their order, with interval and baseline, classes and matrix', () => {
    const { metrics, baseline, table, matrix, rows } = of(report);
    assert.deepEqual(metrics.map(({ name }) => name), ['accuracy', 'macroF1', 'microF1', 'loss']); // prettier-ignore
    assert.deepEqual(metrics[0], { name: 'accuracy', value: 0.75, low: 0.3, high: 0.95 });
    assert.deepEqual(metrics[2], { name: 'microF1', value: 0.75, low: null, high: null });
    assert.deepEqual(baseline, { name: 'accuracy', value: 0.5 });
    assert.deepEqual(table?.columns, ['precision', 'recall', 'f1', 'support']);
    assert.deepEqual(table?.rows[1], { name: 'b', values: [0.67, 1, 0.8, 2] });
    assert.deepEqual([matrix, rows], [{ labels: ['a', 'b'], counts: [[1, 1], [0, 2]], canOpen: true, hasNone: false }, 4]); // prettier-ignore
  });

  it('of other tasks has what there is: numbers, or any table of numbers by name', () => {
    const number = of({ rows: 3, pearson: null, mse: 0.2, meanBaseline: 0.4 });
    assert.deepEqual(number.metrics.map(({ name, value }) => [name, value]), [['pearson', null], ['mse', 0.2]]); // prettier-ignore
    assert.deepEqual([number.table, number.matrix, number.baseline], [null, null, { name: 'mse', value: 0.4 }]);
    const spans = of({ rows: 3, byType: { 药物: { f1: 0.5, support: 3 }, 疾病: { f1: 0.7, support: 1, extra: 2 } } });
    assert.deepEqual(spans.table?.rows[1], { name: '疾病', values: [0.7, 1, 2] });
    assert.deepEqual(spans.table?.rows[0].values, [0.5, 3, null]);
  });

  it('of rankings has the score of equal scores beside NDCG, and of several labels the commonest combination', () => {
    const judged = { grade: 1, score: 1 };
    const queries = [[judged, { grade: 0, score: 2 }], [judged]];
    const { answer, metrics, baseline, table } = of({ ...rankingReport({ queries, learnedBy: { loss: 'listwise', highestGrade: 1 } }) }); // prettier-ignore
    assert.deepEqual([answer, table, baseline?.name], ['rank', null, 'ndcg@10']);
    assert.deepEqual(metrics.map(({ name }) => name), ['ndcg@10', 'ndcg@1', 'mrr', 'map', 'recall@10', 'recall@1', 'loss']); // prettier-ignore
    assert.ok(metrics[0].low! <= metrics[0].value! && metrics[0].value! < baseline!.value);
    const several = of({ rows: 2, averagePrecision: 0.5, subsetAccuracy: 0.6, majorityBaseline: 0.4 });
    assert.deepEqual(several.baseline, { name: 'subsetAccuracy', value: 0.4 });
  });

  it('of spans has the table by type, and a confusion with the missed and the spurious, whose cells open no rows', () => {
    const at = (start: number, type: string): Entity => ({ start, end: start + 2, type });
    const truth = [[at(0, '疾病'), at(4, '药物')], [at(0, '药物')]];
    const found = [[at(0, '药物'), at(8, '疾病')], [at(0, '药物')]];
    const { answer, table, matrix, metrics } = of({ ...spanReport({ truth, found, labels: ['疾病', '药物'] }), loss: 0.5 }); // prettier-ignore
    assert.equal(answer, 'spans');
    assert.deepEqual(metrics.map(({ name }) => name), ['microF1', 'macroF1', 'microPrecision', 'microRecall', 'loss']); // prettier-ignore
    assert.deepEqual(table?.columns, ['precision', 'recall', 'f1', 'support', 'predicted']);
    assert.deepEqual(table?.rows.map(({ name, values }) => [name, ...values]), [['疾病', 0, 0, 0, 1, 1], ['药物', 0.5, 0.5, 0.5, 2, 2]]); // prettier-ignore
    // 疾病 taken for 药物, 药物 at 4 missed, 疾病 at 8 spurious, one 药物 right.
    assert.deepEqual(matrix, { labels: ['疾病', '药物'], counts: [[0, 1, 0], [0, 1, 1], [1, 0, 0]], canOpen: false, hasNone: true }); // prettier-ignore
  });

  it('keeps to the contract whatever a file holds', () => {
    for (const broken of [
      {},
      { rows: -1, confusionMatrix: [[1]], labels: ['a', 'b'] },
      { confusionMatrix: 'x', labels: [], perClass: [] },
    ]) {
      // prettier-ignore
      assert.deepEqual([of(broken).matrix, of(broken).table, of(broken).rows], [null, null, 0]);
    }
  });
});

describe('the page of a run', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'medtext-run-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('says what its folder says, and what can be done with it', async () => {
    const run = join(folder, 'a-20260101-000000');
    mkdirSync(join(run, 'checkpoints', 'step-000000009'), { recursive: true });
    cpSync('samples/structbert-tiny', join(run, 'model'), { recursive: true });
    writeFileSync(join(run, 'recipe.medtext.json'), JSON.stringify(resolveRecipe(recipe)));
    const best = { step: 8, metric: 'accuracy', value: 0.75, evaluation: report };
    const data = {
      validation: { file: '/d/dev.csv', sha256: 'f'.repeat(64), sizeBytes: 9, rows: 4, dropped: 1, badRows: 0 },
    };
    const written = { format: 1, status: 'finished', step: 9, totalSteps: 12, task: 'sentence-similarity', best, data, test: report, trainingEnd: { reason: 'earlyStop', step: 9, evaluationsWithoutGain: 3 }, environment: { threads: 2 } }; // prettier-ignore
    writeFileSync(join(run, 'run.json'), JSON.stringify(written));
    const record: RunRecord = { runId: 'a', folder: run, recipeFile: join(run, 'recipe.medtext.json'), name: 'a', status: 'finished', pid: 0, startedAtMs: 0, step: 9, totalSteps: 12 }; // prettier-ignore
    const page = await runPageOf(record, nothingRead, untranslated);
    assert.doesNotThrow(() => runPageSnapshot(JSON.parse(JSON.stringify(page))));
    assert.deepEqual(page.measurements.map(({ split, file }) => [split, file]), [['validation', 'dev.csv'], ['test', '']]); // prettier-ignore
    assert.deepEqual([page.stoppedAfter, page.measurements[0].matrix?.canOpen], [3, false]);
    writeFileSync(join(run, 'heldOutPredictions.json'), '{}');
    assert.equal((await runPageOf(record, nothingRead, untranslated)).measurements[0].matrix?.canOpen, true);
    assert.deepEqual(page.data, [{ split: 'validation', file: 'dev.csv', rows: 4, dropped: 1, badRows: 0, sha256: 'f'.repeat(64) }]); // prettier-ignore
    for (const action of ['use', 'evaluate', 'export', 'fineTuneFurther', 'copyPython'] as const) assert.ok(page.actions.includes(action), action); // prettier-ignore
    assert.ok(!page.actions.includes('stop'));
    const running = await runPageOf({ ...record, status: 'running' }, nothingRead, untranslated);
    assert.deepEqual(running.actions.slice(0, 2), ['stop', 'stopNow']);
    assert.ok(!running.actions.includes('use'));
    // A model of texts answers nothing: what it is for comes first.
    writeFileSync(join(run, 'run.json'), JSON.stringify({ ...written, task: 'masked-language-modeling', best: undefined, test: undefined })); // prettier-ignore
    const pretrained = await runPageOf(record, nothingRead, untranslated);
    assert.deepEqual(pretrained.actions.slice(0, 2), ['fineTuneFurther', 'use']);
    assert.ok(!pretrained.actions.includes('evaluate'));
    const absent = await runPageOf({ ...record, folder: join(folder, 'absent') }, nothingRead, untranslated);
    assert.doesNotThrow(() => runPageSnapshot(JSON.parse(JSON.stringify(absent))));
  });

  it('marks the settings that are no default', () => {
    const settings = settingsOf(JSON.parse(JSON.stringify(resolveRecipe(recipe))));
    const of = (name: string) => settings.find((setting) => setting.name === name)!;
    assert.ok(differs(of('train.batch_size')));
    assert.equal(of('train.batch_size').value, '7');
    assert.ok(!differs(of('train.max_epochs')));
    assert.equal(of('task').standard, null);
    assert.equal(settings.some(({ name }) => name === 'dataset.train.file'), false); // prettier-ignore
  });

  it('keeps a note and tags beside the record, and takes nothing else for them', async () => {
    await writeRunNotes(folder, { note: '好', tags: [' a ', 'a', '', 'b'] });
    assert.deepEqual(await readRunNotes(folder), { note: '好', tags: ['a', 'b'] });
    assert.deepEqual(JSON.parse(readFileSync(join(folder, 'notes.json'), 'utf8')).tags, ['a', 'b']);
    writeFileSync(join(folder, 'notes.json'), '{"note": 3, "tags": [1, "x"]}');
    assert.deepEqual(await readRunNotes(folder), { note: '', tags: ['x'] });
    writeFileSync(join(folder, 'notes.json'), 'x');
    assert.deepEqual(await readRunNotes(folder), { note: '', tags: [] });
  });

  it('forgets what was typed of another run, and remembers runs alone', () => {
    const snapshot = { ...({} as object), kind: 'run', id: '/a' } as never;
    const typed = reduce(reduce(restored(undefined), { type: 'snapshot', snapshot }), { type: 'note', text: 'x' });
    assert.equal(reduce(typed, { type: 'snapshot', snapshot }).note, 'x');
    const other = reduce(typed, { type: 'snapshot', snapshot: { kind: 'evaluation', id: '/b' } as never });
    assert.equal(other.note, undefined);
    assert.deepEqual([(remembered(typed) as { folder: string }).folder, (remembered(other) as { folder: string }).folder], ['/a', '']); // prettier-ignore
    assert.deepEqual(restored({ smoothing: 7, showsAllSettings: 'x' }).smoothing, 0.8);
    assert.deepEqual(tagsOf('a，b; c,, '), ['a', 'b', 'c']);
  });

  it('keeps what is typed while notes are saved, and what was saved until the host shows it', () => {
    const snapshot = { kind: 'run', id: '/a', note: 'old', tags: ['p'] } as never;
    const typed = reduce(reduce(restored(undefined), { type: 'snapshot', snapshot }), { type: 'note', text: 'new' });
    const meanwhile = reduce(typed, { type: 'tags', text: 'p, q' });
    const annotated = { type: 'annotated', id: '/a', typed: { note: 'new', tags: undefined }, written: { note: 'new', tags: ['p'] } } as const; // prettier-ignore
    const saved = reduce(meanwhile, annotated);
    assert.deepEqual([saved.note, saved.tags, saved.snapshot!.note, saved.snapshot!.tags], [undefined, 'p, q', 'new', ['p']]); // prettier-ignore
    // The answer for a run that is not shown any more says nothing of the next one.
    const other = reduce(reduce(meanwhile, { type: 'snapshot', snapshot: { kind: 'run', id: '/b', note: '', tags: [] } as never }), { type: 'note', text: 'new' }); // prettier-ignore
    assert.deepEqual(reduce(other, annotated), other);
  });
});

describe('a run as a script for transformers', () => {
  const fields = [
    { role: 'firstSequence', column: 'q"1' },
    { role: 'secondSequence', column: '问题2' },
    { role: 'label', column: 'label' },
  ] as const;

  it('says model, labels, columns and settings in Python’s literals', () => {
    const script = pythonScript({
      recipe: resolveRecipe(recipe),
      model: '/m',
      labels: ['0', '1'],
      fields: [...fields],
    });
    assert.match(script, /FIRST, SECOND, LABEL = "q\\"1", "问题2", "label"/);
    assert.match(script, /MAPPING = \{"NA":None\}/);
    assert.match(script, /per_device_train_batch_size=7/);
    assert.match(script, /Rows\("\/d\/train\.csv"\), Rows\("\/d\/dev\.csv"\)/);
    assert.doesNotMatch(script, /undefined|null|NaN|\[object/);
    const number = pythonScript({
      recipe: resolveRecipe({ ...recipe, task: 'regression' }),
      model: '/m',
      labels: [],
      fields: [...fields],
    });
    assert.match(number, /problem_type="regression"/);
    assert.match(number, /metric_for_best_model="pearson", greater_is_better=True/);
  });

  it('evaluates, stops and chooses the best model as the recipe says, and names what Trainer lacks', () => {
    const run = { model: '/m', labels: ['0', '1'], fields: [...fields] };
    const plain = pythonScript({ ...run, recipe: resolveRecipe(recipe) });
    assert.doesNotMatch(plain, /Left out/);
    assert.match(plain, /EarlyStoppingCallback\(3, 0\)\] if validation/);
    assert.match(plain, /eval_steps=250, save_steps=250/);
    const { validation: _, ...alone } = recipe.dataset;
    const other = pythonScript({
      ...run,
      pooling: 'mean',
      recipe: resolveRecipe({
        ...recipe,
        dataset: { ...alone, split: { validation: 0.1 }, clean: ['trim'] },
        train: {
          ...{
            class_weights: 'balanced',
            trainable: 'head',
            early_stopping: null,
            evaluate_every: 'epoch',
            metric_for_best: 'loss',
          },
          ...{ lr_scheduler: { type: 'cosine', eta_min: 1e-6 }, optimizer: { betas: [0.8, 0.99] }, drop_last: true },
        },
      }),
    });
    const left = /# Not available.*: (.*)\./.exec(other)![1];
    for (const field of ['class_weights', 'trainable', 'lr_scheduler (cosine)', 'dataset.split', 'clean', 'pooling']) assert.ok(left.includes(field), `${field}: ${left}`); // prettier-ignore
    assert.match(other, /lr_scheduler_type="cosine"/);
    assert.match(other, /adam_beta1=0\.8, adam_beta2=0\.99, adam_epsilon=1e-8, dataloader_drop_last=True/);
    assert.match(other, /eval_strategy="epoch" if validation/);
    assert.match(other, /metric_for_best_model="loss", greater_is_better=False/);
    assert.match(other, /callbacks=\[\]\)/);
    assert.doesNotMatch(other, /undefined|null|NaN|\[object/);
  });

  it('is not offered where transformers has no such training', () => {
    assert.equal(canBeScripted({ recipe: resolveRecipe(recipe) }), true);
  });
});
