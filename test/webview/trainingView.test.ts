import assert from 'node:assert/strict';
import { untranslated as t } from '../../src/base/translate';
import recipeSchema from '../../src/protocol/recipe.schema.json';
import type { ShownRun, TrainingSnapshot } from '../../src/protocol/trainingView';
import { smoothed } from '../../webview/shared/curves';
import { lossCurves, metricCurves, metricsOf, tableRows } from '../../webview/trainingView/curves';
import { scoresTable } from '../../webview/trainingView/scores';
import { templateText } from './templateText';
import { initialState, reduce, remembered, restored, type TrainingViewEvent } from '../../webview/trainingView/state';
import {
  actionButtons,
  deviceNotice,
  deviceReasons,
  knobWords,
  memoryNotice,
  startNotice,
  progressText,
  runFacts,
  understoodText,
  timeText,
} from '../../webview/trainingView/summary';

const run: ShownRun = {
  id: 'r',
  name: 'a',
  phase: 'running',
  resumable: false,
  step: 4,
  totalSteps: 8,
  epoch: 1,
  totalEpochs: 2,
  secondsLeft: 75,
  examplesPerSecond: 12.34,
  steps: [1, 2, 3, 4],
  losses: [4, null, 2, 1],
  evaluations: [
    { step: 2, epoch: 0.5, metrics: { accuracy: 0.5, macroF1: 0.4, loss: 3 } },
    { step: 4, epoch: 1, metrics: { accuracy: 0.7, macroF1: 0.6, loss: 2 } },
  ],
  metric: 'macroF1',
  best: { step: 4, value: 0.6 },
};
const recipe = { id: 'x', name: 'a', path: 'a', task: 'regression', model: 'm', train: 't', validation: null, test: null, problem: null, knobs: [] }; // prettier-ignore
const snapshot: TrainingSnapshot = { recipe, run: null, others: [], busy: false, hasModels: true, trusted: true };
const after = (...events: TrainingViewEvent[]) => events.reduce(reduce, initialState);
const labels = (shown: TrainingSnapshot) =>
  actionButtons(shown, t).map(({ label, enabled }) => `${label}${enabled ? '' : ' off'}`);

describe('training view: state', () => {
  it('gives a perplexity of thousands in digits', () => {
    const facts = runFacts({ ...run, metric: 'perplexity', best: { value: 3296.94, step: 6 } }, t);
    assert.deepEqual(facts[0], { name: 'Best perplexity', value: '3297 @ 6' });
  });

  it('keeps what is being typed through snapshots, until the recipe has it', () => {
    const typed = after({ type: 'snapshot', snapshot }, { type: 'typed', field: 'train.seed', value: '7' });
    const later = reduce(typed, { type: 'snapshot', snapshot });
    assert.equal(later.drafts['train.seed']?.value, '7');
    const written = reduce(later, { type: 'written', field: 'train.seed', value: '7' });
    assert.equal(written.drafts['train.seed']?.value, '7', 'no flash of the old value');
    assert.deepEqual(reduce(written, { type: 'snapshot', snapshot }).drafts, {});
  });

  it('shows a refusal, but not of a text that was typed over meanwhile', () => {
    const typed = after({ type: 'snapshot', snapshot }, { type: 'typed', field: 'train.seed', value: 'x' });
    const refused = reduce(typed, {
      type: 'refused',
      field: 'train.seed',
      value: 'x',
      error: { code: 'RECIPE', message: 'no' },
    });
    assert.equal(refused.drafts['train.seed']?.error?.message, 'no');
    const over = reduce(typed, { type: 'typed', field: 'train.seed', value: 'xy' });
    assert.equal(
      reduce(over, { type: 'refused', field: 'train.seed', value: 'x', error: { code: 'RECIPE', message: 'no' } }),
      over,
    );
    assert.deepEqual(reduce(refused, { type: 'reverted', field: 'train.seed' }).drafts, {});
  });

  it('drops drafts with their recipe', () => {
    const typed = after({ type: 'snapshot', snapshot }, { type: 'typed', field: 'train.seed', value: '7' });
    const other = { ...snapshot, recipe: { ...recipe, id: 'y' } };
    assert.deepEqual(reduce(typed, { type: 'snapshot', snapshot: other }).drafts, {});
  });

  it('comes back after a reload with what the person did, and survives any memory', () => {
    const typed = after({ type: 'snapshot', snapshot }, { type: 'typed', field: 'train.seed', value: '7' }, { type: 'smoothed', smoothing: 0.5 }, { type: 'more', open: true }); // prettier-ignore
    const back = reduce(restored(JSON.parse(JSON.stringify(remembered(typed)))), { type: 'snapshot', snapshot });
    assert.deepEqual([back.drafts['train.seed']?.value, back.smoothing, back.showsMore], ['7', 0.5, true]);
    for (const memory of [
      undefined,
      null,
      3,
      'x',
      [],
      { drafts: 5, smoothing: NaN },
      { drafts: { bad: {}, 'train.seed': null } },
    ]) {
      assert.deepEqual(restored(memory), initialState);
    }
  });
});

