/** HTTP for the hubs: proxies, time limits, redirects that carry no secret elsewhere, and failures in plain words. */
import type { Readable } from 'node:stream';
import { Agent, ProxyAgent, request, type Dispatcher } from 'undici';
import { MedTextError, words } from '../base/errors';
import { Words } from '../base/words';
import { silentLog, type Log } from '../base/log';
import { proxyFor, type ProxySettings } from './hubSettings';

export interface TransportOptions {
  readonly proxy: ProxySettings;
  /** Secret headers by the origin that may see them. */
  readonly credentials?: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly userAgent?: string;
  readonly log?: Log;
  readonly limits?: Partial<TransportLimits>;
}

export interface TransportLimits {
  readonly connectMs: number;
  /** Until the answer's headers. */
  readonly answerMs: number;
  /** Between two pieces of an answer's body. */
  readonly idleMs: number;
  /** Tries in a row that bring nothing, before giving up. */
  readonly tries: number;
  /** The first pause between tries; each further one is twice as long. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** A transfer that brings less than `slowBytes` in `slowWindowMs` has stalled. */
  readonly slowBytes: number;
  readonly slowWindowMs: number;
}

const usualLimits: TransportLimits = {
  connectMs: 15_000,
  answerMs: 60_000,
  idleMs: 60_000,
  tries: 5,
  firstPauseMs: 1000,
  longestPauseMs: 60_000,
  slowBytes: 32 * 1024,
  slowWindowMs: 60_000,
};

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Must be read to its end or destroyed. */
  readonly body: Readable;
  /** After redirects, without its query, which can hold a signature. */
  readonly shownUrl: string;
  /** Whether the answer comes from the server that the first request went to. */
  readonly isSameOrigin: boolean;
  /**
   * The content's SHA-256 as the hub (on the redirect) or its storage tells it in `X-Linked-ETag` (huggingface_hub 2.4.0,
   * file_download.py; modelscope-hub 0.5.1, _download.py, _download_with_resume).
   */
  readonly linkedSha256: string | undefined;
}

/** A failure of the connection or the server, which a later attempt may not meet. */
export class TransferError extends Error {
  /** The sentence, for the error that this one may become. */
  readonly words: Words;

  constructor(
    message: string | Words,
    /** Node's or undici's code of a connection's failure. */
    readonly systemCode: string | undefined,
    /** The seconds that the server asked to wait. */
    readonly retryAfterMs?: number,
  ) {
    super(String(message));
    this.words = typeof message === 'string' ? new Words('{0}', [message]) : message;
  }
}

const MAX_REDIRECTS = 6;
const MAX_JSON_BYTES = 64 * 2 ** 20;
/** There is no network at all, in contrast to a server with a failure. */
const UNREACHABLE = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN', 'ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT']); // prettier-ignore
const PASSING_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);

export class Transport {
  readonly limits: TransportLimits;
  private readonly dispatchers = new Map<string, Dispatcher>();
  private readonly log: Log;

  constructor(private readonly options: TransportOptions) {
    this.limits = { ...usualLimits, ...options.limits };
    this.log = options.log ?? silentLog;
  }

  /**
   * One request, with redirects followed. Every status is returned as an answer.
   * @throws TransferError, or MedTextError CANCELLED or NETWORK (redirects without end or to where they may not go).
   */
  async get(address: string, headers: Readonly<Record<string, string>> = {}, signal?: AbortSignal): Promise<Answer> {
    const start = new URL(address);
    let url = start;
    let linkedSha256: string | undefined;
    for (let redirects = 0; ; redirects++) {
      const { statusCode, headers: raw, body } = await this.send(url, headers, signal);
      const answered = flatHeaders(raw);
      linkedSha256 ??= /^"?([0-9a-f]{64})"?$/i.exec(answered['x-linked-etag'] ?? '')?.[1].toLowerCase();
      const location = [301, 302, 303, 307, 308].includes(statusCode) ? answered.location : undefined;
      if (location === undefined) {
        this.log.debug(`GET ${shownUrl(url)} ${statusCode}`);
        body.on('error', () => undefined); // Whoever reads it hears of it there; an answer that nobody reads is no crash.
        return { status: statusCode, headers: answered, body, shownUrl: shownUrl(url), isSameOrigin: url.origin === start.origin, linkedSha256 }; // prettier-ignore
      }
      discard(body);
      const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
      this.log.debug(`GET ${shownUrl(url)} ${statusCode} to ${next ? shownUrl(next) : 'nowhere'}`);
      if (redirects >= MAX_REDIRECTS) throw network(words`${shownUrl(start)} is redirected again and again.`);
      if (!next || !['http:', 'https:'].includes(next.protocol)) throw network(words`${shownUrl(url)} is redirected to no web address.`); // prettier-ignore
      if (start.protocol === 'https:' && next.protocol === 'http:') {
        throw network(words`${shownUrl(start)} is redirected to ${next.host} without encryption, which is refused.`);
      }
      url = next;
    }
  }

