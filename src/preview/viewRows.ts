import { modeOfFile, writeFileAtomically } from '../base/atomicFile';
import { MedTextError, words } from '../base/errors';
import { messageAndWords } from '../base/words';
import {
  maxCellCharacters,
  maxRowsPerRequest,
  maxShownEntities,
  type FieldMapping,
  type ShownRow,
  type PredictedNumber,
} from '../protocol/datasetPreview';
import { byPlace, distinctEntities } from '../data/entities/entity';
import { characterMap } from '../data/entities/offsets';
import { textOf, valueIn } from '../data/dataRow';
import { cellOf } from './cells';
import type { TableFormat } from '../data/tableFile';
import { copiedText, exportedRows, type PredictedColumns } from './exportRows';
import { throwIfAborted } from './pacer';
import type { PredictionTable } from './predictionTable';
import { isUnreadable, type RowStore, type StoredRow } from './rowStore';
import type { RowView } from './rowView';
import type { ShownFile } from './shownFile';

/** Many at a time: a sorted view's rows lie all over the file, and are read in the file's order. */
const EXPORT_ROWS = 8192;
/** A bound on a row's characters; the cells of a row with thousands of columns are cut. */
const ROW_CHARACTERS = 200_000;

/** Rows at the places [start, end) of a view. Errors: `IO`, `CANCELLED`. */
export async function rowsAt(
  store: RowStore,
  view: RowView,
  start: number,
  end: number,
  signal?: AbortSignal,
): Promise<StoredRow[]> {
  if (view.isWhole) return store.read(start, end - start, signal);
  const places = Array.from({ length: Math.max(0, end - start) }, (_, i) => i);
  const rowOf = (place: number) => view.rowAt(start + place);
  places.sort((a, b) => rowOf(a) - rowOf(b));
  const stored: StoredRow[] = new Array(places.length);
  for (let at = 0; at < places.length;) {
    // Neighbours in the file are read together.
    const row = rowOf(places[at]);
    let run = 1;
    while (at + run < places.length && rowOf(places[at + run]) === row + run) run++;
    const read = await store.read(row, run, signal);
    read.forEach((one, i) => (stored[places[at + i]] = one));
    at += run;
  }
  return stored.filter((one) => one !== undefined);
}

/** Errors: `NOT_FOUND`, `IO`. */
export async function storedRow(store: RowStore, row: number, signal?: AbortSignal): Promise<StoredRow> {
  const [stored] = await store.read(row, 1, signal);
  if (!stored) throw new MedTextError('NOT_FOUND', words`The file has no row ${row + 1}.`, { row });
  return stored;
}

export function shownRow(file: ShownFile, stored: StoredRow, group: number | null): ShownRow {
  const place = { row: stored.row, line: file.lineOf(stored), group };
  if (isUnreadable(stored)) {
    return {
      ...place,
      cells: [],
      bad: { ...messageAndWords(stored.reason), excerpt: stored.excerpt },
      prediction: null,
    };
  }
  const limit = Math.max(50, Math.min(maxCellCharacters, Math.floor(ROW_CHARACTERS / file.columns.length)));
  const cells = file.columns.map((column) => cellOf(valueIn(stored.values, column), limit));
  const shown = { ...place, cells, bad: null, prediction: file.predictions.get(stored.row) };
  const found = file.entities?.rowOf(stored);
  if (!found || found.entities.length === 0) return shown;
  const length = cells[file.columns.indexOf(file.entities!.columns.text)]?.text.length ?? 0;
  const entities = distinctEntities(found.entities).sort(byPlace).filter(({ end }) => end <= length).slice(0, maxShownEntities); // prettier-ignore
  return { ...shown, entities };
}

export interface CopyOptions {
  readonly ranges: readonly { readonly start: number; readonly count: number }[];
  readonly columns: readonly string[];
  readonly format: 'json' | 'tsv';
}

/** Rows of a view for the clipboard, `maxRowsPerRequest` at most. */
export async function copyRows(store: RowStore, view: RowView, { ranges, columns, format }: CopyOptions) {
  const stored: StoredRow[] = [];
  for (const { start, count } of ranges) {
    const end = Math.min(view.length, start + Math.min(count, maxRowsPerRequest - stored.length));
    stored.push(...(await rowsAt(store, view, start, end)));
  }
  return { text: copiedText(stored, columns, format), rows: stored.filter((row) => !isUnreadable(row)).length };
}

/** The column of the number that a model gives, by what it is. */
const NUMBER_COLUMNS: Readonly<Record<PredictedNumber | 'similarity', string>> = {
  similarity: 'predicted_similarity',
  prediction: 'predicted_number',
  score: 'predicted_score',
  cosine: 'predicted_cosine',
};

const predictedLabels = (known: PredictionTable): PredictedColumns => ({
  names: ['predicted_label', 'predicted_probability', NUMBER_COLUMNS[known.number ?? 'similarity']],
  valuesOf({ row }) {
    const said = known.get(row);
    return [said?.label, said?.probability, said?.similarity];
  },
});

/** Predicted entities in the form of a new field of `medtext predict`: places in characters, ends exclusive. */
const predictedEntities = (known: PredictionTable, column: string | null): PredictedColumns => ({
  names: ['predicted_entities'],
  valuesOf({ row, values }) {
    const said = known.get(row)?.entities;
    if (!said || column === null) return [undefined];
    const text = textOf(valueIn(values, column));
    const found = said.filter(({ outcome }) => outcome !== 'missed');
    const map = characterMap(text);
    return [
      found.map(({ start, end, type }) => ({
        start: map.characterAt(start)!,
        end: map.characterAt(end)!,
        type,
        text: text.slice(start, end),
      })),
    ];
  },
});

export interface ExportOptions {
  readonly columns: readonly string[];
  readonly format: TableFormat;
  readonly predictions: boolean;
  /** Where to. */
  readonly file: string;
}

/** Writes all rows of a view, whole or not at all; gives their number. Errors: `CANCELLED`, `IO`, `DISK_FULL`. */
export async function exportView(
  { store, predictions: known, isNamed, file: shown }: ShownFile,
  view: RowView,
  { first_sequence: text }: FieldMapping,
  { columns, format, predictions, file }: ExportOptions,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<number> {
  const total = view.length;
  let written = 0;
  async function* batches(): AsyncGenerator<StoredRow[]> {
    for (let start = 0; start < total; start += EXPORT_ROWS) {
      throwIfAborted(signal);
      const end = Math.min(total, start + EXPORT_ROWS);
      const rows = await rowsAt(store, view, start, end, signal);
      written += rows.filter((row) => !isUnreadable(row)).length;
      yield rows;
      onProgress(end, total);
    }
  }
  const predicted = predictions ? (known.areEntities ? predictedEntities(known, text) : predictedLabels(known)) : undefined; // prettier-ignore
  await writeFileAtomically(file, exportedRows(batches(), columns, format, isNamed, predicted), {
    noWiderThan: await modeOfFile(shown.path),
  });
  return written;
}
