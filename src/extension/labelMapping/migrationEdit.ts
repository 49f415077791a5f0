import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Range, Uri, workspace, type TextDocument, type WorkspaceEdit } from 'vscode';
import type { BaseServices } from '../baseServices';
import { changeBetween } from './jsonText';
import { readMapping, type OperationFacts } from './mappingText';
import { migratedModel, migratedRecipe, type ChangedScheme, type NameChange } from './migration';

const maxRecipes = 500;

/** Adds what makes `changed` of the document's text, and nothing more. */
export function addChange(edit: WorkspaceEdit, document: TextDocument, changed: string, reason?: string): void {
  const change = changeBetween(document.getText(), changed);
  if (!change) return;
  const range = new Range(document.positionAt(change.offset), document.positionAt(change.offset + change.length));
  const metadata = reason === undefined ? undefined : { needsConfirmation: true, label: reason };
  edit.replace(document.uri, range, change.content, metadata);
}

/**
 * Recipes of the workspace with their texts as the editor has them; those that cannot be read are left out, and those in
 * run folders, which are records of what was.
 */
export async function workspaceRecipes(): Promise<TextDocument[]> {
  const found = await workspace.findFiles('**/*.medtext.json', '**/{node_modules,dist,.git}/**', maxRecipes);
  const alive = found.filter(({ fsPath }) => !existsSync(join(dirname(fsPath), 'run.json')));
  const opened = await Promise.allSettled(alive.map((uri) => workspace.openTextDocument(uri)));
  return opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

/** Recipes that keep their labels in the file. */
export async function recipesOfLabelsFile(path: string): Promise<TextDocument[]> {
  return (await workspaceRecipes()).filter((document) => {
    try {
      const { labelsFile } = readMapping(document.getText(), 'recipe');
      return labelsFile !== undefined && resolve(dirname(document.fileName), labelsFile) === path;
    } catch {
      return false;
    }
  });
}

/** Adds the changes of other recipes and of fine-tuned models that know the class by its earlier name. */
export async function addMigrations(
  edit: WorkspaceEdit,
  document: TextDocument,
  operation: NameChange,
  scheme: ChangedScheme,
  facts: OperationFacts,
  { models, t }: Pick<BaseServices, 'models' | 't'>,
): Promise<void> {
  for (const recipe of await workspaceRecipes()) {
    if (recipe.uri.toString() === document.uri.toString()) continue;
    const filesOf = (names: readonly string[]) => names.map((name) => resolve(dirname(recipe.fileName), name));
    const changed = migratedRecipe(recipe.getText(), operation, scheme, filesOf, facts);
    if (changed !== undefined) addChange(edit, recipe, changed, t('Recipes with the same class'));
  }
  // A model that was trained before the classes were merged has both of them still.
  if (operation.kind !== 'rename') return;
  for (const { folder, missing } of models.list()) {
    if (missing) continue;
    const [config, mapping] = await Promise.all(['config.json', 'label_mapping.json'].map((name) => textFile(join(folder, name)))); // prettier-ignore
    const texts = config && { config: config.getText(), labelMapping: mapping?.getText() };
    const changed = texts && migratedModel(texts, operation.label, operation.name.trim(), scheme.labels);
    if (!changed) continue;
    const reason = t('Models with the same classes; the earlier name stays understood');
    addChange(edit, config, changed.config, reason);
    if (mapping && changed.labelMapping) addChange(edit, mapping, changed.labelMapping, reason);
  }
}

async function textFile(path: string): Promise<TextDocument | undefined> {
  try {
    return await workspace.openTextDocument(Uri.file(path));
  } catch {
    return undefined;
  }
}
