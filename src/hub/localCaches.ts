/** The caches of the hubs' own clients on this machine: models, data sets, and the place of a login. */
import { readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readTextFile } from '../base/textFile';
import { hubNames, type HubName } from '../base/hubNames';
import { isTable } from './chooseFiles';
import { isSameRepository, type HubReference, type RepositoryKind } from './hubReference';
import { HUBS } from './hubs';

export interface CachedRepository {
  readonly hub: HubName;
  readonly kind: RepositoryKind;
  /** `owner/name` */
  readonly repository: string;
  /** Hugging Face: the commit; ModelScope: the branch or tag, undefined where its client's older layouts say none. */
  readonly revision: string | undefined;
  /** Absolute; its files may be links into the cache. */
  readonly folder: string;
  /** The bytes of all files. */
  readonly sizeBytes: number;
}

export interface CachePlaces {
  readonly env: NodeJS.ProcessEnv;
  readonly home?: string;
}

const COMMIT = /^[0-9a-f]{40}$/;
const MAX_ENTRIES = 2000;

/** The layouts of each hub's clients. */
const LAYOUTS: Readonly<Record<HubName, (root: string) => Promise<CachedRepository[]>>> = {
  modelscope: inModelScopeCache,
  huggingface: inHuggingFaceCache,
};

/** Every complete model and data set in the caches of the hubs' clients, by name; what is being downloaded is not one. */
export async function cachedRepositories({ env, home = homedir() }: CachePlaces): Promise<CachedRepository[]> {
  const found: CachedRepository[] = [];
  for (const hub of hubNames) {
    for (const root of HUBS[hub].cacheRoots(env, home)) found.push(...(await LAYOUTS[hub](root)));
  }
  const seen = new Set<string>();
  return found
    .filter(({ folder }) => !seen.has(folder) && seen.add(folder))
    .sort((a, b) => a.repository.localeCompare(b.repository));
}

/**
 * The repository that the reference means, if a cache has it: with the named revision, or without one what the hub's
 * client itself would take.
 */
export async function findCached(reference: HubReference, places: CachePlaces): Promise<CachedRepository | undefined> {
  const isMeant = ({ hub, kind, repository }: CachedRepository): boolean =>
    hub === reference.hub &&
    (reference.kind === undefined || kind === reference.kind) &&
    isSameRepository(repository, reference.repository, hub);
  const candidates = (await cachedRepositories(places)).filter(isMeant);
  const { revision } = reference;
  if (reference.hub === 'modelscope') return ofModelScope(candidates, revision);
  for (const candidate of candidates) {
    const wanted =
      revision !== undefined && COMMIT.test(revision) ? revision : await refOf(candidate.folder, revision ?? 'main');
    if (candidate.revision === wanted) return candidate;
  }
  return undefined;
}

/**
 * modelscope-hub 0.5.1, _download.py, _resolve_cached_snapshot: without a revision the older layouts' folder, else
 * master, main, or the only one there is. An older folder says no revision: for a named one the hub has to be asked.
 */
function ofModelScope(
  candidates: readonly CachedRepository[],
  revision: string | undefined,
): CachedRepository | undefined {
  const at = (name: string | undefined) => candidates.find((candidate) => candidate.revision === name);
  if (revision !== undefined) return at(revision) ?? (revision === 'master' ? at(undefined) : undefined);
  return at(undefined) ?? at('master') ?? at('main') ?? (candidates.length === 1 ? candidates[0] : undefined);
}

/**
 * `models/OWNER--NAME/snapshots/REVISION` of modelscope-hub 0.5.1 (_download.py, _repo_cache_dir_path and download_file);
 * `models/OWNER/NAME` with `___` for dots and, older yet, `OWNER/NAME` of modelscope up to 1.37
 * (_find_legacy_repo_dir). `datasets` lie as `models` do.
 */
