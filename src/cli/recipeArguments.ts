/** The recipe of a command line: a file, overridden by flags, overridden by `--set`. */
import { dirname, resolve } from 'node:path';
import { findColumn } from '../data/columns';
import { readTextFile } from '../base/textFile';
import { SeveralCounts } from '../data/labelLists';
import { rawLabelOf } from '../data/labelMapping';
import { openRecipeSplit, resolveFields } from '../data/recipeSplit';
import { answerIn } from '../protocol/answers';
import {
  mergeRecipes,
  resolveRecipe,
  setPath,
  validateRecipe,
  type PartialRecipe,
  type RecipeSplit,
  type ResolvedRecipe,
} from '../protocol/recipe';
import { annotationColumn } from '../data/entities/annotations';
import { TASKS, taskFor, type Task } from '../protocol/tasks';
import { isModelScopeConfiguration, recipeFromModelScope } from '../recipes/modelScopeRecipe';
import { withLabelsFiles } from '../recipes/labelsFile';
import { readRecipeFile } from '../recipes/recipeFile';
import { isRecipeAddress } from '../protocol/recipeAddress';
import { modelOptions, type Arguments, type Context, type OptionSpec } from './commandLine';
import { columnOptions, mapOption, mapping, sheetOption } from './fileOptions';
import { downloadOptions, loginOption, withSources } from './recipeSources';

export const recipeOptions: Readonly<Record<string, OptionSpec>> = {
  set: {
    kind: 'list',
    value: 'FIELD=VALUE',
    help: 'Set any field of the recipe (train.optimizer.lr=3e-5). May be repeated.',
  },
  model: {
    kind: 'value',
    value: 'DIR',
    help: 'The model to start from: a folder, or an address (modelscope:…, hf:…, library:…).',
  },
  train: {
    kind: 'value',
    value: 'FILE',
    help: 'The training data: a file, or a data set of a hub (modelscope:…#train).',
  },
  validation: { kind: 'value', value: 'FILE', help: 'The validation data.' },
  test: {
    kind: 'value',
    value: 'FILE',
    help: 'The test data, evaluated after the training. If they have no labels, the run writes the predictions.',
  },
  ...columnOptions,
  sheet: {
    ...sheetOption.sheet,
    help: 'The sheet of the training data’s workbook. Default: the first visible one.',
  },
  labels: {
    kind: 'value',
    value: 'A,B,…',
    help: 'The labels in the order of their ids. Default: from the training data.',
  },
  ...mapOption,
  'skip-bad-rows': { kind: 'flag', help: 'Skip rows that cannot be read, instead of stopping at the first.' },
  task: {
    kind: 'value',
    value: 'TASK',
    help: `${TASKS.map(({ id }) => id).join(', ')}. Default: recognised from the data.`,
  },
  epochs: { kind: 'value', value: 'N', help: 'Passes over the training data. Default: 3.' },
  'batch-size': { kind: 'value', value: 'N', help: 'Examples in a training step. Default: 16.' },
  lr: { kind: 'value', value: 'X', help: 'Peak learning rate. Default: 3e-5.' },
  'max-length': { kind: 'value', value: 'N', help: 'Longest input in tokens, or auto. Default: auto.' },
  seed: { kind: 'value', value: 'N', help: 'The random seed. Default: 2021.' },
  output: {
    kind: 'value',
    value: 'DIR',
    short: 'o',
    help: 'The folder for runs, in which each training creates a folder of its own. Default: runs.',
  },
  ...downloadOptions,
  ...loginOption,
  ...modelOptions,
};

/** The recipe's field for each flag. */
const FIELDS: Readonly<Record<string, string>> = {
  model: 'model',
  train: 'dataset.train.file',
  validation: 'dataset.validation.file',
  test: 'dataset.test.file',
  first: 'dataset.train.first_sequence',
  second: 'dataset.train.second_sequence',
  label: 'dataset.train.label',
  sheet: 'dataset.train.sheet',
  task: 'task',
  epochs: 'train.max_epochs',
  'batch-size': 'train.batch_size',
  lr: 'train.optimizer.lr',
  'max-length': 'train.max_length',
  seed: 'train.seed',
  output: 'work_dir',
  device: 'device',
  threads: 'threads',
};
const PATHS = new Set(['model', 'train', 'validation', 'test', 'output']);

