/** Names from a hub's listing, before any file is made by them. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { MedTextError } from '../base/errors';

/** Devices of Windows: a file of such a name cannot exist there, whatever its extension. */
const RESERVED = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])$/i;
const MAX_PATH = 1024;
const MAX_SEGMENT_BYTES = 255;

/**
 * Why a listed path (segments between slashes) may not become a file below a folder of ours; undefined when it may.
 * The rules are those of all systems at once, so that a folder can be copied from one to another.
 */
export function dangerOf(path: string): string | undefined {
  if (path === '' || path.length > MAX_PATH) return 'it is empty or too long';
  if (path.startsWith('/')) return 'it is absolute';
  if (/[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(path))
    return 'it has control characters';
  if (path.includes('\\')) return 'it has a backslash';
  if (/[:<>"|?*]/.test(path)) return 'it has a character that Windows allows in no name';
  for (const segment of path.split('/')) {
    if (segment === '') return 'it has an empty part';
    if (segment === '.' || segment === '..') return 'it leaves its folder';
    if (/[. ]$/.test(segment)) return 'a part ends with a dot or a space';
    if (RESERVED.test(segment.split('.')[0].trimEnd())) return `"${segment}" is a device on Windows`;
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) return 'a part is too long';
  }
  return undefined;
}

/**
 * @throws MedTextError UNSAFE_NAME when a path may not become a file, or when two would be one file where letter case
 * or Unicode form does not count.
 */
export function refuseUnsafeNames(paths: readonly string[], where: string): void {
  const seen = new Map<string, string>();
  for (const path of paths) {
    const danger = dangerOf(path);
    if (danger) throw unsafe(where, path, danger);
    const segments = path.normalize('NFC').toLowerCase().split('/');
    // Each folder of the path too: "A/x" and "a/y" would share a folder.
    for (let length = 1; length <= segments.length; length++) {
      const folded = segments.slice(0, length).join('/');
      const own = path.split('/').slice(0, length).join('/');
      const other = seen.get(folded);
      if (other !== undefined && (other !== own || length === segments.length)) {
        throw unsafe(where, path, `it would be the same file as ${shown(other)}`);
      }
      if (other === undefined) seen.set(folded, own);
    }
  }
}

/**
 * The file's place below `folder`, made sure that nothing on the way there is a link to elsewhere.
 * @throws MedTextError UNSAFE_NAME, IO.
 */
export async function placeBelow(folder: string, path: string): Promise<string> {
  const danger = dangerOf(path);
  if (danger) throw unsafe(folder, path, danger);
  let place = folder;
  for (const segment of path.split('/')) {
    place = join(place, segment);
    const found = await lstat(place).catch(() => undefined);
    if (found?.isSymbolicLink()) throw unsafe(folder, path, `${place} is a link`);
  }
  return place;
}

function unsafe(where: string, path: string, why: string): MedTextError {
  return new MedTextError('UNSAFE_NAME', `${where} lists a file ${shown(path)}, which is refused: ${why}.`, {
    path: path.slice(0, 300),
    why,
  });
}

function shown(path: string): string {
  return JSON.stringify(path.length > 120 ? `${path.slice(0, 120)}…` : path);
}
