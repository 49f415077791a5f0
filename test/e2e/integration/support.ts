import * as vscode from 'vscode';
import type { MedTextApi } from '../../../src/extension/main';
import type { Services } from '../../../src/extension/services';

export const extension = vscode.extensions.getExtension<MedTextApi>('medtext-lab.medtext-lab')!;

/** The extension with its core loaded. */
export async function api(): Promise<{ services: Services }> {
  const { services } = await extension.activate();
  return { services: await services() };
}

export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 60_000,
): Promise<void> {
  for (const end = Date.now() + timeoutMs; Date.now() < end;) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`timed out: ${what}`);
}

/** Accepts every open quick pick and file dialog until the work is done. */
export async function accepting<T>(work: Thenable<T>): Promise<T> {
  let ended = false;
  const done = Promise.resolve(work).finally(() => (ended = true));
  while (!ended) {
    await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
    await Promise.race([done.catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 200))]);
  }
  return done;
}

/** The text of the extension's hover at this position; empty if there is none. */
export async function hoverAt(uri: vscode.Uri, position: vscode.Position): Promise<string> {
  const hovers = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', uri, position);
  return hovers
    .flatMap(({ contents }) => contents)
    .map((content) => (typeof content === 'string' ? content : content.value))
    .filter((text) => text.includes('MedText Lab'))
    .join('\n');
}

export const openTabs = (): readonly vscode.Tab[] => vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs);
