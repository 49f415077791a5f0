/** What the hubs' own clients have left on this machine. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { HubName, HubReference, RepositoryKind } from './hubReference';

export interface CachedRepository {
  readonly hub: HubName;
  readonly kind: RepositoryKind;
  /** `owner/name` */
  readonly repository: string;
  /** Hugging Face: the commit; ModelScope's cache has one state. */
  readonly revision: string | undefined;
  /** Absolute; its files may be links into the cache. */
  readonly folder: string;
  /** Of all files. */
  readonly sizeBytes: number;
}

export interface CachePlaces {
  readonly env: NodeJS.ProcessEnv;
  readonly home?: string;
}

const COMMIT = /^[0-9a-f]{40}$/;
const MAX_ENTRIES = 2000;

/** Every complete model (and data set of Hugging Face) in both caches, by name; what is being downloaded is not one. */
export async function cachedRepositories(places: CachePlaces): Promise<CachedRepository[]> {
  const found: CachedRepository[] = [];
  for (const root of modelScopeRoots(places)) found.push(...(await inModelScopeCache(root)));
  for (const root of huggingFaceRoots(places)) found.push(...(await inHuggingFaceCache(root)));
  const seen = new Set<string>();
  return found
    .filter(({ folder }) => !seen.has(folder) && seen.add(folder))
    .sort((a, b) => a.repository.localeCompare(b.repository));
}

/**
 * The repository that the reference means, if a cache has it: with the named revision, or without one the branch that
 * the hub's client followed last.
 */
export async function findCached(reference: HubReference, places: CachePlaces): Promise<CachedRepository | undefined> {
  const isMeant = ({ hub, kind, repository }: CachedRepository): boolean =>
    hub === reference.hub &&
    (reference.kind === undefined || kind === reference.kind) &&
    sameRepository(repository, reference.repository, hub);
  const candidates = (await cachedRepositories(places)).filter(isMeant);
  const { revision } = reference;
  if (reference.hub === 'modelscope') {
    // The folder says no revision; for a named one the hub has to be asked.
    return revision === undefined || revision === 'master' ? candidates[0] : undefined;
  }
  for (const candidate of candidates) {
    const wanted =
      revision !== undefined && COMMIT.test(revision) ? revision : await refOf(candidate.folder, revision ?? 'main');
    if (candidate.revision === wanted) return candidate;
  }
  return undefined;
}

/** MODELSCOPE_CACHE, else ~/.cache/modelscope; models lie below it in one of four ways, by the client's age. */
function modelScopeRoots({ env, home = homedir() }: CachePlaces): string[] {
  const base = env.MODELSCOPE_CACHE?.trim() || join(home, '.cache', 'modelscope');
  return [base, join(base, 'hub')];
}

/** HF_HUB_CACHE, else HF_HOME/hub, else the usual place (huggingface_hub's constants). */
function huggingFaceRoots({ env, home = homedir() }: CachePlaces): string[] {
  const named = env.HF_HUB_CACHE?.trim() || env.HUGGINGFACE_HUB_CACHE?.trim();
  if (named) return [named];
  const cache = env.XDG_CACHE_HOME?.trim() || join(home, '.cache');
  return [join(env.HF_HOME?.trim() || join(cache, 'huggingface'), 'hub')];
}

async function inModelScopeCache(root: string): Promise<CachedRepository[]> {
  const found: CachedRepository[] = [];
  for (const parent of [join(root, 'models'), root]) {
    for (const owner of await foldersIn(parent)) {
      if (parent === root && ['models', 'datasets', 'hub'].includes(owner)) continue;
      for (const name of await foldersIn(join(parent, owner))) {
        const folder = join(parent, owner, name);
        // Clients cannot have dots in a folder's name.
        const repository = `${owner}/${name.replaceAll('___', '.')}`;
        const sizeBytes = await modelSize(folder);
        if (sizeBytes === undefined) continue;
        found.push({ hub: 'modelscope', kind: 'model', repository, revision: undefined, folder, sizeBytes });
      }
    }
  }
  return found;
}

async function inHuggingFaceCache(root: string): Promise<CachedRepository[]> {
  const found: CachedRepository[] = [];
  for (const entry of await foldersIn(root)) {
    const [, kinds, name] = /^(models|datasets)--(.+)$/.exec(entry) ?? [];
    if (!name) continue;
    const repository = name.replace('--', '/');
    for (const revision of (await foldersIn(join(root, entry, 'snapshots'))).filter((folder) => COMMIT.test(folder))) {
      const folder = join(root, entry, 'snapshots', revision);
      const kind = kinds === 'models' ? 'model' : 'dataset';
      const sizeBytes = kind === 'model' ? await modelSize(folder) : await sizeOf(folder);
      if (sizeBytes) found.push({ hub: 'huggingface', kind, repository, revision, folder, sizeBytes });
    }
  }
  return found;
}

/** The commit that a branch or tag stood at when it was downloaded. */
async function refOf(snapshot: string, name: string): Promise<string | undefined> {
  if (name.split('/').includes('..')) return undefined;
  const text = await readFile(join(snapshot, '..', '..', 'refs', name), 'utf8').catch(() => '');
  return COMMIT.test(text.trim()) ? text.trim() : undefined;
}

/** The folder's size if it holds a configuration and weights, whole; links whose target is missing are no files. */
async function modelSize(folder: string): Promise<number | undefined> {
  const names = await readdir(folder).catch((): string[] => []);
  if (!names.includes('config.json')) return undefined;
  const hasWeights = names.some((name) => /^(model|pytorch_model).*\.(safetensors|bin|onnx)$/.test(name)) || names.includes('onnx'); // prettier-ignore
  if (!hasWeights) return undefined;
  return sizeOf(folder);
}

/** Undefined when a file in it is a link to nothing: a download that did not end. */
async function sizeOf(folder: string, depth = 0): Promise<number | undefined> {
  let sizeBytes = 0;
  for (const entry of (await readdir(folder, { withFileTypes: true }).catch(() => [])).slice(0, MAX_ENTRIES)) {
    if (entry.name.startsWith('._') || entry.name === '.git') continue;
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

function sameRepository(one: string, other: string, hub: HubName): boolean {
  const key = (name: string): string => {
    const lower = name.toLowerCase();
    return hub === 'modelscope' ? lower.replace(/^iic\//, 'damo/') : lower;
  };
  return key(one) === key(other);
}
