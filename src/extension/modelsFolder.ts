import { homedir } from 'node:os';
import { isAbsolute } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { expanded, modelLibraryFolder } from '../base/userFolders';
import { setting } from './settings';

/** Where models are kept: the setting's folder, else the one that the command line uses, too. @throws USAGE */
export function modelsFolder(): string {
  const named = setting('medtext.models.folder');
  const folder = expanded(named, homedir());
  if (folder === undefined) return modelLibraryFolder();
  if (isAbsolute(folder)) return folder;
  throw new MedTextError(
    'USAGE',
    words`The setting medtext.models.folder is "${named.trim()}", which is not a full path.`,
  );
}

/** What processes are told of the setting. */
export function modelsFolderVariables(): Readonly<Record<string, string>> {
  try {
    return { MEDTEXT_MODELS: modelsFolder() };
  } catch {
    // Said by the command that needs the folder.
    return {};
  }
}
