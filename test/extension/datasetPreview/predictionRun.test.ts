import assert from 'node:assert/strict';
import {
  PredictionRun,
  type PredictedRows,
  type ScoreTexts,
} from '../../../src/extension/datasetPreview/predictionRun';
import type { RowInputs } from '../../../src/protocol/dataProcess';
import type { Prediction, Predictions } from '../../../src/protocol/datasetPreview';
import { MedTextError } from '../../../src/base/errors';

const yes = { similarity: 0.9, measure: 'label-scale' as const, probabilities: { no: 0.1, yes: 0.9 }, logits: [-1, 1] };
const noSignal = new AbortController().signal;

/** Rows of which every tenth has no text; what is predicted is kept, as the data process does. */
function fakeRows(second: string | null = 'other') {
  const kept = new Map<number, Prediction | null>();
  const rows: PredictedRows = {
    async request(name: string, params: { rows: number[]; predictions?: (Prediction | null)[] }): Promise<any> {
      if (name === 'inputs') return params.rows.map((row): RowInputs | null => (row % 10 === 9 ? null : { first: `${row}`, second, label: 'no' })); // prettier-ignore
      params.rows.forEach((row, at) => kept.set(row, params.predictions![at]));
      const done = [...kept.values()].filter((prediction) => prediction !== null).length;
      const differs = params.rows.map((row) => row % 2 === 0);
      return { differs, done, compared: done, disagreements: done, counts: [{ text: 'yes', count: done }] };
    },
  };
  return { rows, kept };
}

