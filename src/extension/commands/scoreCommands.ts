import { Range, Selection, Uri, window, type TextEditor } from 'vscode';
import { MedTextError, words } from '../../base/errors';
import type { Services } from '../services';
import { scoringModel } from './modelCommands';
import { activeOrStarter } from './starter';

/** Pins a text that hovers and scores compare with: the argument of a link, else the selection. */
export async function setReference(services: Services, target?: unknown): Promise<void> {
  const text = (typeof target === 'string' ? target : selectedText(window.activeTextEditor)).trim();
  if (text === '') throw new MedTextError('USAGE', words`Select the text that shall be the reference.`);
  services.setReference(text);
  const short = text.length > 40 ? `${text.slice(0, 39)}…` : text;
  window.setStatusBarMessage(`$(pin) ${services.t('Reference: {0}', short)}`, 5000);
}

/** Opens the panel that compares the selection with the reference and its document, or several selections in pairs. */
export async function scoreSelection(services: Services): Promise<void> {
  const editor = window.activeTextEditor;
  if (!editor) throw new MedTextError('USAGE', words`Select a text to score.`);
  if (!(await activeOrStarter(services)) && !(await scoringModel(services))) return;
  services.similarityPanel.compare(editor);
}

export async function jumpTo(_services: Services, target: unknown, range: unknown): Promise<void> {
  if (!(target instanceof Uri) || !(range instanceof Range)) return;
  const editor = await window.showTextDocument(target);
  editor.selection = new Selection(range.start, range.end);
  editor.revealRange(range);
}

function selectedText(editor: TextEditor | undefined): string {
  return editor?.document.getText(editor.selection) ?? '';
}
