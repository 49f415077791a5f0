import assert from 'node:assert/strict';
import { pairScore, type LabelRange } from '../../src/inference/labelScores';
import type { Pairs, Ranking, SimilaritySnapshot } from '../../src/protocol/similarityPanel';
import { differences, sharesLittle, type Stretch } from '../../webview/similarityPanel/differences';
import { initialState, likeliest, ordersOf, pairSummary, ranked, reduce, scoreKind, shareOf, shownCell } from '../../webview/similarityPanel/state'; // prettier-ignore

const order = (similarity: number) => ({ similarity, measure: 'label-scale' as const, probabilities: { a: 1 - similarity, b: similarity }, logits: [0, 0] }); // prettier-ignore
const both = (forward: number, backward: number) => ({ forward: order(forward), backward: order(backward) });
const reading = { labels: ['x'], labelScores: [1] };
const sigmoid = (logit: number) => pairScore([logit], { ...reading, measure: 'sigmoid', labelRange: undefined });
const regression = (value: number, labelRange?: LabelRange) => pairScore([value], { ...reading, measure: 'regression', labelRange }); // prettier-ignore
const ranking: Ranking = {
  kind: 'ranking',
  selected: { id: 0, text: 's', line: 1 },
  reference: null,
  sentences: [
    { id: 1, text: 'low', line: 1, score: both(0.1, 0.1) },
    { id: 2, text: 'waiting', line: 2, score: null },
    { id: 3, text: 'one-sided', line: 3, score: both(0.9, 0.1) },
    { id: 4, text: 'high', line: 4, score: both(0.6, 0.6) },
  ],
  leftOut: 0,
};
const snapshot: SimilaritySnapshot = { revision: 1, follows: true, hasReference: false, done: 0, total: 0, stopped: false, model: null, documentName: null, comparison: ranking, error: null }; // prettier-ignore

describe('similarity panel: state', () => {
  it('ranks by the mean of both orders, unscored ones last', () => {
    assert.deepEqual(ranked(ranking).map(({ text }) => text), ['high', 'one-sided', 'low', 'waiting']); // prettier-ignore
    const { value, rank, asymmetry, isAsymmetric } = pairSummary(both(0.9, 0.1));
    assert.deepEqual([value, rank, asymmetry, isAsymmetric], [0.5, 0.5, 0.8, true]);
    assert.equal(pairSummary(both(0.5, 0.52)).isAsymmetric, false);
  });

  it('ranks by the logit where the similarities are cut or have no digits left, and by the prediction without a scale', () => {
    for (const score of [sigmoid, (logit: number) => regression(logit, [0, 1]), (logit: number) => regression(logit)]) {
      const logits = [60, 70, -3, 65];
      const sentences = logits.map((logit, id) => ({ id, text: '', line: 1, score: { forward: score(logit), backward: score(logit - 1) } })); // prettier-ignore
      assert.deepEqual(ranked({ ...ranking, sentences }).map(({ id }) => id), [1, 3, 0, 2]); // prettier-ignore
      const texts = logits.map((_, id) => ({ id, text: '', line: 1 }));
      const scores = logits.map((_, i) => logits.map((_, j) => (i === j ? null : score(10 * Math.max(i, j) + 40))));
      assert.deepEqual(shownCell({ kind: 'pairs', texts, scores, leftOut: 0 }, initialState), [0, 3]);
    }
    const unscaled = { ...ranking, sentences: [3, 5, 4].map((value, id) => ({ id, text: '', line: 1, score: { forward: regression(value), backward: regression(value) } })) }; // prettier-ignore
    assert.deepEqual([3, 4, 5].map(shareOf(unscaled)), [0, 0.5, 1]);
    assert.equal(shareOf(ranking)(0.3), 0.3);
    assert.equal(pairSummary({ forward: regression(3), backward: regression(4) }).isAsymmetric, false);
  });

  it('keeps what is open while scores arrive, and closes it with the comparison', () => {
    const opened = reduce(reduce(initialState, { type: 'snapshot', snapshot }), { type: 'row', id: 3 });
    const more = reduce(opened, { type: 'snapshot', snapshot: { ...snapshot, done: 2 } });
    assert.equal(more.openRow, 3);
    assert.equal(reduce(more, { type: 'row', id: 3 }).openRow, undefined);
    assert.equal(reduce(more, { type: 'snapshot', snapshot: { ...snapshot, revision: 2 } }).openRow, undefined);
  });

  it('shows the chosen pair of the heat map, else the most similar', () => {
    const texts = [0, 1, 2].map((id) => ({ id, text: `${id}`, line: 1 }));
    const value = [[0, 0.1, 0.9], [0.3, 0, 0.2], [0.5, 0.2, 0]]; // prettier-ignore
    const scores = value.map((row, i) => row.map((similarity, j) => (i === j ? null : order(similarity))));
    const pairs: Pairs = { kind: 'pairs', texts, scores, leftOut: 0 };
    assert.deepEqual(shownCell(pairs, initialState), [0, 2]);
    assert.deepEqual(shownCell(pairs, { ...initialState, cell: [1, 0] }), [1, 0]);
    assert.deepEqual(shownCell(pairs, { ...initialState, cell: [9, 0] }), [0, 2]);
    assert.equal(ordersOf(pairs, 1, 0)?.forward.similarity, 0.3);
    assert.equal(ordersOf(pairs, 1, 0)?.backward.similarity, 0.1);
    assert.equal(ordersOf(pairs, 1, 1), null);
  });

  it('names the kind of score by what the model gives', () => {
    assert.equal(scoreKind(snapshot), 'label-scale');
    for (const [score, kind] of [
      [sigmoid(1), 'sigmoid'],
      [regression(1, [0, 5]), 'regression'],
      [regression(1), 'number'],
    ] as const) {
      // prettier-ignore
      const sentences = [{ ...ranking.sentences[0], score: { forward: score, backward: score } }];
      assert.equal(scoreKind({ ...snapshot, comparison: { ...ranking, sentences } }), kind);
    }
    assert.equal(scoreKind({ ...snapshot, comparison: { ...ranking, sentences: [] } }), undefined);
  });

  it('claims no likeness of classes without a scale: the class, and the order of the document', () => {
    const classes = (logits: number[]) => pairScore(logits, { labels: ['A', 'B'], labelScores: undefined, measure: 'classes', labelRange: undefined }); // prettier-ignore
    const sentences = [[0, 3], [2, 0]].map((logits, id) => ({ id, text: '', line: 1, score: { forward: classes(logits), backward: classes(logits) } })); // prettier-ignore
    const unscaled = { ...ranking, sentences };
    assert.equal(scoreKind({ ...snapshot, comparison: unscaled }), 'classes');
    assert.deepEqual(ranked(unscaled).map(({ id }) => id), [0, 1]); // prettier-ignore
    assert.deepEqual(sentences.map(({ score }) => [score.forward.similarity, likeliest(score.forward)]), [[null, 'B'], [null, 'A']]); // prettier-ignore
    assert.equal(shareOf(unscaled)(0.7), 0.7);
  });
});

