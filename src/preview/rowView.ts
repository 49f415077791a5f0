import type { RowSort, ViewQuery } from '../protocol/datasetPreview';
import { valueIn } from '../data/dataRow';
import { Pacer } from './pacer';
import { measureOf, rowTest, type FoundRows, type QueryContext, type RowTest } from './rowFilter';
import { RowNumbers, RowSet } from './rowNumbers';
import { rowSearcher, type RowSearcher } from './rowSearch';
import { isUnreadable, type RowStore, type StoredRow } from './rowStore';
import { SortKeys } from './sortedRows';

/** Fewer rows than this are read one by one; more by reading the whole file. */
const FEW = 2000;
const SLICE = 256;

/** Rows of a file in an order: what a query picks. The whole file needs no list. */
export class RowView {
  /** The finished share of the work, 0 to 1. */
  fraction = 0;
  private list: RowNumbers | undefined;
  private groups: Uint32Array | undefined;

  constructor(
    private readonly store: RowStore,
    private readonly query: ViewQuery,
    private readonly context: QueryContext,
  ) {
    if (!this.isWhole) this.list = new RowNumbers();
    // Said before any work: an expression that is none.
    this.searcher = query.search && query.search.text !== '' ? rowSearcher(query.search) : undefined;
  }

  private readonly searcher: RowSearcher | undefined;

  get isWhole(): boolean {
    const { search, filters, sort } = this.query;
    return filters.length === 0 && sort === null && (search === null || search.text === '');
  }

  get length(): number {
    return this.list?.length ?? this.store.rows;
  }

  rowAt(index: number): number {
    return this.list ? this.list.at(index) : index;
  }

  groupAt(index: number): number | null {
    return this.groups?.[index] ?? null;
  }

  /** Where a row stands; -1: it does not. */
  indexOf(row: number): number {
    if (this.list) return this.list.indexOf(row);
    return row < this.store.rows ? row : -1;
  }

  /**
   * Finds the rows; the store must be complete. What is found by and by can be read meanwhile, unless it is sorted.
   * Errors: `CANCELLED`, `IO`; `USAGE` for an expression that takes too long.
   */
  async build(onProgress: () => void, signal: AbortSignal): Promise<void> {
    if (this.isWhole) return;
    const { filters, sort } = this.query;
    const found = filters.flatMap((filter) => (filter.kind === 'finding' ? [this.context.found(filter.id)!] : []));
    const tests = filters.flatMap((filter) =>
      filter.kind === 'value' || filter.kind === 'range' ? [rowTest(filter, this.context)] : [],
    );
    const keys = sort?.kind === 'column' ? new SortKeys(this.store.rows, sort.descending) : undefined;
    const picked = sort || found.length > 0 ? new RowNumbers() : this.list!;
    const readsBad = this.wantsBad && !this.knowsAllBad;
    const needsRead = tests.length > 0 || this.searcher !== undefined || keys !== undefined || readsBad;
    const candidates = this.candidates(found, needsRead);
    if (candidates && !needsRead) {
      for (const row of candidates.view()) picked.push(row);
    } else {
      await this.pick(candidates, tests, picked, keys, onProgress, signal);
    }
    this.fraction = 1;
    if (sort) await this.sort(picked, sort, keys, signal);
    else if (found.length > 0) this.arrange(picked, found[0]);
  }

  /** The rows that pass the filters which need no row to be read, in the file's order; undefined: all must be read. */
  private candidates(found: readonly FoundRows[], needsRead: boolean): RowNumbers | undefined {
    const { rows, firstBadRows } = this.store;
    const { predictions } = this.context;
    const sets = found.map((finding) => RowSet.of(finding.rows, rows));
    if (this.wantsBad && this.knowsAllBad) sets.push(RowSet.of(firstBadRows.map(({ row }) => row), rows)); // prettier-ignore
    for (const filter of this.query.filters) {
      if (filter.kind === 'rows') sets.push(RowSet.of(rowsOfReadable(filter.rows, firstBadRows.map(({ row }) => row)), rows)); // prettier-ignore
    }
    const conditions = sets.map((set) => (row: number) => set.has(row));
    for (const filter of this.query.filters) {
      if (filter.kind === 'disagreement') conditions.push((row) => predictions.differs(row));
      if (filter.kind === 'predicted') conditions.push((row) => predictions.isOf(row, filter.label));
    }
    if (conditions.length === 0 && needsRead) return undefined;
    const list = new RowNumbers();
    for (let row = 0; row < rows; row++) if (conditions.every((holds) => holds(row))) list.push(row);
    return list;
  }

