/**
 * ModelScope's HTTP API as its clients know it: the envelope {Code, Message, Data}, the files of a model in one answer,
 * those of a data set in pages. What the servers are known to answer was read from modelscope-hub 0.5.1, _legacy_api.py.
 */
import { textOfValue } from '../base/plainText';
import { words } from '../base/words';
import type { MedTextError } from '../base/errors';
import { foundRepository, hexDigest, inAddress, MAX_FILES, MAX_FOUND, noAccess, notFound, listedSize, type FoundRepository, type Hub, type Listing, type RemoteFile } from './hub'; // prettier-ignore
import type { RepositoryReference } from './hubReference';
import { HUBS } from './hubs';
import { network, type Transport } from './transport';

const PAGE_SIZE = 100;
/** constants.py, REPO_FILES_TRUNCATION_LIMIT: a model's listing ends there, and nothing in it says so. */
const LISTING_LIMIT = 3000;
/** How many folders are listed one by one. */
const MAX_LISTINGS = 1000;

/** An entry, or an envelope, with the first letter of its keys as it comes: `Path` or `path`. */
type Fields = Readonly<Record<string, unknown>>;

export class ModelScopeHub implements Hub {
  /** Once a listing was given, a refusal of another is the server's trouble (_request_repo_tree). */
  private isWelcome = false;

  constructor(
    private readonly endpoint: string,
    private readonly transport: Transport,
  ) {}

  list(reference: RepositoryReference, signal?: AbortSignal): Promise<Listing> {
    return reference.kind === 'model' ? this.listModel(reference, signal) : this.listDataset(reference, signal);
  }

  /**
   * GET /openapi/v1/models?search=… (_openapi.py, list_models and list_datasets; api.py, _extract_paged and
   * _repo_info_from_payload): the list under `models` or `datasets`, `id` being `owner/name`.
   */
  async search(typed: string, kind: 'model' | 'dataset', signal?: AbortSignal): Promise<readonly FoundRepository[]> {
    const query = new URLSearchParams({ search: typed, page_number: '1', page_size: String(MAX_FOUND) });
    const refused = (status: number): MedTextError => network(words`ModelScope responded with HTTP ${status} to the search.`); // prettier-ignore
    const { json } = await this.transport.getJson(`${this.endpoint}/openapi/v1/${kind}s?${query}`, refused, signal);
    const envelope = (typeof json === 'object' ? json : null) as Fields | null;
    const payload = (field(envelope, 'Data') ?? envelope) as Fields | null;
    const list = Array.isArray(payload) ? payload : payload?.[`${kind}s`];
    if (!Array.isArray(list) || field(envelope, 'Success') === false) {
      throw network(words`The response of ${this.endpoint} to the search does not have the format of ModelScope.`);
    }
    return (list as (Fields | null)[]).flatMap((entry) => {
      const [id, owner, name] = ['Id', 'Owner', 'Name'].map((key) => field(entry, key));
      const known = typeof id === 'string' && id.includes('/') ? id : typeof owner === 'string' && typeof name === 'string' ? `${owner}/${name}` : ''; // prettier-ignore
      if (!/^[\w.-]+\/[\w.-]+$/.test(known)) return [];
      const tasks = field(entry, 'Tasks');
      const task = Array.isArray(tasks) ? (tasks as unknown[])[0] : field(entry, 'Task');
      return [foundRepository(known, { downloads: field(entry, 'Downloads'), license: field(entry, 'License'), task })];
    });
  }

  private async listModel(reference: RepositoryReference, signal?: AbortSignal): Promise<Listing> {
    const revision = reference.revision ?? HUBS.modelscope.defaultRevision;
    const base = `${this.endpoint}/api/v1/models/${inAddress(reference.repository)}/repo`;
    const list = async (root: string | undefined, isRecursive: boolean): Promise<Fields[]> => {
      const query = new URLSearchParams({ Revision: revision, Recursive: isRecursive ? 'True' : 'False' });
      if (root !== undefined) query.set('Root', root);
      return entriesOf(await this.data(`${base}/files?${query}`, reference, signal), reference);
    };
    const { entries, isWhole } = await wholeTree(list);
    const files = entries
      .filter(isFile)
      .map((entry) =>
        remoteFile(
          entry,
          reference,
          (path) => `${base}?${new URLSearchParams({ Revision: revision, FilePath: path })}`,
        ),
      );
    return { reference: { ...reference, revision }, commit: undefined, files, isWhole };
  }

  /** Pages are asked for until one is not full; an answer that only repeats what came before ends the list, too. */
  private async listDataset(reference: RepositoryReference, signal?: AbortSignal): Promise<Listing> {
    const revision = reference.revision ?? HUBS.modelscope.defaultRevision;
    const named = `${this.endpoint}/api/v1/datasets/${inAddress(reference.repository)}`;
    const id = field((await this.data(named, reference, signal)) as Fields | null, 'Id');
    const repository = typeof id === 'number' || typeof id === 'string' ? textOfValue(id) : reference.repository;
    const files = new Map<string, RemoteFile>();
    for (let page = 1; ; page++) {
      const query = new URLSearchParams({
        Revision: revision,
        Root: '/',
        Recursive: 'True',
        PageNumber: textOfValue(page),
        PageSize: textOfValue(PAGE_SIZE),
      });
      const address = `${this.endpoint}/api/v1/datasets/${inAddress(repository)}/repo/tree?${query}`;
      const entries = entriesOf(await this.data(address, reference, signal), reference);
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
      if (files.size > MAX_FILES || page > MAX_FILES / PAGE_SIZE) throw network(words`The file list of ${reference.repository} does not end.`); // prettier-ignore
    }
    return { reference: { ...reference, revision }, commit: undefined, files: [...files.values()], isWhole: true };
  }

