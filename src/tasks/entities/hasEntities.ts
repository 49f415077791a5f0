import { annotationColumn, annotationsOf } from '../../data/entities/annotations';
import { findColumn } from '../../data/columns';
import type { DataFile } from '../../data/dataFile';
import { isBadRow } from '../../data/dataRow';

/**
 * Whether any text of a file has entities. @param named the column of entities, where it is known
 *
 * Errors: `IO`, `CANCELLED`.
 */
export async function hasEntities(
  file: DataFile,
  named: string | number | undefined,
  signal?: AbortSignal,
): Promise<boolean> {
  const column = named === undefined ? annotationColumn(file.columns, file.sample) : findColumn(file, named);
  if (column === undefined) return false;
  for await (const row of file.rows(signal)) {
    if (isBadRow(row) || !Object.hasOwn(row.values, column)) continue;
    if ((annotationsOf(row.values[column]) ?? []).length > 0) return true;
  }
  return false;
}
