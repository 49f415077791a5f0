/** The recipe that a command line means: a file, flags over it, `--set` over those. */
import { dirname, resolve } from 'node:path';
import { findColumn } from '../data/columns';
import { readTextFile } from '../base/textFile';
import { openDataFile } from '../data/dataFile';
import { SeveralCounts } from '../data/labelLists';
import { rawLabelOf } from '../data/labelMapping';
import { resolveFields } from '../data/recipeSplit';
import { hasAmounts } from '../protocol/labelScheme';
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
import { mapOption, mapping } from './fileOptions';
import { downloadOptions, loginOption, withSources } from './recipeSources';

export const recipeOptions: Readonly<Record<string, OptionSpec>> = {
  set: {
    kind: 'list',
    value: 'FIELD=VALUE',
    help: 'Set any field of the recipe (train.optimizer.lr=3e-5). May be repeated.',
  },
  model: { kind: 'value', value: 'DIR', help: 'The model folder to start from, or modelscope:…, hf:…, library:….' },
  train: {
    kind: 'value',
    value: 'FILE',
    help: 'The training data: a file, or a data set of a hub (modelscope:…#train).',
  },
  validation: { kind: 'value', value: 'FILE', help: 'The validation data.' },
  test: {
    kind: 'value',
    value: 'FILE',
    help: 'Test data: evaluated after the training; a file without labels is labelled.',
  },
  first: { kind: 'value', value: 'COLUMN', help: 'The (first) text, by name or place from 0. Default: recognised.' },
  second: { kind: 'value', value: 'COLUMN', help: 'The second text of a pair. Default: recognised.' },
  label: { kind: 'value', value: 'COLUMN', help: 'The label. Default: recognised.' },
  labels: {
    kind: 'value',
    value: 'A,B,…',
    help: 'The labels in the order of their ids. Default: from the training data.',
  },
  ...mapOption,
  'skip-bad-rows': { kind: 'flag', help: 'Leave out rows that cannot be read instead of stopping at them.' },
  task: {
    kind: 'value',
    value: 'TASK',
    help: `${TASKS.map(({ id }) => id).join(', ')}. Default: by the columns.`,
  },
  epochs: { kind: 'value', value: 'N', help: 'Passes over the training data. Default: 3.' },
  'batch-size': { kind: 'value', value: 'N', help: 'Examples in a step. Default: 16.' },
  lr: { kind: 'value', value: 'X', help: 'Peak learning rate. Default: 3e-5.' },
  'max-length': { kind: 'value', value: 'N', help: 'Longest input in tokens, or auto. Default: auto.' },
  seed: { kind: 'value', value: 'N', help: 'Seed of everything random. Default: 2021.' },
  output: {
    kind: 'value',
    value: 'DIR',
    short: 'o',
    help: 'The folder in which the run gets its folder. Default: runs.',
  },
  ...downloadOptions,
  ...loginOption,
  ...modelOptions,
};

/** Flag to field of the recipe. */
const FIELDS: Readonly<Record<string, string>> = {
  model: 'model',
  train: 'dataset.train.file',
  validation: 'dataset.validation.file',
  test: 'dataset.test.file',
  first: 'dataset.train.first_sequence',
  second: 'dataset.train.second_sequence',
  label: 'dataset.train.label',
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
  /** Where the recipe's relative paths start. */
  readonly baseFolder: string;
  /** Remarks on what was understood. */
  readonly notes: readonly string[];
}

/**
 * @param file the recipe, or a ModelScope configuration.json, if one is given
 * @param mayDownload whether what the recipe names by address may be brought from a hub
 * @throws MedTextError USAGE, RECIPE, NOT_FOUND, IO, what {@link withSources} and looking at the training file throw
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
    // Paths of a recipe start from its folder, paths of a command line from where it is typed.
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
  // What is wrong in it is said before anything is downloaded for it.
  if (recipe.task !== undefined) validateRecipe(recipe, file ?? 'The command line');
  recipe = await withSources(recipe, args, context, mayDownload);
  const notes = [...given.notes];
  if (recipe.task === undefined && recipe.dataset?.train?.file !== undefined) {
    const { task, why } = await taskOfData(recipe.dataset.train as RecipeSplit, baseFolder);
    notes.push(`the task is taken to be ${task}: ${why} (else say --task)`);
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

/** By the columns, and the labels of the first rows. */
async function taskOfData(train: RecipeSplit, baseFolder: string): Promise<{ task: Task; why: string }> {
  const file = await openDataFile(resolve(baseFolder, train.file));
  const marked = annotationColumn(file.columns, file.sample);
  if (marked !== undefined && (train.label === undefined || findColumn(file, train.label) === marked)) {
    return { task: taskFor('spans', false), why: `${JSON.stringify(marked)} holds entities` };
  }
  const { fields } = resolveFields(file, train, 'optional', 'predict');
  const label = fields.label === undefined || train.labels ? undefined : findColumn(file, fields.label);
  const labels = label === undefined ? [] : file.sample.map(({ values }) => rawLabelOf(values[label]) ?? '');
  const isPair = fields.secondSequence !== undefined;
  const several = new SeveralCounts(file.sample.length);
  if (label !== undefined) file.sample.forEach(({ values, line }) => several.add(values[label], line));
  if (several.several(train.label_separator))
    return { task: taskFor('labels', isPair), why: 'rows have several labels' };
  if (hasAmounts(labels)) return { task: taskFor('number', isPair), why: 'the labels are fractions' };
  return { task: taskFor('class', isPair), why: isPair ? 'two texts in a row' : 'one text in a row' };
}
