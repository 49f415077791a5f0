import { Uri, commands, window } from 'vscode';
import { MedTextError, words } from '../../base/errors';
import { editorTypeOf } from '../labelMapping/editorTypes';
import type { Services } from '../services';
import { pickFile, recipeFilters } from './asking';

/** Opens the label mapping of a recipe or of a labels file: the given one, the one in the text editor, or one that is asked for. */
export async function mapLabels({ t }: Services, target?: unknown): Promise<void> {
  const active = window.activeTextEditor?.document.uri;
  const given = target instanceof Uri ? target : active && editorTypeOf(active.path) ? active : undefined;
  const uri =
    given ??
    (await pickFile(
      { title: t('Map the labels of which recipe?'), glob: '**/*.{medtext,labels}.json', filters: recipeFilters(t) },
      t,
    ));
  if (!uri) return;
  const type = editorTypeOf(uri.path);
  if (!type) throw new MedTextError('USAGE', words`${uri.fsPath} is neither a recipe (*.medtext.json) nor a labels file (*.labels.json).`); // prettier-ignore
  await commands.executeCommand('vscode.openWith', uri, type);
}