  /**
   * A JSON answer, tried again when the connection or the server fails. Statuses from 400 on that will not pass are
   * given to `refused`.
   * @throws MedTextError OFFLINE at once when there is no way to the host, NETWORK, CANCELLED, or what `refused` returns.
   */
  async getJson(
    address: string,
    refused: (status: number, body: unknown, headers: Answer['headers']) => MedTextError,
    signal?: AbortSignal,
    options: { readonly alsoPassing?: readonly number[] } = {},
  ): Promise<{ json: unknown; headers: Answer['headers'] }> {
    const where = shownUrl(new URL(address));
    const text = await this.getText(address, 'application/json', signal, options);
    let json: unknown;
    try {
      json = JSON.parse(text.text);
    } catch {
      if (text.answer.status >= 400) throw refused(text.answer.status, undefined, text.answer.headers);
      throw network(
        words`The response of ${where} did not come from a hub. Is there a login page or a proxy in between?`,
      );
    }
    if (text.answer.status >= 400) throw refused(text.answer.status, json, text.answer.headers);
    return { json, headers: text.answer.headers };
  }

  /**
   * A text of bounded length, tried again when the connection or the server fails; any status that will not pass comes
   * back.
   * @param alsoPassing statuses that may be another time's luck here
   * @throws MedTextError OFFLINE, NETWORK or CANCELLED.
   */
  getText(
    address: string,
    accept: string,
    signal?: AbortSignal,
    { alsoPassing = [] }: { readonly alsoPassing?: readonly number[] } = {},
  ): Promise<{ answer: Answer; text: string }> {
    return this.retrying(shownUrl(new URL(address)), signal, async () => {
      const answer = await this.get(address, { accept }, signal);
      if (isPassing(answer.status) || alsoPassing.includes(answer.status)) throw await this.passing(answer);
      return { answer, text: await readText(answer, MAX_JSON_BYTES, this.limits.answerMs + this.limits.idleMs) };
    });
  }

