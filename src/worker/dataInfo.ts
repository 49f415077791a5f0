import { columnFacts, guessFields } from '../data/columns';
import { openDataFile, type DataFile } from '../data/dataFile';
import { asMedTextError, MedTextError } from '../base/errors';
import { isBadRow } from '../data/dataRow';
import { typesIn } from '../data/entities/annotations';
import { entityColumns, openEntityFile } from '../data/entities/readEntities';
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
  const entities = await entitiesOf(file, signal);
  const guess = entities ? { firstSequence: entities.text, label: entities.column } : guessFields(file.columns, sample);
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
    const cell = guess.label === undefined ? undefined : row.values[guess.label];
    const value = guess.label === undefined ? undefined : rawLabelOf(cell);
    for (const label of (entities && typesIn(cell)) ?? (value === undefined ? [] : [value])) {
      if (counts.size < maxDistinct || counts.has(label)) counts.add(label, row.line);
    }
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
    second: 'secondSequence' in guess ? guess.secondSequence : undefined,
    label: guess.label,
    labels: guess.label === undefined ? undefined : labels.slice(0, maxLabels),
    ...(entities && { entities: { endsAreTold: entities.endsAreTold } }),
    facts: columnFacts(file.columns, sample),
  };
}

/** The columns of a file of entities, and whether what their ends mean can be found; undefined for another file. */
async function entitiesOf(file: DataFile, signal: AbortSignal) {
  let columns: ReturnType<typeof entityColumns>;
  try {
    columns = entityColumns(file);
  } catch {
    return undefined;
  }
  if (columns.entities === undefined) return undefined;
  const endsAreTold = await openEntityFile(file, { signal }).then(
    () => true,
    (error: unknown) => {
      if (asMedTextError(error).code === 'RECIPE') return false;
      throw error;
    },
  );
  return { text: columns.text, column: columns.entities, endsAreTold };
}
