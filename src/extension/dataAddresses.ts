import { MedTextError, type ErrorCode } from '../base/errors';
import { wordsFrom } from '../base/words';
import { isRecipeAddress } from '../protocol/recipeAddress';
import type { LibraryClient } from '../worker/libraryClient';
import type { HubAccess } from './hubAccess';

/** Data that a recipe names by address: where it lies on this machine, or why it cannot; neither where it is not here. */
export interface LocatedData {
  readonly path?: string;
  readonly error?: MedTextError;
}

/** Finds what recipes name by a hub's address among what is on this machine. */
export class DataAddresses {
  constructor(
    private readonly library: Pick<LibraryClient, 'request'>,
    private readonly hubs: Pick<HubAccess, 'options'>,
  ) {}

  /** Finds the addresses among `files`, without asking a hub. */
  async find(files: readonly string[]): Promise<ReadonlyMap<string, LocatedData>> {
    const addresses = [...new Set(files.filter(isRecipeAddress))];
    if (addresses.length === 0) return new Map();
    const found = await this.library.request('localData', { files: addresses, hub: await this.hubs.options() });
    const located = new Map<string, LocatedData>();
    for (const { file, path, error } of found) {
      const failure = error && new MedTextError(error.code as ErrorCode, wordsFrom(error.words) ?? error.message);
      located.set(file, { ...(path !== undefined && { path }), ...(failure && { error: failure }) });
    }
    return located;
  }
}
