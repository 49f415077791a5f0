/**
 * Hugging Face's public HTTP API: the revision's commit, the tree with its pages, and the addresses that resolve to the
 * files (https://huggingface.co/docs/hub/api; huggingface_hub 2.4.0).
 */
import type { MedTextError } from '../base/errors';
import { words } from '../base/errors';
import { hexDigest, inAddress, isSize, MAX_FILES, MAX_FOUND, foundRepository, noAccess, notFound, type FoundRepository, type Hub, type Listing, type RemoteFile } from './hub'; // prettier-ignore
import type { RepositoryReference } from './hubReference';
import { HUBS } from './hubs';
import { network, type Answer, type Transport } from './transport';

interface TreeEntry {
  readonly type?: unknown;
  readonly path?: unknown;
  readonly size?: unknown;
  readonly oid?: unknown;
  /** Large files: `oid` is the content's SHA-256. */
  readonly lfs?: { readonly oid?: unknown; readonly size?: unknown };
}

export class HuggingFaceHub implements Hub {
  constructor(
    private readonly endpoint: string,
    private readonly transport: Transport,
  ) {}

  /** GET /api/models?search=… (huggingface_hub 2.4.0, hf_api.py, list_models and list_datasets). */
  async search(typed: string, kind: 'model' | 'dataset', signal?: AbortSignal): Promise<readonly FoundRepository[]> {
    const query = new URLSearchParams({ search: typed, sort: 'downloads', direction: '-1', limit: String(MAX_FOUND) });
    const refused = (status: number): MedTextError => network(words`Hugging Face responded with HTTP ${status} to the search.`); // prettier-ignore
    const { json } = await this.transport.getJson(`${this.endpoint}/api/${kind}s?${query}`, refused, signal);
    if (!Array.isArray(json))
      throw network(words`The response of ${this.endpoint} does not have the format of Hugging Face.`);
    return json.flatMap((entry: unknown) => {
      const { id, downloads, tags, pipeline_tag: task } = (entry ?? {}) as Readonly<Record<string, unknown>>;
      if (typeof id !== 'string' || !/^[\w.-]+(\/[\w.-]+)?$/.test(id)) return [];
      const license = Array.isArray(tags) ? tags.find((tag): tag is string => typeof tag === 'string' && tag.startsWith('license:')) : undefined; // prettier-ignore
      return [foundRepository(id, { downloads, license: license?.slice('license:'.length), task })];
    });
  }

  async list(reference: RepositoryReference, signal?: AbortSignal): Promise<Listing> {
    const { kind } = reference;
    const asked = reference.revision ?? HUBS.huggingface.defaultRevision;
    const refused = (status: number, body: unknown, headers: Answer['headers']) =>
      refusal(reference, asked, status, body, headers);
    const api = `${this.endpoint}/api/${kind}s`;
    const about = `${api}/${inAddress(reference.repository)}/revision/${encodeURIComponent(asked)}`;
    const { json } = await this.transport.getJson(about, refused, signal);
    const { sha, id } = (json ?? {}) as { sha?: unknown; id?: unknown };
    const commit = hexDigest(sha, 40);
    if (!commit) throw network(words`The response of ${about} does not have the format of Hugging Face.`);
    // A repository that has moved answers under its new name.
    const repository = typeof id === 'string' && /^[\w.-]+(\/[\w.-]+)?$/.test(id) ? id : reference.repository;

    const folder = kind === 'dataset' ? 'datasets/' : '';
    const files: RemoteFile[] = [];
    let page: string | undefined = `${api}/${inAddress(repository)}/tree/${commit}?recursive=true&expand=false`;
    const seen = new Set<string>();
    while (page !== undefined) {
      if (seen.has(page) || files.length > MAX_FILES)
        throw network(words`The file list of ${repository} does not end.`);
      seen.add(page);
      const { json: entries, headers } = await this.transport.getJson(page, refused, signal);
      if (!Array.isArray(entries))
        throw network(words`${repository}: the file list does not have the format of Hugging Face.`);
      for (const entry of entries as TreeEntry[]) {
        const { type, path, size, oid, lfs } = entry ?? {};
        if (type !== 'file' || typeof path !== 'string') continue;
        const sizeBytes = lfs?.size ?? size;
        if (!isSize(sizeBytes))
          throw network(words`${repository}: the file list has no size for "${path.slice(0, 100)}".`);
        files.push({
          path,
          sizeBytes,
          sha256: hexDigest(lfs?.oid, 64),
          gitSha1: lfs ? undefined : hexDigest(oid, 40),
          url: `${this.endpoint}/${folder}${inAddress(repository)}/resolve/${commit}/${inAddress(path)}`,
        });
      }
      page = this.nextPage(headers.link);
    }
    return { reference: { ...reference, repository, revision: asked }, commit, files, isWhole: true };
  }

  /** `Link: <…>; rel="next"`. A mirror may name the original's host there: what counts is the way on this one. */
  private nextPage(link: string | undefined): string | undefined {
    const found = link && /<([^>]+)>\s*;[^,]*\brel="?next"?/.exec(link)?.[1];
    if (!found || !URL.canParse(found, this.endpoint)) return undefined;
    const { pathname, search } = new URL(found, this.endpoint);
    return `${new URL(this.endpoint).origin}${pathname}${search}`;
  }
}

function refusal(
  reference: RepositoryReference,
  revision: string,
  status: number,
  body: unknown,
  headers: Answer['headers'],
): MedTextError {
  const code = headers['x-error-code'];
  const said = (body as { error?: unknown } | undefined)?.error;
  const theirs = typeof said === 'string' ? words` The hub says: ${said.slice(0, 200)}` : '';
  const kind = reference.kind === 'dataset' ? words`dataset` : words`model`;
  if (code === 'RevisionNotFound') return notFound(reference, words`there is no revision "${revision}".`, true);
  if (code === 'GatedRepo' || status === 403) return noAccess(reference, words`access to it is restricted.${theirs}`); // prettier-ignore
  if (status === 404) return notFound(reference, words`Hugging Face has no such ${kind}.${theirs}`);
  // Without a token an absent repository and a private one give the same answer.
  if (status === 401) return noAccess(reference, words`there is no such public ${kind}.${theirs}`);
  return network(words`${reference.repository}: Hugging Face responded with HTTP ${status}.${theirs}`);
}
