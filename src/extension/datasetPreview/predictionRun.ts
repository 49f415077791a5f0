import type { Disposable } from '../../base/disposables';
import { asMedTextError, MedTextError, plainError } from '../../base/errors';
import type { PredictionCounts, RowInputs } from '../../protocol/dataProcess';
import type { PredictedEntity, PredictedNumber, Prediction, Predictions } from '../../protocol/datasetPreview';
import type { MarkedEntity, TextPair } from '../../protocol/scorer';
import { largestProbability, MEASURES, saidLabels, type Measure, type PairScore } from '../../protocol/scores';

/** Rows of a preview whose texts the data process knows and whose predictions it keeps; part of `PreviewClient`. */
export interface PredictedRows {
  request(name: 'inputs', params: { rows: number[] }, signal?: AbortSignal): Promise<readonly (RowInputs | null)[]>;
  request(
    name: 'predicted',
    params: { rows: number[]; predictions: (Prediction | null)[] },
    signal?: AbortSignal,
  ): Promise<PredictionCounts>;
}

/** Scores, or the entities of texts where the active model marks these. */
export type ScoreTexts = (
  texts: readonly TextPair[],
  signal: AbortSignal,
) => Promise<readonly (PairScore | readonly MarkedEntity[])[]>;

const rowsAtATime = 64;

export const noPredictions: Predictions = {
  work: { working: false, fraction: 0, cancelled: false, error: null },
  ...{ done: 0, total: 0, compared: 0, disagreements: 0, counts: [] },
};

/** What the active model says of the rows: of those on the screen as they are asked for, of all on demand. */
export class PredictionRun implements Disposable {
  private abort: AbortController | undefined;
  private state: Predictions = noPredictions;
  /** What was asked for before it rose is of another model, mapping or file. */
  private generation = 0;

  constructor(
    private readonly rows: PredictedRows,
    private readonly score: ScoreTexts,
    private readonly onChange: (predictions: Predictions) => void,
  ) {}

  get shown(): Predictions {
    return this.state;
  }

  /** In the order asked; null for rows without a first text. @throws what scoring throws · CANCELLED */
  async predict(rows: readonly number[], total: number, signal: AbortSignal): Promise<(Prediction | null)[]> {
    const predictions = await this.predictions(rows, signal);
    const { differs, ...counts } = await this.rows.request('predicted', { rows: [...rows], predictions }, signal);
    this.update({ ...counts, total });
    return predictions.map(
      (prediction, at) => prediction && (differs[at] ? { ...prediction, differs: true } : prediction),
    );
  }

  /**
   * Predicts all rows, from the first.
   * @param total answers once all rows are known
   */
  async predictAll(total: (signal: AbortSignal) => Promise<number>): Promise<void> {
    this.cancel();
    const abort = new AbortController();
    this.abort = abort;
    const { signal } = abort;
    this.update({ work: { working: true, fraction: 0, cancelled: false, error: null } });
    try {
      const end = await total(signal);
      for (let start = 0; start < end; start += rowsAtATime) {
        if (signal.aborted) return;
        const rows = Array.from({ length: Math.min(rowsAtATime, end - start) }, (_, i) => start + i);
        const predictions = await this.predictions(rows, signal);
        const { differs: _, ...counts } = await this.rows.request('predicted', { rows, predictions }, signal);
        if (signal.aborted) return;
        const fraction = (start + rows.length) / end;
        this.update({ ...counts, total: end, work: { ...this.state.work, fraction } });
      }
      this.update({ work: { ...this.state.work, working: false, fraction: 1 } });
    } catch (caught) {
      if (signal.aborted) return;
      const failure = asMedTextError(caught);
      const error = failure.code === 'CANCELLED' ? null : plainError(failure);
      this.update({ work: { ...this.state.work, working: false, cancelled: error === null, error } });
    } finally {
      if (this.abort === abort) this.abort = undefined;
    }
  }

  /** Ends a run over all rows; what was predicted stays. */
  cancel(): void {
    if (!this.abort) return;
    this.abort.abort();
    this.abort = undefined;
    this.update({ work: { ...this.state.work, working: false, cancelled: true } });
  }

  /** Drops the predictions: the model, the mapping or the file has changed. */
  forget(): void {
    this.generation++;
    this.cancel();
    this.update(noPredictions);
  }

  dispose(): void {
    this.abort?.abort();
  }

  private async predictions(rows: readonly number[], signal: AbortSignal): Promise<(Prediction | null)[]> {
    const { generation } = this;
    const inputs = await this.rows.request('inputs', { rows: [...rows] }, signal);
    const known = inputs.flatMap((input) => (input ? [input] : []));
    const texts = known.map(({ first, second }): TextPair => ({ first, ...(second !== null && { second }) }));
    const scores = texts.length > 0 ? await this.score(texts, signal) : [];
    if (generation !== this.generation) throw new MedTextError('CANCELLED', 'Another model, mapping or file is shown by now.'); // prettier-ignore
    if (scores.length !== texts.length) throw new MedTextError('INTERNAL', 'The scorer answered for other rows.');
    let next = 0;
    return inputs.map((input) => {
      if (!input) return null;
      const said = scores[next++];
      return 'probabilities' in said ? predictionOf(said, input) : markedPrediction(said, input);
    });
  }

  private update(change: Partial<Predictions>): void {
    this.state = { ...this.state, ...change };
    this.onChange(this.state);
  }
}

/** What was found and what is missed, in the order of the text. */
function markedPrediction(found: readonly MarkedEntity[], { entities: given }: RowInputs): Prediction {
  const keyOf = ({ start, end, type }: Omit<PredictedEntity, 'outcome'>) => `${start} ${end} ${type}`;
  const known = new Set(given?.map(keyOf));
  const said = new Set(found.map(keyOf));
  const entities = [
    ...found.map(({ start, end, type }): PredictedEntity => {
      const outcome = !given ? 'found' : known.has(keyOf({ start, end, type })) ? 'same' : 'spurious';
      return { start, end, type, outcome };
    }),
    ...(given ?? [])
      .filter((entity) => !said.has(keyOf(entity)))
      .map(({ start, end, type }): PredictedEntity => ({ start, end, type, outcome: 'missed' })),
  ].sort((a, b) => a.start - b.start || b.end - a.end);
  const probability =
    found.length === 0 ? null : found.reduce((least, { probability: one }) => Math.min(least, one), 1);
  return { label: null, probability, similarity: null, entities };
}

/** Between labels where a row has several. */
const SEVERAL = ';';

/** The measures whose number is no similarity from 0 to 1. */
const NUMBERS: Readonly<Partial<Record<Measure, PredictedNumber>>> = { regression: 'prediction', relevance: 'score', cosine: 'cosine' }; // prettier-ignore

/** The most probable label, or those that reach their thresholds; else the model's one number, a regression's as it is. Single texts have no similarity. */
function predictionOf(score: PairScore, { second }: RowInputs): Prediction {
  const { number, saysSeveral } = MEASURES[score.measure];
  const labels = saidLabels(score);
  if (!labels) {
    const named = NUMBERS[score.measure];
    const similarity = number?.isPrediction ? score.logits[0] : score.similarity;
    return { label: null, probability: null, similarity, ...(named && { number: named }) };
  }
  if (saysSeveral) return { label: labels.join(SEVERAL), labels, probability: null, similarity: null };
  return { label: labels[0], probability: largestProbability(score), similarity: second === null ? null : score.similarity }; // prettier-ignore
}
