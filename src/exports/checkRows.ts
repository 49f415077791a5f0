/** The rows that an export is checked on: those of the model's own run, or of a file, or sentences of this program's own. */
import { basename, dirname } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { keyOf, uniformAt } from '../base/random';
import type { Example } from '../data/examples';
import { groupColumnOf, holdOut } from '../data/holdOut';
import { readRecipeSplit } from '../data/recipeSplit';
import { readFileFor } from '../evaluation/readFileFor';
import type { ScoredPair } from '../inference/labelScores';
import type { Classifier } from '../inference/openClassifier';
import { namesIn } from '../models/checkpoint/replaceFolder';
import type { ExportCheck } from '../protocol/exportCheck';
import { describeTask } from '../protocol/tasks';
import { readRun } from '../runs/runFolder';

export interface CheckRows {
  readonly of: ExportCheck['of'];
  readonly rows: readonly ScoredPair[];
  /** Label ids or numbers, a row each; undefined where the rows have none. */
  readonly targets: readonly number[] | undefined;
}

/** Twice as many take some minutes, by BERT-base on two cores. */
const MAX_ROWS = 2000;

/**
 * `data`, if it is named: its labels count where it has a label column. Else what the run that made the model has validated
 * it on, else the first rows that it has learned from; sentences where there is no run, or its data are not there any more.
 * @throws MedTextError what reading `data` throws; CANCELLED.
 */
export async function checkRows(
  classifier: Classifier,
  options: { readonly data?: string; readonly signal?: AbortSignal; readonly log?: (line: string) => void },
): Promise<CheckRows> {
  if (options.data !== undefined) return fileRows(classifier, options.data, options.signal);
  try {
    const found = await runRows(classifier, options.signal);
    if (found && found.rows.length > 0) return found;
  } catch (error) {
    if (!(error instanceof MedTextError) || error.code === 'CANCELLED') throw error;
    options.log?.(
      `The data of the model's run cannot be read (${error.message}); sentences of this program's own are used.`,
    );
  }
  return { of: 'samples', rows: samples(classifier), targets: undefined };
}

async function fileRows(classifier: Classifier, data: string, signal?: AbortSignal): Promise<CheckRows> {
  const read = (mode: 'train' | 'predict') => readFileFor(classifier, data, mode, { signal });
  const examples = await read('train').then(
    (labelled) => labelled.examples,
    async (error: unknown) => {
      if (!(error instanceof MedTextError) || error.code !== 'NOT_FOUND') throw error;
      return (await read('predict')).examples;
    },
  );
  if (examples.length > 0) return rowsOf('file', examples);
  throw new MedTextError('DATA_FORMAT', words`${data} has no rows to check the export on.`, { file: data });
}

/** Undefined for a model that lies in no run's folder. */
async function runRows({ folder, labels }: Classifier, signal?: AbortSignal): Promise<CheckRows | undefined> {
  const home = dirname(folder.path);
  if (basename(folder.path) !== 'model' || !(await namesIn(home)).includes('run.json')) return undefined;
  const { task, dataset } = (await readRun(home)).recipe;
  const known = describeTask(task).answer === 'class' ? { labels, signal } : { signal };
  if (dataset.validation) {
    return rowsOf('validation', (await readRecipeSplit(dataset.validation, task, known)).examples);
  }
  const groupColumn = groupColumnOf(dataset.split);
  const learned = await readRecipeSplit(dataset.train, task, { ...known, groupColumn });
  if (!dataset.split) return rowsOf('train', learned.examples);
  return rowsOf('validation', holdOut(learned, dataset.split).validation.examples);
}

function rowsOf(of: CheckRows['of'], examples: readonly Example[]): CheckRows {
  const rows = examples.slice(0, MAX_ROWS);
  const isLabelled = rows.every(({ label }) => label !== undefined);
  return { of, rows, targets: isLabelled ? rows.map(({ label }) => label!) : undefined };
}

const SENTENCES = ['肺炎怎么治疗', '肺炎的治疗方法有哪些', '头痛', '头痛挂什么科'];
/** Tokens of the texts made of the vocabulary. */
const LENGTHS = [1, 2, 4, 8, 16, 32, 64, 128];

/**
 * Sentences, and texts of arbitrary tokens in many lengths: what a sentence does not touch may still overflow. A model of
 * single texts gets no second one.
 */
function samples({ tokenizer, task }: Classifier): ScoredPair[] {
  const special = new Set(Object.values(tokenizer.specialTokens));
  const texts = [...SENTENCES];
  LENGTHS.forEach((length, which) => {
    const key = keyOf(2021, which);
    const tokens = Array.from({ length }, (_, i) =>
      tokenizer.tokenText(Math.floor(uniformAt(key, i) * tokenizer.vocabSize)),
    );
    texts.push(tokens.filter((token) => !special.has(token)).map((token) => token.replace(/^##|^▁/, '')).join('')); // prettier-ignore
  });
  const isSingle = task !== undefined && describeTask(task).second === 'none';
  return texts.map((first, i) => (isSingle ? { first } : { first, second: texts[(i + 1) % texts.length] }));
}