describe('training view: what it says', () => {
  it('offers what can be done', () => {
    assert.deepEqual(labels(snapshot), ['Start']);
    assert.deepEqual(labels({ ...snapshot, trusted: false }), ['Start off']);
    assert.deepEqual(labels({ ...snapshot, recipe: { ...recipe, problem: 'bad' } }), ['Start off']);
    assert.deepEqual(labels({ ...snapshot, recipe: null }), []);
    assert.deepEqual(labels({ ...snapshot, busy: true, run }), ['Stop', 'Stop Now']);
    assert.deepEqual(labels({ ...snapshot, busy: true, run: { ...run, phase: 'stopping' } }), ['Stop off', 'Stop Now']);
    assert.deepEqual(labels({ ...snapshot, run: { ...run, phase: 'stopped', resumable: true } }), ['Resume', 'Start New Run']); // prettier-ignore
    assert.deepEqual(labels({ ...snapshot, run: { ...run, phase: 'finished' } }), ['Start Again']);
  });

  it('says step, epoch, rate and time left, and of an ended run how long it took', () => {
    assert.equal(progressText(run, t), 'Step 4 of 8 · epoch 1.00 of 2');
    for (const phase of ['starting', 'running'] as const) {
      const early = { ...run, phase, step: 0, totalSteps: 0, epoch: undefined };
      assert.equal(progressText(early, t), 'Reading data and building the graph…');
      const preparing = { doneBytes: 1, totalBytes: 4, secondsLeft: 9 };
      assert.equal(progressText({ ...early, preparing }, t), 'Preparing the texts: 25 %, 9 s left');
    }
    assert.equal(progressText({ ...run, phase: 'stopping', step: 0, totalSteps: 0, epoch: undefined }, t), '');
    assert.equal(timeText(run, t), '1 min 15 s left · 12.3 examples a second');
    assert.equal(timeText({ ...run, phase: 'finished', elapsedSeconds: 30 }, t), 'took 30 s');
    const evaluating = { split: 'validation', done: 5, total: 9, secondsLeft: 2 } as const;
    assert.equal(timeText({ ...run, evaluating }, t), 'Evaluating: 5 of 9 rows, 2 s left');
    assert.deepEqual(runFacts({ ...run, best: null, test: { metric: 'accuracy', value: 0.5 } }, t)[0], { name: 'Test accuracy', value: '0.5000' }); // prettier-ignore
    const facts = runFacts({ ...run, loss: null, memoryBytes: 2 ** 31, device: 'webgpu' }, t);
    assert.deepEqual(facts.map(({ value }) => value), ['0.6000 @ 4', '–', 'WebGPU', '2.00 GiB']); // prettier-ignore
  });
});

