/** Python's package index: the "simple" interface as JSON (PEP 691) and as HTML pages (PEP 503). Mirrors have one of them. */
import { MedTextError, words } from '../base/errors';
import type { Transport } from '../hub/transport';
import { normalisedName, parseWheelName, type WheelName } from './versions';

export interface IndexFile extends WheelName {
  readonly file: string;
  readonly url: string;
  readonly sha256: string;
  /** Undefined on an HTML page, which gives no sizes. */
  readonly sizeBytes: number | undefined;
}

export interface IndexAddress {
  /** The address without a login and without a slash at its end. */
  readonly url: string;
  /** Headers with secrets, by the origin that may receive them. */
  readonly credentials: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

export const PUBLIC_INDEX = 'https://pypi.org/simple';
const JSON_TYPE = 'application/vnd.pypi.simple.v1+json';
/** HTML has a lower weight, since a mirror without JSON answers with HTML whatever the weights are. */
const ACCEPT = `${JSON_TYPE}, text/html;q=0.2`;
const MAX_FILES = 50_000;

/**
 * The address from the settings, or else the index that pip and uv are configured with here, or else PyPI.
 * @throws MedTextError USAGE for a text that is no address, and for HTTP without TLS, since the hashes come from the index.
 */
export function indexAddress(set: string | undefined, env: NodeJS.ProcessEnv): IndexAddress {
  const given = [set, env.MEDTEXT_PACKAGE_INDEX, env.PIP_INDEX_URL, env.UV_INDEX_URL, PUBLIC_INDEX].find((one) => one?.trim())!.trim(); // prettier-ignore
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const isLocal = url && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (!url || url.search || url.hash || !(url.protocol === 'https:' || (url.protocol === 'http:' && isLocal))) {
    // The text may contain a password, so the message does not repeat it.
    throw new MedTextError(
      'USAGE',
      words`The package index is not an https:// address. An index looks like ${PUBLIC_INDEX} (MEDTEXT_PACKAGE_INDEX, PIP_INDEX_URL, or the setting medtext.gpuRuntime.index).`,
    );
  }
  const { username, password, origin, pathname } = url;
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const headers = { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
  return { url: `${origin}${pathname.replace(/\/+$/, '')}`, credentials: new Map(username ? [[origin, headers]] : []) };
}

/**
 * The wheels of a package for which the index gives a hash, without withdrawn ones.
 * @throws MedTextError NOT_FOUND for a package that the index does not have, ACCESS, NETWORK, OFFLINE, CANCELLED.
 */
export async function listWheels(
  transport: Transport,
  index: IndexAddress,
  name: string,
  signal?: AbortSignal,
): Promise<IndexFile[]> {
  const page = `${index.url}/${normalisedName(name)}/`;
  const { answer, text } = await transport.getText(page, ACCEPT, signal);
  if (answer.status >= 400) throw indexRefusal(page, answer.status);
  const type = (answer.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
  const files = type === JSON_TYPE || type === 'application/json' ? fromJson(text, page) : fromPage(text, page);
  return files.filter((file) => file.name === normalisedName(name));
}

export function indexRefusal(where: string, status: number): MedTextError {
  const shown = where.split(/[?#]/)[0];
  if (status === 404 || status === 410) return new MedTextError('NOT_FOUND', words`The package index has no ${shown}.`, { url: shown }); // prettier-ignore
  if (status === 401 || status === 403) return new MedTextError('ACCESS', words`The package index restricts access to ${shown} (HTTP ${status}). Put a login into its address, or choose another index.`, { url: shown }); // prettier-ignore
  return new MedTextError('NETWORK', words`${shown} responded with HTTP ${status}.`, { url: shown, status });
}

function fromJson(text: string, page: string): IndexFile[] {
  let listing: { files?: unknown };
  try {
    listing = JSON.parse(text) as typeof listing;
  } catch {
    throw noIndex(page);
  }
  if (!Array.isArray(listing?.files) || listing.files.length > MAX_FILES) throw noIndex(page);
  return listing.files.flatMap((listed: unknown) => {
    const { filename, url, hashes, size, yanked } = (listed ?? {}) as Record<string, any>;
    if (typeof filename !== 'string' || typeof url !== 'string' || (yanked !== undefined && yanked !== false))
      return [];
    return indexFile(filename, url, hashes?.sha256, Number.isSafeInteger(size) && size > 0 ? size : undefined, page);
  });
}

/** The links of an HTML page; the hash of each stands behind its #. */
function fromPage(text: string, page: string): IndexFile[] {
  if (!/<(?:!doctype|html|a|body|head)\b/i.test(text)) throw noIndex(page);
  const links = [...text.matchAll(/<a\b([^>]*)>([^<]*)<\/a\s*>/gi)];
  if (links.length > MAX_FILES) throw noIndex(page);
  return links.flatMap(([, attributes, label]) => {
    const href = /\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(attributes);
    if (!href || /\bdata-yanked\b/i.test(attributes)) return [];
    const address = unescaped(href[1] ?? href[2]);
    const sha256 = /#(?:.*&)?sha256=([0-9a-f]{64})/i.exec(address)?.[1];
    return indexFile(unescaped(label).trim(), address.split('#')[0], sha256, undefined, page);
  });
}

function indexFile(
  file: string,
  address: string,
  hash: unknown,
  sizeBytes: number | undefined,
  page: string,
): IndexFile[] {
  const wheel = parseWheelName(file);
  const url = URL.canParse(address, page) ? new URL(address, page) : undefined;
  if (!wheel || !url || typeof hash !== 'string' || !/^[0-9a-f]{64}$/i.test(hash)) return [];
  // A page that came by HTTPS must not lead to a file by HTTP.
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && page.startsWith('http:'))) return [];
  return [{ ...wheel, file, url: url.href, sha256: hash.toLowerCase(), sizeBytes }];
}

const unescaped = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|#39|#x27);/g, (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"' })[name] ?? "'"); // prettier-ignore

const noIndex = (page: string): MedTextError =>
  new MedTextError('NETWORK', words`The response of ${page} did not come from a package index. Is there a login page or a proxy in between?`, { url: page }); // prettier-ignore
