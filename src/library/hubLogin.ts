/**
 * Finds tokens that the hubs' own clients have left on this machine. They belong to the person and that client, so they are
 * offered with their place, and read only when the person agrees.
 */
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { hubNames, type HubName } from '../base/hubNames';
import { HUBS } from '../hub/hubs';
import { ByteCursor } from '../models/checkpoint/byteCursor';
import { PickleFunction, unpickle, type PickleValue } from '../models/checkpoint/pickle';

export interface HubLogin {
  readonly hub: HubName;
  /** Written by `hf auth login`. */
  readonly command: string;
  readonly file: string;
}

interface Places {
  readonly env: NodeJS.ProcessEnv;
  readonly home?: string;
}

const MAX_BYTES = 1 << 20;

/** The logins on this machine, without reading them. */
export async function hubLogins({ env, home = homedir() }: Places): Promise<HubLogin[]> {
  const logins = hubNames.map((hub) => ({ hub, command: HUBS[hub].login.command, file: HUBS[hub].login.file(env, home) })); // prettier-ignore
  const there = await Promise.all(logins.map(({ file }) => stat(file).catch(() => undefined)));
  return logins.filter((_, i) => there[i]?.isFile() && there[i].size <= MAX_BYTES);
}

/** The token; undefined where there is none, it has expired, or the file is not that client's. */
export async function loginToken({ hub, file }: HubLogin, now = Date.now()): Promise<string | undefined> {
  const bytes = await readFile(file).catch(() => undefined);
  if (!bytes) return undefined;
  try {
    return hub === 'modelscope' ? sessionCookie(bytes, file, now) : bytes.toString('utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

/** A Python object of a foreign class: its stored fields are kept, its code is not run. */
class PlainObject {
  state: PickleValue = null;
}

/** The classes of requests' cookie jar, as modelscope-hub 0.5.1 pickles it (config.py, save_token and load_token). */
const JAR = ['requests.cookies.RequestsCookieJar', 'http.cookiejar.DefaultCookiePolicy', 'http.cookiejar.Cookie'];

function sessionCookie(bytes: Uint8Array, file: string, now: number): string | undefined {
  const host = {
    globals: new Map(JAR.map((name) => [name, new PickleFunction(name, () => new PlainObject())] as const)),
    persistentLoad: () => null,
    setState(object: PickleValue, state: PickleValue): boolean {
      if (!(object instanceof PlainObject)) return false;
      object.state = state;
      return true;
    },
  };
  const jar = unpickle(ByteCursor.over(bytes, file), host, file);
  // The nesting is domain → path → name → cookie.
  const inside = (value: PickleValue): PickleValue[] => (value instanceof Map ? [...value.values()] : []);
  const cookies = inside(field(jar, '_cookies')).flatMap(inside).flatMap(inside);
  const session = cookies.find((cookie) => field(cookie, 'name') === 'm_session_id');
  const [value, expires] = [field(session, 'value'), field(session, 'expires')];
  const isOver = typeof expires === 'number' && expires * 1000 <= now;
  return typeof value === 'string' && !isOver ? value : undefined;
}

function field(object: PickleValue | undefined, name: string): PickleValue {
  return object instanceof PlainObject && object.state instanceof Map ? (object.state.get(name) ?? null) : null;
}
