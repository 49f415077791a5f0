/** Which model an argument names. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { modelLibraryFolder } from '../base/userFolders';
import type { Context } from './commandLine';
import { bytes } from './terminal';

/** Weights files, and what cannot be a sentence: a way that begins at a root, here, above or at home, or goes through folders without a blank. */
const LOOKS_LIKE_A_PATH =
  /^(~|\.{1,2})?[\\/]|^[A-Za-z]:[\\/]|^[\x21-\x7e]+[\\/][\x21-\x7e]*$|\.(safetensors|bin|onnx|pt|pth|ckpt|q4)$/;

/**
 * The path of the model that `argument` names: a folder or file that is there, a name in the library, or what looks like
 * a path (opening it says that it is missing). Undefined for anything else, such as a sentence.
 */
export function modelNamed(argument: string): string | undefined {
  if (existsSync(argument)) return resolve(argument);
  const isName = /^[^\\/]+$/.test(argument) && !/^\.+$/.test(argument);
  const kept = isName ? join(modelLibraryFolder(), argument) : undefined;
  if (kept !== undefined && existsSync(join(kept, 'config.json'))) return kept;
  return LOOKS_LIKE_A_PATH.test(argument) ? argument : undefined;
}

/** The path to open for an argument that must be a model. */
export function modelOrPath(argument: string): string {
  return modelNamed(argument) ?? argument;
}

/** The starter encoder, made ready at its first use; stderr says so. */
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
  screen.note(`no model was named: the starter encoder is used, which gives cosines (${folder})`);
  return folder;
}
