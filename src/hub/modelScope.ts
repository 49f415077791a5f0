/**
 * ModelScope's HTTP API, as its Python client 1.36 uses it: the envelope {Code, Message, Data}, the files of a model in
 * one answer, those of a data set in pages.
 */
import { words } from '../base/words';
import type { MedTextError } from '../base/errors';
import { hexDigest, inAddress, isSize, MAX_FILES, noAccess, notFound, type Hub, type Listing, type RemoteFile } from './hub'; // prettier-ignore
import type { RepositoryReference } from './hubReference';
import { network, type Transport } from './transport';

const DEFAULT_REVISION = 'master';
const PAGE_SIZE = 100;

interface Envelope {
  readonly Code?: unknown;
  readonly Message?: unknown;
  readonly Data?: unknown;
}

interface FileEntry {
  readonly Path?: unknown;
  readonly Type?: unknown;
  readonly Size?: unknown;
  readonly Sha256?: unknown;
}

export class ModelScopeHub implements Hub {
  constructor(
    private readonly endpoint: string,
    private readonly transport: Transport,
  ) {}

  list(reference: RepositoryReference, signal?: AbortSignal): Promise<Listing> {
    return reference.kind === 'model' ? this.listModel(reference, signal) : this.listDataset(reference, signal);
  }

  private async listModel(reference: RepositoryReference, signal?: AbortSignal): Promise<Listing> {
    const revision = reference.revision ?? DEFAULT_REVISION;
    const base = `${this.endpoint}/api/v1/models/${inAddress(reference.repository)}/repo`;
    const query = new URLSearchParams({ Revision: revision, Recursive: 'True' });
    const data = await this.data(`${base}/files?${query}`, reference, signal);
    const files = entriesOf(data, reference).map((entry) =>
      remoteFile(entry, reference, (path) => `${base}?${new URLSearchParams({ Revision: revision, FilePath: path })}`),
    );
    return { reference: { ...reference, revision }, commit: undefined, files };
  }

  /** Pages are asked for until one is not full; an answer that only repeats what came before ends the list, too. */
  private async listDataset(reference: RepositoryReference, signal?: AbortSignal): Promise<Listing> {
    const revision = reference.revision ?? DEFAULT_REVISION;
    const named = `${this.endpoint}/api/v1/datasets/${inAddress(reference.repository)}`;
    const about = (await this.data(named, reference, signal)) as { Id?: unknown } | null;
    const id = typeof about?.Id === 'number' || typeof about?.Id === 'string' ? String(about.Id) : reference.repository;
    const files = new Map<string, RemoteFile>();
    for (let page = 1; ; page++) {
      const query = new URLSearchParams({
        Revision: revision,
        Root: '/',
        Recursive: 'True',
        PageNumber: String(page),
        PageSize: String(PAGE_SIZE),
      });
      const address = `${this.endpoint}/api/v1/datasets/${inAddress(id)}/repo/tree?${query}`;
      const entries = entriesOf(await this.data(address, reference, signal), reference, true);
      const before = files.size;
      for (const entry of entries.filter(isFile)) {
        const file = remoteFile(entry, reference, (path) => {
          const asked = new URLSearchParams({ Source: 'SDK', Revision: revision, FilePath: path, View: 'False' });
          return `${named}/repo?${asked}`;
        });
        files.set(file.path, file);
      }
      const repeats = files.size === before && entries.some(isFile);
      if (entries.length < PAGE_SIZE || repeats) break;
      if (files.size > MAX_FILES || page > MAX_FILES / PAGE_SIZE) throw network(words`${reference.repository} has a listing without end.`); // prettier-ignore
    }
    return { reference: { ...reference, revision }, commit: undefined, files: [...files.values()] };
  }

  /** `Data` of an answer whose `Code` is 200. */
  private async data(address: string, reference: RepositoryReference, signal?: AbortSignal): Promise<unknown> {
    const refused = (status: number, body: unknown) => refusal(reference, status, body as Envelope | undefined);
    const { json } = await this.transport.getJson(address, refused, signal);
    const envelope = json as Envelope | null;
    if (envelope?.Code === 200) return envelope.Data;
    throw refused(typeof envelope?.Code === 'number' ? envelope.Code : 0, envelope);
  }
}

function entriesOf(data: unknown, reference: RepositoryReference, withFolders = false): FileEntry[] {
  const files = (data as { Files?: unknown } | null)?.Files;
  // An empty repository has `null` there.
  if (files === null) return [];
  if (!Array.isArray(files)) throw network(words`${reference.repository}: the listing is not ModelScope's.`);
  return withFolders ? files : files.filter(isFile);
}

function isFile(entry: FileEntry | null): boolean {
  return entry?.Type === 'blob' && entry.Path !== '.gitignore' && entry.Path !== '.gitattributes';
}

function remoteFile(entry: FileEntry, reference: RepositoryReference, url: (path: string) => string): RemoteFile {
  const { Path: path, Size: size, Sha256: sha256 } = entry;
  if (typeof path !== 'string' || !isSize(size)) {
    throw network(words`${reference.repository}: the listing has a file without path or size.`);
  }
  return { path, sizeBytes: size, sha256: hexDigest(sha256, 64), gitSha1: undefined, url: url(path) };
}

function refusal(reference: RepositoryReference, status: number, body: Envelope | undefined): MedTextError {
  const said =
    typeof body?.Message === 'string' && body.Message ? words` The hub says: ${body.Message.slice(0, 200)}` : '';
  if (status === 401 || status === 403) return noAccess(reference, words`the hub gives it to those who may have it.${said}`, 'MODELSCOPE_API_TOKEN'); // prettier-ignore
  const code = typeof body?.Code === 'number' || typeof body?.Code === 'string' ? String(body.Code).slice(0, 40) : '';
  // Its own codes of what is absent: 10010205001 and the like.
  if (status === 404 || code.startsWith('100102')) {
    const revision = reference.revision === undefined ? '' : words`, or no revision "${reference.revision}"`;
    const kind = reference.kind === 'dataset' ? words`dataset` : words`model`;
    return notFound(reference, words`ModelScope has no such ${kind}${revision}.${said}`);
  }
  return network(words`${reference.repository}: ModelScope answers ${code || `HTTP ${status}`}.${said}`);
}
