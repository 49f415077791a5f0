import { basename, dirname } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { fingerprintFile } from '../data/fingerprint';
import { readRecipeSplit } from '../data/recipeSplit';
import { confidentLearning } from '../data/suspectLabels';
import { softmax } from '../base/softmax';
import type { Classifier } from '../inference/openClassifier';
import type { RecipeSplit } from '../protocol/recipe';
import { ANSWERS } from '../protocol/answers';
import { taskFor, describeTask } from '../protocol/tasks';
import { outOfFoldPredictions, type RowsFile } from '../runs/heldOutPredictions';
import { recordIn, RunFolder } from '../runs/runFolder';
import { withClassifier } from './withModel';

/** A row whose label the model contradicts. Labels are names. */
export interface SuspectRow {
  /** The 0-based place among the file's readable rows. */
  readonly row: number;
  readonly line: number;
  readonly first: string;
  readonly second?: string;
  /** The row's label by the mapping, or by an earlier correction. */
  readonly given: string;
  readonly suggested: string;
  /** The probability of the suggested label. */
  readonly probability: number;
  /** The probability of the given label. */
  readonly selfConfidence: number;
}

export interface SuspectRows {
  /** The number of examples checked. */
  readonly rows: number;
  readonly labels: readonly string[];
  readonly thresholds: readonly number[];
  readonly confidentJoint: readonly (readonly number[])[];
  /** The number of suspect rows. `suspects` holds the first of them. */
  readonly total: number;
  /** The suspect rows, the most suspect first. */
  readonly suspects: readonly SuspectRow[];
  /** The model learned from this file. It seldom contradicts labels that it has memorised. */
  readonly seenInTraining: boolean;
  /** The number of rows judged by kept predictions of runs that had not learned from them ({@link outOfFoldPredictions}). */
  readonly outOfFold: number;
}

export interface SuspectOptions {
  readonly device?: string;
  readonly threads?: number;
  /** The most rows to return, by default 1000. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Ranks the labels of a split by how much a fine-tuned model contradicts them ({@link confidentLearning}). The split's labels
 * and mapping define each row's label. `split.file` is an absolute path.
 * @throws MedTextError the errors of `openClassifier` and `readRecipeSplit`; LABELS if the split has a label that the model does
 * not know; UNSUPPORTED for a model of numbers or of several labels; CANCELLED.
 */
export async function findSuspectLabels(
  model: string,
  split: RecipeSplit,
  options: SuspectOptions = {},
): Promise<SuspectRows> {
  return withClassifier(model, options, (classifier) => suspectsOf(classifier, split, options));
}

async function suspectsOf(classifier: Classifier, split: RecipeSplit, options: SuspectOptions): Promise<SuspectRows> {
  if (!ANSWERS[classifier.answer].isOneARow) {
    const gives = describeTask(taskFor(classifier.answer, true)).gives;
    throw new MedTextError(
      'UNSUPPORTED',
      words`${classifier.folder.path} gives ${gives}. Suspect labels can be found only where each row has one label.`,
      { file: classifier.folder.path },
    );
  }
  const task = classifier.task ?? taskFor('class', split.second_sequence !== null);
  const { examples, labels, file } = await readRecipeSplit(describeTask(task).second !== 'none' ? split : { ...split, second_sequence: null }, task, options); // prettier-ignore
  const ids = labels.map((label) => idOf(label, classifier, split.file));
  const count = classifier.labels.length;
  const fingerprint = await fingerprintFile(split.file, options.signal);
  const ofSheet = { ...fingerprint, sheet: file.workbook?.sheet };
  const kept = await outOfFoldPredictions(classifier.folder.path, ofSheet, classifier.labels);
  const asked = examples.flatMap(({ row }, at) => (kept.has(row) ? [] : [at]));
  const logits = await classifier.logits(asked.map((at) => examples[at]), options); // prettier-ignore
  const probabilities = new Float64Array(examples.length * count);
  examples.forEach(({ row }, at) => kept.has(row) && probabilities.set(kept.get(row)!, at * count));
  asked.forEach((at, n) => probabilities.set(softmax(logits.subarray(n * count, (n + 1) * count)), at * count));
  const given = examples.map(({ label }) => ids[label!]);
  const { thresholds, confidentJoint, suspects } = confidentLearning(given, probabilities, count);
  // Labels are shown by the split's names, because the model may have an older name.
  const nameOf = classifier.labels.map((label, id) => labels[ids.indexOf(id)] ?? label);
  return {
    rows: examples.length,
    labels: nameOf,
    thresholds,
    confidentJoint,
    total: suspects.length,
    suspects: suspects.slice(0, options.limit ?? 1000).map((suspect) => {
      const { row, line, first, second } = examples[suspect.index];
      return {
        row,
        line,
        first,
        ...(second !== undefined && { second }),
        given: nameOf[suspect.given],
        suggested: nameOf[suspect.suggested],
        probability: suspect.probability,
        selfConfidence: suspect.selfConfidence,
      };
    }),
    seenInTraining: await wasSeen(classifier.folder.path, ofSheet),
    outOfFold: examples.length - asked.length,
  };
}

function idOf(label: string, classifier: Classifier, file: string): number {
  const { labels, folder } = classifier;
  const labelMapping = classifier.mappingTo(labels);
  const known = labels.indexOf(label);
  const mapped = Object.hasOwn(labelMapping, label) ? labelMapping[label] : null;
  const id = known >= 0 || mapped === null ? known : labels.indexOf(mapped);
  if (id >= 0) return id;
  throw new MedTextError(
    'LABELS',
    words`${basename(file)} has the label ${JSON.stringify(label)}, which the model in ${folder.path} does not know (${labels.map((name) => JSON.stringify(name)).join(', ')}). Choose a model that was trained with these labels.`,
    { label, labels },
  );
}

/** Whether the run that the model came from had this file, byte for byte, and this sheet as training data. */
async function wasSeen(modelPath: string, { sha256, sizeBytes, sheet }: RowsFile): Promise<boolean> {
  // A model without a run has no record of its training data.
  const train = (await recordIn(new RunFolder(dirname(modelPath))))?.data?.train;
  return train?.sizeBytes === sizeBytes && train.sha256 === sha256 && train.sheet === sheet;
}
