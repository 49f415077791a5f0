import type { PredictionCounts, RowInputs } from '../protocol/dataProcess';
import type { FieldMapping, Prediction } from '../protocol/datasetPreview';
import { isMissing, labelCell, textOf, valueIn } from './cells';
import { isUnreadable, type StoredRow } from './rowStore';
import type { ShownFile } from './shownFile';
import { inputsOf } from './tokenCounts';

/** What a model is to read of rows, with the labels they have; null for those without a first text. Errors: `IO`. */
export async function inputsOfRows(
  { store }: ShownFile,
  mapping: FieldMapping,
  rows: readonly number[],
  signal?: AbortSignal,
): Promise<(RowInputs | null)[]> {
  const found: (RowInputs | null)[] = [];
  for (const row of rows) {
    const [stored] = await store.read(row, 1, signal);
    const inputs = stored && !isUnreadable(stored) ? inputsOf(stored.values, mapping) : undefined;
    found.push(inputs ? { ...inputs, label: labelOf(stored, mapping) ?? null } : null);
  }
  return found;
}

/** Keeps what a model said, compared with the class of the label given. Errors: `IO`. */
export async function keepPredictions(
  { store, predictions }: ShownFile,
  mapping: FieldMapping,
  labelNames: Readonly<Record<string, string>> | undefined,
  rows: readonly number[],
  said: readonly (Prediction | null)[],
): Promise<PredictionCounts> {
  for (const [i, row] of rows.entries()) {
    const prediction = said[i];
    if (!prediction) continue;
    const [stored] = await store.read(row, 1);
    const given = stored && labelOf(stored, mapping);
    const isNamed = given !== undefined && labelNames !== undefined && Object.hasOwn(labelNames, given);
    predictions.set(row, prediction, isNamed ? labelNames[given] : given);
  }
  return predictions.counts();
}

function labelOf(stored: StoredRow, { label }: FieldMapping): string | undefined {
  const value = isUnreadable(stored) || label === null ? undefined : labelCell(valueIn(stored.values, label));
  return isMissing(value) ? undefined : textOf(value);
}
