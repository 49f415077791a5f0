import { commands, window, type TextDocumentShowOptions, type Uri } from 'vscode';

/** Shows a file as text. Extensions get no document of more than 50 MB; the editor itself opens it all the same. */
export async function showText(file: Uri, options: TextDocumentShowOptions = {}): Promise<void> {
  try {
    await window.showTextDocument(file, options);
  } catch {
    await commands.executeCommand('vscode.openWith', file, 'default', options);
  }
}
