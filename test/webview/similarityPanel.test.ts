import assert from 'node:assert/strict';
import { untranslated, type Translate } from '../../src/base/translate';
import { explanationOf, scoreOf, type LabelRange, type PairScore } from '../../src/protocol/scores';
import type { Pairs, Ranking, SimilaritySnapshot } from '../../src/protocol/similarityPanel';
import { differences, sharesLittle, type Stretch } from '../../webview/similarityPanel/differences';
import { anyScore, initialState, labelsText, ordersOf, pairSummary, ranked, reduce, shareOf, shownCell, type SimilarityPanelState } from '../../webview/similarityPanel/state'; // prettier-ignore
import { templateText } from './templateText';

const order = (similarity: number) => ({ similarity, measure: 'label-scale' as const, probabilities: { a: 1 - similarity, b: similarity }, logits: [0, 0] }); // prettier-ignore
const both = (forward: number, backward: number) => ({ forward: order(forward), backward: order(backward) });
const reading = { labels: ['x'], labelScores: [1] };
const sigmoid = (logit: number) => scoreOf([logit], 'sigmoid', { ...reading, labelRange: undefined });
const regression = (value: number, labelRange?: LabelRange) => scoreOf([value], 'regression', { ...reading, labelRange }); // prettier-ignore
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

  it('says how the numbers come about by what the model gives', () => {
    for (const [score, said] of [
      [order(0.5), /^Similarity: the mean of the labels’ scores/],
      [sigmoid(1), /^Similarity: the sigmoid of the model’s logit/],
      [regression(1, [0, 5]), /^Similarity: the predicted number/],
      [regression(1), /^The predicted number, .* does not record its scale/],
    ] as const) {
      const sentences = [{ ...ranking.sentences[0], score: { forward: score, backward: score } }];
      const some = anyScore({ ...snapshot, comparison: { ...ranking, sentences } });
      assert.match(String(explanationOf(some!)), said);
    }
    assert.equal(anyScore({ ...snapshot, comparison: { ...ranking, sentences: [] } }), undefined);
  });

  it('ranks by a ranking’s score of the selected text as the query, whatever the other order gives', () => {
    const score = (logit: number) => scoreOf([logit], 'relevance', { labels: ['score'], labelScores: undefined, labelRange: undefined }); // prettier-ignore
    assert.deepEqual(pairSummary({ forward: score(-2), backward: score(9) }), { value: -2, rank: -2, asymmetry: 0, isAsymmetric: false }); // prettier-ignore
    const sentences = [-2, 3, 0].map((logit, id) => ({ id, text: '', line: 1, score: { forward: score(logit), backward: score(5 - logit) } })); // prettier-ignore
    const ofQuery = { ...ranking, reference: null, sentences };
    assert.deepEqual(ranked(ofQuery).map(({ id }) => id), [1, 2, 0]); // prettier-ignore
    assert.deepEqual([-2, 3, 0].map(shareOf(ofQuery)), [0, 1, 0.4]); // prettier-ignore
    assert.match(String(explanationOf(score(1))), /the query\. Only the order/);
  });

  it('claims no likeness of classes without a scale: the class, and the order of the document', () => {
    const classes = (logits: number[]) => scoreOf(logits, 'classes', { labels: ['A', 'B'], labelScores: undefined, labelRange: undefined }); // prettier-ignore
    const sentences = [[0, 3], [2, 0]].map((logits, id) => ({ id, text: '', line: 1, score: { forward: classes(logits), backward: classes(logits) } })); // prettier-ignore
    const unscaled = { ...ranking, sentences };
    assert.equal(anyScore({ ...snapshot, comparison: unscaled })?.measure, 'classes');
    assert.deepEqual(ranked(unscaled).map(({ id }) => id), [0, 1]); // prettier-ignore
    assert.deepEqual(sentences.map(({ score }) => [score.forward.similarity, labelsText(score.forward)]), [[null, 'B'], [null, 'A']]); // prettier-ignore
    assert.equal(shareOf(unscaled)(0.7), 0.7);
  });
});

