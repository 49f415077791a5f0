/** A model of the library goes with its files. */
import { rename, rm } from 'node:fs/promises';
import { asMedTextError, MedTextError, words } from '../base/errors';
import { readModelRecord } from './modelRecord';

/**
 * Renamed first, so that a removal that is interrupted leaves no half model under its name.
 * @throws MedTextError USAGE for a folder without a record of ours: it is not the library's to delete; IO.
 */
export async function removeModelFolder(folder: string): Promise<void> {
  if (!(await readModelRecord(folder))) {
    throw new MedTextError('USAGE', words`${folder} was not imported by this program, so it is not deleted.`, {
      folder,
    });
  }
  const old = `${folder}.old-${process.pid}`;
  try {
    await rename(folder, old);
    await rm(old, { recursive: true, force: true });
  } catch (error) {
    throw asMedTextError(error);
  }
}
