import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Range, Uri, WorkspaceEdit, workspace, type TextDocument } from 'vscode';
import type { ListedModel } from '../modelStore';
import { changeBetween } from './jsonText';
import { readMapping, type OperationFacts } from './mappingText';
import { migratedModel, migratedRecipe, type ChangedScheme, type NameChange } from './migration';

const maxRecipes = 500;

/** Adds what makes `changed` of the document's text, and nothing more. */
export function addChange(edit: WorkspaceEdit, document: TextDocument, changed: string): void {
  const change = changeBetween(document.getText(), changed);
  if (!change) return;
  const range = new Range(document.positionAt(change.offset), document.positionAt(change.offset + change.length));
  edit.replace(document.uri, range, change.content);
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

/** A class's new name, with what the document was before. */
export interface Renaming {
  readonly operation: NameChange;
  readonly scheme: ChangedScheme;
  readonly facts: OperationFacts;
}

/** Files that know classes by their earlier names, with what they would become. */
export interface Migration {
  readonly recipes: readonly TextDocument[];
  readonly models: readonly ListedModel[];
  readonly texts: ReadonlyMap<TextDocument, string>;
}

/** What other recipes and fine-tuned models would become if the renamings, one after the other, were theirs, too. */
export async function migrationOf(
  document: TextDocument,
  renamings: readonly Renaming[],
  models: readonly ListedModel[],
): Promise<Migration> {
  const texts = new Map<TextDocument, string>();
  const textOf = (file: TextDocument): string => texts.get(file) ?? file.getText();
  const recipes = (await workspaceRecipes()).filter((recipe) => recipe.uri.toString() !== document.uri.toString());
  const folders = await Promise.all(
    models
      .filter(({ missing }) => !missing)
      .map(async (model) => {
        const [config, mapping] = await Promise.all(['config.json', 'label_mapping.json'].map((name) => textFile(join(model.folder, name)))); // prettier-ignore
        return { model, config, mapping };
      }),
  );
  const changedModels = new Set<ListedModel>();
  for (const { operation, scheme, facts } of renamings) {
    for (const recipe of recipes) {
      const filesOf = (names: readonly string[]) => names.map((name) => resolve(dirname(recipe.fileName), name));
      const changed = migratedRecipe(textOf(recipe), operation, scheme, filesOf, facts);
      if (changed !== undefined) texts.set(recipe, changed);
    }
    // A model that was trained before the classes were merged has both of them still.
    if (operation.kind !== 'rename') continue;
    for (const { model, config, mapping } of folders) {
      const before = config && { config: textOf(config), labelMapping: mapping && textOf(mapping) };
      const changed = before && migratedModel(before, operation.label, operation.name.trim(), scheme.labels);
      if (!changed) continue;
      changedModels.add(model);
      texts.set(config, changed.config);
      if (mapping && changed.labelMapping) texts.set(mapping, changed.labelMapping);
    }
  }
  return { recipes: recipes.filter((recipe) => texts.has(recipe)), models: [...changedModels], texts };
}

/** Writes it; files without unsaved changes are saved, so that programs that read them see it. */
export async function applyMigration({ texts }: Migration): Promise<boolean> {
  const edit = new WorkspaceEdit();
  const clean = [...texts.keys()].filter(({ isDirty }) => !isDirty);
  for (const [file, text] of texts) addChange(edit, file, text);
  if (!(await workspace.applyEdit(edit))) return false;
  for (const file of clean) await file.save();
  return true;
}

async function textFile(path: string): Promise<TextDocument | undefined> {
  try {
    return await workspace.openTextDocument(Uri.file(path));
  } catch {
    return undefined;
  }
}
