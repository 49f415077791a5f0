/** The folders of a person's own data, which belong to no project. Terminal and editor share them. */
import { homedir, platform } from 'node:os';
import { join } from 'node:path';

/** `~/.local/share/medtext`, or `medtext` in XDG_DATA_HOME. */
export function userDataFolder(env: NodeJS.ProcessEnv = process.env): string {
  const data = env.XDG_DATA_HOME?.trim() || join(homedir(), '.local', 'share');
  return join(data, 'medtext');
}

/** Data that can be made again, and may be deleted at any time. */
export function userCacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const base =
    platform() === 'win32'
      ? (env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'))
      : platform() === 'darwin'
        ? join(homedir(), 'Library', 'Caches')
        : (env.XDG_CACHE_HOME ?? join(homedir(), '.cache'));
  return join(base, 'medtext-lab');
}

/** Models imported from a hub or by the editor. MEDTEXT_MODELS names another folder. */
export function modelLibraryFolder(env: NodeJS.ProcessEnv = process.env): string {
  return expanded(env.MEDTEXT_MODELS) ?? join(userDataFolder(env), 'models');
}

/** Data sets that recipes name by their address. MEDTEXT_DATASETS names another folder. */
export function dataLibraryFolder(env: NodeJS.ProcessEnv = process.env): string {
  return expanded(env.MEDTEXT_DATASETS) ?? join(userDataFolder(env), 'datasets');
}

/** A path from a variable or setting, with its `~` written out; undefined where it is empty. */
export function expanded(path: string | undefined, home = homedir()): string | undefined {
  const trimmed = path?.trim();
  return trimmed ? trimmed.replace(/^~(?=[\\/]|$)/, home) : undefined;
}
