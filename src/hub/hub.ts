/** The part of a hub's API that both hubs share: a repository's files with sizes and hashes. */
import { MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';
import { HUBS } from './hubs';
import { formatHubReference, type HubReference, type RepositoryReference } from './hubReference';

export interface RemoteFile {
  /** Segments between slashes, as listed; not yet known to be safe. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Why `sizeBytes` is 0 and may be wrong: {@link HubClient.plan} asks the file's server. */
  readonly unsureSize?: 'zero' | 'missing';
  /** Lower-case hexadecimal; undefined where the hub does not say. */
  readonly sha256: string | undefined;
  /** Git's id of the content, where it is no SHA-256: SHA-1 of "blob <size>\0" and the bytes. */
  readonly gitSha1: string | undefined;
  readonly url: string;
}

export interface Listing {
  /** The reference as the hub names it, with its kind and revision. */
  readonly reference: RepositoryReference & { readonly revision: string };
  /** The commit, where the hub says; it stays what it is when the revision moves on. */
  readonly commit: string | undefined;
  readonly files: readonly RemoteFile[];
  /** False where the hub has more files than it lists. */
  readonly isWhole: boolean;
}

/** What a hub says of a repository in a list of many; what it does not say is absent. */
export interface FoundRepository {
  /** `owner/name`. */
  readonly repository: string;
  readonly downloads?: number;
  readonly license?: string;
  /** As the hub calls it. */
  readonly task?: string;
}

/** How many repositories a search shows. */
export const MAX_FOUND = 30;

/** The calls of a hub that list; downloads use the addresses that listings give. */
export interface Hub {
  /**
   * Repositories for words that a person has typed, the hub's best first, at most {@link MAX_FOUND}.
   * @throws MedTextError OFFLINE, NETWORK or CANCELLED.
   */
  search(words: string, kind: 'model' | 'dataset', signal?: AbortSignal): Promise<readonly FoundRepository[]>;
  /**
   * @throws MedTextError NOT_FOUND, ACCESS, OFFLINE, NETWORK or CANCELLED.
   */
  list(reference: RepositoryReference, signal?: AbortSignal): Promise<Listing>;
}

/** What a hub says, where it is what it should be. */
export function foundRepository(
  repository: string,
  { downloads, license, task }: Readonly<Record<'downloads' | 'license' | 'task', unknown>>,
): FoundRepository {
  const said = (value: unknown): value is string => typeof value === 'string' && value.trim() !== '';
  return {
    repository,
    ...(isSize(downloads) && { downloads }),
    ...(said(license) && { license: license.slice(0, 80) }),
    ...(said(task) && { task: task.slice(0, 80) }),
  };
}

/** A bound on entries: a listing that does not end is not followed for ever. */
export const MAX_FILES = 100_000;

/** @param repositoryExists whether the hub knows the repository: then another name or kind is not worth a try */
export function notFound(reference: HubReference, what: string | Words, repositoryExists = false): MedTextError {
  return new MedTextError('NOT_FOUND', words`${formatHubReference(reference)}: ${what}`, {
    reference: formatHubReference(reference),
    repositoryExists,
  });
}

/** Names the variable of the reference's own hub, and where its client has left a token, if it has. */
export function noAccess(reference: HubReference, why: string | Words): MedTextError {
  const [variable] = HUBS[reference.hub].variables.token;
  return new MedTextError(
    'ACCESS',
    words`${formatHubReference(reference)}: ${why} Give an access token (${variable}, or the command "Set Access Token" in VS Code), and accept the terms on the model's page if it has any.`,
    { reference: formatHubReference(reference) },
  );
}

export function hexDigest(value: unknown, length: 40 | 64): string | undefined {
  return typeof value === 'string' && value.length === length && /^[0-9a-f]+$/i.test(value)
    ? value.toLowerCase()
    : undefined;
}

const SHA256_OF_NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/**
 * The size in a listing. ModelScope may leave it out or write 0 for an unknown size (modelscope-hub 0.5.1,
 * _download.py, download_repo): a 0 counts where a hash vouches for it.
 */
export function listedSize(size: unknown, sha256: string | undefined): Pick<RemoteFile, 'sizeBytes' | 'unsureSize'> {
  const bytes = typeof size === 'string' && /^\d{1,15}$/.test(size) ? Number(size) : size;
  if (!isSize(bytes)) return { sizeBytes: 0, unsureSize: 'missing' };
  return bytes > 0 || sha256 === SHA256_OF_NOTHING ? { sizeBytes: bytes } : { sizeBytes: 0, unsureSize: 'zero' };
}

export function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** A repository's name in an address, with its slash kept. */
export function inAddress(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
