/** Deletes a model of the library with its files. */
import { MedTextError, words } from '../base/errors';
import { removeFolder } from '../base/leftovers';
import { readModelRecord } from './modelRecord';

/** @throws MedTextError USAGE for a folder without a record of ours, which the library may not delete; IO. */
export async function removeModelFolder(folder: string): Promise<void> {
  if (!(await readModelRecord(folder))) {
    throw new MedTextError('USAGE', words`${folder} was not imported by this program, so it is not deleted.`, {
      folder,
    });
  }
  await removeFolder(folder);
}
