/** Imports a model into the library, which keeps each model once. */
import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { asMedTextError, MedTextError } from '../base/errors';
import { removeFolder } from '../base/leftovers';
import { repositoryName } from '../hub/hubReference';
import type { ImportedModel } from '../models/importModel';
import { modelContent } from '../models/modelContent';
import { openModelFolder } from '../models/modelFolder';
import { importSource, type ImportSourceOptions } from './importSource';
import { readModelRecord, type ModelRecord } from './modelRecord';
import type { FoundSource } from './modelSource';

export interface KeptModel {
  /** The new folder, or the folder that already holds the same model. */
  readonly folder: string;
  readonly isNew: boolean;
  readonly record: ModelRecord;
  readonly imported: ImportedModel;
}

/**
 * Imports into a new folder of `models`. Where another folder there, or one of `known`, holds a model of the same
 * content, that one is kept and the new one goes.
 * @throws MedTextError what {@link importSource} throws.
 */
export async function importOnce(
  found: FoundSource,
  models: string,
  known: readonly string[],
  options: ImportSourceOptions,
): Promise<KeptModel> {
  const folder = await newFolder(models, sourceName(found));
  const { imported, record } = await importSource(found, folder, options).catch(async (error: unknown) => {
    await rmdir(folder).catch(() => undefined);
    throw error;
  });
  const others = [...new Set([...known, ...(await foldersIn(models))])].filter((other) => other !== folder);
  for (const other of others) {
    if (!(await holds(other, record.contentHash))) continue;
    await removeFolder(folder);
    return { folder: other, isNew: false, record: (await readModelRecord(other)) ?? record, imported };
  }
  return { folder, isNew: true, record, imported };
}

/** The name for its folder: that of the repository, the file or the folder. */
export function sourceName(found: FoundSource): string {
  if (found.kind === 'remote') return repositoryName(found.plan.reference);
  if (found.kind === 'cached') return found.cached.repository.split('/').at(-1)!;
  return basename(found.path, extname(found.path)) || 'model';
}

/** Finds the same model by its record, and verifies it: a folder whose files have changed holds another model. */
async function holds(folder: string, contentHash: string): Promise<boolean> {
  if ((await readModelRecord(folder))?.contentHash !== contentHash) return false;
  try {
    return (await modelContent(await openModelFolder(folder))).contentHash === contentHash;
  } catch (error) {
    if (error instanceof MedTextError) return false;
    throw error;
  }
}

async function foldersIn(parent: string): Promise<string[]> {
  const entries = await readdir(parent, { withFileTypes: true }).catch(() => []);
  // A folder that is being written or removed has a hidden name.
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  return folders.map(({ name }) => join(parent, name));
}

/** Creates the empty folder at once, so that two simultaneous imports of one name get two folders. */
export async function newFolder(parent: string, stem: string): Promise<string> {
  try {
    await mkdir(parent, { recursive: true });
    for (let number = 1; ; number++) {
      const folder = join(parent, number === 1 ? stem : `${stem}-${number}`);
      const isNew = await mkdir(folder).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code !== 'EEXIST') throw error;
          return false;
        },
      );
      if (isNew) return folder;
    }
  } catch (error) {
    throw asMedTextError(error);
  }
}
