/** Records of a query with its candidates in a list, as cMedIR and search logs have them: each candidate becomes a row. */
import { words, type Words } from '../../base/words';
import { recordOf, type DataRow, type DataValue } from '../dataRow';

/** Names of the list, compared without case. */
const LIST_NAMES = new Set(['documents', 'docs', 'candidates', 'passages', '文档', '候选']);

/** How such records are written. */
export interface QueryLists {
  /** The field of the list. */
  readonly list: string;
  /** A candidate's fields, and what its columns are called: as the field, unless the record has a field of that name. */
  readonly columns: Map<string, string>;
}

type Fields = Readonly<Record<string, DataValue>>;

/** How the records are written, where all of the sample are a query with a list of candidates; else undefined. */
export function queryLists(sample: readonly DataRow[]): QueryLists | undefined {
  const list = sample.map(({ values }) => listIn(values)).find((name) => name !== undefined);
  // A query without candidates is a bad row, no sign of another form.
  if (list === undefined || !sample.every(({ values }) => candidatesOf(values, list) ?? isEmptyList(values, list))) return undefined; // prettier-ignore
  const own = new Set(sample.flatMap(({ values }) => Object.keys(values)));
  const fields = new Set(sample.flatMap(({ values }) => (candidatesOf(values, list) ?? []).flatMap(Object.keys)));
  return { list, columns: new Map([...fields].map((field) => [field, own.has(field) ? `${list}.${field}` : field])) };
}

function listIn(values: Fields): string | undefined {
  return Object.keys(values).find((name) => LIST_NAMES.has(name.toLowerCase()) && candidatesOf(values, name));
}

/** Undefined where the field is no list of objects, of which there is one at least, or where no text stands beside it. */
function candidatesOf(values: Fields, list: string): readonly Fields[] | undefined {
  const candidates = Object.hasOwn(values, list) ? values[list] : undefined;
  if (!Array.isArray(candidates) || candidates.length === 0 || !candidates.every(isRecord)) return undefined;
  const hasText = Object.entries(values).some(([name, value]) => name !== list && typeof value === 'string');
  return hasText ? candidates : undefined;
}

function isEmptyList(values: Fields, list: string): boolean {
  return Object.hasOwn(values, list) && Array.isArray(values[list]) && values[list].length === 0;
}

/** The columns of the rows: those of the query, then those of a candidate. */
export function listColumns(sample: readonly DataRow[], { list, columns }: QueryLists): string[] {
  const ofQuery = new Set(sample.flatMap(({ values }) => Object.keys(values)).filter((name) => name !== list));
  return [...ofQuery, ...columns.values()];
}

/** A record's rows, of its line, or why it has none. */
export function rowsOfList({ line, values }: DataRow, { list, columns }: QueryLists): DataRow[] | Words {
  const candidates = candidatesOf(values, list);
  if (!candidates)
    return words`a query with its candidates in a list ${JSON.stringify(list)} is expected, as in the first records`;
  const ofQuery = Object.entries(values).filter(([name]) => name !== list);
  // Fields that the sample lacks are a candidate's, too, when the record is written again.
  for (const field of candidates.flatMap(Object.keys)) {
    if (!columns.has(field)) columns.set(field, Object.hasOwn(values, field) ? `${list}.${field}` : field);
  }
  return candidates.map((candidate) => {
    const own = Object.entries(candidate);
    const names = [...ofQuery.map(([name]) => name), ...own.map(([field]) => columns.get(field) ?? field)];
    return {
      line,
      values: recordOf(
        names,
        [...ofQuery, ...own].map(([, value]) => value),
      ),
    };
  });
}

/** The record of a query whose candidates are `rows`, in their order, as it was written. */
export function recordOfList(rows: readonly Fields[], { list, columns }: QueryLists): Fields {
  const fields = new Map([...columns].map(([field, column]) => [column, field]));
  const ofQuery = Object.entries(rows[0]).filter(([column]) => !fields.has(column));
  const candidates = rows.map((row) => {
    const own = Object.entries(row).filter(([column]) => fields.has(column));
    return recordOf(own.map(([column]) => fields.get(column)!), own.map(([, value]) => value)); // prettier-ignore
  });
  const names = [...ofQuery.map(([name]) => name), list];
  return recordOf(names, [...ofQuery.map(([, value]) => value), candidates]);
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
