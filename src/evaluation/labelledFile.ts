/** How a data file is read for a model that is already there. */
import { MedTextError, words } from '../base/errors';
import { openDataFile, type DataFile } from '../data/dataFile';
import { readExamples, type Examples } from '../data/examples';
import type { LabelMapping } from '../data/labelMapping';
import { resolveFields, type ResolvedFields } from '../data/recipeSplit';
import type { Classifier, ClassifierTask } from '../inference/openClassifier';
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
  const task = classifier.givesNumber ? 'regression' : (classifier.task ?? taskOfFile(file, options));
  if (task === 'text-classification' && options.second !== undefined) {
    throw new MedTextError(
      'USAGE',
      words`${classifier.folder.path} reads one text, not pairs; leave out the second column.`,
    );
  }
  const columns = { first_sequence: options.first, second_sequence: options.second, label: options.label };
  const resolved = resolveFields(file, columns, task, mode);
  const examples = await readExamples(file, resolved.fields, task, {
    labels: mode === 'train' && task !== 'regression' ? classifier.labels : undefined,
    // What the caller says of a value wins over what was said in training.
    labelMapping: { ...classifier.labelMapping, ...options.labelMapping },
    onBadRow: options.onBadRow,
    mode,
    signal: options.signal,
  });
  return { ...examples, ...resolved };
}

function taskOfFile(file: DataFile, options: FileOptions): ClassifierTask {
  const { fields } = resolveFields(
    file,
    { first_sequence: options.first, second_sequence: options.second, label: options.label },
    'regression', // The task whose second text may be there or not.
    'predict',
  );
  return fields.secondSequence === undefined ? 'text-classification' : 'sentence-similarity';
}
