/** Finds the folder or file on this machine that a path, a hub's reference or a page's address means. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MedTextError, words } from '../base/errors';
import { downloadFolder, type DownloadPlan, type HubClient } from '../hub/download';
import { formatHubReference, parseHubReference, type HubReference, type RepositoryKind } from '../hub/hubReference';
import { findCached, type CachedRepository } from '../hub/localCaches';
import type { HubSettings } from '../hub/hubSettings';
import type { TransferProgress } from '../hub/transferMeter';

/** The source of a model, kept in its record. */
export interface ModelOrigin {
  readonly kind: 'modelscope' | 'huggingface' | 'folder';
  /** `modelscope:owner/name`; the name alone of a folder, since a record may be passed on. */
  readonly reference: string;
  readonly revision?: string;
  readonly commit?: string;
}

export type FoundSource =
  | { readonly kind: 'local'; readonly path: string; readonly origin: ModelOrigin }
  | { readonly kind: 'cached'; readonly cached: CachedRepository; readonly origin: ModelOrigin }
  | { readonly kind: 'remote'; readonly plan: DownloadPlan; readonly origin: ModelOrigin };

export interface FindOptions {
  readonly client: HubClient;
  readonly settings: HubSettings;
  readonly env: NodeJS.ProcessEnv;
  /** The folder of downloads; each repository has a folder of its own in it. */
  readonly downloads: string;
  /** The folder for data sets, whose files are not changed. */
  readonly into?: string;
  readonly home?: string;
  /** False asks the hub even for files that a local cache has. */
  readonly useCaches?: boolean;
  /** The kind to take where a name alone does not tell. */
  readonly kind?: RepositoryKind;
  readonly include?: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * Finds what `source` names: a path that exists, else a reference that a local cache has, else what a hub lists.
 * @throws MedTextError USAGE, NOT_FOUND, ACCESS, OFFLINE, NETWORK, UNSAFE_NAME or CANCELLED.
 */
export async function findSource(source: string, options: FindOptions): Promise<FoundSource> {
  const { settings, env, home, client, include, signal } = options;
  const parsed = parseHubReference(source, settings.endpoints);
  if (!parsed) return localSource(source);
  const reference = { ...parsed, kind: parsed.kind ?? options.kind };
  if (options.useCaches !== false && !include?.length && reference.folder === undefined) {
    const cached = await findCached(reference, { env, home });
    if (cached) return { kind: 'cached', cached, origin: originOf(reference, cached.repository, cached.revision) };
  }
  const target = options.into ?? downloadFolder(options.downloads, { ...reference, kind: reference.kind ?? 'model' }, reference.revision ?? 'default'); // prettier-ignore
  const plan = await client.plan(reference, target, { include, signal });
  return { kind: 'remote', plan, origin: originOf(plan.reference, plan.reference.repository, plan.commit) };
}

/** Whether the source is a model or a data set; a path counts as a model. */
export function kindOf(found: FoundSource): RepositoryKind {
  if (found.kind === 'remote') return found.plan.reference.kind;
  return found.kind === 'cached' ? found.cached.kind : 'model';
}

/**
 * {@link findSource}, for either kind: data sets go to `output`.
 * @param isDataset whether a name that a hub may have twice means the data set
 * @throws MedTextError what {@link findSource} throws.
 */
export async function findModelOrDataset(
  source: string,
  { isDataset, output, ...options }: FindOptions & { readonly isDataset: boolean; readonly output: string },
): Promise<FoundSource> {
  const reference = parseHubReference(source, options.settings.endpoints);
  const into = { ...options, into: output };
  if (!reference) return findSource(source, options);
  const asDataset = formatHubReference({ ...reference, kind: 'dataset' });
  // An address may name a folder of the repository; a reference cannot.
  if (isDataset || reference.kind === 'dataset') return findSource(reference.kind === 'dataset' ? source : asDataset, into); // prettier-ignore
  const found = await findSource(source, options);
  // Only the hub knew the kind: the files of a data set go to their folder unchanged.
  return kindOf(found) === 'dataset' ? findSource(asDataset, into) : found;
}

/** @throws MedTextError what {@link HubClient.download} throws. @returns the folder (or file) to read. */
export async function fetchSource(
  found: FoundSource,
  client: HubClient,
  options: { readonly onProgress?: (progress: TransferProgress) => void; readonly signal?: AbortSignal } = {},
): Promise<string> {
  if (found.kind === 'local') return found.path;
  if (found.kind === 'cached') return found.cached.folder;
  await client.download(found.plan, options);
  return found.plan.root;
}

async function localSource(source: string): Promise<FoundSource> {
  const path = resolve(source);
  const exists = await stat(path).catch(() => undefined);
  if (!exists) {
    throw new MedTextError(
      'NOT_FOUND',
      words`${path} does not exist. A model of a hub is named modelscope:owner/name or hf:owner/name.`,
      { file: path },
    );
  }
  return { kind: 'local', path, origin: { kind: 'folder', reference: path.split(/[\\/]/).at(-1)! } };
}

function originOf(reference: HubReference, repository: string, commit: string | undefined): ModelOrigin {
  return {
    kind: reference.hub,
    reference: formatHubReference({ ...reference, repository, revision: undefined }),
    ...(reference.revision !== undefined && { revision: reference.revision }),
    ...(commit !== undefined && { commit }),
  };
}
