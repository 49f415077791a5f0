import { MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';
import type { LabelCorrection } from '../protocol/labelCorrections';
import { ROLE_NAMES, type FieldRole } from '../protocol/fieldGuess';
import { inferLabels } from '../protocol/labelScheme';
import { answerOf } from '../protocol/answers';
import { describeTask, type TaskName } from '../protocol/tasks';
import { resolveColumn, type DataFields } from './columns';
import { BadRows, openDataFile, type BadRowPolicy, type DataFile, type DataFileOptions } from './dataFile';
import { excerptOf, isBadRow, type BadRow, type DataRow, type DataValue } from './dataRow';
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

/** A list, or a text in which a separator stands between labels; null: a text is one label. */
export type LabelForm = 'list' | { readonly separator: string | null };

export interface ReadExamplesOptions extends BadRowPolicy {
  /** Labels in order: place = id. Absent: those that the file declares, else inferred; see `inferLabels`. */
  readonly labels?: readonly (string | number)[];
  /** Renames, merges and drops raw values. Values of `labels` map to themselves unless it says otherwise. */
  readonly labelMapping?: LabelMapping;
  /** What stands between the labels of a row; null: nothing does. Absent: recognised. */
  readonly labelSeparator?: string | null;
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
  /** How a row's several labels are written; absent: a row has one. */
  readonly labelForm?: LabelForm;
  /** What a person should know of the labels, a line each. */
  readonly notes?: readonly string[];
  /** Raw label values as they stand in the file. */
  readonly rawLabels: readonly RawLabel[];
  /** Rows left out because the mapping says so. */
  readonly dropped: number;
  readonly badRows: { readonly count: number; readonly reports: readonly BadRow[] };
  readonly duplicates: Duplicates;
}

/** The label column of a file, for whoever makes labels of its cells. */
export interface LabelColumn {
  readonly file: DataFile;
  readonly column: string;
  readonly badRows: BadRows;
  readonly options: ReadExamplesOptions;
}

/** The error for a file without an example: it has no row, or all of its rows were left out. */
export function noExamples(path: string, badRows: number, dropped: number): MedTextError {
  if (badRows + dropped === 0) return new MedTextError('DATA_FORMAT', words`${path} has no rows.`, { file: path });
  const reasons = words`${badRows} bad rows, ${dropped} dropped by label_mapping`;
  return new MedTextError('DATA_FORMAT', words`${path} gives no examples (${reasons}).`, { file: path });
}

/** Makes labels of a column's cells: all of them are taken in the order of the rows, then checked, then made at once. */
export interface LabelReader<Label, Kept> {
  /** Takes a row's cell, or its correction, until all are known; undefined: the row is left out, and that was noted. */
  take(cell: DataValue, row: DataRow): Kept | undefined;
  /** @throws LABELS listing the values that are not mapped, or can be no label of the task */
  check(): void;
  /** @param kept of the rows that are examples */
  finish(kept: readonly Kept[]): Pick<Examples<Label>, 'labels' | 'counts' | 'idsOf' | 'labelForm' | 'notes'> & {
    /** One an example. */
    readonly given: readonly Label[];
  };
  readonly rawLabels: RawLabelCounts;
  /** Rows left out because the mapping says so. */
  readonly dropped: number;
}

/**
 * Reads the examples of a task that has one label a row, or a number, from a file.
 *
 * Errors: those of {@link readLabelled}; `LABELS` listing every value that is not mapped, or for regression is no number, with its
 * count and first line.
 */
export function readExamples(
  source: string | DataFile,
  fields: DataFields,
  task: TaskName,
  options: ReadExamplesOptions = {},
): Promise<Examples> {
  return readLabelled(
    source,
    fields,
    task,
    options,
    (column) => new OneLabel(column, answerOf(task).hasNames === true),
  );
}

/**
 * Reads the examples of a task from a file, its labels by `labelsOf`.
 *
 * Errors: those of `openDataFile`; `USAGE` if the task needs a field that is not named; `NOT_FOUND` for a column;
 * `DATA_FORMAT` (file, line) for a bad row unless bad rows are skipped, and for a file without examples; what `labelsOf`
 * throws; `CANCELLED`.
 */
export async function readLabelled<Label, Kept>(
  source: string | DataFile,
  fields: DataFields,
  task: TaskName,
  options: ReadExamplesOptions,
  labelsOf: (column: LabelColumn) => LabelReader<Label, Kept>,
): Promise<Examples<Label>> {
  const file = typeof source === 'string' ? await openDataFile(source, options.open) : source;
  const isTraining = options.mode !== 'predict';
  const { second } = describeTask(task);
  if (second === 'required' && fields.secondSequence === undefined) {
    throw new MedTextError('USAGE', words`${task} needs pairs: name the column of the second text (second_sequence).`, {
      task,
    });
  }
  if (isTraining && fields.label === undefined) {
    throw new MedTextError('USAGE', words`${task} needs labels: name the column of the label (label).`, { task });
  }
  const hasSecond = second !== 'none' && fields.secondSequence !== undefined;
  const columns = {
    first: resolveColumn(file, fields.firstSequence, 'first_sequence'),
    second: hasSecond ? resolveColumn(file, fields.secondSequence!, 'second_sequence') : undefined,
    label: isTraining ? resolveColumn(file, fields.label!, 'label') : undefined,
  };
  const groupColumn =
    options.groupColumn === undefined ? undefined : resolveColumn(file, options.groupColumn, 'group_by');
  const badRows = new BadRows(file.path, options);
  const labelReader = columns.label === undefined ? undefined : labelsOf({ file, column: columns.label, badRows, options }); // prettier-ignore
  const rows: Omit<Example<Label>, 'label'>[] = [];
  const kept: Kept[] = [];
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
    let label: Kept | undefined;
    if (labelReader) {
      const correction = options.corrections?.get(place);
      const cell = Object.hasOwn(row.values, columns.label!) ? row.values[columns.label!] : undefined;
      const given = correction ? correctedLabel(correction, { ...textsOf(row, columns), line: row.line }, file.path) : cell; // prettier-ignore
      label = labelReader.take(given, row);
      if (label === undefined) continue;
    }
    const first = textOf(row, columns.first, 'firstSequence');
    if (first === undefined) continue;
    const second = columns.second === undefined ? undefined : textOf(row, columns.second, 'secondSequence');
    if (columns.second !== undefined && second === undefined) continue;
    rows.push({ first, second, line: row.line, row: place, ...groupOf(row, groupColumn) });
    if (label !== undefined) kept.push(label);
  }

  badRows.stopIfAny();
  labelReader?.check();
  const dropped = labelReader?.dropped ?? 0;
  if (rows.length === 0) throw noExamples(file.path, badRows.count, dropped);

  const { given, ...labels } = labelReader?.finish(kept) ?? { given: undefined, labels: [], counts: [] };
  const examples = rows.map((example, at): Example<Label> => (given ? { ...example, label: given[at] } : example));
  return {
    file,
    columns,
    examples,
    ...labels,
    rawLabels: labelReader?.rawLabels.list() ?? [],
    dropped,
    badRows: { count: badRows.count, reports: badRows.reports },
    duplicates: duplicatesOf(examples.map(({ label, ...texts }) => ({ ...texts, label: comparable(label) }))),
  };
}

