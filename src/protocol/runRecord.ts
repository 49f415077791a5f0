import { anything, count, flag, listOf, nullable, number, object, oneOf, recordOf, text, partsOf, type Check, type Checked, type Parts } from './check'; // prettier-ignore
import { evaluationMetrics } from './evaluation';
import { usedField } from './fieldGuess';

/** A run folder's run.json: what the run writes, and all that read it: command line, editor, later evaluations. */

const runStatuses = ['running', 'finished', 'stopped', 'failed'] as const;
export type RunStatus = (typeof runStatuses)[number];

/** What was said, and what it is made of, for editors in another language: to be read by `wordsFrom`. */
export const said = object({ message: text }, { words: anything });
export const toldError = object({ code: text, message: text }, { words: anything });

const format: Check<1> = (value, path) => {
  oneOf('1')(String(value), path);
  return 1;
};

const dataRecord = object(
  { file: text, sha256: text, sizeBytes: count, rows: count, dropped: count, badRows: count },
  {
    /** Rows by label. */
    counts: recordOf(count),
    /** The columns read, and why they were taken where the recipe names none; runs of earlier versions have none. */
    fields: listOf(usedField),
    /** Of a corpus, whose rows are documents; the version of the runtime's words, where words are masked whole. */
    characters: count,
    tokens: count,
    sequences: count,
    icu: text,
  },
);

/** JSON has no word for a value that is not finite: null. */
const measure = nullable(number) as Check<number>;

/** The best evaluation of a run. */
export const bestEvaluation = object({ step: count, metric: text, value: measure }, { evaluation: evaluationMetrics });

/** Why no step is left to take. */
export const trainingEnd = object({
  reason: oneOf('lastStep', 'earlyStop'),
  step: count,
  /** Evaluations since the best one. */
  evaluationsWithoutGain: count,
});

/** @throws PROTOCOL naming the field that is missing or of another type. */
export const runRecord = object(
  {
    format,
    /** Name of the run folder when it was made. */
    id: text,
    /** A run that says `running` while its process is gone was interrupted. */
    status: oneOf(...runStatuses),
    startedAt: text,
    updatedAt: text,
    task: text,
    labels: listOf(text),
    model: object(
      { path: text, parameterCount: count, trainedCount: count },
      {
        /** What the model was at the start, wherever its folder is by now; runs of earlier versions have none. */
        contentHash: text,
        /** SHA-256 of its files but the weights, by name: with others in their place the run cannot go on exactly. */
        files: recordOf(text),
        /** The folder had no weights: the training began with random ones. */
        randomStart: flag,
      },
    ),
    maxLength: count,
    totalSteps: count,
    step: count,
    /** By split. */
    data: recordOf(dataRecord),
    environment: recordOf(anything),
    best: nullable(bestEvaluation),
  },
  {
    /** What the person calls it: the recipe's name. */
    name: text,
    /** The recipe that it was started by, and what that was; the run goes on with its own copy. */
    recipe: object({ file: text, sha256: text }),
    /** The training process, while it runs; with what tells it from a later one of the same number. */
    pid: count,
    processStart: text,
    host: text,
    /** Examples computed at a time, where a batch was cut into parts: resuming cuts it alike. */
    microBatchSize: count,
    /** Where the recipe left the device open: what was chosen, and why the others fell out; a line a device. */
    deviceChoice: listOf(text),
    /** Once the training is over, and while the test data are answered. */
    trainingEnd,
    /** Why none of its evaluations could choose a model; then it is that of the last step. */
    noBest: said,
    /** Metrics of the run's model on its test data, once it has ended. */
    test: evaluationMetrics,
    /** The file in `predictions/`, absolute. */
    predictions: text,
    /** Why the test data were not answered; the run has finished all the same. */
    testError: toldError,
    error: toldError,
  },
);
export type RunRecord = Checked<typeof runRecord>;
export type DataRecord = Checked<typeof dataRecord>;
export type BestEvaluation = Checked<typeof bestEvaluation>;
export type TrainingEnd = Checked<typeof trainingEnd>;

/** Beyond this it is nobody's record. */
export const maxRunRecordBytes = 64 * 2 ** 20;

/** What of it is whole; the rest a person or a program has damaged, or an earlier version did not write. */
export type RunRecordParts = Parts<RunRecord>;

/** Of the text of a run.json; undefined for one that is no object. */
export function runRecordParts(json: string): RunRecordParts | undefined {
  try {
    return partsOf(runRecord, JSON.parse(json));
  } catch {
    return undefined;
  }
}
