/**
 * Both hubs on the loopback interface, with the APIs as their clients use them, a storage on another origin, and faults
 * on demand. Written from the hubs' documentation and clients, not from our own client.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';

export interface StoredFile {
  readonly content: Buffer;
  /** Hugging Face: kept by Git LFS, hence with a SHA-256 and a redirect to the storage. */
  readonly lfs?: boolean;
  /** What the listing says instead of the truth. */
  readonly listed?: { readonly sizeBytes?: number | null; readonly sha256?: string | null };
  /** Its storage tells the content's SHA-256 in X-Linked-ETag, right or wrong. */
  readonly linkedSha256?: string;
}

export interface StoredRepository {
  readonly revision?: string;
  readonly files: Readonly<Record<string, StoredFile>>;
  /** Given to bearers of this token alone. */
  readonly token?: string;
}

/** What goes wrong with the requests for a file. Each request takes the next fault; none are left: all is well. */
export type Fault =
  | { readonly kind: 'drop'; readonly afterBytes: number }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string; readonly rateLimit?: string }
  | { readonly kind: 'corrupt' }
  | { readonly kind: 'longer' }
  | { readonly kind: 'shorter' }
  | { readonly kind: 'noRange' }
  | { readonly kind: 'wrongRange' }
  | { readonly kind: 'drip'; readonly everyMs: number }
  | { readonly kind: 'silence' }
  | { readonly kind: 'page' }
  | { readonly kind: 'ok' };

export interface SeenRequest {
  readonly origin: 'hub' | 'storage';
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

export const commitOf = (name: string): string => createHash('sha1').update(name).digest('hex');
export const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
const gitSha1 = (content: Buffer): string => createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex'); // prettier-ignore

export class LoopbackHub {
  readonly requests: SeenRequest[] = [];
  /** By path in the repository. */
  readonly faults: Record<string, Fault[]> = {};
  /** Faults of listing calls, in order. */
  readonly apiFaults: Fault[] = [];
  /** Hugging Face's page of a tree. */
  treePageSize = 1000;
  /** ModelScope answers every page with the first one. */
  ignoresPages = false;
  /**
   * How ModelScope words its envelopes: what its client 0.5.1 is ready for (modelscope_hub/_legacy_api.py: _json_data,
   * _entry_path, iter_dataset_file_pages).
   */
  envelope: 'usual' | 'codeAsText' | 'withoutCode' | 'smallLetters' | 'dataIsTheList' = 'usual';
  /** A model's listing of ModelScope silently ends there (modelscope_hub/constants.py, REPO_FILES_TRUNCATION_LIMIT). */
  listingLimit = 3000;
  /** Where files are redirected to instead of the storage. */
  redirectTo: string | undefined;
  /** Bytes at a time, and a pause between them, to interrupt in the middle. */
  throttle: { readonly bytes: number; readonly everyMs: number } | undefined;
  /** Requests for files that are answered at the moment, and their most. */
  busy = 0;
  mostBusy = 0;
  /** Kept by Hugging Face's servers as the ETag of what is not in LFS. */
  etags = true;

  readonly endpoint: string;
  readonly storageOrigin: string;

  private constructor(
    private readonly models: Record<string, StoredRepository>,
    private readonly datasets: Record<string, StoredRepository>,
    private readonly hub: Server,
    private readonly storage: Server,
  ) {
    this.endpoint = originOf(hub);
    this.storageOrigin = originOf(storage);
  }

