import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { describeTask, taskFor, type TaskName } from '../../protocol/tasks';
import type { DataInfo } from '../../protocol/scorer';

/** What the steps of Fine-Tune Encoder… gather. */
export interface RecipeChoices {
  readonly modelFolder: string;
  readonly trainFile: string;
  readonly validationFile?: string;
  readonly task: TaskName;
  readonly first: string;
  readonly second?: string;
  readonly label: string;
  readonly labels?: readonly string[];
  readonly device: string;
}

/** The recipe as a person would write it: only what was chosen, paths relative to the recipe where they are near. */
export function recipeText(choices: RecipeChoices, recipeFile: string): string {
  const folder = dirname(recipeFile);
  const path = (target: string): string => pathInRecipe(target, folder);
  const recipe = {
    task: choices.task,
    model: path(choices.modelFolder),
    dataset: {
      train: {
        file: path(choices.trainFile),
        first_sequence: choices.first,
        ...(choices.second !== undefined && { second_sequence: choices.second }),
        label: choices.label,
        ...(choices.labels && describeTask(choices.task).answer === 'class' && { labels: choices.labels }),
      },
      ...(choices.validationFile && { validation: { file: path(choices.validationFile) } }),
    },
    train: { max_epochs: 3, batch_size: 16, max_length: 'auto', optimizer: { lr: 3e-5 }, seed: 42 },
    device: choices.device,
  };
  return `${JSON.stringify(recipe, undefined, 2)}\n`;
}

/** Relative to the recipe's folder where it is near, with slashes on every system. */
export function pathInRecipe(target: string, folder: string): string {
  const near = relative(folder, target);
  return near.startsWith(`..${sep}..`) || near === '' ? target : near.split(sep).join('/');
}

/** `<data>.medtext.json` beside the data, numbered when taken. */
export function freeRecipeFile(trainFile: string, folder: string, exists: (path: string) => boolean): string {
  const stem = basename(trainFile, extname(trainFile));
  for (let number = 1; ; number++) {
    const file = join(folder, `${stem}${number === 1 ? '' : `-${number}`}.medtext.json`);
    if (!exists(file)) return file;
  }
}

/** The labels of a column in ascending order where they are numbers, else as met; undefined when too many to be classes. */
export function labelsOf(info: DataInfo): readonly string[] | undefined {
  const values = info.labels?.map(({ value }) => value).filter((value) => value !== '' && value !== 'NA');
  if (!values || values.length < 2 || values.length >= 100) return undefined;
  const numeric = values.every((value) => Number.isFinite(Number(value)));
  return numeric ? [...values].sort((a, b) => Number(a) - Number(b)) : values;
}

/** What the columns suggest: numbers with many values are scores, two texts make a pair. */
export function taskOf(info: DataInfo): TaskName {
  const fractional = info.labels?.some(({ value }) => /^-?\d*\.\d+$/.test(value));
  return taskFor(fractional ? 'number' : 'class', info.second !== undefined);
}
