import { Uri, commands, window } from 'vscode';
import { MedTextError, words } from '../../base/errors';
import { editorTypeOf } from '../labelMapping/editorTypes';
import type { Services } from '../services';

/** Opens the label mapping of a recipe or of a labels file. */
export async function mapLabels(_services: Services, target?: unknown): Promise<void> {
  const uri = target instanceof Uri ? target : window.activeTextEditor?.document.uri;
  const type = uri && editorTypeOf(uri.path);
  if (!type) throw new MedTextError('USAGE', words`Open a recipe first.`);
  await commands.executeCommand('vscode.openWith', uri, type);
}
