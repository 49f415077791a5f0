import { asMedTextError } from '../base/errors';
import type { Insights } from '../protocol/datasetPreview';
import { openDataFile } from '../data/dataFile';
import { textOf, valueIn, isBadRow, type DataValue } from '../data/dataRow';
import { typesIn } from '../data/entities/annotations';
import { isMissing, labelCell } from './cells';
import { ColumnCounts, ValueCounts } from './columnCounts';
import { CombinationCounts, type SeveralLabels } from './severalLabels';
import { LengthCounts } from './distribution';
import { Pacer } from './pacer';
import { RowNumbers } from './rowNumbers';
import { isUnreadable } from './rowStore';
import type { Pass, StatisticsInput } from './statisticsInput';
import { inputsOf } from './tokenCounts';

const MAX_COLUMNS = 4096;
const MAX_LABELS = 10_000;

interface LabelTally {
  readonly split: string;
  areEntities: boolean;
  /** The combinations of rows that may have several labels. */
  readonly combinations: CombinationCounts | undefined;
  rows: number;
  missing: number;
  readonly counts: ValueCounts;
}

/** What the columns hold, gathered in one pass over the split on show and one over each other for its labels. */
export class InsightsPass {
  rows = 0;
  /** Tokens of the whole examples by row; 0: no example. Longer than 65,535 counts as that. */
  readonly exampleTokens: Uint16Array | undefined;
  readonly labels: LabelTally[] = [];
  private readonly columns = new Map<string, ColumnCounts>();
  private readonly examples = new LengthCounts();
  private readonly several: SeveralLabels | undefined;

  constructor(private readonly input: StatisticsInput) {
    const { columns } = input.file;
    this.several = input.file.severalIn(input.mapping.label);
    for (const column of columns) this.columns.set(column, new ColumnCounts(column, 0, columns.length));
    if (input.counter) this.exampleTokens = new Uint16Array(input.file.store.rows);
  }

  /** Errors: `CANCELLED`, `IO`. */
  async run({ signal, onProgress }: Pass): Promise<void> {
    const { file, others, mapping } = this.input;
    const readsOthers = mapping.label !== null;
    const share = readsOthers ? 1 / (1 + others.length) : 1;
    const pacer = new Pacer(signal);
    const own = this.tallyOf(this.input.shown);
    for await (const batch of file.store.scan(signal)) {
      for (const row of batch) {
        if (isUnreadable(row)) continue;
        this.addRow(row.row, row.values, own);
        if (pacer.isDue) {
          onProgress((share * this.rows) / Math.max(1, file.store.rows));
          await pacer.rest();
        }
      }
    }
    if (!readsOthers) return;
    for (const [i, source] of others.entries()) {
      try {
        const { format, encoding, header, sheet } = source;
        const other = await openDataFile(source.file, { format, encoding, header, sheet });
        const tally = this.tallyOf(source.name)!;
        for await (const row of other.rows(signal)) {
          if (isBadRow(row)) continue;
          this.addLabel(valueIn(row.values, mapping.label!), tally);
          if (!pacer.isDue) continue;
          onProgress(share * (i + 1));
          await pacer.rest();
        }
      } catch (error) {
        const failure = asMedTextError(error);
        if (failure.code === 'CANCELLED') throw error;
        this.input.onProblem(source.name, failure);
      }
    }
  }

  /** Rows whose example is longer. */
  overlong(maxLength: number): Uint32Array {
    const rows = new RowNumbers();
    this.exampleTokens?.forEach((tokens, row) => tokens > maxLength && rows.push(row));
    return rows.view();
  }

  insights(maxLength: number): Omit<Insights, 'work'> {
    return {
      rows: this.rows,
      columns: [...this.columns.values()].map((column) => column.insight(maxLength)),
      labels: this.labels.map(({ split, rows, missing, counts, areEntities, combinations }) => ({ split, rows, missing, counts: counts.list(1000), ...(areEntities && { areEntities }), ...(combinations && { combinations: combinations.list() }) })), // prettier-ignore
      examples: this.examples.tokenLengths(maxLength),
    };
  }

  private addRow(row: number, values: Readonly<Record<string, DataValue>>, own: LabelTally | undefined): void {
    const { mapping, counter, file } = this.input;
    for (const key of Object.keys(values)) {
      if (this.columns.has(key) || this.columns.size >= MAX_COLUMNS) continue;
      // A key that JSON rows bring later than the first ones; the rows before lacked it.
      this.columns.set(key, new ColumnCounts(key, this.rows, MAX_COLUMNS));
      file.columns.push(key);
    }
    this.rows++;
    for (const [name, counts] of this.columns) {
      const value = valueIn(values, name);
      const labels = name === mapping.label ? this.several?.of(value) : undefined;
      const types = name === mapping.label && !labels ? typesIn(value) : undefined;
      if (labels) counts.addLabels(labels);
      else if (types) counts.addTypes(types);
      else counts.add(name === mapping.label ? labelCell(value) : value);
    }
    if (own) this.addLabel(valueIn(values, mapping.label!), own);
    const inputs = counter && inputsOf(values, mapping);
    if (!inputs) return;
    const { first, second } = inputs;
    const ofFirst = counter.countTokens(first);
    this.columns.get(mapping.first_sequence!)?.tokens.add(ofFirst);
    let length = ofFirst + counter.specialTokenCount(second !== null);
    if (second !== null) {
      const ofSecond = counter.countTokens(second);
      this.columns.get(mapping.second_sequence!)?.tokens.add(ofSecond);
      length += ofSecond;
    }
    this.examples.add(length);
    this.exampleTokens![row] = Math.min(0xffff, length);
  }

  private addLabel(cell: DataValue, tally: LabelTally): void {
    const labels = this.several?.of(cell);
    if (labels) {
      tally.rows++;
      if (labels.length === 0) tally.missing++;
      for (const label of labels) tally.counts.add(label);
      tally.combinations?.add(labels);
      return;
    }
    const types = typesIn(cell);
    if (types) {
      tally.areEntities = true;
      tally.rows += types.length;
      for (const type of types) tally.counts.add(type);
      return;
    }
    tally.rows++;
    const value = labelCell(cell);
    if (isMissing(value)) tally.missing++;
    else tally.counts.add(textOf(value));
  }

  private tallyOf(split: string): LabelTally | undefined {
    if (this.input.mapping.label === null) return undefined;
    const tally = {
      split,
      areEntities: false,
      rows: 0,
      missing: 0,
      counts: new ValueCounts(MAX_LABELS),
      combinations: this.several && new CombinationCounts(),
    };
    this.labels.push(tally);
    return tally;
  }
}
