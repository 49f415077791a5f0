import { resolveColumn } from '../data/columns';
import type { DataFile } from '../data/dataFile';
import type { ResolvedFields } from '../data/recipeSplit';
import { refuseUnfillable, writeFilled, type FilledAnswer } from '../data/writeFilled';
import type { TaskData, WriteOptions, Written } from './task';

/**
 * The column that is filled, and what writes the file again with `answerOf` each example in it; rows that have no example stay.
 * @throws UNSUPPORTED, NOT_FOUND, USAGE at once, of what cannot be filled
 */
export function answerWriter(
  data: TaskData,
  output: string,
  { label: named, onBadRow, model, signal }: WriteOptions,
): { readonly column: string; write(answerOf: (example: number) => FilledAnswer): Promise<Written> } {
  const label = labelColumn(data.file, data, named);
  const textColumns = [data.columns.first, ...(data.columns.second === undefined ? [] : [data.columns.second])];
  refuseUnfillable(data.file, output, { label, textColumns });
  const write = async (answerOf: (example: number) => FilledAnswer): Promise<Written> => {
    const answers = new Map(data.examples.map(({ row }, at) => [row, answerOf(at)]));
    const fill = { label, textColumns, onBadRow, model, signal };
    const written = await writeFilled(data.file, output, (row) => answers.get(row) ?? null, fill);
    return { rows: written.filled, badRows: written.badRows, column: String(label) };
  };
  return { column: label, write };
}

/**
 * The column named, else the one that is called a label; a guess from contents is not enough to write over a column.
 * Else a new column at the end.
 */
function labelColumn(file: DataFile, { guess }: ResolvedFields, named: string | undefined): string {
  if (named !== undefined) return file.columns.includes(named) || !/^\d+$/.test(named) ? named : columnAt(file, named);
  // A prediction of Label Studio's stands beside what was chosen, not in its place.
  const byName = guess?.found.find(({ role, reason }) => role === 'label' && (reason === 'name' || file.tasks));
  if (byName) return byName.column;
  const hasNames = file.format === 'json' || file.format === 'jsonl' || file.header;
  return hasNames ? 'label' : String(file.columns.length);
}

function columnAt(file: DataFile, index: string): string {
  return Number(index) === file.columns.length ? index : resolveColumn(file, index, 'label');
}
