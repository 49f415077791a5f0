import { words, type Words } from '../base/words';
import { hasAmounts } from './labelScheme';
import type { LabelCounts } from './scorer';
import { describeTask, TASKS, type AnswerKind, type Task, type TaskDescription, type TaskName } from './tasks';

/**
 * What the kinds of labels mean for counting labels, drafting a recipe and mapping labels: one row for each kind. Pages,
 * wizard, label mapping and terminal read this table and never branch on a kind.
 */

/** What the cells of a label column show. */
export interface ColumnSigns {
  /** Cells hold entities. */
  readonly marks: boolean;
  /** Cells hold several labels each. */
  readonly several: boolean;
  /** The file holds lists of texts for each query; a row is one text with its query. */
  readonly ofQueries?: boolean;
  readonly values: readonly string[];
}

/** The words of tables that count what has a name: rows of a class, or entities of a type. */
export interface CountedWords {
  readonly name: Words;
  readonly table: Words;
  /** The title of a table of F1 scores. */
  readonly scores: Words;
  /** The heading of the column that counts the names in the data. */
  readonly support: Words;
  /** The heading of the column that counts the predicted names. */
  readonly predicted: Words;
  readonly matrix: Words;
  readonly note: Words;
  readonly cell: (given: string, predicted: string, count: number) => Words;
}

const CLASSES: CountedWords = {
  name: words`Class`,
  table: words`By class`,
  scores: words`F1 by class`,
  support: words`rows`,
  predicted: words`predicted`,
  matrix: words`Confusion matrix`,
  note: words`Rows: the given label. Columns: the predicted label.`,
  cell: (given, predicted, count) => words`given ${given}, predicted ${predicted}: ${count} rows`,
};

interface AnswerDescription {
  /** Where a row has its label: in a cell of the label column, in marks of its text, or nowhere. */
  readonly column: 'cells' | 'marks' | 'none';
  /** Labels are names, which a recipe lists and maps. */
  readonly hasNames?: true;
  /** A row has exactly one name. The names of pairs may form a scale of similarity, and suspect labels can be found. */
  readonly isOneARow?: true;
  /** The sign in the data that shows this kind; absent: no sign shows it. */
  readonly sign?: { isIn(signs: ColumnSigns): boolean; readonly why: string };
  /** A cell may hold several names or none. Names are counted one by one. */
  readonly holdsSeveral?: true;
  /** Absent: the words of classes. */
  readonly counted?: CountedWords;
}

/** The kinds, in the order in which their signs are tried. */
export const ANSWERS: Readonly<Record<AnswerKind, AnswerDescription>> = {
  spans: {
    column: 'marks',
    hasNames: true,
    sign: { isIn: ({ marks }) => marks, why: 'the label column holds entities' },
    counted: {
      name: words`Type`,
      table: words`By type`,
      scores: words`F1 by type`,
      support: words`entities`,
      predicted: words`predicted`,
      matrix: words`Confusion of types`,
      note: words`Rows: the annotated type. Columns: the type predicted for exactly the same span. The last column counts annotated entities without a prediction of the same span (missed). The last row counts predicted spans without an annotation (spurious).`,
      cell: (given, predicted, count) => words`annotated ${given}, predicted ${predicted}: ${count} entities`,
    },
  },
  labels: {
    column: 'cells',
    hasNames: true,
    holdsSeveral: true,
    sign: { isIn: ({ several }) => several, why: 'rows have several labels' },
    counted: { ...CLASSES, name: words`Label`, table: words`By label`, scores: words`F1 by label` },
  },
  rank: {
    column: 'cells',
    sign: { isIn: ({ ofQueries }) => ofQueries === true, why: 'each row is a query with one of its texts' },
  },
  number: {
    column: 'cells',
    sign: { isIn: ({ values }) => hasAmounts(values), why: 'the labels are fractions' },
  },
  class: { column: 'cells', hasNames: true, isOneARow: true },
  fill: { column: 'none' },
};

/** @param marks whether the column that was counted holds entities */
export function signsOf({ several, ofQueries, values }: LabelCounts, marks: boolean): ColumnSigns {
  return {
    marks,
    several: several !== undefined,
    ...(ofQueries && { ofQueries }),
    values: values.map(({ value }) => value),
  };
}

/** The kind of labels that the data show, and the reason. Without a sign the kind is `class`. */
export function answerIn(signs: ColumnSigns): { readonly answer: AnswerKind; readonly why?: string } {
  for (const [answer, { sign }] of Object.entries(ANSWERS) as [AnswerKind, AnswerDescription][]) {
    if (sign?.isIn(signs)) return { answer, why: sign.why };
  }
  return { answer: 'class' };
}

/** The words for what the answers of this kind are counted by. */
export function countedWords(answer: AnswerKind): CountedWords {
  return ANSWERS[answer].counted ?? CLASSES;
}

export function answerOf(task: TaskName): AnswerDescription {
  return ANSWERS[describeTask(task).answer];
}

/** Whether the labels of the task can form a scale of similarity. */
export function comparesTexts({ second, answer }: Pick<TaskDescription, 'second' | 'answer'>): boolean {
  return second !== 'none' && ANSWERS[answer].isOneARow === true;
}

/** The tasks that learn from rows of single texts or of pairs, with or without entities in the label column. */
export function tasksOfRows(
  isPair: boolean,
  { marks }: Pick<ColumnSigns, 'marks'>,
): readonly (TaskDescription & { readonly id: Task })[] {
  const fits = ({ reads, second, answer }: TaskDescription) =>
    reads === undefined && second !== (isPair ? 'none' : 'required') && (ANSWERS[answer].column === 'marks') === marks;
  return TASKS.filter(fits);
}

/** The counts of a label column for a task. Where a cell may hold several labels, they count by label, and a row without labels counts as a row. */
export function countsFor(answer: AnswerKind, { several, ...counts }: LabelCounts): LabelCounts {
  if (!ANSWERS[answer].holdsSeveral) return counts;
  if (!several) return { ...counts, values: counts.values.filter(({ value }) => value !== '') };
  return {
    ...counts,
    several,
    values: several.values,
    rows: several.rows,
    badRows: counts.rows + counts.badRows - several.rows,
    otherRows: 0,
  };
}
