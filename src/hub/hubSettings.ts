/** Where the hubs are and how they are reached: settings first, then the variables that the hubs' own clients read. */
import { MedTextError, words } from '../base/errors';
import type { HubName } from './hubReference';

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

/** What a person has set; empty means not set. */
export interface HubOverrides {
  readonly endpoints?: Readonly<Partial<Record<HubName, string>>>;
  readonly tokens?: Readonly<Partial<Record<HubName, string>>>;
  /** VS Code's `http.proxy`; `off` turns those of the environment off too. */
  readonly proxy?: string;
  readonly noProxy?: readonly string[];
  readonly strictCertificates?: boolean;
  readonly offline?: boolean;
}

const PUBLIC = { modelscope: 'https://www.modelscope.cn', huggingface: 'https://huggingface.co' } as const;

/**
 * @param env HF_ENDPOINT, MODELSCOPE_ENDPOINT, MODELSCOPE_DOMAIN (a host), HF_TOKEN, HUGGING_FACE_HUB_TOKEN,
 * MODELSCOPE_API_TOKEN, HF_HUB_OFFLINE, HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY (or in lower case)
 * @throws MedTextError USAGE for an endpoint or proxy that is no address, or a token with characters no token has.
 */
export function hubSettings(env: NodeJS.ProcessEnv, overrides: HubOverrides = {}): HubSettings {
  const either = (name: string): string | undefined => env[name.toLowerCase()] || env[name] || undefined;
  const domain = env.MODELSCOPE_DOMAIN?.trim();
  const endpoint = (hub: HubName, ...candidates: (string | undefined)[]): string => {
    const given = [overrides.endpoints?.[hub], ...candidates].find((candidate) => candidate?.trim());
    return address(given ?? PUBLIC[hub], 'endpoint', ['http:', 'https:']);
  };
  const token = (hub: HubName, ...candidates: (string | undefined)[]): string | undefined =>
    checkedToken([overrides.tokens?.[hub], ...candidates].find((candidate) => candidate?.trim())?.trim());
  const set = overrides.proxy?.trim();
  const proxy = (name: string): string | undefined => {
    const given = set === 'off' ? undefined : set || either(name) || either('ALL_PROXY');
    return given && address(/^\w+:\/\//.test(given) ? given : `http://${given}`, 'proxy', ['http:', 'https:']);
  };
  return {
    endpoints: {
      modelscope: endpoint(
        'modelscope',
        env.MODELSCOPE_ENDPOINT,
        domain && (/^https?:\/\//.test(domain) ? domain : `https://${domain}`),
      ),
      huggingface: endpoint('huggingface', env.HF_ENDPOINT),
    },
    tokens: {
      modelscope: token('modelscope', env.MODELSCOPE_API_TOKEN),
      huggingface: token('huggingface', env.HF_TOKEN, env.HUGGING_FACE_HUB_TOKEN),
    },
    proxy: {
      http: proxy('HTTP_PROXY'),
      https: proxy('HTTPS_PROXY'),
      exceptions: [...(overrides.noProxy ?? []), ...(either('NO_PROXY') ?? '').split(/[\s,]+/)].filter(Boolean),
      strictCertificates: overrides.strictCertificates ?? true,
    },
    offline: overrides.offline ?? /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE ?? ''),
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

function address(text: string, what: 'endpoint' | 'proxy', protocols: readonly string[]): string {
  const trimmed = text.trim();
  if (URL.canParse(trimmed)) {
    const { protocol, search, hash } = new URL(trimmed);
    if (protocols.includes(protocol) && !search && !hash) return trimmed.replace(/\/+$/, '');
  }
  // A proxy's address may hold a password: it is not repeated.
  const shown = what === 'proxy' ? '' : ` "${trimmed.slice(0, 100)}"`;
  throw new MedTextError(
    'USAGE',
    words`The ${what === 'proxy' ? words`proxy` : words`endpoint`}${shown} is no address (http://… or https://…).`,
    { what },
  );
}

function checkedToken(token: string | undefined): string | undefined {
  if (token === undefined || /^[\x21-\x7e]{1,4096}$/.test(token)) return token;
  throw new MedTextError('USAGE', words`The access token has characters that no token has. Copy it again.`);
}
