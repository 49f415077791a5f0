import type { PredictionCounts } from '../protocol/dataProcess';
import type { PredictedEntity, PredictedNumber, Prediction, RowSort } from '../protocol/datasetPreview';

const UNKNOWN = 0;
const UNCOMPARED = 1;
const AGREES = 2;
const DIFFERS = 3;
const OUTCOMES = ['same', 'spurious', 'missed', 'found'] as const satisfies readonly PredictedEntity['outcome'][];

/** What a model said of the rows, eleven bytes each; where it marks entities, twelve more for each of them. */
export class PredictionTable {
  private readonly labels: string[] = [];
  private readonly idOfLabel = new Map<string, number>();
  private readonly ofOutcome = [0, 0, 0, 0];
  /** By id: rows, or entities found; 0: rows predicted without a label. */
  private readonly ofLabel = [0];
  /** By row, three numbers an entity: start, end, label's id and outcome. */
  private readonly entities = new Map<number, Uint32Array>();
  private outcome = new Uint8Array(0);
  private label = new Uint16Array(0);
  private probability = new Float32Array(0);
  private similarity = new Float32Array(0);
  private numberName: PredictedNumber | undefined;

  /** @param agrees whether the row's label, or its entities, are the same; undefined: there is nothing to compare with */
  set(row: number, said: Prediction, agrees: boolean | undefined): void {
    this.reserve(row + 1);
    this.count(row, -1);
    const isAnswer = said.label !== null || said.entities !== undefined;
    this.outcome[row] = !isAnswer || agrees === undefined ? UNCOMPARED : agrees ? AGREES : DIFFERS;
    if (said.entities) this.entities.set(row, this.packed(said.entities));
    else this.entities.delete(row);
    this.label[row] = said.label === null ? 0 : this.labelId(said.label);
    this.probability[row] = said.probability ?? NaN;
    this.similarity[row] = said.similarity ?? NaN;
    this.numberName = said.number;
    this.count(row, 1);
  }

  get(row: number): Prediction | null {
    if (row >= this.outcome.length || this.outcome[row] === UNKNOWN) return null;
    const or = (value: number): number | null => (Number.isNaN(value) ? null : value);
    const label = this.label[row] === 0 ? null : this.labels[this.label[row] - 1];
    const entities = this.entitiesOf(row);
    const known = { label, probability: or(this.probability[row]), similarity: or(this.similarity[row]), ...(this.numberName && { number: this.numberName }), ...(entities && { entities }) }; // prettier-ignore
    return this.differs(row) ? { ...known, differs: true } : known;
  }

  /** What the numbers are, where they are no similarities; all are of one model. */
  get number(): PredictedNumber | undefined {
    return this.numberName;
  }

  /** Whether a model that marks entities said it. */
  get areEntities(): boolean {
    return this.entities.size > 0;
  }

  differs(row: number): boolean {
    return this.outcome[row] === DIFFERS;
  }

  isOf(row: number, label: string): boolean {
    if (row >= this.outcome.length || this.outcome[row] === UNKNOWN) return false;
    const entities = this.entitiesOf(row);
    if (entities) return entities.some(({ type, outcome }) => type === label && outcome !== 'missed');
    return this.label[row] === this.idOfLabel.get(label);
  }

  /** What a view sorts by, smallest first; NaN stands last. */
  sortKey(row: number, sort: Exclude<RowSort, { kind: 'column' }>): number {
    if (row >= this.outcome.length || this.outcome[row] === UNKNOWN) return NaN;
    const { [row]: probability } = this.probability;
    if (sort.kind === 'disagreement') return this.outcome[row] === DIFFERS ? -1 - (probability || 0) : 0;
    const key = sort.kind === 'similarity' ? this.similarity[row] : probability;
    return sort.descending ? -key : key;
  }

  counts(): Omit<PredictionCounts, 'differs'> {
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
    if (outcome === UNKNOWN) return;
    const entities = this.entitiesOf(row);
    if (!entities) this.ofLabel[this.label[row]] += change;
    for (const { type, outcome: one } of entities ?? []) if (one !== 'missed') this.ofLabel[this.labelId(type)] += change; // prettier-ignore
  }

  private packed(entities: readonly PredictedEntity[]): Uint32Array {
    return Uint32Array.from(
      entities.flatMap(({ start, end, type, outcome }) => [start, end, this.labelId(type) * OUTCOMES.length + OUTCOMES.indexOf(outcome)]), // prettier-ignore
    );
  }

  private entitiesOf(row: number): PredictedEntity[] | undefined {
    const packed = this.entities.get(row);
    return packed && Array.from({ length: packed.length / 3 }, (_, i): PredictedEntity => {
      const [start, end, said] = packed.subarray(3 * i, 3 * i + 3);
      return { start, end, type: this.labels[Math.floor(said / OUTCOMES.length) - 1], outcome: OUTCOMES[said % OUTCOMES.length] };
    }); // prettier-ignore
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
