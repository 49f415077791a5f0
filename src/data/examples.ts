import { MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';
import type { LabelCorrection } from '../protocol/labelCorrections';
import { ROLE_NAMES, type FieldRole } from '../protocol/fieldGuess';
import { inferLabels } from '../protocol/labelScheme';
import { describeTask, type TaskName } from '../protocol/tasks';
import { resolveColumn, type DataFields } from './columns';
import { BadRows, openDataFile, type BadRowPolicy, type DataFile, type DataFileOptions } from './dataFile';
import { excerptOf, isBadRow, type BadRow, type DataRow } from './dataRow';
import { correctedLabel } from './labelCorrections';
import {
  checkedLabels,
  LabelMap,
  RawLabelCounts,
  rawLabelOf,
  unmappedError,
  type LabelMapping,
  type RawLabel,
} from './labelMapping';
import { duplicatesOf, type Duplicates } from './statistics';

/** `Label` is what a task makes of the label column. */
export interface Example<Label = number> {
  readonly first: string;
  /** Undefined for single sentences. */
  readonly second?: string;
  /** The label's id (its place in the list of labels) or, for regression, the number. Undefined when predicting. */
  readonly label?: Label;
  /** 1-based line of the file on which the row starts. */
  readonly line: number;
  /** 0-based place among the file's readable rows, for writing an answer back to the row. */
  readonly row: number;
  /** What `groupColumn` says, as text; undefined where it says nothing. */
  readonly group?: string;
}

export interface ReadExamplesOptions extends BadRowPolicy {
  /** Labels in order: place = id. Absent: those that the file declares, else inferred; see `inferLabels`. */
  readonly labels?: readonly (string | number)[];
  /** Renames, merges and drops raw values. Values of `labels` map to themselves unless it says otherwise. */
  readonly labelMapping?: LabelMapping;
  /** Labels that a person has put right, by the row's place; they stand in for the file's own. */
  readonly corrections?: ReadonlyMap<number, LabelCorrection>;
  /** A further column to keep, by which examples belong together. */
  readonly groupColumn?: string;
  /** `predict`: no labels are read, and an empty text is not a bad row, since every row needs an answer. */
  readonly mode?: 'train' | 'predict';
  readonly open?: DataFileOptions;
  readonly signal?: AbortSignal;
}

export interface Examples<Label = number> {
  readonly file: DataFile;
  /** The columns read. */
  readonly columns: { readonly first: string; readonly second?: string; readonly label?: string };
  readonly examples: readonly Example<Label>[];
  /** Labels in order of their ids; empty for regression and when predicting. */
  readonly labels: readonly string[];
  /** Examples by label id; of labels that an example may have several of, their occurrences. */
  readonly counts: readonly number[];
  /** The ids that a label counts for; absent: it is one. */
  idsOf?(label: Label): readonly number[];
  /** Raw label values as they stand in the file. */
  readonly rawLabels: readonly RawLabel[];
  /** Rows left out because the mapping says so. */
  readonly dropped: number;
  readonly badRows: { readonly count: number; readonly reports: readonly BadRow[] };
  readonly duplicates: Duplicates;
}

/**
 * Reads the examples of a task from a file.
 *
 * Errors: those of `openDataFile`; `USAGE` if the task needs a field that is not named; `NOT_FOUND` for a column;
 * `DATA_FORMAT` (file, line) for a bad row unless bad rows are skipped, and for a file without examples; `LABELS` listing
 * every value that is not mapped, or for regression is no number, with its count and first line; `CANCELLED`.
 */
export async function readExamples(
  source: string | DataFile,
  fields: DataFields,
  task: TaskName,
  options: ReadExamplesOptions = {},
): Promise<Examples> {
  const file = typeof source === 'string' ? await openDataFile(source, options.open) : source;
  const isTraining = options.mode !== 'predict';
  const { answer, second } = describeTask(task);
  if (second === 'required' && fields.secondSequence === undefined) {
    throw new MedTextError('USAGE', words`${task} needs pairs: name the column of the second text (second_sequence).`, {
      task,
    });
  }
  if (isTraining && fields.label === undefined) {
    throw new MedTextError('USAGE', words`${task} learns from labels: name the column of the label (label).`, { task });
  }
  const hasSecond = second !== 'none' && fields.secondSequence !== undefined;
  const columns = {
    first: resolveColumn(file, fields.firstSequence, 'first_sequence'),
    second: hasSecond ? resolveColumn(file, fields.secondSequence!, 'second_sequence') : undefined,
    label: isTraining ? resolveColumn(file, fields.label!, 'label') : undefined,
  };
  const groupColumn =
    options.groupColumn === undefined ? undefined : resolveColumn(file, options.groupColumn, 'group_by');
  const known = options.labels && answer === 'class' ? checkedLabels(options.labels) : undefined;
  const map = new LabelMap(known, options.labelMapping);
  const badRows = new BadRows(file.path, options);
  const rawLabels = new RawLabelCounts();
  const unmapped = new RawLabelCounts();
  const rows: { first: string; second?: string; label?: string; line: number; row: number; group?: string }[] = [];
  let dropped = 0;
  let place = -1;

  const textOf = (row: DataRow, column: string, role: FieldRole): string | undefined => {
    const value = Object.hasOwn(row.values, column) ? row.values[column] : undefined;
    const text = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;
    if (text !== undefined && (!isTraining || text.trim() !== '')) return text;
    const what =
      text !== undefined
        ? words`is empty`
        : value === undefined || value === null
          ? words`is missing`
          : words`is not a text`;
    badRows.add(unusable(row, role, column, what));
    return undefined;
  };

  for await (const row of file.rows(options.signal)) {
    if (isBadRow(row)) {
      badRows.add(row);
      continue;
    }
    place++;
    let label: string | undefined;
    if (columns.label !== undefined) {
      const correction = options.corrections?.get(place);
      const raw = correction
        ? correctedLabel(correction, { ...textsOf(row, columns), line: row.line }, file.path)
        : rawLabelOf(Object.hasOwn(row.values, columns.label) ? row.values[columns.label] : undefined);
      if (raw === undefined) {
        badRows.add(unusable(row, 'label', columns.label, words`is a list or an object`));
        continue;
      }
      rawLabels.add(raw, row.line);
      const mapped = map.labelOf(raw);
      if (mapped === undefined && raw === '' && options.onBadRow === 'skip') {
        badRows.add(unusable(row, 'label', columns.label, words`is missing`));
        continue;
      }
      if (mapped === null) {
        dropped++;
        continue;
      }
      if (mapped === undefined || (answer === 'number' && !isNumber(mapped))) {
        unmapped.add(raw, row.line);
        continue;
      }
      label = mapped;
    }
    const first = textOf(row, columns.first, 'firstSequence');
    if (first === undefined) continue;
    const second = columns.second === undefined ? undefined : textOf(row, columns.second, 'secondSequence');
    if (columns.second !== undefined && second === undefined) continue;
    rows.push({ first, second, label, line: row.line, row: place, ...groupOf(row, groupColumn) });
  }

  badRows.stopIfAny();
  if (unmapped.size > 0) {
    const what =
      answer === 'number'
        ? words`regression needs numbers, but these values are none`
        : known
          ? words`these values are neither among the labels ${JSON.stringify(known)} nor mapped to one (map them in label_mapping, to null to leave them out)`
          : words`these rows have no label (map "" in label_mapping, to null to leave them out, or choose to skip bad rows)`;
    throw unmappedError(file.path, columns.label!, unmapped.list(), what);
  }
  if (rows.length === 0) {
    const reasons = words`${badRows.count} bad rows, ${dropped} dropped by label_mapping`;
    throw new MedTextError('DATA_FORMAT', words`${file.path} gives no examples (${reasons}).`, { file: file.path });
  }

  const classifies = answer === 'class' && columns.label !== undefined;
  const labels = classifies ? (known ?? inferLabels(rows.map((row) => row.label!), declaredLabels(file, columns.label!, map))) : []; // prettier-ignore
  const idOf = new Map(labels.map((label, id) => [label, id]));
  const counts = labels.map(() => 0);
  const examples = rows.map(({ label, ...example }): Example => {
    if (label === undefined) return example;
    if (!classifies) return { ...example, label: Number(label) };
    const id = idOf.get(label)!;
    counts[id]++;
    return { ...example, label: id };
  });
  return {
    file,
    columns,
    examples,
    labels,
    counts,
    rawLabels: rawLabels.list(),
    dropped,
    badRows: { count: badRows.count, reports: badRows.reports },
    duplicates: duplicatesOf(examples),
  };
}

/** What the file itself declares, of which the mapping may have renamed or left out some. */
function declaredLabels(file: DataFile, column: string, map: LabelMap): string[] {
  return (file.declaredLabels?.get(column) ?? []).filter((label) => map.labelOf(label) === label);
}

/** A row that lacks what a column should have. */
export function unusable(
  { line, values }: Pick<DataRow, 'line' | 'values'>,
  role: FieldRole,
  column: string,
  what: Words,
): BadRow {
  const reason = words`${ROLE_NAMES[role]} (column ${JSON.stringify(column)}) ${what}`;
  return { line, reason, excerpt: excerptOf(JSON.stringify(values)) };
}

/** What the column of groups says of a row, as text; nothing where it says nothing. */
export function groupOf({ values }: Pick<DataRow, 'values'>, column: string | undefined): { group?: string } {
  const value = column !== undefined && Object.hasOwn(values, column) ? values[column] : undefined;
  if (value === undefined || value === null || value === '') return {};
  return { group: typeof value === 'object' ? JSON.stringify(value) : String(value) };
}

/** Both texts as they stand in the row; what is no text is empty. */
function textsOf(
  { values }: DataRow,
  columns: { readonly first: string; readonly second?: string },
): { first: string; second: string | undefined } {
  const text = (column: string): string => {
    const value = Object.hasOwn(values, column) ? values[column] : undefined;
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  };
  return { first: text(columns.first), second: columns.second === undefined ? undefined : text(columns.second) };
}

function isNumber(text: string): boolean {
  return text !== '' && Number.isFinite(Number(text));
}
