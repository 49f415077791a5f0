import { randomBytes } from 'node:crypto';
import { Uri, env, l10n, type ExtensionContext, type Webview } from 'vscode';
import type { Disposable } from '../../base/disposables';
import type { CommandId } from '../ids';
import { webviewPage } from './webviewPage';

const silentMs = 3000;

/** A page may link to this command alone: it opens a page of the documentation, by a code that it knows. */
const linked: readonly CommandId[] = ['medtext.documentation'];

/** Lets the webview load its own bundle and nothing else. */
export function loadPage(webview: Webview, context: ExtensionContext, name: string, title: string): void {
  const folder = Uri.joinPath(context.extensionUri, 'dist', 'webview');
  webview.options = {
    enableScripts: true,
    localResourceRoots: [folder],
    enableCommandUris: linked,
    enableForms: false,
  };
  const address = (file: string): string => webview.asWebviewUri(Uri.joinPath(folder, file)).toString();
  webview.html = webviewPage({
    cspSource: webview.cspSource,
    nonce: randomBytes(18).toString('base64'),
    scriptUri: address(`${name}.js`),
    styleUri: address(`${name}.css`),
    title,
    language: env.language,
  });
}

/**
 * Loads the page, and once more when nothing is heard of it: VS Code 1.100 drops one of two pages that it sets side by
 * side to compare a changed file with the saved one.
 */
export function loadPageSurely(webview: Webview, context: ExtensionContext, name: string, title: string): Disposable {
  const load = (): void => loadPage(webview, context, name, title);
  load();
  const timer = setTimeout(load, silentMs);
  const heard = webview.onDidReceiveMessage(() => clearTimeout(timer));
  return {
    dispose() {
      clearTimeout(timer);
      heard.dispose();
    },
  };
}

/** The language of the window and its wordings, for the page's first answer. */
export function windowLanguage(): { language: string; wordings: Record<string, string> } {
  const entries = Object.entries((l10n.bundle ?? {}) as Record<string, unknown>);
  const wordings = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return { language: env.language, wordings: Object.fromEntries(wordings) };
}
