import { columnFacts, guessFields } from '../data/columns';
import { openDataFile, type DataFile } from '../data/dataFile';
import { asMedTextError, MedTextError } from '../base/errors';
import { isBadRow, type DataValue } from '../data/dataRow';
import { typesIn } from '../data/entities/annotations';
import { entityColumns, openEntityFile } from '../data/entities/readEntities';
import { cutTo } from '../base/plainText';
import { rawLabelOf, RawLabelCounts } from '../data/labelMapping';
import { exampleTokens } from '../preview/tokenCounts';
import type { DataInfo } from '../protocol/scorer';
import { tokenCounter } from './tokenCounter';

const maxLabels = 100;
const maxExample = 80;
/** The number of examples measured, enough for the 99th percentile. */
const maxMeasured = 3000;
/** The most distinct values counted. A column with more holds texts or numbers, not classes. */
const maxDistinct = 10_000;

/**
 * Describes a data file after one pass over it.
 * @throws the errors of `openDataFile` · CANCELLED
 */
export async function dataInfo(
  { file: path, sheet }: { file: string; sheet?: string },
  signal: AbortSignal,
): Promise<DataInfo> {
  const file = await openDataFile(path, { sheet });
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
    ...(file.delimiter !== undefined && { quoted: file.quoted }),
    ...(file.workbook && { sheet: file.workbook.sheet, sheets: [...file.workbook.sheets] }),
    ...(file.skipped && { skipped: file.skipped }),
    columns: [...file.columns],
    rows,
    badRows,
    first: guess.firstSequence,
    second: 'secondSequence' in guess ? guess.secondSequence : undefined,
    label: guess.label,
    labels: guess.label === undefined ? undefined : labels.slice(0, maxLabels),
    ...(entities && { entities: { endsAreTold: entities.endsAreTold } }),
    examples: Object.fromEntries(file.columns.map((column) => [column, examplesOf(sample, column)])),
    facts: columnFacts(file.columns, sample),
  };
}

/** The columns of a file of entities, and whether the file shows what their ends mean; undefined for other files. */
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

/** Two distinct values of the column, as text. */
function examplesOf(sample: readonly Readonly<Record<string, DataValue>>[], column: string): string[] {
  const found = new Set<string>();
  for (const values of sample) {
    const value = Object.hasOwn(values, column) ? values[column] : undefined;
    if (value !== undefined && value !== null && value !== '') found.add(cutTo(maxExample, typeof value === 'object' ? JSON.stringify(value) : String(value))); // prettier-ignore
    if (found.size === 2) break;
  }
  return [...found];
}

/**
 * The lengths of a file's first examples in tokens of a model, special tokens included.
 * @throws the errors of `openDataFile` and of the tokenizer · CANCELLED
 */
export async function exampleLengths(
  { folder, file: path, first, second, sheet }: { folder: string; file: string; first: string; second?: string; sheet?: string }, // prettier-ignore
  signal: AbortSignal,
): Promise<{ rows: number; median: number; p99: number; longest: number }> {
  const counter = await tokenCounter(folder);
  const file = await openDataFile(path, { sheet });
  const mapping = { first_sequence: first, second_sequence: second ?? null, label: null };
  const lengths: number[] = [];
  for await (const row of file.rows(signal)) {
    if (signal.aborted) throw new MedTextError('CANCELLED', `Reading ${path} was cancelled.`);
    const length = isBadRow(row) ? undefined : exampleTokens(row.values, mapping, counter);
    if (length !== undefined && Number.isFinite(length)) lengths.push(length);
    if (lengths.length === maxMeasured) break;
  }
  lengths.sort((a, b) => a - b);
  const at = (share: number): number => lengths[Math.min(lengths.length - 1, Math.floor(share * lengths.length))] ?? 0;
  return { rows: lengths.length, median: at(0.5), p99: at(0.99), longest: at(1) };
}