export interface GivenRecipe {
  readonly recipe: ResolvedRecipe;
  /** The folder that the recipe's relative paths start from. */
  readonly baseFolder: string;
  /** Remarks on how the recipe was read. */
  readonly notes: readonly string[];
}

/**
 * @param file the path of a recipe or of a ModelScope configuration.json, if the command line has one
 * @param mayDownload whether models and data that the recipe names by address may be downloaded
 * @throws MedTextError USAGE, RECIPE, NOT_FOUND, IO, the errors of {@link withSources} and of reading the training file
 */
export async function recipeOf(
  args: Arguments,
  file: string | undefined,
  context: Context,
  mayDownload = true,
): Promise<GivenRecipe> {
  const given = file === undefined ? { recipe: {}, notes: [] } : await readGiven(file);
  let recipe: PartialRecipe = given.recipe;
  for (const [flag, field] of Object.entries(FIELDS)) {
    const value = args.text(flag);
    // A recipe's paths start from its folder, a command line's paths from the current folder.
    const isPath = value !== undefined && PATHS.has(flag) && !isRecipeAddress(value);
    if (value !== undefined) recipe = setPath(recipe, `${field}=${isPath ? resolve(value) : value}`);
  }
  if (args.flag('skip-bad-rows')) recipe = setPath(recipe, 'dataset.train.on_bad_row=skip');
  const labels = args
    .text('labels')
    ?.split(',')
    .map((label) => label.trim());
  const labelMapping = args.has('map') ? mapping(args) : undefined;
  const train = { ...(labels && { labels }), ...(labelMapping && { label_mapping: labelMapping }) };
  if (labels || labelMapping) recipe = mergeRecipes(recipe, { dataset: { train } });
  for (const assignment of args.list('set')) recipe = setPath(recipe, assignment);

  const baseFolder = file === undefined ? process.cwd() : dirname(resolve(file));
  recipe = await withLabelsFiles(recipe, baseFolder);
  // Errors in the recipe are reported before anything is downloaded.
  if (recipe.task !== undefined) validateRecipe(recipe, file ?? 'The command line');
  recipe = await withSources(recipe, args, context, mayDownload);
  const notes = [...given.notes];
  if (recipe.task === undefined && recipe.dataset?.train?.file !== undefined) {
    const { task, why } = await taskOfData(recipe.dataset.train as RecipeSplit, baseFolder);
    notes.push(`the task is ${task}, recognised from the data: ${why} (--task overrides it)`);
    recipe = { task, ...recipe };
  }
  const validated = validateRecipe(recipe, file ?? 'The command line');
  return { recipe: resolveRecipe(validated), baseFolder, notes };
}

async function readGiven(file: string): Promise<{ recipe: PartialRecipe; notes: readonly string[] }> {
  const json = await readRecipeFile(file);
  if (!isModelScopeConfiguration(json)) return { recipe: json, notes: [] };
  return recipeFromModelScope(JSON.parse(await readTextFile(file)), file);
}

/** Recognises the task from the columns and the labels of the first rows. */
async function taskOfData(train: RecipeSplit, baseFolder: string): Promise<{ task: Task; why: string }> {
  const file = await openRecipeSplit({ ...train, file: resolve(baseFolder, train.file) });
  const marked = annotationColumn(file.columns, file.sample);
  if (marked !== undefined && (train.label === undefined || findColumn(file, train.label) === marked)) {
    return { task: taskFor('spans', false), why: `${JSON.stringify(marked)} holds entities` };
  }
  const { fields } = resolveFields(file, train, 'optional', 'predict');
  const label = fields.label === undefined ? undefined : findColumn(file, fields.label);
  const labels = label === undefined ? [] : file.sample.map(({ values }) => rawLabelOf(values[label]) ?? '');
  const isPair = fields.secondSequence !== undefined;
  const several = new SeveralCounts(file.sample.length);
  if (label !== undefined) file.sample.forEach(({ values, line }) => several.add(values[label], line));
  // Labels that the recipe lists are names, whatever they look like; a cell that is one of them is not several.
  const listed = train.labels && new Set(train.labels.map(String));
  const { answer, why } = answerIn({
    marks: false,
    several:
      several.several(train.label_separator) !== undefined && !(listed && labels.every((value) => listed.has(value))),
    ofQueries: file.lists !== undefined,
    values: listed ? [] : labels,
  });
  return { task: taskFor(answer, isPair), why: why ?? (isPair ? 'each row has two texts' : 'each row has one text') };
}
