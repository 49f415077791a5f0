import type { PredictionCounts } from '../protocol/dataProcess';
import type { Prediction, RowSort } from '../protocol/datasetPreview';

const UNKNOWN = 0;
const UNCOMPARED = 1;
const AGREES = 2;
const DIFFERS = 3;

/** What a model said of the rows, eleven bytes each. */
export class PredictionTable {
  private readonly labels: string[] = [];
  private readonly idOfLabel = new Map<string, number>();
  private readonly ofOutcome = [0, 0, 0, 0];
  /** By id; 0: rows predicted without a label. */
  private readonly ofLabel = [0];
  private outcome = new Uint8Array(0);
  private label = new Uint16Array(0);
  private probability = new Float32Array(0);
  private similarity = new Float32Array(0);

  /** @param given the class of the label that the row has; undefined: none to compare with */
  set(row: number, said: Prediction, given: string | undefined): void {
    this.reserve(row + 1);
    this.count(row, -1);
    this.outcome[row] =
      said.label === null || given === undefined ? UNCOMPARED : said.label === given ? AGREES : DIFFERS;
    this.label[row] = said.label === null ? 0 : this.labelId(said.label);
    this.probability[row] = said.probability ?? NaN;
    this.similarity[row] = said.similarity ?? NaN;
    this.count(row, 1);
  }

  get(row: number): Prediction | null {
    if (row >= this.outcome.length || this.outcome[row] === UNKNOWN) return null;
    const or = (value: number): number | null => (Number.isNaN(value) ? null : value);
    const label = this.label[row] === 0 ? null : this.labels[this.label[row] - 1];
    return { label, probability: or(this.probability[row]), similarity: or(this.similarity[row]) };
  }

  differs(row: number): boolean {
    return this.outcome[row] === DIFFERS;
  }

  isOf(row: number, label: string): boolean {
    return this.outcome[row] > UNKNOWN && this.label[row] === this.idOfLabel.get(label);
  }

  /** What a view sorts by, smallest first; NaN stands last. */
  sortKey(row: number, sort: Exclude<RowSort, { kind: 'column' }>): number {
    if (row >= this.outcome.length || this.outcome[row] === UNKNOWN) return NaN;
    const { [row]: probability } = this.probability;
    if (sort.kind === 'disagreement') return this.outcome[row] === DIFFERS ? -1 - (probability || 0) : 0;
    const key = sort.kind === 'similarity' ? this.similarity[row] : probability;
    return sort.descending ? -key : key;
  }

  counts(): PredictionCounts {
    const { ofOutcome } = this;
    return {
      done: ofOutcome[UNCOMPARED] + ofOutcome[AGREES] + ofOutcome[DIFFERS],
      compared: ofOutcome[AGREES] + ofOutcome[DIFFERS],
      disagreements: ofOutcome[DIFFERS],
      counts: this.labels
        .map((text, i) => ({ text, count: this.ofLabel[i + 1] }))
        .filter(({ count }) => count > 0)
        .sort((a, b) => b.count - a.count),
    };
  }

  private count(row: number, change: 1 | -1): void {
    const { [row]: outcome } = this.outcome;
    this.ofOutcome[outcome] += change;
    if (outcome !== UNKNOWN) this.ofLabel[this.label[row]] += change;
  }

  private labelId(label: string): number {
    let id = this.idOfLabel.get(label);
    if (id === undefined) {
      id = this.labels.push(label);
      this.idOfLabel.set(label, id);
      this.ofLabel[id] = 0;
    }
    return id;
  }

  private reserve(rows: number): void {
    if (rows <= this.outcome.length) return;
    const capacity = Math.max(1024, rows, this.outcome.length * 2);
    const grown = <A extends Uint8Array | Uint16Array | Float32Array>(next: A, old: A): A => (next.set(old), next);
    this.outcome = grown(new Uint8Array(capacity), this.outcome);
    this.label = grown(new Uint16Array(capacity), this.label);
    this.probability = grown(new Float32Array(capacity), this.probability);
    this.similarity = grown(new Float32Array(capacity), this.similarity);
  }
}
