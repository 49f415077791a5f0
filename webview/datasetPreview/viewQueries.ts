import {
  wholeFile,
  type Measure,
  type RowFilter,
  type RowSort,
  type ViewQuery,
} from '../../src/protocol/datasetPreview';

// Changes of a query. Each function returns a new query.

/** Adds the value to the filter of its column, or removes it. A filter without values is removed. */
export function withValueToggled(query: ViewQuery, column: string, value: string | null): ViewQuery {
  const isSame = (filter: RowFilter): boolean => filter.kind === 'value' && filter.column === column && !filter.exclude;
  const known = query.filters.find(isSame);
  const before = known?.kind === 'value' ? known : { values: [] as readonly string[], missing: false };
  const values =
    value === null
      ? before.values
      : before.values.includes(value)
        ? before.values.filter((other) => other !== value)
        : [...before.values, value];
  const missing = value === null ? !before.missing : before.missing;
  const rest = query.filters.filter((filter) => !isSame(filter));
  if (values.length === 0 && !missing) return { ...query, filters: rest };
  return { ...query, filters: [...rest, { kind: 'value', column, values, missing, exclude: false }] };
}

/** Shows only rows with this value in the column. Null shows the rows without a value. */
export function withValueOnly(query: ViewQuery, column: string, value: string | null): ViewQuery {
  const rest = query.filters.filter(
    (filter) => !(filter.kind === 'value' && filter.column === column && !filter.exclude),
  );
  return withValueToggled({ ...query, filters: rest }, column, value);
}

/** Hides rows with this value in the column, in addition to values that are already hidden. */
export function withValueExcluded(query: ViewQuery, column: string, value: string | null): ViewQuery {
  const isSame = (filter: RowFilter): boolean => filter.kind === 'value' && filter.column === column && filter.exclude;
  const known = query.filters.find(isSame);
  const before = known?.kind === 'value' ? known : { values: [] as readonly string[], missing: false };
  const values = value === null ? before.values : [...new Set([...before.values, value])];
  const missing = before.missing || value === null;
  const rest = query.filters.filter((filter) => !isSame(filter));
  return { ...query, filters: [...rest, { kind: 'value', column, values: [...values], missing, exclude: true }] };
}

export interface Range {
  readonly column: string | null;
  readonly measure: Measure;
  readonly from: number;
  readonly to: number;
  readonly closed: boolean;
}

/** Shows only rows in the range. If this range was chosen before, removes its filter. */
export function withRangeToggled(query: ViewQuery, range: Range): ViewQuery {
  const isSameAxis = (filter: RowFilter): boolean =>
    filter.kind === 'range' && filter.column === range.column && filter.measure === range.measure;
  const rest = query.filters.filter((filter) => !isSameAxis(filter));
  if (hasRange(query, range)) return { ...query, filters: rest };
  return { ...query, filters: [...rest, { kind: 'range', ...range }] };
}

export function hasRange(query: ViewQuery, range: Range): boolean {
  return query.filters.some(
    (filter) =>
      filter.kind === 'range' &&
      filter.column === range.column &&
      filter.measure === range.measure &&
      filter.from === range.from &&
      filter.to === range.to,
  );
}

export function hasValue(query: ViewQuery, column: string, value: string | null): boolean {
  return query.filters.some(
    (filter) =>
      filter.kind === 'value' &&
      filter.column === column &&
      !filter.exclude &&
      (value === null ? filter.missing : filter.values.includes(value)),
  );
}

/**
 * Shows the rows of a finding in their groups. The query has no search and no sort order, which would tear groups
 * apart.
 */
export function ofFinding(id: string): ViewQuery {
  return { ...wholeFile, filters: [{ kind: 'finding', id }] };
}

export function withoutFilter(query: ViewQuery, index: number): ViewQuery {
  return { ...query, filters: query.filters.filter((_, at) => at !== index) };
}

/** Adds or removes a filter of a kind that a query has once (bad rows, disagreements, a predicted label). */
export function withFilterToggled(query: ViewQuery, filter: RowFilter): ViewQuery {
  const rest = query.filters.filter(({ kind }) => kind !== filter.kind);
  const isOn = query.filters.some((other) => JSON.stringify(other) === JSON.stringify(filter));
  return { ...query, filters: isOn ? rest : [...rest, filter] };
}

/** The next sort order of a column: ascending, then descending, then the order of the file. */
export function withSortTurned(query: ViewQuery, column: string, measure: Measure = 'value'): ViewQuery {
  const { sort } = query;
  const isSame = sort?.kind === 'column' && sort.column === column && sort.measure === measure;
  if (isSame && sort.descending) return { ...query, sort: null };
  return { ...query, sort: { kind: 'column', column, measure, descending: isSame } };
}

export function withSort(query: ViewQuery, sort: RowSort | null): ViewQuery {
  return { ...query, sort };
}

export function isWholeFile({ search, filters, sort }: ViewQuery): boolean {
  return search === null && filters.length === 0 && sort === null;
}

export function isSameQuery(a: ViewQuery, b: ViewQuery): boolean {
  return JSON.stringify([a.search, a.filters, a.sort]) === JSON.stringify([b.search, b.filters, b.sort]);
}
