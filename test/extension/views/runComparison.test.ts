import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunRecord } from '../../../src/extension/runStore';
import { compareRuns } from '../../../src/extension/views/runComparison';
import { runComparison } from '../../../src/protocol/runComparison';

describe('comparison of runs', () => {
  let home: string;
  beforeEach(() => void (home = mkdtempSync(join(tmpdir(), 'medtext-compare-'))));
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  interface Written {
    readonly recipe?: unknown;
    readonly file?: unknown;
    readonly metrics?: readonly unknown[];
  }
  function run(name: string, { recipe, file, metrics }: Written, record: Partial<RunRecord> = {}): RunRecord {
    const folder = join(home, name);
    mkdirSync(folder);
    if (recipe !== undefined) writeFileSync(join(folder, 'recipe.medtext.json'), JSON.stringify(recipe));
    if (file !== undefined) writeFileSync(join(folder, 'run.json'), JSON.stringify(file));
    if (metrics)
      writeFileSync(join(folder, 'metrics.jsonl'), metrics.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return { runId: name, folder, recipeFile: '', name, status: 'finished', pid: 0, startedAtMs: 1000, endedAtMs: 4500, step: 2, totalSteps: 2, ...record }; // prettier-ignore
  }
  const recipe = (lr: number, more = {}) => ({
    model: 'm',
    dataset: { train: { file: `/x/${lr}.json`, labels: ['0', '1'] } },
    train: { optimizer: { lr, betas: [0.9, 0.999] } },
    work_dir: `/runs/${lr}`,
    ...more,
  });
  const file = (accuracy: number, sha256: string) => ({
    data: { train: { file: '/x/a.json', rows: 10, sha256 }, validation: { file: 'C/v.json', rows: 4, sha256: 'v' } },
    model: { path: 'm', contentHash: `sha256:${sha256.repeat(64)}` },
    environment: { device: 'cpu', threads: 2, memoryBytes: 1 },
    best: {
      step: 2,
      metric: 'macroF1',
      value: 0.4,
      evaluation: { loss: 1, accuracy, accuracyInterval: [accuracy - 0.1, accuracy + 0.1], macroF1: 0.4, perClass: {} },
    },
  });

  it('puts what differs first, metrics with their intervals, data by their content', async () => {
    const a = run('a', { recipe: recipe(1e-3), file: file(0.5, 's'), metrics: [{ step: 1, loss: 2 }, { step: 2, loss: 1 }, { step: 2, epoch: 1, evaluation: { accuracy: 0.5, loss: 1 } }] }); // prettier-ignore
    const b = run('b', { recipe: recipe(5e-4, { device: 'webgpu' }), file: file(0.6, 't') });
    const comparison = await compareRuns([a, b]);
    runComparison(comparison);
    const settings = new Map(comparison.settings.map(({ name, values, differs }) => [name, { values, differs }]));
    assert.deepEqual(settings.get('train.optimizer.lr'), { values: ['0.001', '0.0005'], differs: true });
    assert.deepEqual(settings.get('device'), { values: [null, 'webgpu'], differs: true });
    assert.deepEqual(settings.get('train.optimizer.betas'), { values: ['[0.9,0.999]', '[0.9,0.999]'], differs: false });
    const contents = ['s', 't'].map((letter) => `sha256:${letter.repeat(12)}`);
    assert.deepEqual(settings.get('model.contentHash'), { values: contents, differs: true });
    assert.deepEqual(settings.get('environment.threads')?.values, ['2', '2']);
    assert.ok(
      !settings.has('work_dir') && !settings.has('dataset.train.file') && !settings.has('environment.memoryBytes'),
    );
    const differs = comparison.settings.map((setting) => setting.differs);
    assert.deepEqual(
      differs,
      [...differs].sort((x, y) => Number(y) - Number(x)),
    );
    assert.equal(comparison.metrics[0].name, 'macroF1', 'what chose the checkpoints');
    const accuracy = comparison.metrics.find(({ name }) => name === 'accuracy')!;
    assert.deepEqual(accuracy.values[1], { value: 0.6, low: 0.5, high: 0.7 });
    assert.equal(comparison.metrics.find(({ name }) => name === 'loss')?.lowerIsBetter, true);
    assert.deepEqual(comparison.testMetrics, []);
    const tested = await compareRuns([a, run('c', { file: { ...file(0.6, 't'), test: { accuracy: 0.55, accuracyInterval: [0.5, 0.6], loss: 2 } } })]); // prettier-ignore
    assert.deepEqual(tested.testMetrics, [
      { name: 'accuracy', lowerIsBetter: false, values: [null, { value: 0.55, low: 0.5, high: 0.6 }] },
      { name: 'loss', lowerIsBetter: true, values: [null, { value: 2, low: null, high: null }] },
    ]);
    assert.deepEqual(comparison.data.map(({ split, differs: other }) => [split, other]), [['train', true], ['validation', false]]); // prettier-ignore
    assert.equal(comparison.data[0].values[0]?.file, 'a.json');
    const [first, second] = comparison.runs;
    assert.deepEqual([first.steps, first.losses, first.seconds, first.bestStep], [[1, 2], [2, 1], 3.5, 2]);
    assert.deepEqual(second.evaluations, []);
  });

  it('a run without files, or with nonsense in them, has gaps', async () => {
    const empty = run('empty', {});
    const odd = run('odd', { recipe: [1], file: { best: { metric: 3, evaluation: { accuracy: 'x' } }, data: { train: { sha256: 4 } } } }); // prettier-ignore
    const live = run('live', { metrics: [{ step: 1, epoch: 1, evaluation: { accuracy: 0.25 } }] }, { status: 'running', endedAtMs: undefined }); // prettier-ignore
    const comparison = await compareRuns([empty, odd, live]);
    runComparison(comparison);
    assert.deepEqual(comparison.settings, []);
    assert.deepEqual(comparison.metrics, [{ name: 'accuracy', lowerIsBetter: false, values: [null, null, { value: 0.25, low: null, high: null }] }]); // prettier-ignore
    assert.deepEqual(comparison.runs.map(({ seconds }) => seconds), [3.5, 3.5, null]); // prettier-ignore
  });
});