/** Equal labels are equal as this. */
function comparable(label: unknown): string | number | undefined {
  return typeof label === 'number' || label === undefined ? label : JSON.stringify(label);
}

/** Makes a label of a cell that holds one value: the value's label by the mapping, where it is one. */
export abstract class OneValueReader {
  readonly rawLabels = new RawLabelCounts();
  dropped = 0;
  private readonly unmapped = new RawLabelCounts();

  /** @param isLabel whether a mapped value can be a label of the task */
  constructor(
    protected readonly of: LabelColumn,
    protected readonly map: LabelMap,
    private readonly isLabel: (mapped: string) => boolean,
  ) {}

  take(cell: DataValue, row: DataRow): string | undefined {
    const { column, badRows, options } = this.of;
    const raw = rawLabelOf(cell);
    if (raw === undefined) {
      badRows.add(unusable(row, 'label', column, words`is a list or an object`));
      return undefined;
    }
    this.rawLabels.add(raw, row.line);
    const mapped = this.map.labelOf(raw);
    if (mapped === undefined && raw === '' && options.onBadRow === 'skip') {
      badRows.add(unusable(row, 'label', column, words`is missing`));
    } else if (mapped === null) {
      this.dropped++;
    } else if (mapped === undefined || !this.isLabel(mapped)) {
      this.unmapped.add(raw, row.line);
    } else return mapped;
    return undefined;
  }

  check(): void {
    if (this.unmapped.size === 0) return;
    throw unmappedError(this.of.file.path, this.of.column, this.unmapped.list(), this.problem());
  }

  /** What is wrong with the values that gave no label. */
  protected abstract problem(): Words;
}

/** Reads one class a row, or a number. */
class OneLabel extends OneValueReader implements LabelReader<number, string> {
  private readonly known: string[] | undefined;

  constructor(
    of: LabelColumn,
    private readonly hasNames: boolean,
  ) {
    const { labels, labelMapping } = of.options;
    const known = labels && hasNames ? checkedLabels(labels) : undefined;
    super(of, new LabelMap(known, labelMapping), (mapped) => hasNames || isNumber(mapped));
    this.known = known;
  }

  protected problem(): Words {
    return !this.hasNames
      ? words`regression needs numbers, but these values are not numbers`
      : this.known
        ? words`these values are neither among the labels ${JSON.stringify(this.known)} nor mapped to one (map them in label_mapping, to null to leave them out)`
        : words`these rows have no label (map "" in label_mapping, to null to leave them out, or choose to skip bad rows)`;
  }

  finish(kept: readonly string[]) {
    if (!this.hasNames) return { labels: [], counts: [], given: kept.map(Number) };
    const { file, column } = this.of;
    const labels = this.known ?? inferLabels(kept, declaredLabels(file, column, this.map));
    const idOf = new Map(labels.map((label, id) => [label, id]));
    const counts = labels.map(() => 0);
    const given = kept.map((label) => idOf.get(label)!);
    for (const id of given) counts[id]++;
    return { labels, counts, given };
  }
}

/** What the file itself declares, of which the mapping may have renamed or left out some. */
export function declaredLabels(file: DataFile, column: string, map: LabelMap): string[] {
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
