import assert from 'node:assert/strict';
import { addGradients } from '../../src/autodiff/gradients';
import { sequenceHead } from '../../src/models/heads/sequence';
import { Operators } from '../../src/onnx/operators';
import { evaluationMetrics, metricMeasured } from '../../src/protocol/evaluation';
import { resolveRecipe, type Recipe } from '../../src/protocol/recipe';
import { listNet } from '../../src/tasks/losses/listNet';
import { relevanceCrossEntropy } from '../../src/tasks/losses/relevanceCrossEntropy';
import { ranking } from '../../src/tasks/ranking/ranking';
import { averagePrecision, ndcg, recall, reciprocalRank, type Judged } from '../../src/tasks/ranking/rankingMetrics';
import { rankingReport } from '../../src/tasks/ranking/rankingReport';
import { runGraph } from '../support/graphRunner';
import { rankingJson } from '../support/ranking';

function close(actual: number, expected: number, what: string, tolerance: number): void {
  const isNear = Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected));
  assert.ok(isNear, `${what}: ${actual} is not ${expected}`);
}

const judged = (grades: readonly number[], scores: readonly number[]): Judged[] =>
  grades.map((grade, at) => ({ grade, score: scores[at] }));

const METRICS: Readonly<Record<string, (candidates: readonly Judged[]) => number>> = {
  'ndcg@1': (candidates) => ndcg(candidates, 1),
  'ndcg@3': (candidates) => ndcg(candidates, 3),
  'ndcg@10': (candidates) => ndcg(candidates, 10),
  mrr: reciprocalRank,
  map: averagePrecision,
  'recall@1': (candidates) => recall(candidates, 1),
  'recall@3': (candidates) => recall(candidates, 3),
  'recall@10': (candidates) => recall(candidates, 10),
};

describe('metrics of a ranking as scikit-learn and trec_eval, the mean over orders of equal scores', () => {
  for (const { name, grades, scores, expected } of rankingJson('metrics.json')) {
    it(name, () => {
      assert.deepEqual(Object.keys(expected).sort(), Object.keys(METRICS).sort());
      // trec_eval gives float64 of float32 scores; the order is all that counts of them.
      for (const [metric, value] of Object.entries<number>(expected)) close(METRICS[metric](judged(grades, scores)), value, metric, 1e-9); // prettier-ignore
    });
  }
});

describe('the report on rankings', () => {
  const learnedBy = { loss: 'listwise', highestGrade: 2 } as const;

  it('leaves queries without a relevant text out of the means, and counts them', () => {
    const right = judged([2, 0], [1, 0]);
    const wrong = judged([0, 1], [1, 0]);
    const report = rankingReport({
      queries: [right, judged([0, 0, 0], [1, 2, 3]), wrong, judged([1], [5])],
      learnedBy,
    });
    assert.deepEqual([report.rows, report.queries, report.queriesWithoutRelevant, report.queriesOfOne], [8, 3, 1, 1]);
    close(report.mrr!, (1 + 0.5 + 1) / 3, 'mrr', 1e-12);
    close(report['ndcg@10']!, (1 + 1 / Math.log2(3) + 1) / 3, 'ndcg@10', 1e-12);
    const [low, high] = report['ndcg@10Interval']!;
    assert.ok(low <= report['ndcg@10']! && report['ndcg@10']! <= high);
    const half = (1 + 1 / Math.log2(3)) / 2;
    close(report.constantBaseline!, (half + half + 1) / 3, 'of equal scores', 1e-12);
  });

  it('places what is no number last, and ends', () => {
    const found = judged([1, 0, 2], [NaN, NaN, 0.5]);
    assert.equal(reciprocalRank(found), 1);
    assert.equal(ndcg(found, 10), ndcg(judged([1, 0, 2], [-1, -1, 0.5]), 10));
  });

  it('is learned of more queries than a call has arguments', () => {
    const examples = Array.from({ length: 140_000 }, (_, n) => ({ row: n, line: n + 1, first: `q${n}`, second: 'a', label: 1 })); // prettier-ignore
    const recipe = resolveRecipe({ task: 'ranking', model: '', dataset: { train: { file: '' } } });
    assert.ok(ranking.objective({ recipe, data: { examples } } as unknown as Parameters<typeof ranking.objective>[0]));
  });

  it('gives a constant model the baseline, whatever the order of the file', () => {
    for (const grades of [
      [2, 0, 0, 1],
      [0, 0, 1, 2],
    ]) {
      const report = rankingReport({ queries: [judged(grades, [3, 3, 3, 3])], learnedBy });
      assert.equal(report['ndcg@10'], report.constantBaseline);
      assert.ok(report['ndcg@10']! < 0.9);
    }
  });

  it('has no metric where nothing is relevant, and survives JSON', () => {
    const report = rankingReport({ queries: [judged([0, 0], [1, 2])], learnedBy });
    assert.deepEqual([report['ndcg@10'], report['ndcg@10Interval'], report.map, report.constantBaseline], [null, null, null, null]); // prettier-ignore
    const read = JSON.parse(JSON.stringify(report));
    assert.equal(metricMeasured(read), 'ndcg@10');
    assert.deepEqual(evaluationMetrics(read), read);
    assert.throws(() => rankingReport({ queries: [], learnedBy }), { code: 'DATA_FORMAT' });
  });

  it('has the loss that PyTorch has of whole queries', () => {
    for (const { name, scores, grades, sizes, listwise, pointwise } of rankingJson('loss.json')) {
      const all = judged(grades, scores);
      let at = 0;
      const queries = sizes.map((size: number) => all.slice(at, (at += size)));
      const of = (loss: 'listwise' | 'pointwise') => rankingReport({ queries, learnedBy: { loss, highestGrade: Math.max(...grades) } }).loss; // prettier-ignore
      close(of('listwise'), listwise.loss, name, 1e-12);
      close(of('pointwise'), pointwise.loss, name, 1e-12);
    }
  });
});

