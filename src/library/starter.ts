/**
 * The encoder that comes with the program: `starter/` in the clone and in the extension, in four bits, and from the first
 * use on a model of the person's library like any other, in float32.
 */
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { modelLibraryFolder } from '../base/userFolders';
import { importModel } from '../models/importModel';
import type { WriteOptions } from '../models/writeModelFolder';
import { readModelRecord, writeModelRecord } from './modelRecord';

/** Its folder's name in the library. */
export const STARTER_NAME = 'starter-zh';
const REFERENCE = `medtext:${STARTER_NAME}`;

/** Where the package lies: beside `dist/`, or beside `src/` where the sources run. */
export function starterPackage(): string {
  const places = [join(__dirname, '..', 'starter'), join(__dirname, '..', '..', 'starter')];
  const found = places.find((place) => existsSync(join(place, 'build.json')));
  if (found !== undefined) return found;
  throw new MedTextError('NOT_FOUND', words`The starter encoder is not part of this installation: ${places[0]} is missing.`, { file: places[0] }); // prettier-ignore
}

/**
 * The starter in the library, expanded at the first call and when the program brings another one.
 * @throws MedTextError NOT_FOUND, CHECKPOINT_FORMAT where the package is damaged, IO, DISK_FULL, CANCELLED.
 */
export async function readyStarter(models = modelLibraryFolder(), options: WriteOptions = {}): Promise<string> {
  const source = starterPackage();
  const folder = join(models, STARTER_NAME);
  const revision = await revisionOf(source);
  if (await isReady(folder, revision)) return folder;
  try {
    await importModel(source, folder, options);
    await writeModelRecord(folder, { kind: 'folder', reference: REFERENCE, revision }, { signal: options.signal });
  } catch (error) {
    // Two windows may have begun at once: the folder is replaced whole, so the other's is as good.
    if (!options.signal?.aborted && (await isReady(folder, revision))) return folder;
    throw error;
  }
  return folder;
}

async function isReady(folder: string, revision: string): Promise<boolean> {
  const record = await readModelRecord(folder);
  if (record?.source !== REFERENCE) return false;
  if (existsSync(join(folder, 'model.safetensors'))) return record.revision === revision;
  // Ours, and somebody took its weights: what is left would be in the way.
  await rm(folder, { recursive: true, force: true });
  return false;
}

/** The hash of the package's weights, as its build wrote it down. */
async function revisionOf(source: string): Promise<string> {
  const file = join(source, 'build.json');
  try {
    const hash = (JSON.parse(await readFile(file, 'utf8')) as { weights?: { sha256?: unknown } }).weights?.sha256;
    if (typeof hash === 'string') return hash;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw asMedTextError(error);
  }
  throw new MedTextError('CHECKPOINT_FORMAT', words`${file} does not say which weights it is about. Install the program again.`, { file }); // prettier-ignore
}
