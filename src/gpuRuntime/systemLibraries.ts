/** Which libraries the system's own loader finds. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';

const askMs = 10_000;

/** Names and paths of x86-64 libraries in the list of `ldconfig -p`. */
export function parseLoaderCache(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name, kind, path] of text.matchAll(/^\s*(\S+) \(([^)]*)\) => (\S.*?)\s*$/gm)) {
    if (/x86-64/.test(kind) && !found.has(name)) found.set(name, path);
  }
  return found;
}

export async function systemLibraries(): Promise<Map<string, string>> {
  // A person's PATH often lacks the folder with administrators' programs.
  const program = ['/sbin/ldconfig', '/usr/sbin/ldconfig'].find((path) => existsSync(path)) ?? 'ldconfig';
  const text = await new Promise<string>((resolve) => {
    execFile(program, ['-p'], { timeout: askMs, maxBuffer: 1 << 26, env: { ...process.env, LC_ALL: 'C' } }, (_, out) => resolve(out ?? '')); // prettier-ignore
  });
  return parseLoaderCache(text);
}