describe('predictions of a preview', () => {
  it('of all rows come in order, tell how far they are, and leave out rows without text', async () => {
    const { rows, kept } = fakeRows();
    const told: Predictions[] = [];
    const run = new PredictionRun(rows, async (texts) => texts.map(() => yes), (state) => told.push(state)); // prettier-ignore
    await run.predictAll(async () => 200);
    assert.equal(kept.size, 200);
    assert.equal(kept.get(9), null);
    assert.deepEqual(kept.get(0), { label: 'yes', probability: 0.9, similarity: 0.9 });
    assert.deepEqual([run.shown.done, run.shown.total, run.shown.disagreements], [180, 200, 180]);
    assert.deepEqual(run.shown.work, { working: false, fraction: 1, cancelled: false, error: null });
    const fractions = told.map(({ work }) => work.fraction);
    assert.deepEqual(fractions, [...fractions].sort((a, b) => a - b)); // prettier-ignore
    assert.ok(new Set(fractions).size > 3);
  });

  it('stop when cancelled, and keep what there is', async () => {
    const { rows, kept } = fakeRows();
    const score: ScoreTexts = async (texts) => {
      if (kept.size >= 64) run.cancel();
      return texts.map(() => yes);
    };
    const run: PredictionRun = new PredictionRun(rows, score, () => undefined);
    await run.predictAll(async () => 1000);
    assert.ok(kept.size < 200);
    assert.deepEqual([run.shown.work.working, run.shown.work.cancelled, run.shown.work.error], [false, true, null]);
    assert.equal(run.shown.done, 58);
  });

  it('say why they failed', async () => {
    const failing: ScoreTexts = async () => {
      throw new MedTextError('OUT_OF_MEMORY', 'The memory ran out.');
    };
    const run = new PredictionRun(fakeRows().rows, failing, () => undefined);
    await run.predictAll(async () => 10);
    assert.deepEqual(run.shown.work.error, { code: 'OUT_OF_MEMORY', message: 'The memory ran out.' });
    await assert.rejects(run.predict([1], 10, noSignal), (error: MedTextError) => error.code === 'OUT_OF_MEMORY');
  });

  it('of single texts have no similarity, and of a regression nothing else', async () => {
    const single = new PredictionRun(fakeRows(null).rows, async (texts) => {
      assert.deepEqual(texts, [{ first: '3' }]);
      return [yes];
    }, () => undefined); // prettier-ignore
    assert.deepEqual(await single.predict([3], 10, noSignal), [{ label: 'yes', probability: 0.9, similarity: null }]);
    const score = { similarity: 1, measure: 'regression' as const, probabilities: {}, logits: [4.4] };
    const regression = new PredictionRun(fakeRows().rows, async () => [score], () => undefined); // prettier-ignore
    const none = { label: null, probability: null };
    assert.deepEqual(await regression.predict([3], 10, noSignal), [{ ...none, similarity: 4.4, number: 'prediction' }]);
    // Each number has its own name; a similarity from 0 to 1 alone is called so.
    for (const [measure, similarity, number] of [
      ['cosine', 0.9, 'cosine'],
      ['relevance', null, 'score'],
      ['sigmoid', 0.9, undefined],
    ] as const) {
      const other = new PredictionRun(
        fakeRows().rows,
        async () => [{ ...score, similarity, measure }],
        () => undefined,
      );
      const [said] = await other.predict([3], 10, noSignal);
      assert.deepEqual(said, { ...none, similarity: similarity ?? 4.4, ...(number && { number }) });
    }
  });

  it('stop waiting for the rows of a file when they are cancelled', async () => {
    const { rows, kept } = fakeRows();
    const run = new PredictionRun(rows, async (texts) => texts.map(() => yes), () => undefined); // prettier-ignore
    const waited = run.predictAll(async (signal) => {
      for (;;) {
        signal.throwIfAborted();
        await new Promise((wake) => setTimeout(wake, 1));
      }
    });
    run.cancel();
    await waited;
    assert.equal(kept.size, 0);
  });

  it('of a model that was replaced meanwhile are not kept', async () => {
    const { rows, kept } = fakeRows();
    const score: ScoreTexts = async (texts) => {
      run.forget();
      return texts.map(() => yes);
    };
    const run: PredictionRun = new PredictionRun(rows, score, () => undefined);
    await assert.rejects(run.predict([1, 2], 10, noSignal), (error: MedTextError) => error.code === 'CANCELLED');
    await run.predictAll(async () => 100);
    assert.deepEqual([kept.size, run.shown.done], [0, 0]);
  });

  it('of a model that marks entities are compared with those of the file', async () => {
    const given = [{ start: 0, end: 2, type: 'a' }, { start: 4, end: 6, type: 'b' }]; // prettier-ignore
    const texts: (RowInputs | null)[] = [
      { first: '肺炎与发热', second: null, label: null, entities: given },
      { first: '肺炎与发热', second: null, label: null },
      { first: '无', second: null, label: null, entities: [] },
    ];
    const rows: PredictedRows = {
      async request(name: string, params: { rows: number[] }): Promise<any> {
        return name === 'inputs' ? params.rows.map((row) => texts[row]) : { differs: [true, false, false], done: 3, compared: 2, disagreements: 1, counts: [] }; // prettier-ignore
      },
    };
    const found = [{ start: 0, end: 2, type: 'a', probability: 0.9 }, { start: 4, end: 6, type: 'a', probability: 0.6 }]; // prettier-ignore
    const run = new PredictionRun(rows, async (asked) => asked.map(({ first }) => (first === '无' ? [] : found)), () => undefined); // prettier-ignore
    const [both, alone, none] = await run.predict([0, 1, 2], 3, noSignal);
    assert.deepEqual([both!.label, both!.probability, both!.differs], [null, 0.6, true]);
    assert.deepEqual(both!.entities!.map(({ start, type, outcome }) => [start, type, outcome]), [[0, 'a', 'same'], [4, 'a', 'spurious'], [4, 'b', 'missed']]); // prettier-ignore
    assert.deepEqual(alone!.entities!.map(({ outcome }) => outcome), ['found', 'found']); // prettier-ignore
    assert.deepEqual([none!.entities, none!.probability], [[], null]);
  });
});
