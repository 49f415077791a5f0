/** The rows that an export is checked on: those of the model's own run, or of a file, or sentences of this program's own. */
import { basename, dirname } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { keyOf, uniformAt } from '../base/random';
import type { Example } from '../data/examples';
import { groupColumnOf, holdOut } from '../data/holdOut';
import { labelsOfModel } from '../evaluation/modelAnswers';
import { readFileFor } from '../evaluation/readFileFor';
import type { OpenedModel } from '../inference/openedModel';
import { namesIn } from '../models/checkpoint/replaceFolder';
import type { ExportCheck } from '../protocol/exportCheck';
import { describeTask } from '../protocol/tasks';
import { readRun } from '../runs/runFolder';
import { definitionOf } from '../tasks/definitions';

export interface CheckRows {
  readonly of: ExportCheck['of'];
  readonly rows: readonly Example<unknown>[];
  /** Whether all of them have labels. */
  readonly isLabelled: boolean;
}

/** Twice as many take some minutes, by BERT-base on two cores. */
const MAX_ROWS = 2000;

/**
 * `data`, if it is named: its labels count where it has a label column. Else what the run that made the model has validated
 * it on, else the first rows that it has learned from; sentences where there is no run, or its data are not there any more.
 * @throws MedTextError what reading `data` throws; CANCELLED.
 */
export async function checkRows(
  model: OpenedModel,
  options: { readonly data?: string; readonly signal?: AbortSignal; readonly log?: (line: string) => void },
): Promise<CheckRows> {
  if (options.data !== undefined) return fileRows(model, options.data, options.signal);
  try {
    const found = await runRows(model, options.signal);
    if (found && found.rows.length > 0) return found;
  } catch (error) {
    if (!(error instanceof MedTextError) || error.code === 'CANCELLED') throw error;
    options.log?.(
      `The data of the model's run cannot be read (${error.message}); sentences of this program's own are used.`,
    );
  }
  return { of: 'samples', rows: samples(model), isLabelled: false };
}

async function fileRows(model: OpenedModel, data: string, signal?: AbortSignal): Promise<CheckRows> {
  const read = (mode: 'train' | 'predict') => readFileFor(model, data, mode, { signal });
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
async function runRows(model: OpenedModel, signal?: AbortSignal): Promise<CheckRows | undefined> {
  const { folder } = model;
  const home = dirname(folder.path);
  if (basename(folder.path) !== 'model' || !(await namesIn(home)).includes('run.json')) return undefined;
  const { task, dataset } = (await readRun(home)).recipe;
  const known = { head: model.head, labels: labelsOfModel(model), signal };
  const definition = definitionOf(task);
  if (dataset.validation) {
    return rowsOf('validation', (await definition.read(dataset.validation, task, known)).examples);
  }
  const groupColumn = groupColumnOf(dataset.split);
  const learned = await definition.read(dataset.train, task, { ...known, groupColumn });
  if (!dataset.split) return rowsOf('train', learned.examples);
  return rowsOf('validation', holdOut(learned, dataset.split).validation.examples);
}

function rowsOf(of: CheckRows['of'], examples: readonly Example<unknown>[]): CheckRows {
  const rows = examples.slice(0, MAX_ROWS);
  return { of, rows, isLabelled: rows.every(({ label }) => label !== undefined) };
}

/** Of this program's own. */
export const SENTENCES = ['肺炎怎么治疗', '肺炎的治疗方法有哪些', '头痛', '头痛挂什么科'];
/** Tokens of the texts made of the vocabulary. */
const LENGTHS = [1, 2, 4, 8, 16, 32, 64, 128];

/**
 * Sentences, and texts of arbitrary tokens in many lengths: what a sentence does not touch may still overflow. A model of
 * single texts gets no second one.
 */
function samples({ tokenizer, task }: OpenedModel): Example<unknown>[] {
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
  return texts.map((first, row) => ({
    first,
    ...(!isSingle && { second: texts[(row + 1) % texts.length] }),
    row,
    line: row + 1,
  }));
}
