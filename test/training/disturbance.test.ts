import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finetune } from '../../src/training/finetune';
import { resolveRecipe, validateRecipe, type RecipeTrain } from '../../src/protocol/recipe';
import type { TrainingReport } from '../../src/protocol/trainer';

const samples = join(__dirname, '../../samples');
const PUBLISHED = { adv_grad_factor: 5e-5, adv_bound: 1e-5, sigma: 5e-6 };

describe('losses of several passes in a run', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'medtext-disturbance-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Three steps of the sample's encoder, one layer of it. */
  async function run(
    train: RecipeTrain = {},
    config: Record<string, unknown> = {},
    more: Record<string, unknown> = {},
    stopAfter?: number,
    resumeFrom?: string,
  ) {
    const model = join(folder, 'encoder');
    cpSync(join(samples, 'structbert-tiny'), model, { recursive: true });
    const fields = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'));
    writeFileSync(
      join(model, 'config.json'),
      JSON.stringify({ ...fields, num_hidden_layers: 1, model_type: 'structbert', ...config }),
    );
    const file = join(folder, 'train.json');
    const rows = JSON.parse(readFileSync(join(samples, 'medical-pairs/validation.json'), 'utf8')) as {
      label: string;
    }[];
    const labels = ['0', '1', '2'];
    writeFileSync(
      file,
      JSON.stringify(labels.flatMap((label) => rows.filter((row) => row.label === label).slice(0, 8))),
    );
    const recipe = {
      task: 'sentence-similarity',
      model,
      dataset: { train: { file, first_sequence: 'query1', second_sequence: 'query2', label: 'label' } },
      train: { max_epochs: 1, batch_size: 8, seed: 3, ...train },
      work_dir: join(folder, 'runs'),
      ...more,
    };
    const reports: TrainingReport[] = [];
    const log: string[] = [];
    const stop = new AbortController();
    const result = await finetune({
      recipe: resolveRecipe(validateRecipe(recipe, 'it')),
      baseFolder: folder,
      resumeFrom,
      onReport: (report) => {
        reports.push(report);
        if (report.step === stopAfter) stop.abort();
      },
      onEvaluation: () => undefined,
      log: (line) => log.push(line),
      stopSignal: stop.signal,
    });
    const stored = JSON.parse(readFileSync(join(result.run, 'recipe.medtext.json'), 'utf8'));
    if (result.status === 'stopped') return { result, stored: stored.train as RecipeTrain, reports, log: log.join('\n'), card: '' }; // prettier-ignore
    return { result, stored: stored.train as RecipeTrain, reports, log: log.join('\n'), card: readFileSync(join(result.model, 'README.md'), 'utf8') }; // prettier-ignore
  }

  it('are adversarial for a StructBERT, as in ModelScope: said, recorded and reported', async () => {
    const { stored, reports, log, card } = await run();
    assert.deepEqual(stored.adversarial, PUBLISHED);
    assert.match(log, /train\.adversarial is on .*default for a StructBERT.*null switches it off: a step takes about 2\.7 times/); // prettier-ignore
    assert.deepEqual(Object.keys(reports[0].lossParts!), ['plain', 'noise', 'adversarial']);
    assert.match(card, /`adversarial\.adv_grad_factor`/);
    assert.match(
      card,
      /several forward passes \(`train\.adversarial`\): a step was about 2\.7 times the work of a plain one/,
    );
  });

  it('take the values of config.json, and are off where it says so', async () => {
    const own = await run({}, { adv_grad_factor: 1e-3, adv_bound: null, sigma: 2e-3 });
    assert.deepEqual(own.stored.adversarial, { adv_grad_factor: 1e-3, adv_bound: 4e-3, sigma: 2e-3 });
    const off = await run({}, { adv_grad_factor: null });
    assert.equal(off.stored.adversarial, null);
    assert.equal(off.reports[0].lossParts, undefined);
  });

  it('are off by the recipe, for a model of another family, and for a regression', async () => {
    const byRecipe = await run({ adversarial: null });
    const bert = await run({}, { model_type: 'bert' });
    for (const { stored, log } of [byRecipe, bert]) {
      assert.equal(stored.adversarial, null);
      assert.doesNotMatch(log, /adversarial is on/);
    }
    assert.deepEqual(byRecipe.reports.map(({ loss }) => loss), bert.reports.map(({ loss }) => loss)); // prettier-ignore
    assert.equal((await run({}, {}, { task: 'regression' })).stored.adversarial, null);
  });

  it('are on for a model that was made from a StructBERT', async () => {
    const { stored } = await run({}, { model_type: 'bert', medtext: { source_model_type: 'structbert' } });
    assert.deepEqual(stored.adversarial, PUBLISHED);
  });

  it('go on bit for bit after a stop', async () => {
    const hashOf = (model: string) => createHash('sha256').update(readFileSync(join(model, 'model.safetensors'))).digest('hex'); // prettier-ignore
    const whole = await run({ dropout: 0.1 });
    const stopped = await run({ dropout: 0.1 }, {}, {}, 2);
    assert.deepEqual([stopped.result.status, stopped.reports.length], ['stopped', 2]);
    const resumed = await run({ dropout: 0.1 }, {}, {}, undefined, stopped.result.run);
    assert.deepEqual([resumed.result.status, resumed.reports.length], ['finished', 1]);
    assert.equal(hashOf(resumed.result.model), hashOf(whole.result.model));
  });

  it('are FGM and R-Drop where the recipe asks for them', async () => {
    const byFgm = await run({ fgm: { epsilon: 1 } });
    assert.deepEqual([byFgm.stored.adversarial, Object.keys(byFgm.reports[0].lossParts!)], [null, ['plain', 'adversarial']]); // prettier-ignore
    const byRDrop = await run({ r_drop: { alpha: 2 }, dropout: 0.3 });
    const { plain, divergence } = byRDrop.reports[0].lossParts!;
    assert.ok(divergence > 0 && Math.abs(byRDrop.reports[0].loss - plain - 2 * divergence) < 1e-5);
  });
});
