/** Names from a hub's listing, before any file is made by them. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';

/** Devices of Windows: a file of such a name cannot exist there, whatever its extension. */
const RESERVED = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])$/i;
const MAX_PATH = 1024;
const MAX_SEGMENT_BYTES = 255;

/**
 * Why a listed path (segments between slashes) may not become a file below a folder of ours; undefined when it may.
 * The rules are those of all systems at once, so that a folder can be copied from one to another.
 */
function dangerOf(path: string): Words | undefined {
  if (path === '' || path.length > MAX_PATH) return words`it is empty or too long`;
  if (path.startsWith('/')) return words`it is absolute`;
  if (/[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(path))
    return words`it has control characters`;
  if (path.includes('\\')) return words`it has a backslash`;
  if (/[:<>"|?*]/.test(path)) return words`it has a character that Windows allows in no name`;
  for (const segment of path.split('/')) {
    if (segment === '') return words`it has an empty part`;
    if (segment === '.' || segment === '..') return words`it leaves its folder`;
    if (/[. ]$/.test(segment)) return words`a part ends with a dot or a space`;
    if (RESERVED.test(segment.split('.')[0].trimEnd())) return words`"${segment}" is a device on Windows`;
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) return words`a part is too long`;
  }
  return undefined;
}

/**
 * @param kept a name in the folder that is not the files'
 * @throws MedTextError UNSAFE_NAME when a path may not become a file, or when two would be one file where letter case
 * or Unicode form does not count, or one would be a file and the folder of another.
 */
export function refuseUnsafeNames(paths: readonly string[], where: string, kept?: string): void {
  const seen = new Map<string, { readonly own: string; readonly isFile: boolean }>();
  for (const path of paths) {
    const why = dangerOf(path);
    if (why) throw unsafe(where, path, why);
    const segments = path.normalize('NFC').toLowerCase().split('/');
    if (segments[0] === kept) throw unsafe(where, path, words`this name is reserved for unfinished downloads`);
    // Each folder of the path is checked, too: "A/x" and "a/y" would share a folder.
    for (let length = 1; length <= segments.length; length++) {
      const folded = segments.slice(0, length).join('/');
      const own = path.split('/').slice(0, length).join('/');
      const isFile = length === segments.length;
      const other = seen.get(folded);
      if (other?.own === own && other.isFile !== isFile) throw unsafe(where, path, words`${shown(own)} cannot be both a file and a folder`); // prettier-ignore
      if (other && (other.own !== own || isFile)) {
        throw unsafe(where, path, words`it would be the same file as ${shown(other.own)}`);
      }
      if (!other) seen.set(folded, { own, isFile });
    }
  }
}

/**
 * The file's place below `folder`, made sure that nothing on the way there is a link to elsewhere.
 * @throws MedTextError UNSAFE_NAME, IO.
 */
export async function placeBelow(folder: string, path: string): Promise<string> {
  const why = dangerOf(path);
  if (why) throw unsafe(folder, path, why);
  let place = folder;
  for (const segment of path.split('/')) {
    place = join(place, segment);
    const found = await lstat(place).catch(() => undefined);
    if (found?.isSymbolicLink()) throw unsafe(folder, path, words`${place} is a link`);
  }
  return place;
}

function unsafe(where: string, path: string, why: Words): MedTextError {
  return new MedTextError('UNSAFE_NAME', words`${where} lists a file ${shown(path)}, which is refused: ${why}.`, {
    path: path.slice(0, 300),
    why: String(why),
  });
}

function shown(path: string): string {
  return JSON.stringify(path.length > 120 ? `${path.slice(0, 120)}…` : path);
}