describe('similarity panel: differing characters', () => {
  const text = (stretches: readonly Stretch[]) => stretches.map(({ text }) => text).join('');
  const marks = (stretches: readonly Stretch[]) =>
    stretches.map(({ text, differs }) => (differs ? `[${text}]` : text)).join('');

  it('marks what the other text lacks', () => {
    const { first, second } = differences('高血压患者能喝茶', '高血压病人能喝茶吗');
    assert.equal(marks(first), '高血压[患者]能喝茶');
    assert.equal(marks(second), '高血压[病人]能喝茶[吗]');
  });

  it('never splits a character outside the basic plane, and gives every text back whole', () => {
    const { first, second } = differences('𠮷😀a', '𠮶😀a');
    assert.deepEqual([marks(first), marks(second)], ['[𠮷]😀a', '[𠮶]😀a']);
    for (const [a, b] of [
      ['', ''],
      ['', 'x'],
      ['<b>', '\u202e<i>'],
      ['a'.repeat(3000), 'b'.repeat(3000)],
    ]) {
      // prettier-ignore
      const found = differences(a, b);
      assert.deepEqual([text(found.first), text(found.second)], [a, b]);
    }
  });

  it('takes bounded time for texts that have nothing in common', () => {
    const noise = (seed: number) => Array.from({ length: 4000 }, (_, i) => String.fromCodePoint(0x4e00 + ((i * seed) % 7919))).join(''); // prettier-ignore
    const startMs = performance.now();
    const found = differences(noise(31), noise(1009));
    assert.ok(performance.now() - startMs < 2000);
    assert.equal(found.first.length, 1);
  });

  it('says when texts share too little for marks', () => {
    assert.ok(sharesLittle(differences('高血压', 'abc吗')));
    assert.ok(!sharesLittle(differences('高血压能喝茶吗', '血压高能喝茶吗')));
  });
});