describe('losses of a ranking as PyTorch', () => {
  for (const { name, scores, grades, sizes, ...expected } of rankingJson('loss.json')) {
    const objectives = { listwise: listNet(Math.max(...sizes)), pointwise: relevanceCrossEntropy(Math.max(...grades)) };
    for (const [kind, objective] of Object.entries(objectives)) {
      it(`${name}, ${kind}`, async () => {
        // Two rows more than examples, as in a batch that is not full.
        const rows = scores.length + 2;
        const group = sizes.flatMap((size: number, id: number) => Array.from({ length: size }, () => ({ id, size })));
        const examples = grades.map((target: number, at: number) => ({ target, group: group[at] }));
        const total = examples.reduce((sum: number, example: never) => sum + objective.weightOf(example), 0);
        const share = { total, batchExamples: rows, stepExamples: rows, length: 1, sumOf: () => rows };
        const g = new Operators();
        const x = g.input('logits', 'float32', [rows, 1]);
        const inputs = new Map(objective.inputs.map(({ name: input, dataType, axes }) => [input, g.input(input, dataType, [rows, axes[1] as number])])); // prettier-ignore
        const loss = g.identity(objective.lossOf(g, x, (input) => inputs.get(input)!));
        g.output(loss, 'loss');
        g.output(addGradients(g, loss, [x]).get(x.name)!, 'gradient');
        const feeds = Object.entries(objective.feeds(examples, share)).map(([input, values]) => {
          const [, width] = inputs.get(input)!.shape;
          return [input, Array.from({ length: rows * width }, (_, at) => values[at] ?? 0)];
        });
        const result = await runGraph(g.build('loss'), { logits: [...scores, 7, -7], ...Object.fromEntries(feeds) });
        close(result.loss[0], expected[kind].loss, 'loss', 2e-6);
        result.gradient.forEach((value: number, at: number) => close(value, expected[kind].gradient[at] ?? 0, `gradient ${at}`, 2e-6)); // prettier-ignore
      });
    }
  }

  it('are what the recipe says, of no more texts than a batch or the bound', () => {
    const base: Recipe = { task: 'ranking', model: 'm', dataset: { train: { file: 'a' } } };
    const examples = [...'aaaab'].map((first, at) => ({ first, second: String(at), label: at % 3 }));
    const together = (train: Recipe['train']) =>
      ranking.objective({ head: sequenceHead, columns: ['score'], labels: ['score'], recipe: resolveRecipe({ ...base, train }), data: { examples } as never }).together; // prettier-ignore
    assert.equal(together({}), 4);
    assert.equal(together({ batch_size: 3 }), 3);
    assert.equal(together({ max_candidates: 2 }), 2);
    assert.equal(together({ ranking_loss: 'pointwise' }), undefined);
  });
});
