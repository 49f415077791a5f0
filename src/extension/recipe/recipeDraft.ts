import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { impliedScores, proposedScheme } from '../../protocol/labelScheme';
import { resolveRecipe, type Recipe } from '../../protocol/recipe';
import type { LabelCounts } from '../../protocol/scorer';
import { answerOf, comparesTexts } from '../../protocol/answers';
import { describeTask, type TaskName } from '../../protocol/tasks';
import { isRecipeAddress } from '../../protocol/recipeAddress';

/** What the steps of Fine-Tune Encoder… gather. */
export interface RecipeChoices {
  /** A folder, or an address of the library. */
  readonly model: string;
  readonly trainFile: string;
  /** The sheet of a workbook; absent: the first visible one. */
  readonly trainSheet?: string;
  readonly validationFile?: string;
  readonly validationSheet?: string;
  /** Without a validation file: a tenth is held out, stratified, the rows of one first text together. */
  readonly holdsOut?: boolean;
  readonly testFile?: string;
  readonly testSheet?: string;
  readonly skipsBadRows?: boolean;
  readonly task: TaskName;
  readonly first: string;
  readonly second?: string;
  readonly label: string;
  /** What the end of an entity is, where the file does not tell. */
  readonly spanEnd?: 'inclusive' | 'exclusive';
  /** What stands between several labels of a row. */
  readonly labelSeparator?: string;
  readonly labels?: readonly string[];
  readonly labelMapping?: Readonly<Record<string, null>>;
  /** What each label counts for in a similarity. Absent: what their names say is written, where they are words. */
  readonly scale?: Readonly<Record<string, number>>;
  readonly device: string;
}

/** The recipe as a person would write it: only what was chosen, paths relative to the recipe where they are near. */
export function recipeText(choices: RecipeChoices, recipeFile: string): string {
  const folder = dirname(recipeFile);
  const path = (target: string): string => pathInRecipe(target, folder);
  const evaluated = (file: string, sheet: string | undefined) => ({ file: path(file), ...(sheet !== undefined && { sheet }) }); // prettier-ignore
  const recipe = {
    task: choices.task,
    model: path(choices.model),
    dataset: {
      train: {
        file: path(choices.trainFile),
        first_sequence: choices.first,
        ...(choices.second !== undefined && { second_sequence: choices.second }),
        label: choices.label,
        ...(choices.spanEnd && { span_end: choices.spanEnd }),
        ...(choices.labelSeparator !== undefined && { label_separator: choices.labelSeparator }),
        ...(choices.labels && answerOf(choices.task).hasNames && { labels: choices.labels }),
        ...(choices.labelMapping && { label_mapping: choices.labelMapping }),
        ...scaleDetails(choices),
        ...(choices.trainSheet !== undefined && { sheet: choices.trainSheet }),
        ...(choices.skipsBadRows && { on_bad_row: 'skip' }),
      },
      ...(choices.validationFile && { validation: evaluated(choices.validationFile, choices.validationSheet) }),
      ...(choices.testFile && { test: evaluated(choices.testFile, choices.testSheet) }),
      ...(choices.holdsOut && { split: { validation: 0.1, stratify: true, group_by: 'first_sequence' } }),
    },
  };
  // What people change most, as it is by default.
  const { max_epochs, batch_size, max_length, optimizer, seed } = resolveRecipe(recipe as Recipe).train;
  const train = { max_epochs, batch_size, max_length, optimizer: { lr: optimizer.lr }, seed };
  return `${JSON.stringify({ ...recipe, train, device: choices.device }, undefined, 2)}\n`;
}

/** What the steps of Continue Pretraining… gather. */
export interface PretrainingChoices {
  readonly model: string;
  /** Files and folders, one at least. */
  readonly texts: readonly string[];
  /** The column of tables among them. */
  readonly column?: string;
  readonly terms: string | null;
  readonly structBert: boolean;
  readonly device: string;
}

/** {@link recipeText} of a pretraining, with the defaults of the fields that people change most. */
export function pretrainingRecipeText(
  { model, texts, column, terms, structBert, device }: PretrainingChoices,
  recipeFile: string,
): string {
  // prettier-ignore
  const folder = dirname(recipeFile);
  const path = (target: string): string => (target === folder ? '.' : pathInRecipe(target, folder));
  const [file, ...files] = texts.map(path);
  const masking = { ...(terms !== null && { terms: path(terms) }) };
  const recipe = {
    task: 'masked-language-modeling' as const,
    model: path(model),
    dataset: {
      train: { file, ...(files.length > 0 && { files }), ...(column !== undefined && { first_sequence: column }) },
      split: { validation: 0.05 },
    },
  };
  const { max_epochs, batch_size, optimizer, seed } = resolveRecipe(recipe).train;
  const train = {
    max_epochs,
    batch_size,
    max_length: 128,
    optimizer: { lr: optimizer.lr },
    masking: { whole_word: true, ...masking },
    ...(structBert && { struct_bert: {} }),
    seed,
  };
  return `${JSON.stringify({ ...recipe, train, device }, undefined, 2)}\n`;
}

/** Words that were recognised are said in the recipe, where a person sees them; numbers say it themselves. */
function scaleDetails({ task, labels = [], scale }: RecipeChoices): { label_details?: object } {
  if (!comparesTexts(describeTask(task))) return {};
  const implied = labels.every((label) => Number.isFinite(Number(label))) ? undefined : impliedScores(labels);
  const known = scale ?? (implied && Object.fromEntries(labels.map((label, id) => [label, implied[id]])));
  if (!known) return {};
  return { label_details: Object.fromEntries(labels.map((label) => [label, { score: known[label] }])) };
}

/** Relative to the recipe's folder where it is near, with slashes on every system. */
export function pathInRecipe(target: string, folder: string): string {
  if (isRecipeAddress(target)) return target;
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

/** A bound on listed labels. The training infers further ones in the same order. */
const maxListed = 100;

/**
 * The labels of a recipe, in the order in which the training would infer them, and the mapping that leaves out what says that
 * a row has no label, in the training or the validation data.
 */
export function draftedLabels(
  train: Pick<LabelCounts, 'values' | 'otherRows' | 'declared'>,
  validation?: Pick<LabelCounts, 'values'>,
): { labels?: readonly string[]; labelMapping?: Readonly<Record<string, null>> } {
  const valuesOf = (counts: Pick<LabelCounts, 'values'>) => counts.values.map(({ value }) => value);
  const { labels, label_mapping: trained } = proposedScheme(valuesOf(train), train.declared);
  const { label_mapping: validated } = proposedScheme(valuesOf(validation ?? { values: [] }), train.declared);
  const mapping = { ...trained, ...validated };
  const isListed = train.otherRows === 0 && labels.length >= 2 && labels.length < maxListed;
  return {
    ...(isListed && { labels }),
    ...(Object.keys(mapping).length > 0 && { labelMapping: mapping }),
  };
}
