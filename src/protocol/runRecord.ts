import { anything, count, flag, listOf, nullable, number, object, oneOf, recordOf, text, partsOf, type Check, type Checked, type Parts } from './check'; // prettier-ignore
import { evaluationMetrics } from './evaluation';
import { usedField } from './fieldGuess';

/** A run folder's run.json. The run writes it; the command line, the editor and later evaluations read it. */

const runStatuses = ['running', 'finished', 'stopped', 'failed'] as const;
export type RunStatus = (typeof runStatuses)[number];

/** An English message. `words` are its parts, which `wordsFrom` reads to translate it. */
export const said = object({ message: text }, { words: anything });
export const plainError = object({ code: text, message: text }, { words: anything });

/** The program that started the training process, and the window that it belongs to. */
export const runOwner = object(
  { program: oneOf('editor', 'commandLine') },
  {
    /** The process of the editor's window. The run may outlive the window. */
    windowPid: count,
    windowStart: text,
  },
);
export type RunOwner = Checked<typeof runOwner>;

const format: Check<1> = (value, path) => {
  oneOf('1')(String(value), path);
  return 1;
};

const dataRecord = object(
  { file: text, sha256: text, sizeBytes: count, rows: count, dropped: count, badRows: count },
  {
    /** The sheet of a workbook. */
    sheet: text,
    /** The number of rows of each label. */
    counts: recordOf(count),
    /** The columns read, with a reason where the recipe names none. Absent in runs of earlier versions. */
    fields: listOf(usedField),
    /** Rows left out because an earlier row has their texts and label; absent: none. */
    duplicates: count,
    /** Set for a corpus, whose rows are documents. `icu` is the version of the word segmenter, if words are masked whole. */
    characters: count,
    tokens: count,
    sequences: count,
    icu: text,
    /** A second file that decides what is read: corrections of the labels, or terms that are masked whole. Absent: none, or an earlier version. */
    readWith: object({ file: text, sha256: text }),
  },
);

/** A number. NaN and infinities are null, because JSON cannot hold them. */
const measure = nullable(number) as Check<number>;

/** The best evaluation of a run. */
export const bestEvaluation = object({ step: count, metric: text, value: measure }, { evaluation: evaluationMetrics });

/** Why the training has no further step. */
export const trainingEnd = object({
  reason: oneOf('lastStep', 'earlyStop'),
  step: count,
  /** The number of evaluations since the best one. */
  evaluationsWithoutGain: count,
});

/** @throws PROTOCOL with the field that is missing or has another type */
export const runRecord = object(
  {
    format,
    /** The name that the run folder had when it was made. */
    id: text,
    /** A run with status `running` whose process is gone was interrupted. */
    status: oneOf(...runStatuses),
    startedAt: text,
    updatedAt: text,
    task: text,
    labels: listOf(text),
    model: object(
      { path: text, parameterCount: count, trainedCount: count },
      {
        /** The hash of the starting model, which identifies it if its folder moves. Absent in runs of earlier versions. */
        contentHash: text,
        /** SHA-256 of the model's files by name, without the weights. Exact resuming needs the same files. */
        files: recordOf(text),
        /** The model folder had no weights, so the training began with random ones. */
        randomStart: flag,
      },
    ),
    maxLength: count,
    totalSteps: count,
    step: count,
    /** The data of each split. */
    data: recordOf(dataRecord),
    environment: recordOf(anything),
    best: nullable(bestEvaluation),
  },
  {
    /** The run's display name, which is the recipe's name. */
    name: text,
    /** The recipe file that started the run, with its hash at that time. The run continues with its own copy. */
    recipe: object({ file: text, sha256: text }),
    /** The training process while it runs. `processStart` tells it from a later process with the same id. */
    pid: count,
    processStart: text,
    host: text,
    /** The owner of that process. */
    owner: runOwner,
    /** Examples computed at a time, if batches were cut into parts. A resumed run cuts them in the same way. */
    microBatchSize: count,
    /** One line for each device if the recipe says `device: auto`: the chosen one, and why the others were rejected. */
    deviceChoice: listOf(text),
    /** Set once the last step is done, before the test data are predicted. */
    trainingEnd,
    /** Why no evaluation could choose a model. The model is then that of the last step. */
    noBest: said,
    /** Metrics of the run's model on its test data, set at the end. */
    test: evaluationMetrics,
    /** The absolute path of the file in `predictions/`. */
    predictions: text,
    /** Why the test data were not predicted. The run counts as finished. */
    testError: plainError,
    error: plainError,
  },
);
export type RunRecord = Checked<typeof runRecord>;
export type DataRecord = Checked<typeof dataRecord>;
export type BestEvaluation = Checked<typeof bestEvaluation>;
export type TrainingEnd = Checked<typeof trainingEnd>;

/** A larger file is not read as a record. */
export const maxRunRecordBytes = 64 * 2 ** 20;

/** The valid fields of a record. Others may be damaged, or an earlier version did not write them. */
export type RunRecordParts = Parts<RunRecord>;

/** The valid fields in the text of a run.json; undefined if the text is not a JSON object. */
export function runRecordParts(json: string): RunRecordParts | undefined {
  try {
    return partsOf(runRecord, JSON.parse(json));
  } catch {
    return undefined;
  }
}
