import { modeOfFile, writeFileAtomically } from '../base/atomicFile';
import { MedTextError, words } from '../base/errors';
import type { FieldMapping, SplitOptions, SplitPlan } from '../protocol/datasetPreview';
import { splitRows } from '../data/splits';
import { textOf, valueIn } from '../data/dataRow';
import { allColumns } from '../data/writeFilled';
import { isMissing } from './cells';
import { exportedRows, writtenFormat } from './exportRows';
import { GroupTable } from './groupTable';
import { Pacer, throwIfAborted } from './pacer';
import { RowNumbers } from './rowNumbers';
import { isUnreadable, type StoredRow } from './rowStore';
import type { ShownFile } from './shownFile';
import { TextHash } from './textHash';

const PARTS = ['train', 'validation', 'test'] as const;
/** A column with more values is none to keep shares of. */
const MAX_STRATA = 10_000;

/** Rows of a file dealt to parts. */
export interface PlannedSplit {
  readonly plan: SplitPlan;
  readonly rows: Readonly<Record<string, readonly number[]>>;
}

/**
 * Deals the readable rows as `splitRows` does. Errors: `USAGE` for shares or columns that make no sense, `CANCELLED`, `IO`.
 */
export async function planSplit(
  file: ShownFile,
  options: SplitOptions,
  mapping: FieldMapping,
  signal: AbortSignal,
): Promise<PlannedSplit> {
  const shares = sharesOf(options);
  for (const column of [options.stratify, options.group]) {
    if (column === null || file.columns.includes(column)) continue;
    throw new MedTextError('USAGE', words`The file has no column ${JSON.stringify(column)}.`, { column });
  }
  const labelColumn = options.stratify ?? mapping.label;
  const numbers = new RowNumbers();
  const labels = new RowNumbers();
  const groups = new RowNumbers();
  const names: string[] = [];
  const idOf = new Map<string, number>();
  const table = new GroupTable(file.store.rows);
  const hash = new TextHash();
  const groupOfRow = options.group === null ? undefined : new Uint32Array(file.store.rows);
  let leftOut = 0;
  const pacer = new Pacer(signal);
  for await (const batch of file.store.scan(signal)) {
    for (const stored of batch) {
      if (isUnreadable(stored)) {
        leftOut++;
        continue;
      }
      numbers.push(stored.row);
      const label = labelColumn === null ? '' : textOf(valueIn(stored.values, labelColumn));
      let id = idOf.get(label);
      if (id === undefined && idOf.size < MAX_STRATA) {
        id = names.push(label) - 1;
        idOf.set(label, id);
      }
      if (id === undefined && options.stratify !== null) {
        throw new MedTextError('USAGE', words`The column ${JSON.stringify(options.stratify)} holds more than ${MAX_STRATA} values; choose one with few, such as the label.`, { column: options.stratify }); // prettier-ignore
      }
      labels.push(id ?? MAX_STRATA);
      if (groupOfRow) groups.push(groupNumber(stored, options.group!, table, groupOfRow, hash));
      if (pacer.isDue) await pacer.rest();
    }
  }
  throwIfAborted(signal);
  const dealt = splitRows(numbers.length, {
    shares,
    seed: options.seed,
    stratifyBy: options.stratify === null ? undefined : (index) => labels.at(index),
    groupBy: options.group === null ? undefined : (index) => String(groups.at(index)),
  });
  const parts = Object.entries(dealt).map(([name, indices]) => {
    const counts = new Map<number, number>();
    for (const index of indices) counts.set(labels.at(index), (counts.get(labels.at(index)) ?? 0) + 1);
    const valueCounts = [...counts].filter(([id]) => id < names.length && names[id] !== '').map(([id, count]) => ({ text: names[id], count })); // prettier-ignore
    return {
      name,
      rows: indices.length,
      groups: groupOfRow ? new Set(indices.map((index) => groups.at(index))).size : null,
      labels: labelColumn === null ? [] : valueCounts.sort((a, b) => b.count - a.count),
    };
  });
  const rows = Object.fromEntries(Object.entries(dealt).map(([name, indices]) => [name, indices.map((index) => numbers.at(index))])); // prettier-ignore
  return { plan: { parts, leftOut }, rows };
}

/** Errors: `USAGE`. */
function sharesOf({ train, validation, test }: SplitOptions): Record<string, number> {
  const given = { train, validation, test };
  const isWhole = Math.abs(train + validation + test - 1) <= 1e-6;
  if (!(train > 0) || !(validation >= 0) || !(test >= 0) || !isWhole) {
    throw new MedTextError('USAGE', words`The shares of a split must add up to 1, and the one for training be above 0.`, given); // prettier-ignore
  }
  return Object.fromEntries(PARTS.flatMap((name) => (given[name] > 0 ? [[name, given[name]]] : [])));
}

/** Rows with a missing value each are a group of their own. */
function groupNumber(
  stored: Extract<StoredRow, { values: unknown }>,
  column: string,
  table: GroupTable,
  groupOfRow: Uint32Array,
  hash: TextHash,
): number {
  const value = valueIn(stored.values, column);
  const { row } = stored;
  const before = table.add(row, isMissing(value) ? hash.of(String(row), '') : hash.of(textOf(value), null));
  groupOfRow[row] = before < 0 ? table.groups - 1 : groupOfRow[before];
  return groupOfRow[row];
}

/** Writes each part to its file, whole or not at all. Errors: `USAGE` for a part without file, `IO`, `DISK_FULL`, `CANCELLED`. */
export async function writeSplit(
  file: ShownFile,
  { plan, rows }: PlannedSplit,
  files: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  for (const { name } of plan.parts) {
    if (!Object.hasOwn(files, name)) throw new MedTextError('USAGE', words`No file was named for ${name}.`, { name });
  }
  const noWiderThan = await modeOfFile(file.file.path);
  const columns = await allColumns(file.file, signal);
  for (const { name } of plan.parts) {
    const text = exportedRows(
      batches(file, rows[name], signal),
      columns,
      writtenFormat(file.file, files[name]),
      file.isNamed,
    );
    await writeFileAtomically(files[name], text, { noWiderThan });
  }
}

async function* batches(file: ShownFile, rows: readonly number[], signal: AbortSignal): AsyncGenerator<StoredRow[]> {
  for (let start = 0; start < rows.length; start += 256) {
    throwIfAborted(signal);
    const batch: StoredRow[] = [];
    for (const row of rows.slice(start, start + 256)) batch.push(...(await file.store.read(row, 1, signal)));
    yield batch;
  }
}
