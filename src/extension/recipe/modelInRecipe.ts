import { basename, dirname } from 'node:path';
import { libraryAddress } from '../../protocol/recipeAddress';
import { modelsFolder } from '../modelsFolder';
import type { ModelStore } from '../modelStore';

/**
 * How a recipe names a model: one that lies in the library by its content, so that the recipe means it on another machine,
 * too, and holds no folder of this one; another by its folder.
 */
export function modelInRecipe(models: ModelStore, folder: string): string {
  const record = models.list().find((model) => model.folder === folder)?.record;
  const isKept = record !== undefined && dirname(folder) === modelsFolder();
  return isKept ? libraryAddress(basename(folder), record.contentHash) : folder;
}
