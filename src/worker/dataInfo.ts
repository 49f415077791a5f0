import { columnFacts, guessFields } from '../data/columns';
import { openDataFile } from '../data/dataFile';
import { MedTextError } from '../base/errors';
import { isBadRow } from '../data/dataRow';
import { rawLabelOf, RawLabelCounts } from '../data/labelMapping';
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
  const sample = file.sample.map((row) => row.values);
  const guess = guessFields(file.columns, sample);
  const counts = new RawLabelCounts();
  let rows = 0;
  let badRows = 0;
  for await (const row of file.rows(signal)) {
    if (signal.aborted) throw new MedTextError('CANCELLED', `Reading ${path} was cancelled.`);
    if (isBadRow(row)) {
      badRows++;
      continue;
    }
    rows++;
    const value = guess.label === undefined ? undefined : rawLabelOf(row.values[guess.label]);
    if (value !== undefined && (counts.size < maxDistinct || counts.has(value))) counts.add(value, row.line);
  }
  const labels = counts
    .list()
    .map(({ value, count }) => ({ value, count }))
    .sort((a, b) => b.count - a.count);
  return {
    file: file.path,
    format: file.format,
    header: file.header,
    delimiter: file.delimiter,
    ...(file.skipped && { skipped: file.skipped }),
    columns: [...file.columns],
    rows,
    badRows,
    first: guess.firstSequence,
    second: guess.secondSequence,
    label: guess.label,
    labels: guess.label === undefined ? undefined : labels.slice(0, maxLabels),
    facts: columnFacts(file.columns, sample),
  };
}
