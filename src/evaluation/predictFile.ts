import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { resolveColumn } from '../data/columns';
import type { DataFile } from '../data/dataFile';
import type { Examples } from '../data/examples';
import type { ResolvedFields } from '../data/recipeSplit';
import { refuseUnfillable, writeFilled } from '../data/writeFilled';
import type { RunOptions } from '../inference/classifierRunner';
import type { Classifier } from '../inference/openClassifier';
import { argmaxRows } from '../tasks/metrics';
import { readFileFor, type FileOptions } from './readFileFor';
import { withClassifier } from './withClassifier';

export interface Predictions {
  /** Absolute. */
  readonly output: string;
  /** Rows that were answered. */
  readonly rows: number;
  /** Rows that could not be read and were copied as they are; with `onBadRow: 'skip'` only. */
  readonly badRows: number;
  /** The column that was filled. */
  readonly column: string;
  /** Answers by label; empty where the model gives numbers. */
  readonly counts: Readonly<Record<string, number>>;
}

/**
 * Writes the file again with the model's labels filled in, everything else as it stands.
 * @throws MedTextError what `openClassifier`, reading the file and `writeFilled` throw; the output is then untouched.
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
  return withClassifier(folder, options, async (classifier) => {
    const data = await readFileFor(classifier, file, 'predict', options);
    return predictExamples(classifier, data, output, options);
  });
}

/** As {@link predictFile}, of a file that has been read. */
export async function predictExamples(
  classifier: Classifier,
  data: Examples & ResolvedFields,
  output: string,
  options: Pick<FileOptions, 'label' | 'onBadRow'> & RunOptions = {},
): Promise<Predictions> {
  const label = labelColumn(data.file, data, options.label);
  const textColumns = [data.columns.first, ...(data.columns.second === undefined ? [] : [data.columns.second])];
  // Before anything is computed: an hour's answers must not end at a name.
  refuseUnfillable(data.file, output, { label, textColumns });
  const outputs = await classifier.logits(data.examples, options);
  const { labels, givesNumber } = classifier;
  const ids = givesNumber ? [] : argmaxRows(outputs, labels.length);
  const answers = new Map(
    data.examples.map(({ row }, i) => [row, givesNumber ? rounded(classifier.numberOf(outputs[i])) : labels[ids[i]]]),
  );
  const written = await writeFilled(data.file, output, (row) => answers.get(row) ?? null, {
    label,
    textColumns,
    onBadRow: options.onBadRow,
    signal: options.signal,
  });
  const counts: Record<string, number> = {};
  if (!givesNumber) for (const name of labels) counts[name] = 0;
  for (const id of ids) counts[labels[id]]++;
  return { output: resolve(output), rows: written.filled, badRows: written.badRows, column: String(label), counts };
}

/** Where the file really lies, if it is there: a link to the input is the input. */
async function placeOf(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}

/**
 * The column named, else the one that is called a label; a guess from contents is not enough to write over a column.
 * Else a new column at the end.
 */
function labelColumn(file: DataFile, { guess }: ResolvedFields, named: string | undefined): string {
  if (named !== undefined) return file.columns.includes(named) || !/^\d+$/.test(named) ? named : columnAt(file, named);
  const byName = guess?.found.find(({ role, reason }) => role === 'label' && reason === 'name');
  if (byName) return byName.column;
  const hasNames = file.format === 'json' || file.format === 'jsonl' || file.header;
  return hasNames ? 'label' : String(file.columns.length);
}

function columnAt(file: DataFile, index: string): string {
  return Number(index) === file.columns.length ? index : resolveColumn(file, index, 'label');
}

/** A prediction with the digits that float32 has. */
function rounded(value: number): number {
  return Number(value.toPrecision(7));
}
