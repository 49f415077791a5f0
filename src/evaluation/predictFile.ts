import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MedTextError, words } from '../base/errors';
import type { RunOptions } from '../inference/classifierRunner';
import type { OpenedModel } from '../inference/openedModel';
import type { TaskData } from '../tasks/task';
import { definitionOfModel, modelAnswers } from './modelAnswers';
import { readFileFor, type FileOptions } from './readFileFor';
import { withModel } from './withModel';

export interface Predictions {
  /** Absolute. */
  readonly output: string;
  /** Rows that were answered. */
  readonly rows: number;
  /** Rows that could not be read and were copied as they are; with `onBadRow: 'skip'` only. */
  readonly badRows: number;
  /** The column that was filled. */
  readonly column: string;
  /** Rows by label, or entities by type; empty where the model gives numbers. */
  readonly counts: Readonly<Record<string, number>>;
  /** What `counts` counts; absent: rows. */
  readonly counted?: 'entities';
}

/**
 * Writes the file again with the model's labels filled in, everything else as it stands.
 * @throws MedTextError what `openModel`, reading and writing the file throw; the output is then untouched.
 */
export async function predictFile(
  folder: string,
  file: string,
  output: string,
  options: FileOptions = {},
): Promise<Predictions> {
  if ((await placeOf(file)) === (await placeOf(output))) {
    throw new MedTextError('USAGE', words`The output would replace the input ${file}; choose another name.`, { file });
  }
  return withModel(folder, options, async (model) => {
    const data = await readFileFor(model, file, 'predict', options);
    return predictExamples(model, data, output, options);
  });
}

/** As {@link predictFile}, of a file that has been read. */
export async function predictExamples(
  model: OpenedModel,
  data: TaskData,
  output: string,
  options: Pick<FileOptions, 'label' | 'onBadRow'> & RunOptions = {},
): Promise<Predictions> {
  // Before anything is computed: an hour's answers must not end at a name.
  const writer = definitionOfModel(model).writer(data, output, { ...options, usage: model.usage });
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

/** Where the file really lies, if it is there: a link to the input is the input. */
async function placeOf(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}
