import { realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { asMedTextError } from '../../base/errors';
import type { StoredPlace } from './checkpointSource';

/** A {@link StoredPlace} with links resolved: a hub's cache has links, and the runtime follows none out of a folder. */
export interface FilePlace {
  /** Absolute. */
  readonly folder: string;
  readonly name: string;
  readonly offsetBytes: number;
}

/** @throws MedTextError NOT_FOUND, IO. */
export async function filePlace({ file, offsetBytes }: StoredPlace): Promise<FilePlace> {
  const path = await realpath(file).catch((error: unknown) => {
    throw asMedTextError(error);
  });
  return { folder: dirname(path), name: basename(path), offsetBytes };
}