  /**
   * `Data` of an answer whose `Code` is 200, "200" or not there; without `Data` the answer itself (_json_data,
   * iter_dataset_file_pages).
   */
  private async data(address: string, reference: RepositoryReference, signal?: AbortSignal): Promise<unknown> {
    const refused = (status: number, body: unknown) => refusal(reference, status, body as Fields | undefined);
    const alsoPassing = this.isWelcome ? [403] : [];
    const { json } = await this.transport.getJson(address, refused, signal, { alsoPassing });
    const envelope = (typeof json === 'object' ? json : null) as Fields | null;
    const code = field(envelope, 'Code');
    const isGood = code === undefined || code === null || code === 200 || code === '200';
    if (envelope === null || !isGood || field(envelope, 'Success') === false) {
      throw refused(typeof code === 'number' ? code : 0, envelope);
    }
    this.isWelcome = true;
    const data = field(envelope, 'Data');
    return data === undefined ? envelope : data;
  }
}

/**
 * All entries, though one answer ends at {@link LISTING_LIMIT}: what is cut off is listed folder by folder
 * (_walk_repo_files). A folder with more entries of its own than that cannot be seen whole.
 */
async function wholeTree(
  list: (root: string | undefined, isRecursive: boolean) => Promise<Fields[]>,
): Promise<{ readonly entries: readonly Fields[]; readonly isWhole: boolean }> {
  const found = new Map<string, Fields>();
  const absorb = (entries: readonly Fields[]): void => {
    for (const entry of entries) found.set(textOfValue(field(entry, 'Path')), entry);
  };
  let isWhole = true;
  let listings = 0;
  const waiting: (string | undefined)[] = [undefined];
  while (waiting.length > 0) {
    if (++listings > MAX_LISTINGS || found.size > MAX_FILES) return { entries: [...found.values()], isWhole: false };
    const root = waiting.shift();
    const below = await list(root, true);
    absorb(below);
    if (below.length < LISTING_LIMIT) continue;
    const inside = await list(root, false);
    absorb(inside);
    const folders = inside.filter((entry) => field(entry, 'Type') === 'tree').map((entry) => textOfValue(field(entry, 'Path'))); // prettier-ignore
    if (inside.length >= LISTING_LIMIT || folders.length === 0) isWhole = false;
    waiting.push(...folders.filter((folder) => folder !== root));
  }
  return { entries: [...found.values()], isWhole };
}

/** The field under its name or under its name in small letters. */
function field(fields: Fields | null | undefined, name: string): unknown {
  return fields?.[name] ?? fields?.[name.charAt(0).toLowerCase() + name.slice(1)];
}

/** `Data` is the list, or holds it; an empty repository has `null` there. */
function entriesOf(data: unknown, reference: RepositoryReference): Fields[] {
  const files = Array.isArray(data) ? data : field(data as Fields | null, 'Files');
  const isEmpty = files === undefined && typeof data === 'object' && data !== null && 'Files' in data;
  if (files === null || isEmpty) return [];
  if (!Array.isArray(files))
    throw network(words`${reference.repository}: the file list does not have the format of ModelScope.`);
  return files.filter((entry): entry is Fields => typeof entry === 'object' && entry !== null);
}

/** `Type` is `blob` where it is not said (_is_dir_entry). */
function isFile(entry: Fields): boolean {
  const path = field(entry, 'Path');
  return (field(entry, 'Type') ?? 'blob') === 'blob' && path !== '.gitignore' && path !== '.gitattributes';
}

function remoteFile(entry: Fields, reference: RepositoryReference, url: (path: string) => string): RemoteFile {
  const path = field(entry, 'Path');
  if (typeof path !== 'string') throw network(words`${reference.repository}: the file list has a file without a path.`);
  const sha256 = hexDigest(field(entry, 'Sha256'), 64);
  return { path, ...listedSize(field(entry, 'Size'), sha256), sha256, gitSha1: undefined, url: url(path) };
}

function refusal(reference: RepositoryReference, status: number, body: Fields | undefined): MedTextError {
  const message = field(body, 'Message');
  const said = typeof message === 'string' && message ? words` The hub says: ${message.slice(0, 200)}` : '';
  if (status === 401 || status === 403) return noAccess(reference, words`access to it is restricted.${said}`); // prettier-ignore
  const told = field(body, 'Code');
  const code = typeof told === 'number' || typeof told === 'string' ? textOfValue(told).slice(0, 40) : '';
  // ModelScope's own codes of absent repositories: 10010205001 and similar.
  if (status === 404 || code.startsWith('100102')) {
    const revision = reference.revision === undefined ? '' : words`, or no revision "${reference.revision}"`;
    const kind = reference.kind === 'dataset' ? words`dataset` : words`model`;
    return notFound(reference, words`ModelScope has no such ${kind}${revision}.${said}`);
  }
  return network(words`${reference.repository}: ModelScope responded with ${code || `HTTP ${status}`}.${said}`);
}
