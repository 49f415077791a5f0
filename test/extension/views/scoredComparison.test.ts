import assert from 'node:assert/strict';
import type { MedTextError } from '../../../src/base/errors';
import { ScoringService } from '../../../src/extension/scoringService';
import { comparisonPlan } from '../../../src/extension/views/comparisonPlan';
import { ScoredComparison } from '../../../src/extension/views/scoredComparison';
import type { TextPair } from '../../../src/protocol/scorer';
import type { PairScore } from '../../../src/protocol/scores';
import type { MarkedTexts, Ranking } from '../../../src/protocol/similarityPanel';

/** 80 sentences of different lengths, so that they are asked for in several turns. */
const text = Array.from({ length: 80 }, (_, i) => `第${i}句${'长'.repeat((i * 7) % 13)}。`).join('\n');
const plan = () => comparisonPlan(text, [{ start: 0, end: 4 }], undefined)!;

/** A scorer whose score says which model gave it. */
function fakeScoring(onAsk: () => void = () => undefined) {
  const models: Record<string, number> = { '/a': 0.1, '/b': 0.9 };
  let active = '/a';
  const asked: TextPair[][] = [];
  const scoring = new ScoringService(
    {
      async markEntities(_model, texts) {
        return texts.map(() => []);
      },
      async scorePairs({ folder }, pairs) {
        asked.push([...pairs]);
        onAsk();
        const score: PairScore = { similarity: models[folder], measure: 'sigmoid', probabilities: {}, logits: [0] };
        return pairs.map(() => score);
      },
      request: () => Promise.reject(new Error('not asked')),
    },
    () => ({ folder: active, device: 'cpu' }),
  );
  return { scoring, asked, activate: (folder: string) => void (active = folder) };
}

const similarities = (scored: ScoredComparison, modelId: string | undefined): Set<number | null | undefined> => {
  const { sentences } = scored.plan.comparison(scored.scoresFor(modelId)) as Ranking;
  return new Set(sentences.map(({ score }) => score && score.forward.similarity));
};
const noSignal = new AbortController().signal;

describe('a comparison with its scores', () => {
  it('shows no score of another model, and is scored anew for the one chosen', async () => {
    const { scoring, activate } = fakeScoring();
    const scored = new ScoredComparison(plan());
    const ask = scoring.score.bind(scoring);
    await scored.score(scoring.modelId, ask, noSignal, () => undefined);
    assert.ok(scored.isWhole(scoring.modelId));
    assert.deepEqual(similarities(scored, scoring.modelId), new Set([0.1]));
    activate('/b');
    assert.deepEqual(
      similarities(scored, scoring.modelId),
      new Set([null]),
      'the old numbers are gone with their name',
    );
    assert.deepEqual([scored.doneFor(scoring.modelId), scored.isWhole(scoring.modelId)], [0, false]);
    await scored.score(scoring.modelId, ask, noSignal, () => undefined);
    assert.deepEqual(similarities(scored, scoring.modelId), new Set([0.9]));
  });

  it('takes no answer of another model than the one it began with', async () => {
    let turns = 0;
    const fake = fakeScoring(() => ++turns === 2 && fake.activate('/b'));
    const { scoring } = fake;
    const scored = new ScoredComparison(plan());
    const begun = scoring.modelId;
    await assert.rejects(
      scored.score(begun, scoring.score.bind(scoring), noSignal, () => undefined),
      (error: MedTextError) => error.code === 'CANCELLED',
    );
    assert.deepEqual(similarities(scored, begun), new Set([null, 0.1]));
    assert.deepEqual(similarities(scored, scoring.modelId), new Set([null]));
  });

  it('is another model’s when the folder holds another one', async () => {
    const { scoring } = fakeScoring();
    const scored = new ScoredComparison(plan());
    await scored.score(scoring.modelId, scoring.score.bind(scoring), noSignal, () => undefined);
    scoring.forget();
    assert.deepEqual(similarities(scored, scoring.modelId), new Set([null]));
  });

  it('asks for texts of like length together, both orders at once, and puts each score in its place', async () => {
    const { scoring, asked } = fakeScoring();
    const scored = new ScoredComparison(plan());
    const own = new Map<string, number>();
    const ask: typeof scoring.score = async (pairs) => {
      const { modelId } = await scoring.score(pairs);
      const scores = pairs.map((pair): PairScore => {
        own.set(JSON.stringify(pair), own.size);
        return { similarity: own.size - 1, measure: 'sigmoid', probabilities: {}, logits: [0] };
      });
      return { modelId, scores };
    };
    const counts: number[] = [];
    await scored.score(scoring.modelId, ask, noSignal, () => counts.push(scored.doneFor(scoring.modelId)));
    const lengths = asked.flat().map(({ first, second }) => first.length + second!.length);
    assert.deepEqual(lengths, [...lengths].sort((a, b) => a - b)); // prettier-ignore
    assert.deepEqual(counts, [32, 64, 96, 128, 158]);
    scored.plan.pairs.forEach((pair, place) =>
      assert.equal(
        (scored.scoresFor(scoring.modelId)[place] as PairScore | undefined)?.similarity,
        own.get(JSON.stringify(pair)),
      ),
    );
  });

  it('takes the entities of each text to its place, a few texts at a time', async () => {
    const { scoring } = fakeScoring();
    const scored = new ScoredComparison(comparisonPlan(text, [{ start: 0, end: 4 }], undefined, 'entities')!);
    const turns: number[] = [];
    const ask: Parameters<ScoredComparison['score']>[1] = async (pairs) => {
      turns.push(pairs.length);
      const { modelId } = await scoring.mark(pairs.map(({ first }) => first));
      return {
        modelId,
        scores: pairs.map(({ first }) => [{ start: 0, end: first.length, type: 't', probability: 1 }]),
      };
    };
    await scored.score(scoring.modelId, ask, noSignal, () => undefined);
    const { texts } = scored.plan.comparison(scored.scoresFor(scoring.modelId)) as MarkedTexts;
    assert.deepEqual([texts.length, turns], [80, [32, 32, 16]]);
    for (const { text: own, entities } of texts) assert.equal(entities?.[0].end, own.length);
  });

  it('goes on where it was stopped', async () => {
    const { scoring, asked } = fakeScoring();
    const scored = new ScoredComparison(plan());
    const abort = new AbortController();
    const ask = scoring.score.bind(scoring);
    await scored.score(scoring.modelId, ask, abort.signal, () => scored.doneFor(scoring.modelId) === 64 && abort.abort()).catch(() => undefined); // prettier-ignore
    assert.equal(scored.doneFor(scoring.modelId), 64);
    await scored.score(scoring.modelId, ask, noSignal, () => undefined);
    assert.ok(scored.isWhole(scoring.modelId));
    assert.equal(asked.flat().length, scored.plan.pairs.length);
  });
});
