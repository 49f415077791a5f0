/** Reads the names and addresses by which people name a model or a data set of a hub. */
import { MedTextError, words } from '../base/errors';
import { hubNames, type HubName } from '../base/hubNames';
import { HUBS } from './hubs';

export type RepositoryKind = 'model' | 'dataset';

export interface HubReference {
  readonly hub: HubName;
  /** A further site of the hub (`modelscope.ai`); undefined: the one that the settings say. */
  readonly site?: string;
  /** Undefined where only the hub knows the kind: `modelscope:owner/name` may be either. */
  readonly kind: RepositoryKind | undefined;
  /** `owner/name`; old models of Hugging Face have a name alone. */
  readonly repository: string;
  /** Branch, tag or commit; undefined: the hub's default. */
  readonly revision: string | undefined;
  /** A folder of the repository, where the address named one. */
  readonly folder: string | undefined;
}

/** A reference whose kind is known. */
export type RepositoryReference = HubReference & { readonly kind: RepositoryKind };

/** Prefix as typed, in lower case, to its hub and site: a site is written by its host, `modelscope.ai:owner/name`. */
const PREFIXES = new Map<string, { readonly hub: HubName; readonly site?: string }>(
  hubNames.flatMap(
    (hub) =>
    HUBS[hub].prefixes.map((prefix) => [prefix, Object.hasOwn(HUBS[hub].sites, prefix) ? { hub, site: prefix } : { hub }] as const), // prettier-ignore
  ),
);
const SEGMENT = /^\w[\w.-]{0,127}$/;
const REVISION = /^\w[\w.+/-]{0,199}$/;

/**
 * `modelscope:owner/name[@revision]`, `hf:owner/name[@revision]` (either with `datasets/` or `models/` before the
 * owner; `hf://` too, as huggingface_hub writes it), or the address of a page of the hubs, of a file or folder in it too.
 *
 * @param endpoints addresses that stand for a hub here (mirrors, loopback servers), besides the public ones
 * @returns undefined for anything else: a path.
 * @throws MedTextError USAGE for a reference to a hub that names nothing.
 */
