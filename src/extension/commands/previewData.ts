import { Uri, window } from 'vscode';
import { MedTextError, words } from '../../base/errors';
import { isRecipeAddress } from '../../protocol/recipeAddress';
import { openRecipe, type OpenRecipe } from '../datasetPreview/recipeFiles';
import type { Services } from '../services';
import { requireTrust } from './asking';
import { dataFile } from './modelCommands';
import { bringRecipeSources } from './recipeSources';

/** Opens a data file's rows; of a recipe those of its training data. */
export async function previewData(services: Services, target?: unknown): Promise<void> {
  const { datasetPreviews, t } = services;
  const wanted = target instanceof Uri ? target : activeRecipe();
  if (!wanted?.fsPath.endsWith('.medtext.json')) {
    const file = await dataFile(services, target, t('Preview which file?'));
    return file && datasetPreviews.open(file);
  }
  const recipe = await openRecipe(wanted, services.addresses);
  if (!recipe?.data.splits.length) throw new MedTextError('RECIPE', words`The recipe names no data file.`);
  const first = (await withDownloads(services, recipe, wanted))?.data.splits[0];
  if (!first) return;
  await datasetPreviews.open(Uri.file(first.file), wanted);
}

/** Data that the recipe names by address and this machine lacks is brought, if the person agrees; undefined where not. */
async function withDownloads(services: Services, recipe: OpenRecipe, uri: Uri): Promise<OpenRecipe | undefined> {
  const absent = recipe.data.splits.filter(({ file }) => isRecipeAddress(file));
  if (absent.length === 0) return recipe;
  if (!(await requireTrust(services.t))) return undefined;
  const dataset = Object.fromEntries(absent.map(({ name, file }) => [name, { file }]));
  if (!(await bringRecipeSources(services, { dataset }, uri.fsPath))) return undefined;
  return openRecipe(uri, services.addresses);
}

/** From the palette: of the recipe that is being edited, its data are meant. */
function activeRecipe(): Uri | undefined {
  const uri = window.activeTextEditor?.document.uri;
  return uri?.scheme === 'file' && uri.fsPath.endsWith('.medtext.json') ? uri : undefined;
}
