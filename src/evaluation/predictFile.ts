import { basename, dirname, resolve } from 'node:path';
import { isSamePlace } from '../base/atomicFile';
import { MedTextError, words } from '../base/errors';
import { filesOfData } from '../data/entities/bratFile';
import type { RunOptions } from '../inference/classifierRunner';
import type { OpenedModel } from '../inference/openedModel';
import type { TaskData } from '../tasks/task';
import { definitionOfModel, modelAnswers } from './modelAnswers';
import { readFileFor, type FileOptions } from './readFileFor';
import { withModel } from './withModel';

export interface Predictions {
  /** The absolute path of the output. */
  readonly output: string;
  /** The number of rows with a prediction. */
  readonly rows: number;
  /** The number of rows that could not be read, only with `onBadRow: 'skip'`. They are copied unchanged, or left out of a new table. */
  readonly badRows: number;
  /** The column with the predictions. */
  readonly column: string;
  /** The number of rows by label, or of entities by type; empty if the model predicts numbers. */
  readonly counts: Readonly<Record<string, number>>;
  /** Annotations of other kinds (brat's relations, notes …) that are not written; absent: none. */
  readonly leftOut?: number;
  /** What `counts` counts; absent: rows. */
  readonly counted?: 'entities';
}

/**
 * Writes a copy of the file with the model's predictions and everything else unchanged.
 * @throws MedTextError the errors of `openModel`, of reading and of writing the file; the output is then untouched.
 */
export async function predictFile(
  folder: string,
  file: string,
  output: string,
  options: FileOptions = {},
): Promise<Predictions> {
  // Of a document of brat's, its annotations are the input, too.
  for (const input of /\.(txt|ann)$/.test(file) ? await filesOfData(file) : [file]) {
    if (!(await isSamePlace(input, output))) continue;
    throw new MedTextError('USAGE', words`The output would replace the input ${file}; choose another name.`, { file });
  }
  return withModel(folder, options, async (model) => {
    const data = await readFileFor(model, file, 'predict', options);
    return predictExamples(model, data, output, options);
  });
}

/** Does what {@link predictFile} does for a file that has been read. */
export async function predictExamples(
  model: OpenedModel,
  data: TaskData,
  output: string,
  options: Pick<FileOptions, 'label' | 'log' | 'onBadRow' | 'spanEnd'> & RunOptions = {},
): Promise<Predictions> {
  // The output is checked first, so that an hour of predictions does not fail because of its name.
  const { path } = model.folder;
  const name = basename(basename(path) === 'model' ? dirname(path) : path);
  const writer = definitionOfModel(model).writer(data, output, { ...options, usage: model.usage, model: name });
  const { labels, definition, answers } = await modelAnswers(model, data.examples, options);
  const written = await writer.write(answers, labels);
  const { counted } = definition;
  return {
    output: resolve(output),
    ...written,
    counts: definition.counts(answers, labels),
    ...(counted && { counted }),
  };
}
