import { isSamePlace, modeOfFile, writeFileAtomically } from '../base/atomicFile';
import type { CleanOperation } from '../base/cleanText';
import { MedTextError, words } from '../base/errors';
import { CleaningCounts, refuseCleanedCopy, RowCleaner, textsOfRow, type CleaningEffect } from '../data/cleaning';
import type { DataFile } from '../data/dataFile';
import type { FieldMapping } from '../protocol/datasetPreview';
import { textOf, valueIn } from '../data/dataRow';
import { tableFormatOf } from '../data/tableFile';
import { allColumns } from '../data/writeFilled';
import { exportedRows, writtenFormat } from './exportRows';
import { Pacer, throwIfAborted } from './pacer';
import { isUnreadable, type StoredRow } from './rowStore';

/** Rows of a file in its order, a batch at a time. */
export type RowBatches = AsyncIterable<readonly StoredRow[]>;

/** What the operations would change in the texts of the mapping. Errors: `CANCELLED`, `IO`. */
export async function planClean(
  rows: RowBatches,
  { first_sequence, second_sequence, label }: FieldMapping,
  operations: readonly CleanOperation[],
  signal?: AbortSignal,
): Promise<CleaningEffect> {
  const counts = new CleaningCounts(operations);
  const pacer = new Pacer(signal);
  for await (const batch of rows) {
    for (const stored of batch) {
      if (isUnreadable(stored)) continue;
      const texts = textsOfRow(stored.values, [first_sequence, second_sequence]);
      if (texts.length > 0) counts.add(texts, label === null ? undefined : textOf(valueIn(stored.values, label)));
      if (pacer.isDue) await pacer.rest();
    }
  }
  return counts.effect();
}

export interface WriteCleanOptions {
  readonly mapping: FieldMapping;
  readonly operations: readonly CleanOperation[];
  /** Writes only the first of rows with the same texts and label. */
  readonly dropDuplicates: boolean;
  /** Whether the file's columns have names. */
  readonly isNamed: boolean;
}

export interface WrittenClean {
  readonly rows: number;
  /** Repeated rows that were left out. */
  readonly dropped: number;
  /** Rows that cannot be read. */
  readonly badRows: number;
}

/**
 * Writes the readable rows to another file, with the texts of the mapping cleaned.
 * Errors: `USAGE` for the file itself, `UNSUPPORTED` for texts with entities, `IO`, `DISK_FULL`, `CANCELLED`.
 */
export async function writeClean(
  file: DataFile,
  rows: RowBatches,
  output: string,
  { mapping, operations, dropDuplicates, isNamed }: WriteCleanOptions,
  signal?: AbortSignal,
): Promise<WrittenClean> {
  if (await isSamePlace(output, file.path)) {
    throw new MedTextError('USAGE', words`${output} is the data file itself, which must not change. Name another file.`, { file: output }); // prettier-ignore
  }
  refuseCleanedCopy(file);
  const { first_sequence, second_sequence, label } = mapping;
  const columns = [first_sequence, second_sequence].filter((column) => column !== null);
  const cleaner = new RowCleaner(columns, label ?? undefined, operations, dropDuplicates);
  const written = { rows: 0, dropped: 0, badRows: 0 };
  async function* cleaned(): AsyncGenerator<StoredRow[]> {
    for await (const batch of rows) {
      if (signal) throwIfAborted(signal);
      yield batch.flatMap((stored) => {
        if (isUnreadable(stored)) {
          written.badRows++;
          return [];
        }
        const values = cleaner.cleaned(stored.values);
        written[values ? 'rows' : 'dropped']++;
        return values ? [{ ...stored, values }] : [];
      });
    }
  }
  const text = exportedRows(
    cleaned(),
    await allColumns(file, signal),
    tableFormatOf(output) ?? writtenFormat(file, output),
    isNamed,
  );
  await writeFileAtomically(output, text, { noWiderThan: await modeOfFile(file.path) });
  return written;
}
