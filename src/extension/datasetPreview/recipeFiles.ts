import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { Uri, WorkspaceEdit, window, workspace, type TextDocument } from 'vscode';
import { MedTextError, words } from '../../base/errors';
import type { FieldMapping, PreviewState } from '../../protocol/datasetPreview';
import { taskFor } from '../../protocol/tasks';
import type { BaseServices } from '../baseServices';
import type { DataAddresses } from '../dataAddresses';
import { fileItems } from '../commands/asking';
import { withFields, type JsonValue } from '../labelMapping/jsonText';
import { addChange, workspaceRecipes } from '../labelMapping/migrationEdit';
import { modelInRecipe } from '../recipe/modelInRecipe';
import { freeRecipeFile, pathInRecipe } from '../recipe/recipeDraft';
import { recipeData, type RecipeData } from './recipeData';

/** A recipe of the workspace with what it says of its data. */
export interface OpenRecipe {
  readonly document: TextDocument;
  readonly data: RecipeData;
}

/**
 * What the recipe says; undefined when it cannot be read.
 * @param addresses finds data that the recipe names by address; absent: these stay addresses
 */
export async function openRecipe(uri: Uri, addresses?: DataAddresses): Promise<OpenRecipe | undefined> {
  try {
    const document = await workspace.openTextDocument(uri);
    const text = document.getText();
    const data = recipeData(text, uri.fsPath);
    const located = await addresses?.find(data.splits.map(({ file }) => file));
    return { document, data: located?.size ? recipeData(text, uri.fsPath, located) : data };
  } catch {
    return undefined;
  }
}

/** The first recipe of the workspace that names the file. */
export async function recipeOf(file: string): Promise<OpenRecipe | undefined> {
  for (const document of await workspaceRecipes()) {
    const recipe = await openRecipe(document.uri);
    if (recipe?.data.splits.some((split) => resolve(split.file) === file)) return recipe;
  }
  return undefined;
}

/**
 * A recipe to write into: one of the workspace, or a new one for the file.
 * @returns undefined when the person thought better of it
 * @throws NOT_FOUND when a new one is wanted and there is no model that it could name
 */
export async function chooseRecipe(
  { models, t }: Pick<BaseServices, 'models' | 't'>,
  file: string,
  { second_sequence: second }: FieldMapping,
): Promise<TextDocument | undefined> {
  const create = { label: `$(add) ${t('New recipe…')}`, description: '', uri: undefined, alwaysShow: true };
  const known = fileItems((await workspaceRecipes()).map(({ uri }) => uri));
  const choice = await window.showQuickPick([...known, create], { title: t('Write into which recipe?'), matchOnDescription: true }); // prettier-ignore
  if (!choice) return undefined;
  if (choice.uri) return workspace.openTextDocument(choice.uri);
  const model = models.list().find(({ missing }) => !missing);
  if (!model) throw new MedTextError('NOT_FOUND', words`A recipe names a model: import one first.`);
  const defaultUri = Uri.file(freeRecipeFile(file, dirname(file), existsSync));
  const target = await window.showSaveDialog({ defaultUri, filters: { [t('Recipe')]: ['medtext.json'] } });
  if (!target) return undefined;
  const folder = dirname(target.fsPath);
  const text = {
    task: taskFor('class', second !== null),
    model: pathInRecipe(modelInRecipe(models, model.folder), folder),
    dataset: { train: { file: pathInRecipe(file, folder) } },
  };
  await workspace.fs.writeFile(target, new TextEncoder().encode(`${JSON.stringify(text, undefined, 2)}\n`));
  return workspace.openTextDocument(target);
}

/** Fields to set in `dataset`, by the path below it; undefined takes one out. */
export type DatasetFields = readonly {
  readonly path: readonly string[];
  readonly fields: Readonly<Record<string, JsonValue | undefined>>;
}[];

/** Sets fields of `dataset`; the document is saved unless it held other changes. */
export async function writeDatasetFields(document: TextDocument, changes: DatasetFields): Promise<void> {
  let text = document.getText();
  for (const { path, fields } of changes) {
    text = withFields(text, ['dataset', ...path], new Map(Object.entries(fields)));
  }
  const wasDirty = document.isDirty;
  const edit = new WorkspaceEdit();
  addChange(edit, document, text);
  if (edit.size === 0) return;
  if (!(await workspace.applyEdit(edit)))
    throw new MedTextError('IO', words`${basename(document.fileName)} was not changed.`);
  if (!wasDirty) await document.save();
}

/** The mapping as a recipe's fields: a second text that is not there is said, a label that is not there is left out. */
export function mappingFields({ first_sequence: first, second_sequence, label }: PreviewState['mapping']) {
  return { ...(first !== null && { first_sequence: first }), second_sequence, ...(label !== null && { label }) };
}
