/** The rows on which an export is checked: from the model's own run, from a file, or sentences of this program. */
import { basename, dirname } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { keyOf, uniformAt } from '../base/random';
import type { Example } from '../data/examples';
import { groupColumnOf } from '../data/holdOut';
import { trainingRows } from '../data/trainingRows';
import { labelsOfModel } from '../evaluation/modelAnswers';
import { readFileFor } from '../evaluation/readFileFor';
import type { OpenedModel } from '../inference/openedModel';
import { namesIn } from '../models/checkpoint/replaceFolder';
import type { ExportCheck } from '../protocol/exportCheck';
import { readRun } from '../runs/runFolder';
import { definitionOf } from '../tasks/definitions';

export interface CheckRows {
  readonly of: ExportCheck['of'];
  readonly rows: readonly Example<unknown>[];
  /** Whether all rows have labels. */
  readonly isLabelled: boolean;
}

/** The most rows of a check. Twice as many take some minutes with BERT-base on two cores. */
const MAX_ROWS = 2000;

/**
 * Chooses the rows of a check. A file `data` comes first, with its labels if it has a label column. Otherwise the validation
 * rows of the model's run are used, or its first training rows. Without a run, or if its data are gone, sentences are used.
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
    options.log?.(`The data of the model's run cannot be read (${error.message}); sample sentences are used instead.`);
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

/** The rows of the model's run; undefined for a model that is not in a run's folder. */
async function runRows(model: OpenedModel, signal?: AbortSignal): Promise<CheckRows | undefined> {
  const { folder } = model;
  const home = dirname(folder.path);
  if (basename(folder.path) !== 'model' || !(await namesIn(home)).includes('run.json')) return undefined;
  const { recipe: { task, dataset }, record } = await readRun(home); // prettier-ignore
  const known = { head: model.head, labels: labelsOfModel(model), signal };
  const definition = definitionOf(task);
  if (dataset.validation) {
    const columns = record.data.train?.fields;
    return rowsOf('validation', (await definition.read(dataset.validation, task, { ...known, columns })).examples);
  }
  const groupColumn = groupColumnOf(dataset.split);
  const learned = await definition.read(dataset.train, task, { ...known, groupColumn });
  const { train, validation } = trainingRows(learned, dataset);
  return validation ? rowsOf('validation', validation.examples) : rowsOf('train', train.examples);
}

function rowsOf(of: CheckRows['of'], examples: readonly Example<unknown>[]): CheckRows {
  const rows = examples.slice(0, MAX_ROWS);
  return { of, rows, isLabelled: rows.every(({ label }) => label !== undefined) };
}

/** The sentences of this program. */
export const SENTENCES = ['肺炎怎么治疗', '肺炎的治疗方法有哪些', '头痛', '头痛挂什么科'];
/** The lengths in tokens of the texts that are made from the vocabulary. */
const LENGTHS = [1, 2, 4, 8, 16, 32, 64, 128];

/**
 * Sentences, and texts of arbitrary tokens in many lengths, because an overflow may occur only for rare tokens. A model for
 * single texts gets no second text.
 */
function samples({ tokenizer, second }: OpenedModel): Example<unknown>[] {
  const special = new Set(Object.values(tokenizer.specialTokens));
  const texts = [...SENTENCES];
  LENGTHS.forEach((length, which) => {
    const key = keyOf(2021, which);
    const tokens = Array.from({ length }, (_, i) =>
      tokenizer.tokenText(Math.floor(uniformAt(key, i) * tokenizer.vocabSize)),
    );
    texts.push(tokens.filter((token) => !special.has(token)).map((token) => token.replace(/^##|^▁/, '')).join('')); // prettier-ignore
  });
  return texts.map((first, row) => ({
    first,
    ...(second !== 'none' && { second: texts[(row + 1) % texts.length] }),
    row,
    line: row + 1,
  }));
}
