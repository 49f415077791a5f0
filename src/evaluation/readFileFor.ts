/** How a data file is read for a model that is already there. */
import { MedTextError, words } from '../base/errors';
import { openDataFile, type DataFile } from '../data/dataFile';
import { readExamples, type Examples } from '../data/examples';
import type { LabelMapping } from '../data/labelMapping';
import { resolveFields, type ResolvedFields } from '../data/recipeSplit';
import type { Classifier } from '../inference/openClassifier';
import { describeTask, taskFor, type Task } from '../protocol/tasks';
import type { WholeFileOptions } from './withClassifier';

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
 * @throws MedTextError what `openDataFile`, `resolveFields` and `readExamples` throw; USAGE for a second text column
 * that the model cannot read.
 */
export async function readFileFor(
  classifier: Classifier,
  path: string,
  mode: 'train' | 'predict',
  options: FileOptions,
): Promise<Examples & ResolvedFields> {
  const file = await openDataFile(path);
  const task = classifier.givesNumber ? taskFor('number', true) : (classifier.task ?? taskOfFile(file, options));
  const { answer, second } = describeTask(task);
  if (second === 'none' && options.second !== undefined) {
    throw new MedTextError(
      'USAGE',
      words`${classifier.folder.path} reads one text, not pairs; leave out the second column.`,
    );
  }
  const columns = { first_sequence: options.first, second_sequence: options.second, label: options.label };
  const resolved = resolveFields(file, columns, second, mode);
  const examples = await readExamples(file, resolved.fields, task, {
    labels: mode === 'train' && answer === 'class' ? classifier.labels : undefined,
    // What the caller says of a value wins over what was said in training.
    labelMapping: { ...classifier.labelMapping, ...options.labelMapping },
    onBadRow: options.onBadRow,
    mode,
    signal: options.signal,
  });
  return { ...examples, ...resolved };
}

function taskOfFile(file: DataFile, options: FileOptions): Task {
  const { fields } = resolveFields(
    file,
    { first_sequence: options.first, second_sequence: options.second, label: options.label },
    'optional',
    'predict',
  );
  return taskFor('class', fields.secondSequence !== undefined);
}
