import { MedTextError, words } from '../base/errors';
import { fieldRoles, ROLE_NAMES, type FieldRole, type UsedField } from '../protocol/fieldGuess';
import type { RecipeSplit } from '../protocol/recipe';
import { describeTask, type SecondText, type TaskName } from '../protocol/tasks';
import { columnList, findColumn, guessFields, refuseRepeatedGuess, withoutColumns, type DataFields, type FieldGuess } from './columns'; // prettier-ignore
import { openDataFile, type DataFile } from './dataFile';
import { readExamples, type Examples, type ReadExamplesOptions } from './examples';
import { readCorrections } from './labelCorrections';

/** A recipe's data section with what it leaves open recognised from the file. */
export interface ResolvedFields {
  readonly fields: DataFields;
  /** What was guessed and why; absent if the recipe names everything. */
  readonly guess: FieldGuess | undefined;
  /** What the recipe names itself. */
  readonly named: readonly FieldRole[];
}

/**
 * The fields for a task: as the recipe names them, else guessed from the file.
 *
 * Errors: `NOT_FOUND` naming the field that is neither named nor recognised, and the columns there are; `DATA_FORMAT` for a
 * recognised column whose name another column has, too.
 */
export function resolveFields(
  file: DataFile,
  split: Pick<RecipeSplit, 'first_sequence' | 'second_sequence' | 'label'>,
  secondText: SecondText,
  mode: 'train' | 'predict' = 'train',
): ResolvedFields {
  const wantsSecond = secondText !== 'none' && split.second_sequence !== null;
  const isComplete =
    split.first_sequence !== undefined &&
    (!wantsSecond || split.second_sequence !== undefined) &&
    (mode === 'predict' || split.label !== undefined);
  const texts = [split.first_sequence, split.second_sequence].flatMap((column) =>
    column === undefined || column === null ? [] : (findColumn(file, column) ?? []),
  );
  const values = file.sample.map((row) => row.values);
  const guess = isComplete ? undefined : withoutColumns(guessFields(file.columns, values), texts);
  const second = wantsSecond ? (split.second_sequence ?? guess?.secondSequence) : undefined;
  const named = namedRoles(split);
  if (guess) refuseRepeatedGuess(file, { ...guess, found: guess.found.filter(({ role }) => !named.includes(role)) });
  const found = <T>(value: T | null | undefined, field: string): T => {
    if (value !== undefined && value !== null) return value;
    throw new MedTextError(
      'NOT_FOUND',
      words`${file.path}: no column was recognised as ${field}. Name it; the columns are: ${columnList(file)}.`,
      { file: file.path, field, columns: file.columns },
    );
  };
  const fields: DataFields = {
    firstSequence: found(split.first_sequence ?? guess?.firstSequence, 'first_sequence'),
    secondSequence: secondText === 'required' ? found(second, 'second_sequence') : second,
    label: mode === 'predict' ? (split.label ?? guess?.label) : found(split.label ?? guess?.label, 'label'),
  };
  return { fields, guess, named };
}

function namedRoles(split: Pick<RecipeSplit, 'first_sequence' | 'second_sequence' | 'label'>): FieldRole[] {
  const said = { firstSequence: split.first_sequence, secondSequence: split.second_sequence, label: split.label };
  return fieldRoles.filter((role) => said[role] !== undefined);
}

/** Opens the file a recipe names, as it says to. Errors: those of `openDataFile`. */
export function openRecipeSplit(split: RecipeSplit): Promise<DataFile> {
  const named = <T>(value: T | 'auto' | undefined) => (value === 'auto' ? undefined : value);
  return openDataFile(split.file, {
    format: named(split.format),
    encoding: named(split.encoding),
    header: named(split.header),
    sheet: split.sheet,
  });
}

export interface ReadSplitOptions {
  /** Labels found elsewhere, normally in the training split; they win over the recipe's own list. */
  readonly labels?: readonly string[];
  /** The columns of the training data: what the split does not name is read from them where its file has them. */
  readonly columns?: readonly UsedField[];
  readonly mode?: 'train' | 'predict';
  /** The `groupColumn` of `ReadExamplesOptions`. */
  readonly groupColumn?: string;
  readonly signal?: AbortSignal;
}

/**
 * Reads the examples of one split of a recipe; `split.file` and `split.corrections` are paths the caller has resolved.
 *
 * Errors: those of `openDataFile`, `resolveFields`, `readExamples` and `readCorrections`.
 */
export function readRecipeSplit(
  split: RecipeSplit,
  task: TaskName,
  options: ReadSplitOptions = {},
): Promise<Examples & ResolvedFields> {
  return readSplitWith(split, task, options, (file, fields, reading) => readExamples(file, fields, task, reading));
}

/** The split with the columns of other data named, where its file has columns of these names and it names none itself. */
function withColumns(split: RecipeSplit, file: DataFile, columns: readonly UsedField[] = []): RecipeSplit {
  const named = namedRoles(split);
  const there = columns.filter(({ role, column }) => !named.includes(role) && file.columns.includes(column));
  return { ...split, ...Object.fromEntries(there.map(({ role, column }) => [ROLE_NAMES[role], column])) };
}

/** A split of a recipe with its columns found, by `read`. */
export async function readSplitWith<Label>(
  split: RecipeSplit,
  task: TaskName,
  options: ReadSplitOptions,
  read: (file: DataFile, fields: DataFields, options: ReadExamplesOptions) => Promise<Examples<Label>>,
): Promise<Examples<Label> & ResolvedFields> {
  const file = await openRecipeSplit(split);
  const resolved = resolveFields(file, withColumns(split, file, options.columns), describeTask(task).second, options.mode); // prettier-ignore
  const examples = await read(file, resolved.fields, {
    labels: options.labels ?? split.labels,
    labelMapping: split.label_mapping,
    labelSeparator: split.label_separator,
    corrections: split.corrections === undefined ? undefined : await readCorrections(split.corrections, split.file),
    onBadRow: split.on_bad_row,
    mode: options.mode,
    groupColumn: options.groupColumn,
    signal: options.signal,
  });
  return { ...examples, ...resolved };
}
