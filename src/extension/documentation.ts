/** The pages of the documentation, which come with the extension, in the editor's language. */
import { Uri, commands, env, type ExtensionContext } from 'vscode';
import { errorHelp } from '../protocol/errorHelp';

/**
 * Opens a page in the editor's Markdown preview.
 * @param code of an error whose place on the page of errors is wanted; without one, or of an unknown one, the contents
 */
export async function openDocumentation(context: ExtensionContext, code?: unknown): Promise<void> {
  const isKnown = typeof code === 'string' && errorHelp(code) !== undefined;
  const language = env.language.toLowerCase() === 'zh-cn' ? 'zh-cn' : 'en';
  const pages = Uri.joinPath(context.extensionUri, 'dist', 'docs', language);
  // Headings of the page of errors are the codes; the preview names them in small letters.
  const page = isKnown
    ? Uri.joinPath(pages, 'troubleshooting.md').with({ fragment: code.toLowerCase() })
    : Uri.joinPath(pages, 'README.md');
  await commands.executeCommand('markdown.showPreview', page);
}