  static async start(
    models: Record<string, StoredRepository>,
    datasets: Record<string, StoredRepository> = {},
  ): Promise<LoopbackHub> {
    const hub = createServer();
    const storage = createServer();
    await Promise.all([hub, storage].map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))));
    const loopback = new LoopbackHub(models, datasets, hub, storage);
    hub.on('request', (request, response) => loopback.answer('hub', request, response));
    storage.on('request', (request, response) => loopback.answer('storage', request, response));
    return loopback;
  }

  async stop(): Promise<void> {
    for (const server of [this.hub, this.storage]) {
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    }
  }

  /** Requests for a file's bytes. */
  requestsFor(path: string): SeenRequest[] {
    return this.requests.filter((request) => decodeURIComponent(request.path).includes(path));
  }

  private answer(origin: SeenRequest['origin'], request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url!, 'http://loopback');
    this.requests.push({ origin, path: request.url!, headers: request.headers });
    response.on('error', () => undefined);
    if (origin === 'storage') return this.fromStorage(url, request, response);
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const path = decodeURIComponent(url.pathname);
    const searched = /^\/(openapi\/v1|api)\/(models|datasets)$/.exec(path);
    const isApi =
      searched !== null ||
      (path.startsWith('/api/') && !(path.startsWith('/api/v1/') && url.searchParams.has('FilePath')));
    const fault = isApi ? this.apiFaults.shift() : undefined;
    if (fault && this.misbehave(fault, response)) return;
    if (searched)
      return this.search(
        searched[1] === 'api',
        searched[2] === 'models',
        url.searchParams.get('search') ?? '',
        response,
      );
    if (path.startsWith('/api/v1/')) return this.modelScope(path, url.searchParams, token, request, response);
    return this.huggingFace(path, url.searchParams, token, request, response);
  }

  /**
   * Repositories whose name holds the words, as each hub's client reads them: huggingface_hub 2.4.0, hf_api.py, ModelInfo; modelscope-hub
   * 0.5.1, api.py, _extract_paged and _repo_info_from_payload.
   */
  private search(isHuggingFace: boolean, isModel: boolean, typed: string, response: ServerResponse): void {
    const table = isModel ? this.models : this.datasets;
    const names = Object.keys(table).filter((name) => name.toLowerCase().includes(typed.toLowerCase()));
    if (isHuggingFace) {
      return json(response, 200, names.map((id) => ({ _id: commitOf(id), id, downloads: 12_345, pipeline_tag: 'fill-mask', tags: ['bert', 'license:mit'] }))); // prettier-ignore
    }
    const found = names.map((id) => ({ id, display_name: id, downloads: 67, license: 'Apache License 2.0', tasks: ['fill-mask'] })); // prettier-ignore
    json(response, 200, { success: true, request_id: 'r', data: { [isModel ? 'models' : 'datasets']: found, total_count: found.length, page_number: 1, page_size: 30 } }); // prettier-ignore
  }

  // ModelScope

  private modelScope(
    path: string,
    query: URLSearchParams,
    token: string | undefined,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const envelope = (status: number, code: number, message: string, data: unknown = null) =>
      json(
        response,
        status,
        this.worded({ Code: code, Data: data, Message: message, RequestId: 'r', Success: code === 200 }),
      );
    const [, kinds, rest] = /^\/api\/v1\/(models|datasets)\/(.+)$/.exec(path) ?? [];
    if (!rest) return envelope(404, 404, 'page not found');
    const table = kinds === 'models' ? this.models : this.datasets;
    const byId = /^(\d+)\/repo\/tree$/.exec(rest);
    const name = byId ? Object.keys(table)[Number(byId[1]) - 100] : rest.split('/').slice(0, 2).join('/');
    const call = byId ? 'repo/tree' : rest.split('/').slice(2).join('/');
    const repository = table[name];
    if (!repository) return envelope(404, 10010205001, '获取模型信息失败，信息不存在，请确认模型id');
    if (repository.token && repository.token !== token) return envelope(403, 403, 'no permission');
    const revision = query.get('Revision') ?? 'master';
    if (revision !== (repository.revision ?? 'master')) return envelope(404, 10010205004, 'revision not found');
    const entries = Object.entries(repository.files).map(([Path, file]) => ({
      Name: Path.split('/').at(-1),
      Path,
      Type: 'blob',
      ...(file.listed?.sizeBytes !== null && { Size: file.listed?.sizeBytes ?? file.content.length }),
      Sha256: file.listed?.sha256 === null ? '' : (file.listed?.sha256 ?? sha256(file.content)),
      Revision: commitOf(name),
    }));
    const parents = entries.flatMap(({ Path }) => Path.split('/').slice(0, -1).map((_, depth, all) => all.slice(0, depth + 1).join('/'))); // prettier-ignore
    const folders = [...new Set(parents)].map((Path) => ({ Name: Path.split('/').at(-1), Path, Type: 'tree', Size: 0, Sha256: '', Revision: commitOf(name) })); // prettier-ignore
    if (kinds === 'datasets' && call === '') {
      return envelope(200, 200, 'success', { Id: 100 + Object.keys(table).indexOf(name), Type: 1, Name: name });
    }
    if (call === 'repo/files') {
      const root = query.get('Root') ?? '';
      const below = [...folders, ...entries].filter(({ Path }) => root === '' || Path.startsWith(`${root}/`));
      const depth = root === '' ? 1 : root.split('/').length + 1;
      const isRecursive = query.get('Recursive') === 'True';
      const listed = below.filter(({ Path }) => isRecursive || Path.split('/').length === depth);
      return envelope(200, 200, 'success', { Files: listed.slice(0, this.listingLimit) });
    }
    if (call === 'repo/tree') {
      const size = Number(query.get('PageSize'));
      const page = this.ignoresPages ? 1 : Number(query.get('PageNumber'));
      return envelope(200, 200, 'success', { Files: [...folders, ...entries].slice((page - 1) * size, page * size) });
    }
    if (call === 'repo') return this.file(query.get('FilePath')!, repository, request, response);
    return envelope(404, 404, 'page not found');
  }

  private worded(usual: Readonly<Record<string, unknown>>): unknown {
    const { Code, Data, ...rest } = usual;
    const small = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(small);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.charAt(0).toLowerCase() + key.slice(1), small(inner)])); // prettier-ignore
    };
    switch (this.envelope) {
      case 'codeAsText':
        return { ...usual, Code: String(Code) };
      case 'withoutCode':
        return { Data, ...rest };
      case 'smallLetters':
        return small(usual);
      case 'dataIsTheList':
        return { ...usual, Data: (Data as { Files?: unknown } | null)?.Files ?? Data };
      default:
        return usual;
    }
  }

  // Hugging Face

  private huggingFace(
    path: string,
    query: URLSearchParams,
    token: string | undefined,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const refuse = (status: number, code: string, error: string): void => {
      response.setHeader('x-error-code', code);
      json(response, status, { error });
    };
    const api = /^\/api\/(models|datasets)\/(.+?)\/(revision|tree)\/([^/]+)$/.exec(path);
    const resolve = /^\/(datasets\/)?(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    const isDataset = api ? api[1] === 'datasets' : Boolean(resolve?.[1]);
    const name = api?.[2] ?? resolve?.[2] ?? '';
    const repository = (isDataset ? this.datasets : this.models)[name];
    if (!repository) return refuse(401, 'RepoNotFound', 'Invalid username or password.');
    const commit = commitOf(name);
    const revision = api?.[4] ?? resolve![3];
    if (![commit, repository.revision ?? 'main'].includes(revision)) return refuse(404, 'RevisionNotFound', `Invalid rev id: ${revision}`); // prettier-ignore
    if (api?.[3] === 'revision') return json(response, 200, { id: name, sha: commit, siblings: [] });
    if (api) {
      const entries = Object.entries(repository.files).map(([file, { content, lfs, listed }]) => {
        const size = listed?.sizeBytes ?? content.length;
        const large = { oid: listed?.sha256 ?? sha256(content), size, pointerSize: 134 };
        return { type: 'file', oid: lfs ? commitOf(file) : gitSha1(content), size, path: file, ...(lfs && { lfs: large }) }; // prettier-ignore
      });
      const start = Number(query.get('cursor') ?? 0);
      const end = start + this.treePageSize;
      if (end < entries.length) {
        const next = `https://huggingface.co${path}?recursive=true&expand=false&cursor=${end}`;
        response.setHeader('link', `<${next}>; rel="next"`);
      }
      return json(response, 200, entries.slice(start, end));
    }
    if (repository.token && repository.token !== token) return refuse(401, 'GatedRepo', 'Access to model is restricted.'); // prettier-ignore
    const file = resolve![4];
    const stored = repository.files[file];
    if (!stored) return refuse(404, 'EntryNotFound', 'Entry not found');
    response.setHeader('x-repo-commit', commit);
    if (stored.lfs) {
      response.setHeader('x-linked-size', stored.content.length);
      response.setHeader('x-linked-etag', `"${sha256(stored.content)}"`);
    }
    return this.file(file, repository, request, response);
  }

  // Files of both

  private file(path: string, repository: StoredRepository, request: IncomingMessage, response: ServerResponse): void {
    const stored = repository.files[path];
    if (!stored) return json(response, 404, { Code: 404, Message: 'file not found' });
    if (stored.lfs) {
      const target = this.redirectTo ?? `${this.storageOrigin}/blobs/${encodeURIComponent(path)}`;
      response.writeHead(302, { location: `${target}?X-Amz-Signature=secret-signature` });
      return void response.end();
    }
    this.send(path, stored, request, response);
  }

  private fromStorage(url: URL, request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(url.pathname.replace('/blobs/', ''));
    const stored = [...Object.values(this.models), ...Object.values(this.datasets)].find(({ files }) => files[path])?.files[path]; // prettier-ignore
    if (!stored || !url.searchParams.get('X-Amz-Signature')) return void response.writeHead(403).end('<Error/>');
    this.send(path, stored, request, response);
  }

  private send(
    path: string,
    { content, linkedSha256 }: StoredFile,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const fault = this.faults[path]?.shift() ?? { kind: 'ok' };
    if (this.misbehave(fault, response)) return;
    this.busy++;
    this.mostBusy = Math.max(this.mostBusy, this.busy);
    let counts = true;
    const ended = (): void => {
      if (counts) this.busy--;
      counts = false;
    };
    response.on('finish', ended).on('close', ended);
    const range = fault.kind === 'noRange' ? null : /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const etag = `"${sha256(content).slice(0, 32)}"`;
    const ifRange = request.headers['if-range'];
    const start = range && (ifRange === undefined || ifRange === etag) ? Number(range[1]) : 0;
    if (this.etags) response.setHeader('etag', etag);
    if (linkedSha256 !== undefined) response.setHeader('x-linked-etag', `"${linkedSha256}"`);
    response.setHeader('accept-ranges', 'bytes');
    if (start > 0 && start >= content.length) {
      response.setHeader('content-range', `bytes */${content.length}`);
      return void response.writeHead(416).end();
    }
    if (range?.[2]) {
      const end = Math.min(Number(range[2]) + 1, content.length);
      if (end <= start) return void response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
      const head = { 'content-range': `bytes ${start}-${end - 1}/${content.length}`, 'content-length': end - start };
      return void response.writeHead(206, head).end(content.subarray(start, end));
    }
    let body = content.subarray(start);
    if (fault.kind === 'corrupt') body = Buffer.from(body.map((byte, index) => (index === 7 ? byte ^ 1 : byte)));
    if (fault.kind === 'longer') body = Buffer.concat([body, Buffer.from('more')]);
    if (fault.kind === 'shorter') body = body.subarray(0, -1);
    const told = fault.kind === 'wrongRange' ? start + 1 : start;
    // Without a length the end of the connection is the end of the file: only its size tells that something is missing.
    if (fault.kind !== 'longer' && fault.kind !== 'shorter') response.setHeader('content-length', body.length);
    if (start > 0) response.setHeader('content-range', `bytes ${told}-${content.length - 1}/${content.length}`);
    response.writeHead(start > 0 ? 206 : 200);
    if (fault.kind === 'drop') {
      return void response.write(body.subarray(0, fault.afterBytes), () => setTimeout(() => response.destroy(), 200));
    }
    if (fault.kind === 'drip') return slowly(response, body, 1, fault.everyMs);
    if (this.throttle) return slowly(response, body, this.throttle.bytes, this.throttle.everyMs);
    response.end(body);
  }

  /** Faults that need no file; true when the answer has been given (or never will be). */
  private misbehave(fault: Fault, response: ServerResponse): boolean {
    if (fault.kind === 'status') {
      if (fault.rateLimit) response.setHeader('ratelimit', fault.rateLimit);
      if (fault.retryAfter) response.setHeader('retry-after', fault.retryAfter);
      response.writeHead(fault.status).end('trouble');
      return true;
    }
    if (fault.kind === 'page') {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in to the guest network</html>');
      return true;
    }
    return fault.kind === 'silence';
  }
}

/** A proxy for CONNECT that counts what goes through it, and wants a login if one is given. */
export async function startProxy(login?: string) {
  const targets: string[] = [];
  const server = createServer((_, response) => response.writeHead(405).end());
  server.on('connect', (request, socket, head) => {
    socket.on('error', () => undefined);
    const expected = login && `Basic ${Buffer.from(login).toString('base64')}`;
    if (expected && request.headers['proxy-authorization'] !== expected) {
      return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    }
    targets.push(request.url!);
    const [host, port] = request.url!.split(':');
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    targets,
    address: originOf(server),
    stop: () => {
      server.closeAllConnections();
      return new Promise<void>((done) => server.close(() => done()));
    },
  };
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function slowly(response: ServerResponse, body: Buffer, bytes: number, everyMs: number): void {
  let at = 0;
  const timer = setInterval(() => {
    const piece = body.subarray(at, (at += bytes));
    if (at < body.length) return void response.write(piece);
    clearInterval(timer);
    response.end(piece);
  }, everyMs);
  response.on('close', () => clearInterval(timer));
}
