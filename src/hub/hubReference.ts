/** What a person types or pastes to name a model or a data set of a hub. */
import { MedTextError, words } from '../base/errors';

export type HubName = 'modelscope' | 'huggingface';
export type RepositoryKind = 'model' | 'dataset';

export interface HubReference {
  readonly hub: HubName;
  /** Undefined where only the hub knows: `modelscope:owner/name` may be either. */
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

/** Offered first: a Chinese encoder that was trained on medical text. */
export const DEFAULT_MODEL = 'modelscope:damo/nlp_medical_structbert_backbone_base';

const PREFIXES: Readonly<Record<string, HubName>> = { modelscope: 'modelscope', hf: 'huggingface', huggingface: 'huggingface' }; // prettier-ignore
const HOSTS: Readonly<Record<string, HubName>> = {
  'modelscope.cn': 'modelscope',
  'modelscope.ai': 'modelscope',
  'huggingface.co': 'huggingface',
  'hf.co': 'huggingface',
};
const SEGMENT = /^\w[\w.-]{0,127}$/;
const REVISION = /^\w[\w.+/-]{0,199}$/;

/**
 * `modelscope:owner/name[@revision]`, `hf:owner/name[@revision]` (either with `datasets/` or `models/` before the
 * owner), or the address of a page of the two hubs, of a file or folder in it too.
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
  const prefix = /^([a-z]+):(?![\\/])/i.exec(trimmed)?.[1];
  const hub = prefix && Object.hasOwn(PREFIXES, prefix.toLowerCase()) ? PREFIXES[prefix.toLowerCase()] : undefined;
  if (!prefix || !hub) return undefined;
  const [path, ...revisions] = trimmed.slice(prefix.length + 1).split('@');
  if (revisions.length > 1) throw malformed(text);
  const segments = path.split('/');
  const kind = takeKind(segments);
  return checked({ hub, kind, repository: segments.join('/'), revision: revisions[0], folder: undefined }, text);
}

/** The reference as it is typed; {@link parseHubReference} reads it back, but for a folder. */
export function formatHubReference({ hub, kind, repository, revision }: HubReference): string {
  const prefix = hub === 'modelscope' ? 'modelscope' : 'hf';
  return `${prefix}:${kind === 'dataset' ? 'datasets/' : ''}${repository}${revision === undefined ? '' : `@${revision}`}`;
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
  const hub = hubOfHost(url, endpoints);
  if (!hub) {
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
  const length = hub === 'huggingface' && (segments.length === 1 || verbs.includes(segments[1])) ? 1 : 2;
  const [verb, ...rest] = segments.slice(length);
  const hasRevision = ['tree', 'blob', 'resolve', 'raw'].includes(verb);
  const [revision, ...inside] = hasRevision ? rest : verb === 'file' && rest[0] === 'view' ? rest.slice(1) : [];
  // A file's page is as good as its repository's; ONNX files lie one folder below the model's configuration.
  if (inside.at(-1) === 'onnx') inside.pop();
  const folder = verb === 'tree' ? inside.join('/') || undefined : undefined;
  return checked({ hub, kind, repository: segments.slice(0, length).join('/'), revision, folder }, text);
}

function hubOfHost(url: URL, endpoints: Readonly<Partial<Record<HubName, string>>>): HubName | undefined {
  for (const [hub, endpoint] of Object.entries(endpoints)) {
    if (endpoint && URL.canParse(endpoint) && new URL(endpoint).host === url.host) return hub as HubName;
  }
  const host = url.host.replace(/^www\./, '');
  return Object.hasOwn(HOSTS, host) ? HOSTS[host] : undefined;
}

/** Takes the leading `datasets` or `models` off. */
function takeKind(segments: string[]): RepositoryKind | undefined {
  if (segments[0] !== 'datasets' && segments[0] !== 'models') return undefined;
  return segments.shift() === 'datasets' ? 'dataset' : 'model';
}

function checked(reference: HubReference, text: string): HubReference {
  const segments = reference.repository.split('/');
  const isNamed =
    (segments.length === 2 || (segments.length === 1 && reference.hub === 'huggingface')) &&
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