export function parseHubReference(
  text: string,
  endpoints: Readonly<Partial<Record<HubName, string>>> = {},
): HubReference | undefined {
  const trimmed = text.trim();
  if (/^https?:\/\//i.test(trimmed)) return parseAddress(trimmed, endpoints);
  if (/^hf:\/\//i.test(trimmed)) return parseHuggingFaceUri(trimmed);
  const prefix = /^([a-z.]+):(?![\\/])/i.exec(trimmed)?.[1];
  const found = prefix && PREFIXES.get(prefix.toLowerCase());
  if (!prefix || !found) return undefined;
  const [path, ...revisions] = trimmed.slice(prefix.length + 1).split('@');
  if (revisions.length > 1) throw malformed(text);
  const segments = path.split('/');
  const kind = takeKind(segments);
  return checked({ ...found, kind, repository: segments.join('/'), revision: revisions[0], folder: undefined }, text);
}

/**
 * `hf://[datasets/]owner/name[@revision][/path]` (huggingface_hub 2.4.0, utils/_hf_uris.py): a revision ends at the first
 * slash, but for `refs/pr/N` and `refs/convert/NAME`, and may be percent-encoded. A path names a folder, or a file whose
 * repository is meant.
 */
function parseHuggingFaceUri(text: string): HubReference {
  const [, body] = /^hf:\/\/([^?#]+)$/i.exec(text) ?? [];
  const found = /^(?:(models|datasets)\/)?([^/@]+\/[^/@]+)(?:@(refs\/(?:convert\/[\w.-]+|pr\/\d+)|[^/]+))?(?:\/(.*))?$/.exec(body ?? ''); // prettier-ignore
  // These pages are neither models nor data sets.
  if (!found || /^(spaces|kernels|buckets)\//.test(body)) throw malformed(text);
  const [, kinds, repository, revision, path] = found;
  try {
    const kind = kinds === 'datasets' ? 'dataset' : 'model';
    const asked = revision === undefined ? undefined : decodeURIComponent(revision);
    const folder = path && !/\.\w+$/.test(path) ? decodeURIComponent(path).replace(/\/$/, '') : undefined;
    return checked({ hub: 'huggingface', kind, repository, revision: asked, folder }, text);
  } catch (error) {
    throw error instanceof MedTextError ? error : malformed(text);
  }
}

/** The reference as it is typed; {@link parseHubReference} reads it back, but for a folder. */
export function formatHubReference({ hub, site, kind, repository, revision }: HubReference): string {
  const prefix = site ?? HUBS[hub].prefixes[0];
  return `${prefix}:${kind === 'dataset' ? 'datasets/' : ''}${repository}${revision === undefined ? '' : `@${revision}`}`;
}

/** The address that serves the reference: that of its own site, or else the settings'. */
export function endpointOf({ hub, site }: HubReference, endpoints: Readonly<Record<HubName, string>>): string {
  return site === undefined ? endpoints[hub] : HUBS[hub].sites[site];
}

/** Whether two names mean one repository, whatever the letter case and whichever of its names an owner is called by. */
export function isSameRepository(one: string, other: string, hub: HubName): boolean {
  const key = (name: string): string => {
    const [owner, ...rest] = name.toLowerCase().split('/');
    const alias = HUBS[hub].ownerAliases[owner];
    return [alias !== undefined && alias < owner ? alias : owner, ...rest].join('/');
  };
  return key(one) === key(other);
}

/** "nlp_structbert_backbone_base" of its repository. */
export function repositoryName({ repository }: HubReference): string {
  return repository.split('/').at(-1)!;
}

function parseAddress(text: string, endpoints: Readonly<Partial<Record<HubName, string>>>): HubReference {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw malformed(text);
  }
  const found = hubOfHost(url, endpoints);
  if (!found) {
    throw new MedTextError(
      'USAGE',
      words`${url.host} is neither ModelScope nor Hugging Face. Download the files yourself and import the folder, or set the hub's endpoint.`,
      { host: url.host },
    );
  }
  let segments: string[];
  try {
    segments = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    throw malformed(text);
  }
  const kind = takeKind(segments) ?? 'model';
  // Pages of a repository go on with a verb; a repository without owner is followed by one at once.
  const verbs = ['tree', 'blob', 'resolve', 'raw', 'files', 'file', 'summary', 'dataPeview', 'discussions', 'commits', 'feedback', 'viewer', 'quickstart']; // prettier-ignore
  const length = HUBS[found.hub].allowsNameAlone && (segments.length === 1 || verbs.includes(segments[1])) ? 1 : 2;
  const [verb, ...rest] = segments.slice(length);
  const hasRevision = ['tree', 'blob', 'resolve', 'raw'].includes(verb);
  const [revision, ...inside] = hasRevision ? rest : verb === 'file' && rest[0] === 'view' ? rest.slice(1) : [];
  // A file's page stands for its repository; ONNX files lie one folder below the model's configuration.
  if (inside.at(-1) === 'onnx') inside.pop();
  const folder = verb === 'tree' ? inside.join('/') || undefined : undefined;
  return checked({ ...found, kind, repository: segments.slice(0, length).join('/'), revision, folder }, text);
}

/**
 * The hub that a page is of. A public page is asked of the endpoint in the settings, a mirror, but not of another site:
 * `modelscope.ai` and `modelscope.cn` have repositories of their own (modelscope-hub 0.5.1, constants.py).
 */
function hubOfHost(
  url: URL,
  endpoints: Readonly<Partial<Record<HubName, string>>>,
): { readonly hub: HubName; readonly site?: string } | undefined {
  const host = plainHost(url);
  for (const hub of hubNames) {
    const { sites, hostAliases } = HUBS[hub];
    const endpoint = endpoints[hub];
    const asked = endpoint && URL.canParse(endpoint) ? plainHost(new URL(endpoint)) : undefined;
    if (asked === host) return { hub };
    const site = hostAliases[host] ?? host;
    if (!Object.hasOwn(sites, site)) continue;
    const [first] = Object.keys(sites);
    const askedSite = asked !== undefined && Object.hasOwn(sites, asked) ? asked : first;
    return site === askedSite ? { hub } : { hub, site };
  }
  return undefined;
}

function plainHost({ host }: URL): string {
  return host.toLowerCase().replace(/^www\./, '');
}

/** Takes the leading `datasets` or `models` off. */
function takeKind(segments: string[]): RepositoryKind | undefined {
  if (segments[0] !== 'datasets' && segments[0] !== 'models') return undefined;
  return segments.shift() === 'datasets' ? 'dataset' : 'model';
}

function checked(reference: HubReference, text: string): HubReference {
  const segments = reference.repository.split('/');
  const isNamed =
    (segments.length === 2 || (segments.length === 1 && HUBS[reference.hub].allowsNameAlone)) &&
    segments.every((segment) => SEGMENT.test(segment) && !segment.includes('..'));
  const { revision } = reference;
  const isRevision = revision === undefined || (REVISION.test(revision) && !revision.includes('..'));
  if (!isNamed || !isRevision) throw malformed(text);
  return reference;
}

function malformed(text: string): MedTextError {
  return new MedTextError(
    'USAGE',
    words`"${text.slice(0, 200)}" names no model or data set. Write modelscope:owner/name, hf:owner/name (with @revision if need be), or paste the page's address.`,
    { reference: text.slice(0, 200) },
  );
}
