/** Python's package index on the loopback interface: PEP 691's JSON or PEP 503's pages, files with Range, and faults. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sha256 } from './wheels';

/** What goes wrong with the requests for a whole file, one after the other; none are left: all is well. */
export type IndexFault =
  | { readonly kind: 'corrupt' }
  | { readonly kind: 'drop'; readonly afterBytes: number }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'hold'; readonly afterBytes: number };

export class LoopbackIndex {
  /** By file name. */
  readonly faults: Record<string, IndexFault[]> = {};
  readonly requests: { readonly path: string; readonly range: string | undefined; readonly authorization: string | undefined }[] = []; // prettier-ignore
  speaks: 'json' | 'pages' | 'neither' = 'json';
  /** Answers with the whole file whatever part is asked for. */
  ignoresRange = false;
  /** Listed as withdrawn. */
  readonly yanked = new Set<string>();
  /** Listed with another hash. */
  readonly wrongHash = new Set<string>();
  /** Listed besides, whatever it is. */
  extra: unknown[] = [];
  /** Asks for this login. */
  login: string | undefined;
  /** Called when a file is answered in part and held. */
  onHold: () => void = () => undefined;

  private constructor(
    private readonly server: Server,
    readonly files: Record<string, Buffer>,
  ) {}

  static async start(files: Record<string, Buffer>): Promise<LoopbackIndex> {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const index = new LoopbackIndex(server, files);
    server.on('request', (request, response) => index.answer(request, response));
    return index;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `${this.origin}/simple`;
  }

  /** Names of the files whose bytes were asked for beyond their directory, in order, each once. */
  requestsFor(file: string): string[] {
    return this.requests.filter(({ path }) => path.endsWith(file)).map(({ range }) => range ?? 'all');
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((done) => this.server.close(() => done()));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url!, this.origin);
    const { range, authorization } = request.headers;
    this.requests.push({ path: pathname, range, authorization });
    response.on('error', () => undefined);
    if (this.login && authorization !== `Basic ${Buffer.from(this.login).toString('base64')}`) {
      return void response.writeHead(401).end();
    }
    const name = /^\/simple\/([^/]+)\/$/.exec(pathname)?.[1];
    if (name) return this.list(name, response);
    const file = /^\/files\/([^/]+)$/.exec(pathname)?.[1];
    if (file && this.files[file]) return this.send(file, range, response);
    response.writeHead(404).end('not here');
  }

  private list(name: string, response: ServerResponse): void {
    const names = Object.keys(this.files).filter((file) => file.split('-')[0].replaceAll('_', '-') === name);
    if (this.speaks === 'neither') return void response.writeHead(200, { 'content-type': 'text/plain' }).end('Log in'); // prettier-ignore
    if (names.length === 0) return void response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>404</h1>');
    const hash = (file: string) => (this.wrongHash.has(file) ? 'ab'.repeat(32) : sha256(this.files[file]));
    if (this.speaks === 'pages') {
      const links = names.map((file) => {
        const yanked = this.yanked.has(file) ? ' data-yanked="broken"' : '';
        return `<a href="../../files/${file}#sha256=${hash(file)}" data-requires-python="&gt;=3.11"${yanked}>${file}</a><br/>`;
      });
      const page = `<!DOCTYPE html>\n<html><body>\n${links.join('\n')}\n</body></html>`;
      return void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
    }
    const files = names.map((file) => ({
      filename: file,
      url: `${this.origin}/files/${file}`,
      hashes: { sha256: hash(file) },
      size: this.files[file].length,
      yanked: this.yanked.has(file) ? 'broken' : false,
      'requires-python': null,
    }));
    response.writeHead(200, { 'content-type': 'application/vnd.pypi.simple.v1+json' });
    response.end(JSON.stringify({ meta: { 'api-version': '1.1' }, name, files: [...files, ...this.extra] }));
  }

  private send(file: string, range: string | undefined, response: ServerResponse): void {
    const content = this.files[file];
    const asked = this.ignoresRange ? null : /^bytes=(\d+)-(\d*)$/.exec(range ?? '');
    const start = asked ? Number(asked[1]) : 0;
    const end = asked?.[2] ? Math.min(Number(asked[2]) + 1, content.length) : content.length;
    // Looking into an archive is no download.
    const isDownload = !asked?.[2];
    const fault = isDownload ? this.faults[file]?.shift() : undefined;
    if (fault?.kind === 'status') return void response.writeHead(fault.status).end();
    let bytes = content.subarray(start, end);
    if (fault?.kind === 'corrupt') {
      bytes = Buffer.from(bytes);
      bytes[bytes.length - 1] ^= 1;
    }
    response.writeHead(asked ? 206 : 200, {
      'content-length': bytes.length,
      'accept-ranges': 'bytes',
      ...(asked && { 'content-range': `bytes ${start}-${end - 1}/${content.length}` }),
    });
    if (fault?.kind === 'drop' || fault?.kind === 'hold') {
      const sent = bytes.subarray(0, fault.afterBytes);
      response.write(sent, () => (fault.kind === 'drop' ? setTimeout(() => response.destroy(), 20) : this.onHold()));
      return;
    }
    response.end(bytes);
  }
}
