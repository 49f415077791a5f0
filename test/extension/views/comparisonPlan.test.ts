import assert from 'node:assert/strict';
import type { ClassedTexts, MarkedTexts, Pairs, Ranking } from '../../../src/protocol/similarityPanel';
import { similaritySnapshot } from '../../../src/protocol/similarityPanel';
import { comparisonPlan } from '../../../src/extension/views/comparisonPlan';

const document = '高血压能喝咖啡吗？\n血压高可以喝咖啡吗？\n感冒怎么办？ 多喝水。\n';
const score = (similarity: number) => ({ similarity, measure: 'sigmoid' as const, probabilities: {}, logits: [similarity - 3] }); // prettier-ignore
const of = (text: string) => ({ start: document.indexOf(text), end: document.indexOf(text) + text.length });

describe('comparison plan', () => {
  it('compares a selection with the reference and every other sentence, in both orders', () => {
    const plan = comparisonPlan(document, [of('高血压能喝咖啡吗？')], '参照')!;
    assert.deepEqual(plan.pairs.slice(0, 4), [
      { first: '高血压能喝咖啡吗？', second: '参照' },
      { first: '参照', second: '高血压能喝咖啡吗？' },
      { first: '高血压能喝咖啡吗？', second: '血压高可以喝咖啡吗？' },
      { first: '血压高可以喝咖啡吗？', second: '高血压能喝咖啡吗？' },
    ]);
    const partial = plan.comparison([0.1, 0.2, 0.3].map(score)) as Ranking;
    assert.equal(partial.reference?.score?.forward.similarity, 0.1);
    assert.equal(partial.reference?.score?.backward.similarity, 0.2);
    assert.deepEqual(partial.reference?.score?.forward, score(0.1), 'the logit, which ranks, comes along');
    assert.equal(partial.sentences[0].score, null);
    assert.deepEqual(
      partial.sentences.map(({ line }) => line),
      [2, 3, 3],
    );
    for (const { id, text } of partial.sentences) {
      assert.equal(document.slice(plan.ranges[id].start, plan.ranges[id].end), text);
    }
  });

  it('takes the sentence at the cursor for an empty selection, and nothing between sentences', () => {
    const plan = comparisonPlan(document, [{ start: 12, end: 12 }], undefined)!;
    const ranking = plan.comparison([]) as Ranking;
    assert.equal(ranking.selected.text, '血压高可以喝咖啡吗？');
    assert.equal(ranking.selected.line, 2);
    assert.equal(ranking.reference, null);
    assert.equal(comparisonPlan(' \n \n', [{ start: 1, end: 1 }], 'x'), undefined);
    assert.equal(comparisonPlan('', [], 'x'), undefined);
  });

  it('classes texts one by one where the model reads one: those selected, then the other sentences', () => {
    const plan = comparisonPlan(document, [of('感冒怎么办？')], '参照', 'texts')!;
    assert.deepEqual(plan.pairs.slice(0, 2), [{ first: '感冒怎么办？' }, { first: '高血压能喝咖啡吗？' }]);
    assert.equal(plan.pairs.length, 4);
    const classed = plan.comparison([score(0.1)]) as ClassedTexts;
    assert.deepEqual([classed.selected, classed.texts[0].score, classed.texts[1].score], [1, score(0.1), null]);
    const several = comparisonPlan(document, [of('高血压'), of('多喝水')], undefined, 'texts')!;
    assert.equal((several.comparison([]) as ClassedTexts).selected, 2);
    assert.equal(
      comparisonPlan(document, [{ start: 12, end: 12 }], undefined, 'texts')!.texts[0],
      '血压高可以喝咖啡吗？',
    );
  });

  it('asks for the entities of each text where the model finds them', () => {
    const plan = comparisonPlan(document, [of('感冒怎么办？')], '参照', 'entities')!;
    assert.deepEqual([plan.question, plan.pairs.length, plan.pairs[0]], ['entities', 4, { first: '感冒怎么办？' }]);
    const found = [{ start: 0, end: 2, type: 'dis', probability: 0.9 }];
    const comparison = plan.comparison([found, []]) as MarkedTexts;
    assert.equal(comparison.selected, 1);
    assert.deepEqual(comparison.texts.map(({ entities }) => entities), [found, [], null, null]); // prettier-ignore
    const snapshot = { revision: 1, follows: true, hasReference: true, done: 0, total: 0, stopped: false, model: null, documentName: null, comparison, error: null }; // prettier-ignore
    assert.deepEqual(similaritySnapshot(JSON.parse(JSON.stringify(snapshot))), snapshot);
  });

  it('compares several selections with each other: the matrix holds each order in its place', () => {
    const texts = ['感冒怎么办？', '高血压', '多喝水'];
    const plan = comparisonPlan(document, texts.map(of), '参照')!;
    assert.equal(plan.pairs.length, 6);
    const values = new Map(plan.pairs.map((pair, i) => [`${pair.first} ${pair.second}`, i / 10]));
    const { scores, texts: placed } = plan.comparison(plan.pairs.map((_, i) => score(i / 10))) as Pairs;
    assert.deepEqual(placed.map(({ text }) => text), ['高血压', '感冒怎么办？', '多喝水']); // prettier-ignore
    placed.forEach((row, i) =>
      placed.forEach((column, j) =>
        assert.equal(scores[i][j]?.similarity, i === j ? undefined : values.get(`${row.text} ${column.text}`)),
      ),
    );
  });

  it('says how much it leaves out', () => {
    const long = Array.from({ length: 5200 }, (_, i) => `第${i}句。`).join('\n');
    const ranking = comparisonPlan(long, [{ start: 0, end: 4 }], undefined)!.comparison([]) as Ranking;
    assert.deepEqual([ranking.sentences.length, ranking.leftOut], [5000, 199]);
    assert.equal(ranking.sentences.at(-1)!.line, 5001);
    const many = comparisonPlan(
      long,
      Array.from({ length: 20 }, (_, i) => ({ start: 10 * i, end: 10 * i + 3 })),
      'x',
    )!;
    assert.deepEqual([many.ranges.length, (many.comparison([]) as Pairs).leftOut], [12, 8]);
  });

  it('makes what the contract lets through', () => {
    for (const selections of [[of('高血压')], [of('高血压'), of('多喝水')]]) {
      const plan = comparisonPlan(document, selections, '参照')!;
      const comparison = plan.comparison(plan.pairs.map((_, i) => score(i / 100)));
      const snapshot = { revision: 1, follows: true, hasReference: true, done: 0, total: 0, stopped: false, model: null, documentName: null, comparison, error: null }; // prettier-ignore
      assert.doesNotThrow(() => similaritySnapshot(snapshot));
      assert.throws(() => similaritySnapshot({ ...snapshot, comparison: { kind: 'other' } }), /kind/);
    }
  });
});