async function inModelScopeCache(root: string): Promise<CachedRepository[]> {
  const found: CachedRepository[] = [];
  const add = async (kind: RepositoryKind, repository: string, revision: string | undefined, folder: string) => {
    const sizeBytes = await wholeSize(kind, folder);
    if (sizeBytes !== undefined) found.push({ hub: 'modelscope', kind, repository, revision, folder, sizeBytes });
  };
  for (const [parent, kind] of [
    [join(root, 'models'), 'model'],
    [join(root, 'datasets'), 'dataset'],
    [root, 'model'],
  ] as const) {
    for (const owner of await foldersIn(parent)) {
      if (parent === root && ['models', 'datasets', 'hub'].includes(owner)) continue;
      const [, ownerOf, nameOf] = /^(.+?)--(.+)$/.exec(owner) ?? [];
      const snapshots = join(parent, owner, 'snapshots');
      if (nameOf !== undefined) {
        for (const revision of await foldersIn(snapshots)) {
          await add(kind, `${ownerOf}/${nameOf}`, revision, join(snapshots, revision));
        }
        continue;
      }
      for (const name of await foldersIn(join(parent, owner))) {
        // Those clients put no dots into a folder's name.
        await add(kind, `${owner}/${name.replaceAll('___', '.')}`, undefined, join(parent, owner, name));
      }
    }
  }
  return found;
}

/** `models--OWNER--NAME/snapshots/COMMIT` (huggingface_hub 2.4.0, file_download.py, repo_folder_name). */
async function inHuggingFaceCache(root: string): Promise<CachedRepository[]> {
  const found: CachedRepository[] = [];
  for (const entry of await foldersIn(root)) {
    const [, kinds, name] = /^(models|datasets)--(.+)$/.exec(entry) ?? [];
    if (!name) continue;
    const repository = name.replace('--', '/');
    for (const revision of (await foldersIn(join(root, entry, 'snapshots'))).filter((folder) => COMMIT.test(folder))) {
      const folder = join(root, entry, 'snapshots', revision);
      const kind = kinds === 'models' ? 'model' : 'dataset';
      const sizeBytes = await wholeSize(kind, folder);
      if (sizeBytes) found.push({ hub: 'huggingface', kind, repository, revision, folder, sizeBytes });
    }
  }
  return found;
}

/** The commit that a branch or tag stood at when it was downloaded. */
async function refOf(snapshot: string, name: string): Promise<string | undefined> {
  if (name.split('/').includes('..')) return undefined;
  const text = await readTextFile(join(snapshot, '..', '..', 'refs', name)).catch(() => '');
  return COMMIT.test(text.trim()) ? text.trim() : undefined;
}

/**
 * The folder's size if it is a whole model (a configuration and weights) or data set (a table); links whose target is
 * missing are no files.
 */
async function wholeSize(kind: RepositoryKind, folder: string): Promise<number | undefined> {
  if (kind === 'dataset') return (await tablesIn(folder)).length > 0 ? sizeOf(folder) : undefined;
  const names = await readdir(folder).catch((): string[] => []);
  if (!names.includes('config.json')) return undefined;
  const hasWeights = names.some((name) => /^(model|pytorch_model).*\.(safetensors|bin|onnx)$/.test(name)) || names.includes('onnx'); // prettier-ignore
  return hasWeights ? sizeOf(folder) : undefined;
}

/** Files of a data set's folder that can hold rows, by their paths from it. */
export async function tablesIn(folder: string, below = '', depth = 0): Promise<string[]> {
  const entries = await readdir(join(folder, below), { withFileTypes: true }).catch(() => []);
  const found: string[] = [];
  for (const entry of entries.slice(0, MAX_ENTRIES)) {
    if (entry.name.startsWith('.')) continue;
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    // MsDataset.load writes hashed names, from which the data set cannot be known.
    if (entry.isDirectory() && entry.name !== 'meta' && depth < 3)
      found.push(...(await tablesIn(folder, path, depth + 1)));
    else if (!entry.isDirectory() && isTable(path)) found.push(path);
  }
  return found;
}

/**
 * Undefined when a file in it is a link to nothing or unfinished (`.incomplete`: modelscope-hub 0.5.1, _download.py,
 * _incomplete_path): a download that did not end.
 */
async function sizeOf(folder: string, depth = 0): Promise<number | undefined> {
  let sizeBytes = 0;
  for (const entry of (await readdir(folder, { withFileTypes: true }).catch(() => [])).slice(0, MAX_ENTRIES)) {
    if (entry.name.startsWith('._') || entry.name === '.git') continue;
    if (entry.name.endsWith('.incomplete')) return undefined;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      const inner = depth < 4 ? await sizeOf(path, depth + 1) : 0;
      if (inner === undefined) return undefined;
      sizeBytes += inner;
      continue;
    }
    const found = await stat(path).catch(() => undefined);
    if (!found) return undefined;
    sizeBytes += found.size;
  }
  return sizeBytes;
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.'))
    .slice(0, MAX_ENTRIES)
    .map(({ name }) => name);
}