  /**
   * The size of a file as its server tells it when asked for the first byte; undefined where it does not.
   * @throws MedTextError OFFLINE, CANCELLED, NETWORK, or what `refused` returns.
   */
  getSize(
    address: string,
    refused: (status: number, answer: Answer) => MedTextError,
    signal?: AbortSignal,
  ): Promise<number | undefined> {
    return this.retrying(shownUrl(new URL(address)), signal, async () => {
      const answer = await this.get(address, { range: 'bytes=0-0' }, signal);
      if (isPassing(answer.status)) throw await this.passing(answer);
      discard(answer.body);
      const { status, headers } = answer;
      const whole = /\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1];
      if (whole !== undefined && (status === 206 || status === 416)) return Number(whole);
      if (status >= 400) throw refused(status, answer);
      return /^\d+$/.test(headers['content-length'] ?? '') ? Number(headers['content-length']) : undefined;
    });
  }

  /**
   * Some bytes of a file and the size of the whole, tried again when the connection or the server fails.
   * @throws MedTextError OFFLINE, CANCELLED, NETWORK also where the server gives no parts, or what `refused` returns.
   */
  getRange(
    address: string,
    [start, end]: readonly [start: number, end: number],
    refused: (status: number) => MedTextError,
    signal?: AbortSignal,
  ): Promise<{ bytes: Buffer; sizeBytes: number }> {
    const where = shownUrl(new URL(address));
    return this.retrying(where, signal, async () => {
      const answer = await this.get(address, { range: `bytes=${start}-${end - 1}` }, signal);
      const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(answer.headers['content-range'] ?? '');
      if (answer.status !== 206 || !range) {
        if (isPassing(answer.status)) throw await this.passing(answer);
        discard(answer.body);
        if (answer.status >= 400) throw refused(answer.status);
        throw network(`${where} does not support partial downloads. Choose another mirror.`);
      }
      const [from, to, sizeBytes] = range.slice(1).map(Number);
      const bytes = await readBytes(answer, end - start, this.limits.answerMs + this.limits.idleMs);
      if (from !== start || to + 1 - from !== bytes.length || to + 1 !== Math.min(end, sizeBytes)) {
        throw new TransferError('The server sent another part than the one asked for.', undefined);
      }
      return { bytes, sizeBytes };
    });
  }

  /** Runs `attempt` until it succeeds, with pauses, as often as the limits allow. */
  private async retrying<T>(where: string, signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures++) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof TransferError)) throw error;
        if (error.systemCode && UNREACHABLE.has(error.systemCode)) throw offline(where, error);
        await this.pauseOrGiveUp(error, failures, where, signal);
      }
    }
  }

  /**
   * Waits before the next try: as long as the server asked, else longer each time.
   * @throws MedTextError NETWORK after the last try, or when the server asks for more patience than there is; CANCELLED.
   */
  async pauseOrGiveUp(error: TransferError, failures: number, where: string, signal?: AbortSignal): Promise<void> {
    const { tries, firstPauseMs, longestPauseMs } = this.limits;
    if (failures >= tries) {
      throw network(
        words`${where}: ${error.words} (${failures} tries). The downloaded part is kept. Try again later.`,
        error,
      );
    }
    const asked = error.retryAfterMs;
    if (asked !== undefined && asked > longestPauseMs) {
      throw network(
        words`${where}: ${error.words} The server asks to wait ${Math.ceil(asked / 1000)} s. The downloaded part is kept.`,
        error,
      );
    }
    // Spread, so that several transfers that failed together do not return together.
    const pauseMs = asked ?? Math.min(longestPauseMs, firstPauseMs * 2 ** (failures - 1) * (0.75 + (failures % 3) / 6));
    this.log.info(`${where}: ${error.message} Try ${failures + 1} of ${tries} in ${Math.round(pauseMs)} ms.`);
    await pause(pauseMs, signal);
  }

  /** The answer as a failure that may pass, with the wait that it asks for. */
  async passing(answer: Answer): Promise<TransferError> {
    discard(answer.body);
    const what = answer.status === 429 ? words`The server reports too many requests` : words`The server has an error`; // prettier-ignore
    return new TransferError(
      words`${what} (HTTP ${answer.status}).`,
      undefined,
      rateLimitMs(answer.headers.ratelimit) ?? retryAfterMs(answer.headers['retry-after']),
    );
  }

  async close(): Promise<void> {
    const open = [...this.dispatchers.values()];
    this.dispatchers.clear();
    await Promise.all(open.map((dispatcher) => dispatcher.destroy()));
  }

  private async send(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal | undefined) {
    if (signal?.aborted) throw cancelled();
    try {
      return await request(url, {
        method: 'GET',
        headers: {
          'user-agent': this.options.userAgent ?? 'medtext-lab',
          // A compressed body could not be continued by its bytes.
          'accept-encoding': 'identity',
          ...headers,
          ...this.options.credentials?.get(url.origin),
        },
        signal,
        dispatcher: this.dispatcherFor(url),
        headersTimeout: this.limits.answerMs,
        bodyTimeout: this.limits.idleMs,
      });
    } catch (error) {
      throw transferError(error, url, signal);
    }
  }

  private dispatcherFor(url: URL): Dispatcher {
    const { proxy } = this.options;
    const uri = proxyFor(url, proxy);
    const known = this.dispatchers.get(uri ?? '');
    if (known) return known;
    const tls = { rejectUnauthorized: proxy.strictCertificates };
    const common = { connections: 8, connectTimeout: this.limits.connectMs };
    const made = uri
      ? new ProxyAgent({ ...common, uri, ...proxyLogin(uri), requestTls: tls, proxyTls: tls })
      : new Agent({ ...common, connect: { ...tls, timeout: this.limits.connectMs } });
    this.dispatchers.set(uri ?? '', made);
    return made;
  }
}

