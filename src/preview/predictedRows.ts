import { byPlace, distinctEntities } from '../data/entities/entity';
import type { PredictionCounts, RowInputs } from '../protocol/dataProcess';
import { entitiesDiffer, type FieldMapping, type Prediction } from '../protocol/datasetPreview';
import { textOf, valueIn } from '../data/dataRow';
import { isMissing, labelCell } from './cells';
import type { FileEntities } from './fileEntities';
import { isUnreadable, type StoredRow } from './rowStore';
import { SeveralLabels } from './severalLabels';
import type { ShownFile } from './shownFile';
import { inputsOf } from './tokenCounts';

/** The class of each label as it stands in the file. */
type LabelNames = Readonly<Record<string, string>> | undefined;
/** The name of a label that the mapping leaves out: no prediction is compared with it. */
const LEFT_OUT = '';

/** What a model is to read of rows, with the labels or entities they have; null for those without a first text. Errors: `IO`. */
export async function inputsOfRows(
  { store, entities }: ShownFile,
  mapping: FieldMapping,
  labelNames: LabelNames,
  rows: readonly number[],
  signal?: AbortSignal,
): Promise<(RowInputs | null)[]> {
  const found: (RowInputs | null)[] = [];
  for (const row of rows) {
    const [stored] = await store.read(row, 1, signal);
    const inputs = stored && !isUnreadable(stored) ? inputsOf(stored.values, mapping) : undefined;
    if (!inputs) {
      found.push(null);
    } else if (entities && isOfEntities(entities, mapping)) {
      const marked = entities.rowOf(stored)?.entities;
      const classed = marked?.map((entity) => ({ ...entity, type: classOf(entity.type, labelNames) }));
      const named = classed && distinctEntities(classed.filter(({ type }) => type !== LEFT_OUT));
      found.push({ ...inputs, label: null, ...(named && { entities: named.sort(byPlace) }) });
    } else {
      found.push({ ...inputs, label: labelOf(stored, mapping) ?? null });
    }
  }
  return found;
}

/** Whether the columns in use are the text and its entities; else a label is one of a row. */
const isOfEntities = ({ columns }: FileEntities, { first_sequence, label }: FieldMapping): boolean =>
  columns.entities === label && columns.text === first_sequence;

function classOf(label: string, names: LabelNames): string {
  return names !== undefined && Object.hasOwn(names, label) ? names[label] : label;
}

/**
 * Keeps what a model said, compared with the class of the label given; of several labels with all of them, in any order; of
 * entities with those of the text. Errors: `IO`.
 */
export async function keepPredictions(
  file: ShownFile,
  mapping: FieldMapping,
  labelNames: LabelNames,
  rows: readonly number[],
  said: readonly (Prediction | null)[],
): Promise<PredictionCounts> {
  const { store, predictions } = file;
  const several = file.severalIn(mapping.label) ?? SeveralLabels.ONE;
  const nameOf = (label: string) => classOf(label, labelNames);
  // A label is compared with labels, entities with entities.
  const isMarked = file.entities !== undefined && isOfEntities(file.entities, mapping);
  for (const [i, row] of rows.entries()) {
    const prediction = said[i];
    if (!prediction) continue;
    const [stored] = await store.read(row, 1);
    if (prediction.entities || isMarked) {
      const isCompared = isMarked && prediction.entities && stored && file.entities!.rowOf(stored);
      predictions.set(row, prediction, isCompared ? !entitiesDiffer(prediction.entities!) : undefined);
    } else if (prediction.labels) {
      const isKnown = stored && !isUnreadable(stored) && mapping.label !== null;
      const given = isKnown
        ? several
            .of(valueIn(stored.values, mapping.label!))
            ?.map(nameOf)
            .filter((name) => name !== LEFT_OUT)
        : undefined;
      predictions.set(row, prediction, given && isSameSet(given, prediction.labels));
    } else {
      const given = stored && labelOf(stored, mapping);
      const name = given === undefined ? LEFT_OUT : nameOf(given);
      predictions.set(row, prediction, name === LEFT_OUT ? undefined : name === prediction.label);
    }
  }
  return { ...predictions.counts(), differs: rows.map((row) => predictions.differs(row)) };
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  const [one, other] = [new Set(some), new Set(others)];
  return one.size === other.size && [...one].every((label) => other.has(label));
}

function labelOf(stored: StoredRow, { label }: FieldMapping): string | undefined {
  const value = isUnreadable(stored) || label === null ? undefined : labelCell(valueIn(stored.values, label));
  return isMissing(value) ? undefined : textOf(value);
}
