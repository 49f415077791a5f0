/** Reading a data file for an existing model. */
import { basename, dirname } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { guessFields } from '../data/columns';
import { openDataFile } from '../data/dataFile';
import type { SpanEnd } from '../data/entities/spanConvention';
import type { LabelMapping } from '../data/labelMapping';
import { resolveFields } from '../data/recipeSplit';
import { Classifier } from '../inference/openClassifier';
import type { OpenedModel } from '../inference/openedModel';
import type { RecipeSplit } from '../protocol/recipe';
import { ANSWERS } from '../protocol/answers';
import { describeTask, taskFor, type Task } from '../protocol/tasks';
import { readRun } from '../runs/runFolder';
import type { TaskData } from '../tasks/task';
import { definitionOfModel, labelsOfModel } from './modelAnswers';
import type { WholeFileOptions } from './withModel';

/** A file's columns, by name or 0-based place, and the handling of its rows. */
export interface FileOptions extends WholeFileOptions {
  readonly first?: string;
  readonly second?: string;
  readonly label?: string;
  /** The sheet of a workbook; absent: the first visible one. */
  readonly sheet?: string;
  /** What the end of an entity is, where the file does not tell. */
  readonly spanEnd?: SpanEnd;
  readonly labelMapping?: LabelMapping;
  readonly onBadRow?: 'stop' | 'skip';
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Reads a file's examples for a model: `train` with labels, `predict` without. The model's task decides whether rows are
 * pairs. If the task leaves that open, the file decides.
 * @throws MedTextError the errors of the task's `read`; USAGE for a second text column that the model cannot read.
 */
export async function readFileFor(
  model: OpenedModel,
  path: string,
  mode: 'train' | 'predict',
  options: FileOptions,
): Promise<TaskData> {
  const task = model instanceof Classifier && model.givesNumber ? taskFor(model.answer, true) : (model.task ?? (await taskOfFile(path, options))); // prettier-ignore
  const second = model.second ?? describeTask(task).second;
  if (second === 'none' && options.second !== undefined) {
    throw new MedTextError(
      'USAGE',
      words`${model.folder.path} reads one text, not pairs; leave out the second column.`,
    );
  }
  if (options.spanEnd !== undefined && ANSWERS[describeTask(task).answer].column !== 'marks') {
    throw new MedTextError(
      'USAGE',
      words`${model.folder.path} marks no entities; leave out what the end of an entity is.`,
    );
  }
  const labels = labelsOfModel(model);
  const split: RecipeSplit = {
    file: path,
    first_sequence: options.first,
    second_sequence: second === 'none' ? null : options.second,
    label: options.label,
    sheet: options.sheet,
    span_end: options.spanEnd,
    // The caller's mapping takes precedence over the mapping of the training.
    label_mapping: { ...model.mappingTo(labels), ...options.labelMapping } as RecipeSplit['label_mapping'],
    on_bad_row: options.onBadRow,
  };
  const data = await definitionOfModel(model).read(split, task, {
    head: model.head,
    usage: model.usage,
    ...(mode === 'train' && { labels, columns: await columnsOfRun(model) }),
    mode,
    signal: options.signal,
  });
  for (const warning of data.file.warnings) options.log?.(String(warning));
  if (second === 'none' && options.first === undefined) sayUnreadText(data, path, options);
  // Tasks that always need pairs have already reported a missing second text.
  const lacksSecond = second === 'required' && describeTask(task).second === 'optional' && data.columns.second === undefined; // prettier-ignore
  if (!lacksSecond) return data;
  throw new MedTextError(
    'USAGE',
    words`${model.folder.path} compares two texts, and no column of ${path} was recognised as the second: name it.`,
    { file: path, columns: data.file.columns },
  );
}

/** The columns that the model's run read, by name: positions can hold other things in another file. Undefined for a model without a run. */
async function columnsOfRun({ folder }: OpenedModel) {
  if (basename(folder.path) !== 'model') return undefined;
  const run = await readRun(dirname(folder.path)).catch(() => undefined);
  return run?.record.data.train?.fields?.filter(({ column }) => !/^\d+$/.test(column));
}

/** Logs which text is read if a model of single texts reads a file of pairs without a named column. */
function sayUnreadText({ file, columns }: TaskData, path: string, { log }: FileOptions): void {
  const guess = guessFields(file.columns, file.sample.map(({ values }) => values)); // prettier-ignore
  const other = [guess.firstSequence, guess.secondSequence].find((column) => column !== undefined && column !== columns.first); // prettier-ignore
  if (guess.secondSequence === undefined || other === undefined) return;
  log?.(String(words`${path}: the texts of column ${JSON.stringify(columns.first)} are read. Those of ${JSON.stringify(other)} are not, because the model reads one text. To read the other column, name it (--first).`)); // prettier-ignore
}

async function taskOfFile(path: string, options: FileOptions): Promise<Task> {
  const { fields } = resolveFields(
    await openDataFile(path, { sheet: options.sheet }),
    { first_sequence: options.first, second_sequence: options.second, label: options.label },
    'optional',
    'predict',
  );
  return taskFor('class', fields.secondSequence !== undefined);
}
