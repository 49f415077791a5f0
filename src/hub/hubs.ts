/**
 * One row a hub: how it is written, where it is, which variables name what, and what its own client keeps on a machine.
 * Its API is a file beside this one (`modelScope.ts`, `huggingFace.ts`). Read from modelscope-hub 0.5.1 and
 * huggingface_hub 2.4.0; the place of each rule stands beside it.
 */
import { join } from 'node:path';
import { hubPrefixes, hubTitles, type HubName } from '../base/hubNames';
import { expanded } from '../base/userFolders';

export interface HubDescription {
  readonly title: string;
  readonly prefixes: readonly [string, ...string[]];
  /** Hosts of its pages (without `www.`) with what answers there; the first is asked unless settings say otherwise. */
  readonly sites: Readonly<Record<string, string>>;
  /** Hosts that stand for one of the sites. */
  readonly hostAliases: Readonly<Record<string, string>>;
  readonly defaultRevision: string;
  /** Whether a repository may have a name alone, without an owner. */
  readonly allowsNameAlone: boolean;
  /** Owners that stand for one another. */
  readonly ownerAliases: Readonly<Record<string, string>>;
  /** Environment variables of the hub's own client, those that count first in front. */
  readonly variables: {
    readonly endpoint: readonly string[];
    readonly token: readonly [string, ...string[]];
    readonly offline: readonly string[];
  };
  /** The headers that a token is sent in. */
  readonly credentials: (token: string) => Readonly<Record<string, string>>;
  /** The folder in which the hub's own client keeps downloads. */
  readonly cacheRoots: (env: NodeJS.ProcessEnv, home: string) => readonly string[];
  /** How the hub's own client calls its login, and the file that it leaves. */
  readonly login: {
    readonly command: string;
    readonly file: (env: NodeJS.ProcessEnv, home: string) => string;
  };
}

export const HUBS: Readonly<Record<HubName, HubDescription>> = {
  modelscope: {
    title: hubTitles.modelscope,
    prefixes: hubPrefixes.modelscope,
    // modelscope_hub/constants.py: DEFAULT_MODELSCOPE_DATA_ENDPOINT, DEFAULT_INTL_ENDPOINT: two sites, not two names of one.
    sites: { 'modelscope.cn': 'https://www.modelscope.cn', 'modelscope.ai': 'https://www.modelscope.ai' },
    hostAliases: {},
    defaultRevision: 'master',
    allowsNameAlone: false,
    ownerAliases: { damo: 'iic', iic: 'damo' },
    // modelscope_hub/config.py, HubConfig.__post_init__: MODELSCOPE_ENDPOINT before the older MODELSCOPE_DOMAIN.
    variables: {
      endpoint: ['MODELSCOPE_ENDPOINT', 'MODELSCOPE_DOMAIN'],
      token: ['MODELSCOPE_API_TOKEN'],
      offline: [],
    },
    // modelscope_hub/_legacy_api.py, _ensure_session_auth: older calls read the cookie, newer ones the header.
    credentials: (token) => ({ authorization: `Bearer ${token}`, cookie: `m_session_id=${token}` }),
    // modelscope_hub/_download.py, _repo_cache_dir_path and _find_legacy_repo_dir.
    cacheRoots: (env, home) => {
      const base = expanded(env.MODELSCOPE_CACHE, home) ?? join(home, '.cache', 'modelscope');
      return [base, join(base, 'hub')];
    },
    // modelscope_hub/config.py, save_token: the token is the cookie m_session_id of a pickled jar.
    login: {
      command: 'modelscope login',
      file: (env, home) =>
        join(expanded(env.MODELSCOPE_HOME, home) ?? join(home, '.modelscope'), 'credentials', 'cookies'),
    },
  },
  huggingface: {
    title: hubTitles.huggingface,
    prefixes: hubPrefixes.huggingface,
    sites: { 'huggingface.co': 'https://huggingface.co' },
    // huggingface_hub/constants.py, HF_URL_HOSTS.
    hostAliases: { 'hf.co': 'huggingface.co' },
    defaultRevision: 'main',
    allowsNameAlone: true,
    ownerAliases: {},
    variables: {
      endpoint: ['HF_ENDPOINT'],
      // huggingface_hub/utils/_auth.py, _get_token_from_environment.
      token: ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN'],
      // huggingface_hub/constants.py, HF_HUB_OFFLINE: the first that is not empty counts.
      offline: ['HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'],
    },
    credentials: (token) => ({ authorization: `Bearer ${token}` }),
    cacheRoots: (env, home) => [
      expandedVariables(env.HF_HUB_CACHE, env, home) ??
        expandedVariables(env.HUGGINGFACE_HUB_CACHE, env, home) ??
        join(huggingFaceHome(env, home), 'hub'),
    ],
    // huggingface_hub/constants.py, HF_TOKEN_PATH.
    login: {
      command: 'hf auth login',
      file: (env, home) => expandedVariables(env.HF_TOKEN_PATH, env, home) ?? join(huggingFaceHome(env, home), 'token'),
    },
  },
};

/** huggingface_hub/constants.py, HF_HOME: `~` and `$NAME` are written out in it. */
function huggingFaceHome(env: NodeJS.ProcessEnv, home: string): string {
  const cache = env.XDG_CACHE_HOME?.trim() || join(home, '.cache');
  return expandedVariables(env.HF_HOME, env, home) ?? join(cache, 'huggingface');
}

/** Equal to os.path.expandvars(os.path.expanduser(path)): a variable that is not set stays as written. */
function expandedVariables(path: string | undefined, env: NodeJS.ProcessEnv, home: string): string | undefined {
  return expanded(path, home)?.replace(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (whole, braced, plain) => env[braced ?? plain] ?? whole,
  );
}
