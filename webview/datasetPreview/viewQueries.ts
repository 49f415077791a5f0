import {
  wholeFile,
  type Measure,
  type RowFilter,
  type RowSort,
  type ViewQuery,
} from '../../src/protocol/datasetPreview';

/** Changes of what is shown. None of them touches the query it is given. */

/** A click on a label or value: it joins the values shown of its column, or leaves them. The last to leave ends the filter. */
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

/** Rows with this value alone, of its column; null: those where it is missing. */
export function withValueOnly(query: ViewQuery, column: string, value: string | null): ViewQuery {
  const rest = query.filters.filter(
    (filter) => !(filter.kind === 'value' && filter.column === column && !filter.exclude),
  );
  return withValueToggled({ ...query, filters: rest }, column, value);
}

/** Rows without this value; it joins the values of its column that are left out already. */
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

/** A click on a bar: only rows in it, or, on the bar that is chosen, all again. */
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

/** The rows of a finding in their groups, and nothing else: a sort or search would hide what is meant. */
export function ofFinding(id: string): ViewQuery {
  return { ...wholeFile, filters: [{ kind: 'finding', id }] };
}

export function withoutFilter(query: ViewQuery, index: number): ViewQuery {
  return { ...query, filters: query.filters.filter((_, at) => at !== index) };
}

/** A filter of which there can be only one (bad rows, disagreements, a predicted label), on or off. */
export function withFilterToggled(query: ViewQuery, filter: RowFilter): ViewQuery {
  const rest = query.filters.filter(({ kind }) => kind !== filter.kind);
  const isOn = query.filters.some((other) => JSON.stringify(other) === JSON.stringify(filter));
  return { ...query, filters: isOn ? rest : [...rest, filter] };
}

/** A click on a header: ascending, descending, the file's own order. */
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
