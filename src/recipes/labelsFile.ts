import { resolve } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { untranslated } from '../base/translate';
import { labelFields, labelsFileProblems, type LabelsFile } from '../protocol/labelsFile';
import { problemLines, wordedProblem, type PartialRecipe } from '../protocol/recipe';
import { readRecipeFile } from './recipeFile';

/**
 * Reads a `*.labels.json`.
 * @throws MedTextError NOT_FOUND or IO; RECIPE with what is wrong in the file.
 */
async function readLabelsFile(file: string): Promise<LabelsFile> {
  const json: unknown = await readRecipeFile(file);
  const problems = labelsFileProblems(json);
  if (problems.length === 0) return json as LabelsFile;
  const lines = problemLines(problems, words`(file)`);
  throw new MedTextError('RECIPE', words`${file} is not a valid labels file:\n${lines}`, {
    file,
    problems: problems.map((problem) => wordedProblem(problem, untranslated)),
  });
}

/**
 * Writes the labels of a recipe's `labels_file` fields into the recipe, so that a run's recipe is complete by itself.
 * Paths are relative to `baseFolder`.
 * @throws MedTextError the errors of {@link readLabelsFile}; RECIPE when a split has both labels and a file.
 */
export async function withLabelsFiles<T extends PartialRecipe>(recipe: T, baseFolder: string): Promise<T> {
  const dataset: Record<string, unknown> = { ...recipe.dataset };
  for (const name of ['train', 'validation', 'test'] as const) {
    const split = recipe.dataset?.[name];
    if (typeof split?.labels_file !== 'string') continue;
    const { labels_file: path, ...own } = split;
    const twice = labelFields.find((field) => own[field] !== undefined);
    if (twice !== undefined) {
      const where = `/dataset/${name}/${twice}`;
      throw new MedTextError('RECIPE', words`${where}: the labels are in ${path}; leave out "${twice}" here.`, {
        where,
      });
    }
    const file = await readLabelsFile(resolve(baseFolder, path));
    const fields = Object.fromEntries(
      labelFields.filter((field) => field in file).map((field) => [field, file[field]]),
    );
    dataset[name] = { ...own, ...fields };
  }
  return { ...recipe, dataset };
}
