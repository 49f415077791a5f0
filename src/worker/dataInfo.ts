import { guessFields } from '../data/columns';
import { openDataFile } from '../data/dataFile';
import { MedTextError } from '../base/errors';
import type { DataInfo } from '../protocol/scorer';

const maxLabels = 100;
/** Beyond, the column holds texts or numbers, not classes; counting on would only fill the memory. */
const maxDistinct = 10_000;

/**
 * What a data file is, from one pass over it.
 * Errors: those of `openDataFile`, `CANCELLED`.
 */
export async function dataInfo(path: string, signal: AbortSignal): Promise<DataInfo> {
  const file = await openDataFile(path);
  const guess = guessFields(
    file.columns,
    file.sample.map((row) => row.values),
  );
  const counts = new Map<string, number>();
  let rows = 0;
  let badRows = 0;
  for await (const row of file.rows(signal)) {
    if (signal.aborted) throw new MedTextError('CANCELLED', `Reading ${path} was cancelled.`);
    if (!('values' in row)) {
      badRows++;
      continue;
    }
    rows++;
    const value = guess.label === undefined ? undefined : row.values[guess.label];
    if (value === undefined || value === null || typeof value === 'object') continue;
    if (counts.size < maxDistinct || counts.has(String(value)))
      counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
  }
  const labels = [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count);
  return {
    file: file.path,
    format: file.format,
    header: file.header,
    delimiter: file.delimiter,
    columns: [...file.columns],
    rows,
    badRows,
    first: guess.firstSequence,
    second: guess.secondSequence,
    label: guess.label,
    labels: guess.label === undefined ? undefined : labels.slice(0, maxLabels),
  };
}
