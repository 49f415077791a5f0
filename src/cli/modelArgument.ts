/** Resolving an argument to a model. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { modelLibraryFolder } from '../base/userFolders';
import type { Context } from './commandLine';
import { bytes } from './terminal';

/** Matches weights files, and paths that cannot be a sentence: from the root, `.`, `..` or `~`, or through folders without a blank. */
const LOOKS_LIKE_A_PATH =
  /^(~|\.{1,2})?[\\/]|^[A-Za-z]:[\\/]|^[\x21-\x7e]+[\\/][\x21-\x7e]*$|\.(safetensors|bin|onnx|pt|pth|ckpt|q4)$/;

/**
 * The path of the model that `argument` names: an existing folder or file, a name in the library, or a text that looks like
 * a path (opening it then reports that it is missing). Undefined for anything else, such as a sentence.
 */
export function modelNamed(argument: string): string | undefined {
  if (existsSync(argument)) return resolve(argument);
  const isName = /^[^\\/]+$/.test(argument) && !/^\.+$/.test(argument);
  const kept = isName ? join(modelLibraryFolder(), argument) : undefined;
  if (kept !== undefined && existsSync(join(kept, 'config.json'))) return kept;
  return LOOKS_LIKE_A_PATH.test(argument) ? argument : undefined;
}

/** The path to open, for an argument that can only be a model. */
export function modelOrPath(argument: string): string {
  return modelNamed(argument) ?? argument;
}

/** The folder of the starter encoder, which is unpacked at its first use. stderr reports its use. */
export async function starterModel({ screen, signal }: Context): Promise<string> {
  const { readyStarter } = await import('../library/starter');
  const folder = await readyStarter(modelLibraryFolder(), {
    signal,
    onProgress: ({ doneBytes, totalBytes }) =>
      screen.progress(
        totalBytes > 0 ? doneBytes / totalBytes : 1,
        `the starter encoder: ${bytes(doneBytes)} of ${bytes(totalBytes)} unpacked`,
      ),
  });
  screen.note(`no model is given, so the starter encoder is used; it gives cosines (${folder})`);
  return folder;
}