describe('training view: loss of several forward passes', () => {
  const work = (...parts: string[]) =>
    runFacts({ ...run, lossParts: Object.fromEntries(parts.map((part) => [part, 0.5])) }, t).find(({ name }) => name === 'Work of a step')?.value; // prettier-ignore

  it('is said with what it costs, by its parts', () => {
    assert.equal(work('plain', 'noise', 'adversarial'), 'about 2.7 times that of a plain loss');
    assert.equal(work('plain', 'adversarial'), 'about 2.3 times that of a plain loss');
    assert.equal(work('plain', 'divergence'), 'about 2.0 times that of a plain loss');
    assert.equal(work('masked', 'sentence'), undefined);
    assert.equal(work(), undefined);
  });
});

describe('training view: F1 by name', () => {
  const scored = (name: string, f1: number) => ({ name, f1, support: 7 });
  const scores = { step: 4, answer: 'spans' as const, highest: [scored('药物', 0.9)], leftOut: 3, lowest: [scored('症状', 0.25)] }; // prettier-ignore

  it('says which evaluation it is of, and how many names are left out', () => {
    const said = (change: object) => templateText(scoresTable({ ...scores, ...change }, run, t));
    assert.match(said({}), /F1 by type[^]*best, step 4[^]*药物[^]*0\.9000[^]*3 more in between[^]*症状[^]*0\.2500/);
    assert.match(said({ step: 2 }), /F1 by type[^]*Step 2/);
    assert.doesNotMatch(said({ leftOut: 0 }), /more in between/);
  });

  it('is worded by what the names are', () => {
    const said = (answer: 'labels' | 'class') => templateText(scoresTable({ ...scores, answer }, run, t));
    assert.match(templateText(scoresTable(scores, run, t)), /F1 by type[^]*Type[^]*entities/);
    assert.match(said('labels'), /F1 by label[^]*Label[^]*rows/);
    assert.match(said('class'), /F1 by class[^]*Class[^]*rows/);
  });
});

describe('training view: device', () => {
  const device = (change: Partial<ShownRun>) =>
    runFacts({ ...run, best: null, ...change }, t).map(({ value }) => value);

  it('is said with the precision, where that device has a use for it', () => {
    assert.deepEqual(device({ device: 'cuda', precision: 'tf32' }), ['CUDA, tf32']);
    assert.deepEqual(device({ device: 'webgpu', precision: 'float16' }), ['WebGPU, float16']);
    assert.deepEqual(device({ device: 'webgpu', precision: 'tf32' }), ['WebGPU']);
    assert.deepEqual(device({ device: 'cpu', precision: 'float16' }), ['CPU']);
    assert.deepEqual(device({ chosenDevice: { device: 'coreml', trials: [] } }), ['Core ML'], 'before the first step');
  });

  it('has its reasons where the recipe left it open, and a notice when it is lost', () => {
    assert.deepEqual([deviceReasons(run, t), deviceNotice(run, t)], [[], undefined]);
    const trials = [{ device: 'cpu', passed: true }, { device: 'webgpu', passed: false, fault: { code: 'noAdapter' as const } }]; // prettier-ignore
    assert.deepEqual(deviceReasons({ ...run, chosenDevice: { device: 'cpu', trials } }, t), [
      'CPU: chosen',
      'WebGPU: left out, no GPU, or no driver for it',
    ]);
    assert.match(deviceNotice({ ...run, device: 'cpu', lostDevice: 'cuda' }, t)!, /^CUDA failed .* now: CPU\.$/);
  });

  it('and its precision are to be chosen among what the recipe’s schema knows', () => {
    for (const [field, known] of [
      ['device', recipeSchema.properties.device.enum],
      ['train.precision', recipeSchema.properties.train.properties.precision.enum],
    ] as const) {
      // prettier-ignore
      assert.deepEqual(knobWords(field, t).choices!.map(({ value }) => value), known); // prettier-ignore
    }
  });
});

describe('training view: data', () => {
  it('says which columns were taken and why, and the labels with their counts', () => {
    const understoodData = {
      task: 'text-classification',
      rows: 12,
      fields: [
        { role: 'firstSequence' as const, column: 'text', reason: 'name' as const },
        { role: 'label' as const, column: 'dept' },
      ],
      labels: [
        { name: '呼吸科', count: 8 },
        { name: '眼科', count: 4 },
      ],
      labelCount: 3,
    };
    assert.deepEqual(understoodText({ ...run, understoodData }, t), [
      'Text classification · 12 rows',
      'first_sequence: column "text", by its name',
      'label: column "dept", named by the recipe',
      '3 labels: 呼吸科 (8), 眼科 (4), …',
    ]);
    assert.deepEqual(understoodText(run, t), []);
  });
});

