/** The hubs' addresses and how they are reached: settings first, then the variables that the hubs' own clients read. */
import { MedTextError, words } from '../base/errors';
import { byHub, hubNames, type HubName } from '../base/hubNames';
import { HUBS } from './hubs';

export interface HubSettings {
  readonly endpoints: Readonly<Record<HubName, string>>;
  readonly tokens: Readonly<Partial<Record<HubName, string>>>;
  readonly proxy: ProxySettings;
  /** Asks no hub at all. */
  readonly offline: boolean;
}

export interface ProxySettings {
  /** Address of the proxy for http: and https: targets; undefined: none. */
  readonly http: string | undefined;
  readonly https: string | undefined;
  /** Hosts that are reached without: `example.org`, `.example.org`, `host:8080`, `10.0.0.1` or `*`. */
  readonly exceptions: readonly string[];
  /** False accepts certificates that nobody vouches for (VS Code's `http.proxyStrictSSL`). */
  readonly strictCertificates: boolean;
}

/** A person's settings; an empty one is not set. */
export interface HubOverrides {
  readonly endpoints?: Readonly<Partial<Record<HubName, string>>>;
  readonly tokens?: Readonly<Partial<Record<HubName, string>>>;
  /** VS Code's `http.proxy`; `off` turns those of the environment off too. */
  readonly proxy?: string;
  readonly noProxy?: readonly string[];
  readonly strictCertificates?: boolean;
  readonly offline?: boolean;
}

/**
 * @param env the variables that {@link HUBS} names, HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY (or in lower case)
 * @throws MedTextError USAGE for an endpoint or proxy that is no address, or a token with characters no token has.
 */
export function hubSettings(env: NodeJS.ProcessEnv, overrides: HubOverrides = {}): HubSettings {
  const either = (name: string): string | undefined => env[name.toLowerCase()] || env[name] || undefined;
  const first = (names: readonly string[]): string | undefined => names.map((name) => env[name]?.trim()).find(Boolean);
  const endpoint = (hub: HubName): string => {
    const given = overrides.endpoints?.[hub]?.trim() || first(HUBS[hub].variables.endpoint);
    const [usual] = Object.values(HUBS[hub].sites);
    return address(given ? withProtocol(given, 'https') : usual, 'endpoint', ['http:', 'https:']);
  };
  const token = (hub: HubName): string | undefined =>
    checkedToken(overrides.tokens?.[hub]?.trim() || first(HUBS[hub].variables.token));
  const set = overrides.proxy?.trim();
  const proxy = (name: string): string | undefined => {
    const given = set === 'off' ? undefined : set || either(name) || either('ALL_PROXY');
    return given && address(withProtocol(given, 'http'), 'proxy', ['http:', 'https:']);
  };
  return {
    endpoints: byHub(endpoint),
    tokens: byHub(token),
    proxy: {
      http: proxy('HTTP_PROXY'),
      https: proxy('HTTPS_PROXY'),
      exceptions: [...(overrides.noProxy ?? []), ...(either('NO_PROXY') ?? '').split(/[\s,]+/)].filter(Boolean),
      strictCertificates: overrides.strictCertificates ?? true,
    },
    // A variable that forbids downloads from one hub forbids them from all.
    offline: overrides.offline ?? hubNames.some((hub) => isTrue(first(HUBS[hub].variables.offline))),
  };
}

/** The proxy for a target; undefined: none. Exceptions are matched as curl does: a name stands for its subdomains too. */
export function proxyFor(target: URL, proxy: ProxySettings): string | undefined {
  const chosen = target.protocol === 'https:' ? proxy.https : proxy.http;
  if (!chosen) return undefined;
  const host = target.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = target.port || (target.protocol === 'https:' ? '443' : '80');
  const isException = proxy.exceptions.some((exception) => {
    if (exception === '*') return true;
    const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(exception);
    const named = /^([^:]+)(?::(\d+))?$/.exec(exception);
    const [, name, onlyPort] = bracketed ?? named ?? ['', exception, undefined];
    if (onlyPort !== undefined && onlyPort !== port) return false;
    const suffix = name.toLowerCase().replace(/^\*?\.?/, '');
    return suffix !== '' && (host === suffix || host.endsWith(`.${suffix}`));
  });
  return isException ? undefined : chosen;
}

/** A host without a scheme is an address, too, as in modelscope-hub (config.py, normalize_endpoint). */
function withProtocol(given: string, protocol: 'http' | 'https'): string {
  return /^\w+:\/\//.test(given) ? given : `${protocol}://${given}`;
}

/** huggingface_hub/constants.py, ENV_VARS_TRUE_VALUES. */
function isTrue(value: string | undefined): boolean {
  return /^(1|on|yes|true)$/i.test(value ?? '');
}

function address(text: string, what: 'endpoint' | 'proxy', protocols: readonly string[]): string {
  const trimmed = text.trim();
  if (URL.canParse(trimmed)) {
    const { protocol, search, hash } = new URL(trimmed);
    if (protocols.includes(protocol) && !search && !hash) return trimmed.replace(/\/+$/, '');
  }
  // A proxy's address may hold a password, so the message does not repeat it.
  const shown = what === 'proxy' ? '' : ` "${trimmed.slice(0, 100)}"`;
  throw new MedTextError(
    'USAGE',
    words`The ${what === 'proxy' ? words`proxy` : words`endpoint`}${shown} is not an address (http://… or https://…).`,
    { what },
  );
}

function checkedToken(token: string | undefined): string | undefined {
  if (token === undefined || /^[\x21-\x7e]{1,4096}$/.test(token)) return token;
  throw new MedTextError('USAGE', words`The access token has invalid characters. Copy it again.`);
}
