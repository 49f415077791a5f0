import { Uri, window } from 'vscode';
import { MedTextError, words } from '../../base/errors';
import { isRecipeAddress } from '../../protocol/recipeAddress';
import { openRecipe } from '../datasetPreview/recipeFiles';
import type { Services } from '../services';
import { dataFile } from './modelCommands';

/** Opens a data file's rows; of a recipe those of its training data. */
export async function previewData(services: Services, target?: unknown): Promise<void> {
  const { datasetPreviews, t } = services;
  const wanted = target instanceof Uri ? target : activeRecipe();
  if (!wanted?.fsPath.endsWith('.medtext.json')) {
    const file = await dataFile(services, target, t('Preview which file?'));
    return file && datasetPreviews.open(file);
  }
  const recipe = await openRecipe(wanted);
  const [first] = recipe?.data.splits ?? [];
  if (!first) throw new MedTextError('RECIPE', words`The recipe names no data file.`);
  if (isRecipeAddress(first.file)) {
    throw new MedTextError(
      'UNSUPPORTED',
      words`The recipe names its data by an address, ${first.file}: Import Data Set… brings it where it can be looked at.`,
    );
  }
  await datasetPreviews.open(Uri.file(first.file), wanted);
}

/** From the palette: of the recipe that is being edited, its data are meant. */
function activeRecipe(): Uri | undefined {
  const uri = window.activeTextEditor?.document.uri;
  return uri?.scheme === 'file' && uri.fsPath.endsWith('.medtext.json') ? uri : undefined;
}