describe('training view: memory', () => {
  const plan = { estimatedBytes: 2 ** 30, batchSize: 16, microBatchSize: 16, availableBytes: 2 ** 31 };
  const notice = (change: Partial<typeof plan>) => memoryNotice({ ...run, memoryPlan: { ...plan, ...change } }, t);

  it('says what the run is expected to take, before its first step too', () => {
    const starting = { ...run, phase: 'starting' as const, step: 0, totalSteps: 0, best: null, memoryPlan: plan };
    assert.deepEqual(runFacts(starting, t), [{ name: 'Memory expected', value: '1.00 GiB' }]);
    assert.equal(notice({}), undefined);
    assert.equal(memoryNotice(run, t), undefined);
    assert.deepEqual([startNotice(run, t), startNotice({ ...run, randomStart: true }, t)], [undefined, 'This training starts from random weights, because the model folder has none.']); // prettier-ignore
  });

  it('says when batches are cut for it, and warns when it may not be enough', () => {
    assert.deepEqual(notice({ microBatchSize: 4 }), { text: 'To save memory, batches of 16 are computed in parts of 4. The result is the same.', grave: false }); // prettier-ignore
    const grave = notice({ microBatchSize: 1, availableBytes: 2 ** 29 })!;
    assert.equal(grave.grave, true);
    assert.match(grave.text, /may take 1\.00 GiB of memory, but only 512 MiB are free/);
    assert.equal(notice({ availableBytes: undefined }), undefined, 'a device that does not tell');
  });
});

describe('training view: curves', () => {
  it('smooths without a start from zero and leaves gaps', () => {
    assert.deepEqual(smoothed([5, 5, null, 5], 0.9).map((value) => value && Number(value.toFixed(9))), [5, 5, null, 5]); // prettier-ignore
    assert.deepEqual(smoothed([1, 2, 3], 0), [1, 2, 3]);
    const [first, second] = smoothed([1, 3], 0.5);
    assert.equal(first, 1);
    assert.ok(Math.abs(second! - (0.25 * 1 + 0.5 * 3) / 0.75) < 1e-12);
  });

  it('lays losses of steps and evaluations over the same steps', () => {
    const { steps, series } = lossCurves({ ...run, steps: [1, 3], losses: [4, 2] }, 0);
    assert.deepEqual(steps, [1, 2, 3, 4]);
    assert.deepEqual(series, [[4, null, 2, null], [4, null, 2, null], [null, 3, null, 2]]); // prettier-ignore
  });

  it('marks the best step, and puts the choosing metric first', () => {
    assert.deepEqual(metricsOf(run), ['macroF1', 'accuracy']);
    assert.deepEqual(metricCurves(run, 'macroF1').series, [[0.4, 0.6], [null, 0.6]]); // prettier-ignore
    assert.deepEqual(metricCurves({ ...run, best: null }, 'accuracy').series[1], [null, null]);
  });

  it('says the same as a table, newest first', () => {
    const rows = tableRows(run, 'accuracy', 0);
    assert.deepEqual(rows.map(({ step, trainingLoss, metric, isBest }) => [step, trainingLoss, metric, isBest]), [[4, 1, 0.7, true], [2, 4, 0.5, false]]); // prettier-ignore
    const early = tableRows({ ...run, evaluations: [], best: null }, 'accuracy', 0);
    assert.deepEqual(early.map(({ step }) => step), [4, 3, 2, 1]); // prettier-ignore
    const steps = Array.from({ length: 1000 }, (_, i) => i + 1);
    assert.ok(tableRows({ ...run, evaluations: [], steps, losses: steps }, 'accuracy', 0).length <= 40);
  });
});
