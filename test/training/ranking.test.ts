/** A ranking from a recipe to ranked files. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { evaluateModel } from '../../src/evaluation/evaluateModel';
import { predictFile } from '../../src/evaluation/predictFile';
import type { RankingReport } from '../../src/protocol/evaluation';
import { resolveRecipe, validateRecipe, type Recipe } from '../../src/protocol/recipe';
import { finetune } from '../../src/training/finetune';
import { tinyRecipe } from '../support/tinyRecipe';

const questions = join(__dirname, '../../samples/questions');

describe('a ranking', function () {
  this.timeout(120_000);
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'medtext-ranking-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function train(steps: Recipe['train'], dataset: Recipe['dataset'], resumeFrom?: string, stopAfter = Infinity) {
    const log: string[] = [];
    const losses: number[] = [];
    const stop = new AbortController();
    const recipe = { ...tinyRecipe(folder), task: 'ranking', dataset, device: 'cpu', threads: 1 } as Recipe;
    recipe.train = { max_epochs: 2, batch_size: 8, optimizer: { lr: 1e-3 }, seed: 3, early_stopping: null, ...steps };
    const result = await finetune({
      recipe: resolveRecipe(validateRecipe(recipe, 'test')),
      baseFolder: folder,
      resumeFrom,
      log: (line) => log.push(line),
      onEvaluation: () => undefined,
      onReport: ({ step, loss }) => {
        losses.push(loss);
        if (step >= stopAfter) stop.abort();
      },
      stopSignal: stop.signal,
    });
    return { result, log, losses };
  }

  it('learns from cMedIR’s form, keeps queries in one part, and writes ranked files', async () => {
    const unlabelled = join(folder, 'test.csv');
    writeFileSync(unlabelled, 'query,title\n高血压能吃咸菜吗,咸菜怎么腌\n高血压能吃咸菜吗,血压高的人可不可以吃咸菜\n');
    const { result, log } = await train(
      { max_candidates: 3, evaluate_every: 'epoch' },
      { train: { file: join(questions, 'train.jsonl') }, split: { validation: 0.25 }, test: { file: unlabelled } },
    );
    assert.match(log.join('\n'), /24 queries with 96 texts; texts in a query: 4\.0 on average, at most 4/);
    assert.match(log.join('\n'), /18 queries have more than 3 texts: a batch has 3 of them at most/);
    const { best } = result;
    const report = best!.evaluation as RankingReport;
    assert.deepEqual([best!.metric, report.rows, report.queries], ['ndcg@10', 24, 6]);
    const config = JSON.parse(readFileSync(join(result.model, 'config.json'), 'utf8'));
    assert.deepEqual([config.medtext.task, config.medtext.ranking_loss, config.medtext.highest_grade, config.problem_type], ['ranking', 'listwise', 2, undefined]); // prettier-ignore
    assert.deepEqual(Object.values(config.id2label), ['score']);
    assert.match(
      readFileSync(join(result.model, 'README.md'), 'utf8'),
      /pipeline_tag: text-ranking.*ranked.*NDCG@10 if all texts have equal scores/s,
    );

    const predicted = readFileSync(result.predictions!, 'utf8').trim().split('\n').slice(1).map((row) => Number(row.split(',').at(-1))); // prettier-ignore
    assert.ok(predicted[0] >= predicted[1], predicted.join());

    const again = (await evaluateModel(result.model, join(questions, 'validation.jsonl'))) as RankingReport;
    assert.deepEqual([again.rows, again.queries, again.queriesWithoutRelevant], [32, 8, 0]);
    const output = join(folder, 'ranked.jsonl');
    const written = await predictFile(result.model, join(questions, 'validation.jsonl'), output);
    assert.deepEqual([written.rows, written.column, written.counts], [32, 'score', {}]);
    const records = readFileSync(output, 'utf8').trim().split('\n').map((line) => JSON.parse(line)); // prettier-ignore
    assert.equal(records.length, 8);
    // The files say what the evaluation measured.
    const first = records.filter(({ documents }) => documents[0].label === 2).length;
    const half = records.filter(({ documents }) => documents[0].label === 1).length;
    assert.ok(Math.abs(again['ndcg@1']! - (first + half / 2) / 8) < 1e-9);
    for (const { documents } of records) {
      const scores = documents.map(({ score }: { score: number }) => score);
      assert.deepEqual(
        scores,
        [...scores].sort((a, b) => b - a),
      );
    }
    await assert.rejects(predictFile(result.model, output, join(folder, 'again.jsonl')), { code: 'USAGE' });
    await predictFile(result.model, output, join(folder, 'again.jsonl'), { label: 'second' });
  });

  it('goes on from a checkpoint to the same last digit, text by text, too', async () => {
    const dataset = { train: { file: join(questions, 'train.jsonl') } };
    for (const ranking_loss of ['listwise', 'pointwise'] as const) {
      const whole = await train({ ranking_loss, max_candidates: 3 }, dataset);
      const begun = await train({ ranking_loss, max_candidates: 3 }, dataset, undefined, 7);
      const ended = await train({ ranking_loss, max_candidates: 3 }, dataset, begun.result.run);
      assert.deepEqual([...begun.losses, ...ended.losses], whole.losses);
      assert.deepEqual(readFileSync(join(ended.result.model, 'model.safetensors')), readFileSync(join(whole.result.model, 'model.safetensors'))); // prettier-ignore
    }
  });

  it('refuses what leaves nothing to rank, and parts smaller than a query', async () => {
    const flat = join(folder, 'flat.csv');
    writeFileSync(flat, 'query,text,grade\n甲,一,1\n甲,二,1\n乙,三,0\n');
    await assert.rejects(train({}, { train: { file: flat } }), { code: 'LABELS' });
    const dataset = { train: { file: join(questions, 'train.jsonl') } };
    await assert.rejects(train({ micro_batch_size: 3 }, dataset), { code: 'RECIPE' });
    await train({ micro_batch_size: 3, ranking_loss: 'pointwise', max_epochs: 1 }, dataset);
    await train({ micro_batch_size: 4, max_epochs: 1 }, dataset);
  });
});
