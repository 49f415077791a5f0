import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { MedTextError, words } from '../base/errors';

/** The Node.js that runs the child processes. */
export interface Runtime {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The Node.js that the setting names, otherwise the one that runs the extension host. On the desktop that is Electron, which
 * an environment variable turns into Node.js; a real Node.js ignores the variable.
 * @throws NOT_FOUND when the setting does not name an executable file
 */
export function chooseRuntime(nodePath: string, execPath = process.execPath): Runtime {
  const path = nodePath.trim();
  if (path === '') return { path: execPath, env: { ELECTRON_RUN_AS_NODE: '1' } };
  if (!isAbsolute(path) || !isExecutableFile(path)) {
    throw new MedTextError(
      'NOT_FOUND',
      words`The setting medtext.runtime.nodePath is "${path}", which is not an executable file. Enter the full path of a Node, or leave it empty.`,
      { setting: 'medtext.runtime.nodePath', path },
    );
  }
  return { path, env: {} };
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