/** Makes an error of a failed request that another attempt may correct. */
export function transferError(error: unknown, url: URL | string, signal?: AbortSignal): Error {
  if (signal?.aborted) return cancelled();
  if (error instanceof MedTextError || error instanceof TransferError) return error;
  const { code, message } = deepest(error);
  const where = typeof url === 'string' ? url : url.host;
  const reasons: Readonly<Record<string, Words>> = {
    ENOTFOUND: words`The host name ${where} is unknown`,
    EAI_AGAIN: words`The host name ${where} cannot be resolved`,
    ECONNREFUSED: words`The connection was refused`,
    ECONNRESET: words`The connection broke`,
    UND_ERR_SOCKET: words`The connection broke`,
    UND_ERR_CONNECT_TIMEOUT: words`No connection in time`,
    UND_ERR_HEADERS_TIMEOUT: words`No response in time`,
    UND_ERR_BODY_TIMEOUT: words`The transfer has stopped`,
    UND_ERR_RES_CONTENT_LENGTH_MISMATCH: words`The connection ended before the file did`,
    UND_ERR_ABORTED: words`The connection was ended`,
  };
  const certificate = /^(CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(code ?? '');
  if (certificate) return network(words`${where}: the certificate is not trusted (${code}). Behind a company's proxy, give Node its certificate (NODE_EXTRA_CA_CERTS).`); // prettier-ignore
  const reason = (code && reasons[code]) || `${message.charAt(0).toUpperCase()}${message.slice(1)}`;
  return new TransferError(words`${reason}${code ? ` (${code})` : ''}.`, code);
}

export function isPassing(status: number): boolean {
  return PASSING_STATUS.has(status);
}

/** Ends an answer that nobody wants the rest of. */
export function discard(body: Readable): void {
  body.on('error', () => undefined);
  body.destroy();
}

/** The address as it may stand in a log: no query, no login. */
function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

export function cancelled(): MedTextError {
  return new MedTextError('CANCELLED', 'The download was cancelled. The downloaded part is kept.');
}

export function network(message: string | Words, cause?: unknown): MedTextError {
  return new MedTextError('NETWORK', message, {}, { cause });
}

/**
 * Hugging Face's `RateLimit: "api";r=0;t=55`, which counts before Retry-After while nothing remains; a second is added
 * for the rounding (huggingface_hub 2.4.0, utils/_http.py, parse_ratelimit_headers and http_backoff).
 */
export function rateLimitMs(value: string | undefined): number | undefined {
  const [, remaining, seconds] = /"\w+"\s*;\s*r\s*=\s*(\d+)\s*;\s*t\s*=\s*(\d+)/.exec(value ?? '') ?? [];
  return remaining === '0' ? (Number(seconds) + 1) * 1000 : undefined;
}

/** @returns milliseconds, from seconds or a date (RFC 9110, 10.2.3). */
function retryAfterMs(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled());
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    const timer = setTimeout(() => (done(), resolve()), ms);
    const abort = (): void => (done(), reject(cancelled()));
    signal?.addEventListener('abort', abort, { once: true });
  });
}

function offline(where: string, error: TransferError): MedTextError {
  return new MedTextError(
    'OFFLINE',
    words`${where} cannot be reached: ${error.words} Check the network or the proxy; models that are on this machine work without it.`,
    { reason: error.systemCode },
    { cause: error },
  );
}

/** An answer that drips for longer than `timeoutMs` has stalled. */
async function readText(answer: Answer, maxBytes: number, timeoutMs: number): Promise<string> {
  return (await readBytes(answer, maxBytes, timeoutMs)).toString('utf8');
}

async function readBytes(answer: Answer, maxBytes: number, timeoutMs: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const timer = setTimeout(
    () => answer.body.destroy(new TransferError(words`The response does not end.`, undefined)),
    timeoutMs,
  );
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) throw network(words`The response of ${answer.shownUrl} does not end.`);
      chunks.push(chunk);
    }
  } catch (error) {
    discard(answer.body);
    throw transferError(error, answer.shownUrl);
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks);
}

function flatHeaders(raw: Record<string, string | string[] | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(raw).map(([name, value]) => [name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value]),
  );
}

/** Removes a proxy's name and password from its address. */
function proxyLogin(uri: string): { token?: string } {
  const { username, password } = new URL(uri);
  if (!username) return {};
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { token: `Basic ${Buffer.from(login).toString('base64')}` };
}

/** undici wraps what Node says, which may wrap once more. */
function deepest(error: unknown): { code: string | undefined; message: string } {
  let found: { code?: unknown; message?: string; cause?: unknown; errors?: unknown[] } = error as never;
  let code: string | undefined;
  for (let depth = 0; depth < 5 && found; depth++) {
    if (typeof found.code === 'string') code = found.code;
    const inner = found.cause ?? found.errors?.[0];
    if (!inner) break;
    found = inner as typeof found;
  }
  return { code, message: found?.message || String(error) };
}
