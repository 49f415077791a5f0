/** What both hubs give: a repository's files, with what they will weigh and hash to. */
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
  /** As the hub names it, its kind and revision known. */
  readonly reference: RepositoryReference & { readonly revision: string };
  /** The commit, where the hub says; it stays what it is when the revision moves on. */
  readonly commit: string | undefined;
  readonly files: readonly RemoteFile[];
  /** False where the hub has more files than it lists. */
  readonly isWhole: boolean;
}

/** The calls of a hub that list; downloads use the addresses that listings give. */
export interface Hub {
  /**
   * @throws MedTextError NOT_FOUND, ACCESS, OFFLINE, NETWORK or CANCELLED.
   */
  list(reference: RepositoryReference, signal?: AbortSignal): Promise<Listing>;
}

/** No repository has more files that matter here; a listing that goes on is not followed for ever. */
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
 * A size as a listing says it. ModelScope may leave it out or write 0 for what it does not know (modelscope-hub 0.5.1,
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

/** A repository's name in an address: the slash stays. */
export function inAddress(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
