import { basename } from 'node:path';
import type { Uri } from 'vscode';
import { commands, window, workspace } from 'vscode';
import type { Translate } from '../../base/translate';
import { DATA_EXTENSIONS } from '../../protocol/dataFormat';
import { fileLabel } from '../fileLabel';
import { showWarning } from '../messages';

const maxListed = 200;

/** A workspace file by quick pick, or any file by dialog. */
export async function pickFile(
  { title, glob, filters }: { title: string; glob: string; filters: Record<string, string[]> },
  t: Translate,
): Promise<Uri | undefined> {
  const found = await workspace.findFiles(glob, '**/{node_modules,runs,dist,.git}/**', maxListed);
  const items = fileItems(found);
  const browse = { label: `$(folder-opened) ${t('Browse…')}`, description: '', uri: undefined, alwaysShow: true };
  const choice = await window.showQuickPick([...items, browse], { title, matchOnDescription: true });
  if (!choice) return undefined;
  return choice.uri ?? (await window.showOpenDialog({ title, filters }))?.[0];
}

export function fileItems(uris: readonly Uri[]): { label: string; description: string; uri: Uri }[] {
  return uris
    .map((uri) => ({ path: workspace.asRelativePath(uri), uri }))
    .sort((a, b) => a.path.localeCompare(b.path))
    .map(({ path, uri }) => ({ ...fileLabel(path), uri }));
}

export const dataGlob = `**/*.{${DATA_EXTENSIONS.join(',')}}`;
/** Of the editor's file dialogs, which show the names. */
export const dataFilters = (t: Translate): Record<string, string[]> => ({ [t('Data')]: [...DATA_EXTENSIONS] });
export const recipeFilters = (t: Translate): Record<string, string[]> => ({ [t('Recipe')]: ['json'] });

/** Files of the workspace that can be data. */
export async function workspaceDataFiles(): Promise<readonly Uri[]> {
  return (await workspace.findFiles(dataGlob, '**/{node_modules,runs,dist,.git}/**', 500)).filter(canBeData);
}

/** Whether a workspace file can be data; recipes and the usual configuration files are not offered. */
export function canBeData({ fsPath }: Uri): boolean {
  const name = basename(fsPath);
  return !/\.medtext\.json$|^(package(-lock)?|tsconfig.*|config|settings|launch|tasks|tokenizer.*|vocab)\.(json|txt)$/.test(
    name,
  );
}

/** Training and import run code and write files for the folder: they wait for its trust. */
export async function requireTrust(t: Translate): Promise<boolean> {
  if (workspace.isTrusted) return true;
  const manage = t('Manage Trust');
  const choice = await showWarning(t('Trust this folder first: training writes files into it.'), manage);
  if (choice === manage) await commands.executeCommand('workbench.trust.manage');
  return false;
}