describe('similarity panel: an encoder without a head', () => {
  const cosine = (similarity: number): PairScore => ({ similarity, measure: 'cosine', probabilities: {}, logits: [], place: { random: 0.994, same: 0.305 } }); // prettier-ignore
  const bothOf = (score: PairScore) => ({ forward: score, backward: score });
  const near: Ranking = {
    ...ranking,
    reference: { text: 'r', score: bothOf(cosine(0.9)) },
    sentences: [0.82, 0.98, 0.86].map((value, id) => ({ id, text: `句${id}`, line: 1, score: bothOf(cosine(value)) })),
  };
  // By a name that the compiler does not follow: pages are checked with the browser's types, tests without.
  const { similarityPanel } = require('../../webview/similarityPanel/view' as string) as {
    similarityPanel(state: SimilarityPanelState, actions: object, t: Translate): unknown;
  };
  const shown = (comparison: Ranking | Pairs, openRow?: number) => {
    const model = { name: 'starter-zh', description: '12 × 384' };
    const state = { ...initialState, snapshot: { ...snapshot, model, comparison }, openRow };
    return templateText(similarityPanel(state, {}, untranslated)).replace(/\s+/g, ' ');
  };

  it('draws bars from the least to the greatest cosine shown: unlike texts have high ones, too', () => {
    assert.equal(anyScore({ ...snapshot, comparison: near })?.measure, 'cosine');
    const shares = [0.82, 0.86, 0.9, 0.98].map(shareOf(near));
    shares.forEach((share, i) => assert.ok(Math.abs(share - [0, 0.25, 0.5, 1][i]) < 1e-9, `${shares}`));
    // What has no score yet counts for nothing, and a single cosine is the greatest.
    const first: Ranking = { ...ranking, sentences: [ranking.sentences[1], near.sentences[0]] };
    assert.equal(shareOf(first)(0.82), 1);
    const scores = [[null, cosine(0.8)], [cosine(0.9), null]]; // prettier-ignore
    assert.equal(shareOf({ kind: 'pairs', texts: [], scores, leftOut: 0 })(0.8), 0);
    assert.deepEqual([...shown(near).matchAll(/"width":"([\d.]+%)"/g)].map(([, width]) => width), ['50.0%', '100.0%', '25.0%', '0.0%']); // prettier-ignore
  });

  it('calls a cosine so, never a similarity or a probability, with its place among the pairs of the reference', () => {
    const text = shown(near, 1);
    assert.match(text, /The cosine of the texts’ vectors, from an encoder without a head\. It is not a probability/);
    assert.match(text, /Higher than 99\.4 % of random pairs and 30\.5 % of pairs with the same meaning\./);
    assert.match(text, /<th scope="col">Cosine<\/th>/);
    assert.doesNotMatch(text, /Similarity|Probability of label|class="probability"|label to expect/);
    // A fine-tuned classifier's panel says the opposite.
    const classified = shown(ranking, 1);
    assert.match(classified, /<th scope="col">Similarity<\/th>/);
    assert.doesNotMatch(classified, /[Cc]osine|random pairs/);
  });

  it('names the order of the sentences by what the model gives', () => {
    const headingOf = (score: PairScore): string | undefined => {
      const text = shown({ ...ranking, sentences: [{ ...ranking.sentences[0], score: bothOf(score) }] });
      return /id="sentences-title">([^<]*)</.exec(text)?.[1];
    };
    const facts = { labels: ['A', 'B'], labelScores: undefined, labelRange: undefined };
    assert.equal(headingOf(cosine(0.9)), 'Sentences of the document, most similar first');
    assert.equal(
      headingOf(scoreOf([1], 'relevance', facts)),
      'Sentences of the document, best matches for the selected text first',
    );
    assert.equal(headingOf(scoreOf([1, 2], 'classes', facts)), 'Sentences of the document');
    // A regression that does not say on which scale: its numbers are sorted, and may say the opposite of alike.
    assert.equal(headingOf(scoreOf([1], 'regression', facts)), 'Sentences of the document, greatest prediction first');
    assert.equal(
      headingOf(scoreOf([1], 'regression', { ...facts, labelRange: [0, 2] })),
      'Sentences of the document, most similar first',
    );
  });

  it('says how to get a better judge', () => {
    assert.match(shown(near), /A model fine-tuned on pairs is more accurate\. Fine-Tune Encoder… trains one\./);
  });

  it('makes up no place for a model without a reference distribution', () => {
    const { place: _, ...bare } = cosine(0.9);
    const text = shown({ ...near, sentences: [{ ...near.sentences[0], score: bothOf(bare) }], reference: null }, 0);
    assert.match(text, /<th scope="col">Cosine<\/th>/);
    assert.doesNotMatch(text, /random pairs/);
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
