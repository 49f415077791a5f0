import { MedTextError, words } from '../base/errors';
import type { RecipeSplit } from '../protocol/recipe';
import { findColumn, guessFields, resolveColumn } from './columns';
import { isBadRow } from './dataRow';
import { annotationColumn, typesIn } from './entities/annotations';
import { SeveralCounts, type SeveralLabels } from './labelLists';
import { rawLabelOf, RawLabelCounts, type RawLabel } from './labelMapping';
import { openRecipeSplit } from './recipeSplit';

/** What of a split decides how its labels are found. */
type CountedSplit = Pick<
  RecipeSplit,
  'file' | 'label' | 'label_separator' | 'format' | 'encoding' | 'header' | 'sheet'
>;

export interface LabelCounts {
  /** The column that was counted. */
  readonly column: string;
  readonly rows: number;
  readonly badRows: number;
  /** In the order they are met; `""` for rows without a label. */
  readonly values: readonly RawLabel[];
  /** Rows with values beyond the limit of distinct ones; such a column holds no classes. */
  readonly otherRows: number;
  /** Labels that the file itself declares for the column, in the order of their ids. */
  readonly declared?: readonly string[];
  /** The rows are the texts of queries, which the file has in lists. */
  readonly ofQueries?: boolean;
  /** The labels of rows that may have several; absent: a row has one. */
  readonly several?: SeveralLabels;
}

/**
 * Whether any row of the split has a label in the column named; the test file of a shared task has none. `split.file` is a
 * path the caller has resolved.
 *
 * Errors: those of `openDataFile`; `CANCELLED`.
 */
export async function isLabelled(
  split: CountedSplit & Required<Pick<RecipeSplit, 'label'>>,
  signal?: AbortSignal,
): Promise<boolean> {
  const file = await openRecipeSplit(split);
  const column = findColumn(file, split.label);
  if (column === undefined) return false;
  for await (const row of file.rows(signal)) {
    if (!isBadRow(row) && rawLabelOf(Object.hasOwn(row.values, column) ? row.values[column] : '') !== '') return true;
  }
  return false;
}

/** A bound on distinct values, since counting more would only fill the memory. */
const MAX_DISTINCT = 10_000;

/**
 * Counts the raw values of a split's label column, which need no mapping for that; of a column of entities their types; `split.file` is a path the caller has
 * resolved.
 *
 * Errors: those of `openDataFile`; `NOT_FOUND` for a column that is absent or, unnamed, not recognised; `CANCELLED`.
 */
export async function countRawLabels(split: CountedSplit, signal?: AbortSignal): Promise<LabelCounts> {
  const file = await openRecipeSplit(split);
  const named = split.label ?? annotationColumn(file.columns, file.sample) ?? guessFields(file.columns, file.sample.map((row) => row.values)).label; // prettier-ignore
  if (named === undefined) {
    const columns = file.columns.map((name) => JSON.stringify(name)).join(', ');
    throw new MedTextError(
      'NOT_FOUND',
      words`${file.path}: no column was recognised as label. Name it; the columns are: ${columns}.`,
      { file: file.path, columns: file.columns },
    );
  }
  const column = resolveColumn(file, named, 'label');
  const values = new RawLabelCounts();
  let rows = 0;
  let badRows = 0;
  let otherRows = 0;
  const several = new SeveralCounts(MAX_DISTINCT);
  for await (const row of file.rows(signal)) {
    const cell = isBadRow(row) || !Object.hasOwn(row.values, column) ? undefined : row.values[column];
    const types = typesIn(cell);
    const raw = isBadRow(row) ? undefined : rawLabelOf(cell);
    // An empty list may be of entities or of labels.
    if (!types?.length && !isBadRow(row)) several.add(cell, row.line);
    if (!types && raw === undefined) {
      badRows++;
      continue;
    }
    rows++;
    for (const value of types ?? [raw!]) {
      if (values.size < MAX_DISTINCT || values.has(value)) values.add(value, row.line);
      else otherRows++;
    }
  }
  const declared = file.declaredLabels?.get(column);
  const labels = several.several(split.label_separator);
  return {
    column,
    rows,
    badRows,
    values: values.list(),
    otherRows,
    ...(declared && { declared }),
    ...(labels && { several: labels }),
    ...(file.lists && { ofQueries: true }),
  };
}