  private get wantsBad(): boolean {
    return this.query.filters.some(({ kind }) => kind === 'bad');
  }

  /** The store keeps the first ten thousand. */
  private get knowsAllBad(): boolean {
    return this.store.firstBadRows.length === this.store.badRows;
  }

  private async pick(
    candidates: RowNumbers | undefined,
    tests: readonly RowTest[],
    picked: RowNumbers,
    keys: SortKeys | undefined,
    onProgress: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    const pacer = new Pacer(signal);
    const sort = this.query.sort?.kind === 'column' ? this.query.sort : undefined;
    const isValue = sort?.measure === 'value';
    const measured = sort && !isValue ? measureOf(sort.column, sort.measure, this.context) : undefined;
    const { wantsBad } = this;
    // Without a filter or a search bad rows stay, at the end of what is sorted.
    const keepsBad = wantsBad || (tests.length === 0 && !this.searcher);
    const total = Math.max(1, candidates && candidates.length <= FEW ? candidates.length : this.store.rows);
    let seen = 0;
    for await (const slice of this.slices(candidates, signal)) {
      const good = slice.filter((row) => !isUnreadable(row)) as Extract<StoredRow, { values: unknown }>[];
      const passing = good.filter(({ values }) => !wantsBad && tests.every((test) => test(values)));
      const hits = this.searcher?.(passing.map(({ values }) => values));
      const stays = new Set<StoredRow>(hits ? passing.filter((_, i) => hits[i]) : passing);
      for (const row of slice) {
        const isBad = isUnreadable(row);
        if (isBad ? !keepsBad : !stays.has(row)) continue;
        picked.push(row.row);
        if (isBad) keys?.addNumber(NaN);
        else if (measured) keys?.addNumber(measured(row.values));
        else keys?.addValue(valueIn(row.values, sort?.column ?? ''));
      }
      seen += slice.length;
      this.fraction = Math.min(1, seen / total);
      onProgress();
      if (pacer.isDue) await pacer.rest();
    }
  }

  private async *slices(candidates: RowNumbers | undefined, signal: AbortSignal): AsyncGenerator<StoredRow[]> {
    if (candidates && candidates.length <= FEW) {
      for (const row of candidates.view()) yield await this.store.read(row, 1, signal);
      return;
    }
    const wanted = candidates && RowSet.of(candidates.view(), this.store.rows);
    for await (const batch of this.store.scan(signal)) {
      const rows = wanted ? batch.filter(({ row }) => wanted.has(row)) : batch;
      for (let start = 0; start < rows.length; start += SLICE) yield rows.slice(start, start + SLICE);
    }
  }

  private async sort(picked: RowNumbers, sort: RowSort, keys: SortKeys | undefined, signal: AbortSignal) {
    const rows = picked.view();
    const sortKeys = keys ?? new SortKeys(rows.length, false);
    if (sort.kind !== 'column') for (const row of rows) sortKeys.addNumber(this.context.predictions.sortKey(row, sort));
    const order = await sortKeys.sorted(new Pacer(signal));
    const sorted = new RowNumbers(Math.max(1, rows.length));
    for (const place of order) sorted.push(rows[place]);
    this.list = sorted;
  }

  /** Groups of a finding stand together. */
  private arrange(picked: RowNumbers, { rows, groups }: FoundRows): void {
    const set = RowSet.of(picked.view(), this.store.rows);
    const list = new RowNumbers(Math.max(1, picked.length));
    const numbers = groups && new Uint32Array(picked.length);
    rows.forEach((row, i) => {
      if (!set.has(row)) return;
      if (numbers) numbers[list.length] = groups[i];
      list.push(row);
    });
    this.groups = numbers;
    this.list = list;
  }
}

/** Rows by their places among the readable ones: each unreadable row before one moves it on. Both lists ascend. */
function* rowsOfReadable(places: readonly number[], bad: readonly number[]): Generator<number> {
  let passed = 0;
  for (const place of places) {
    while (passed < bad.length && bad[passed] <= place + passed) passed++;
    yield place + passed;
  }
}
