/**
 * The starter encoder: `starter/` in the clone and in the extension holds it in four bits. From the first use on it is a
 * float32 model of the person's library like any other.
 */
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { modelLibraryFolder } from '../base/userFolders';
import { importModel } from '../models/importModel';
import type { WriteOptions } from '../models/writeModelFolder';
import { readModelRecord, writeModelRecord } from './modelRecord';

/** The name of its folder in the library. */
export const STARTER_NAME = 'starter-zh';
const REFERENCE = `medtext:${STARTER_NAME}`;

/** The package's folder: beside `dist/`, or beside `src/` where the sources run without a build. */
export function starterPackage(): string {
  const places = [join(__dirname, '..', 'starter'), join(__dirname, '..', '..', 'starter')];
  const found = places.find((place) => existsSync(join(place, 'build.json')));
  if (found !== undefined) return found;
  throw new MedTextError('NOT_FOUND', words`The starter encoder is not part of this installation: ${places[0]} is missing.`, { file: places[0] }); // prettier-ignore
}

/**
 * The starter in the library. The first call unpacks it, and a call after an update of the package does so again.
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
    // Two windows may unpack at once: the folder is replaced as a whole, so that either copy is right.
    if (!options.signal?.aborted && (await isReady(folder, revision))) return folder;
    throw error;
  }
  return folder;
}

async function isReady(folder: string, revision: string): Promise<boolean> {
  const record = await readModelRecord(folder);
  if (record?.source !== REFERENCE) return false;
  if (existsSync(join(folder, 'model.safetensors'))) return record.revision === revision;
  // The folder is ours and its weights are gone: the remains are removed.
  await rm(folder, { recursive: true, force: true });
  return false;
}

/** The hash of the package's weights, which its build wrote down. */
async function revisionOf(source: string): Promise<string> {
  const file = join(source, 'build.json');
  try {
    const hash = (JSON.parse(await readFile(file, 'utf8')) as { weights?: { sha256?: unknown } }).weights?.sha256;
    if (typeof hash === 'string') return hash;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw asMedTextError(error);
  }
  throw new MedTextError('CHECKPOINT_FORMAT', words`${file} does not name its weights. Install the program again.`, { file }); // prettier-ignore
}
