/** How a data file is read for a model that is already there. */
import { MedTextError, words } from '../base/errors';
import { openDataFile } from '../data/dataFile';
import type { LabelMapping } from '../data/labelMapping';
import { resolveFields } from '../data/recipeSplit';
import { Classifier } from '../inference/openClassifier';
import type { OpenedModel } from '../inference/openedModel';
import type { RecipeSplit } from '../protocol/recipe';
import { describeTask, taskFor, type Task } from '../protocol/tasks';
import type { TaskData } from '../tasks/task';
import { definitionOfModel, labelsOfModel } from './modelAnswers';
import type { WholeFileOptions } from './withModel';

/** A file's columns, by name or by place from 0, and what to do about its rows. */
export interface FileOptions extends WholeFileOptions {
  readonly first?: string;
  readonly second?: string;
  readonly label?: string;
  readonly labelMapping?: LabelMapping;
  readonly onBadRow?: 'stop' | 'skip';
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Reads a file's examples for a model: `train` with labels, `predict` without. The model's task decides whether rows
 * are pairs; where the model does not say, the file does.
 * @throws MedTextError what the task's `read` throws; USAGE for a second text column that the model cannot read.
 */
export async function readFileFor(
  model: OpenedModel,
  path: string,
  mode: 'train' | 'predict',
  options: FileOptions,
): Promise<TaskData> {
  const task = model instanceof Classifier && model.givesNumber ? taskFor('number', true) : (model.task ?? (await taskOfFile(path, options))); // prettier-ignore
  if (describeTask(task).second === 'none' && options.second !== undefined) {
    throw new MedTextError(
      'USAGE',
      words`${model.folder.path} reads one text, not pairs; leave out the second column.`,
    );
  }
  const labels = labelsOfModel(model);
  const split: RecipeSplit = {
    file: path,
    first_sequence: options.first,
    second_sequence: options.second,
    label: options.label,
    // What the caller says of a value wins over what was said in training.
    label_mapping: { ...model.mappingTo(labels), ...options.labelMapping } as RecipeSplit['label_mapping'],
    on_bad_row: options.onBadRow,
  };
  return definitionOfModel(model).read(split, task, {
    head: model.head,
    ...(mode === 'train' && { labels }),
    mode,
    signal: options.signal,
  });
}

async function taskOfFile(path: string, options: FileOptions): Promise<Task> {
  const { fields } = resolveFields(
    await openDataFile(path),
    { first_sequence: options.first, second_sequence: options.second, label: options.label },
    'optional',
    'predict',
  );
  return taskFor('class', fields.secondSequence !== undefined);
}
