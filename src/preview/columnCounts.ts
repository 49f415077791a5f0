import type { ColumnInsight, ColumnType, ValueCount } from '../protocol/datasetPreview';
import { textOf, type DataValue } from '../data/dataRow';
import { characterCount } from '../data/statistics';
import { detached, isMissing, numberOf } from './cells';
import { LengthCounts, NumberList } from './distribution';
import { DistinctHashes } from './groupTable';
import { TextHash } from './textHash';

/** Different values told apart by hash, over all columns: up to 24 bytes each. */
const MAX_DISTINCT = 1 << 23;
/** Numbers kept for medians and histograms, over all columns: eight bytes each. */
const MAX_NUMBERS = 1 << 25;
/** Values with their counts, over all columns. */
const MAX_VALUES = 200_000;
const SHOWN_VALUES = 100;
/** A longer text is nothing that repeats. */
const MAX_VALUE_CHARACTERS = 200;
/** A bound on different texts that are shown as bars; more are no classes. */
const MAX_CATEGORIES = 200;

/** Values with their counts, while there are few enough to be counted one by one. */
export class ValueCounts {
  /** Rows whose value is not among those counted. */
  others = 0;
  private readonly counts = new Map<string, number>();

  constructor(private readonly limit: number) {}

  add(text: string): void {
    const known = this.counts.get(text);
    if (known !== undefined) this.counts.set(text, known + 1);
    else if (this.counts.size < this.limit && text.length <= MAX_VALUE_CHARACTERS) this.counts.set(detached(text), 1);
    else this.others++;
  }

  /** Most frequent first, equal ones in the order of their first appearance. */
  list(limit = Infinity): ValueCount[] {
    const list = [...this.counts].map(([text, count]) => ({ text, count })).sort((a, b) => b.count - a.count);
    return list.slice(0, limit);
  }
}

/** What a column holds, counted as its values pass. */
export class ColumnCounts {
  readonly tokens = new LengthCounts();
  private count = 0;
  private missing = 0;
  private readonly kinds = new Set<'text' | 'number' | 'boolean' | 'json'>();
  private areNumbers = true;
  private readonly values: ValueCounts;
  private readonly distinct: DistinctHashes;
  private readonly characters = new LengthCounts();
  private readonly numbers: NumberList;
  private readonly hash = new TextHash();

  /**
   * @param rowsBefore rows that passed before the column was met
   * @param columns of the file, which share the memory
   */
  constructor(
    readonly name: string,
    rowsBefore: number,
    columns: number,
  ) {
    this.count = this.missing = rowsBefore;
    const part = (limit: number): number => Math.floor(limit / Math.max(1, columns));
    this.values = new ValueCounts(Math.max(100, Math.min(20_000, part(MAX_VALUES))));
    this.distinct = new DistinctHashes(Math.max(1000, part(MAX_DISTINCT)));
    this.numbers = new NumberList(Math.max(1000, part(MAX_NUMBERS)));
  }

  add(value: DataValue): void {
    this.count++;
    if (isMissing(value)) {
      this.missing++;
      return;
    }
    const kind = typeof value === 'object' ? 'json' : typeof value === 'string' ? 'text' : (typeof value as 'number' | 'boolean'); // prettier-ignore
    this.kinds.add(kind);
    const text = textOf(value);
    this.distinct.add(this.hash.of(text, null));
    this.values.add(text);
    if (kind === 'text') this.characters.add(characterCount(text));
    if (!this.areNumbers) return;
    const number = numberOf(value);
    if (Number.isNaN(number)) this.areNumbers = false;
    else this.numbers.push(number);
  }

  /** A cell of entities, by their types: its values are these, each as often as it is there. */
  addTypes(types: readonly string[]): void {
    this.count++;
    this.kinds.add('json');
    for (const type of types) {
      this.distinct.add(this.hash.of(type, null));
      this.values.add(type);
    }
  }

  /** A cell of several labels; without any it is missing. */
  addLabels(labels: readonly string[]): void {
    if (labels.length > 0) this.addTypes(labels);
    else this.add(null);
  }

  insight(maxLength: number): ColumnInsight {
    const type = this.type();
    return {
      column: this.name,
      type,
      count: this.count,
      missing: this.missing,
      distinct: this.distinct.count,
      distinctIsExact: this.distinct.isExact,
      top: this.values.list(SHOWN_VALUES),
      characters: type === 'number' ? null : this.characters.distribution(),
      numbers: type === 'number' ? this.numbers.distribution() : null,
      tokens: this.tokens.tokenLengths(maxLength),
    };
  }

  /** Few and repeated texts are a category, also digits of labels: at most ten, or at most a fifth of the rows' number. */
  private type(): ColumnType {
    const [kind] = this.kinds;
    if (kind === undefined) return 'empty';
    if (this.kinds.size > 1) return 'mixed';
    if (kind !== 'text') return kind;
    const filled = this.count - this.missing;
    const { count: distinct } = this.distinct;
    const isRepeated = distinct < filled && (distinct <= 10 || (distinct < MAX_CATEGORIES && distinct <= filled / 5));
    if (this.areNumbers) return isRepeated && distinct <= 10 ? 'category' : 'number';
    return isRepeated ? 'category' : 'text';
  }
}
