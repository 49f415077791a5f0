/** Which libraries the system's own loader finds. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';

const askMs = 10_000;

/** Names and places of x86-64 libraries in `ldconfig -p`'s list. */
export function parseLoaderCache(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name, kind, path] of text.matchAll(/^\s*(\S+) \(([^)]*)\) => (\S.*?)\s*$/gm)) {
    if (/x86-64/.test(kind) && !found.has(name)) found.set(name, path);
  }
  return found;
}

export async function systemLibraries(): Promise<Map<string, string>> {
  // In a person's PATH the folder for administrators' programs is often missing.
  const program = ['/sbin/ldconfig', '/usr/sbin/ldconfig'].find((path) => existsSync(path)) ?? 'ldconfig';
  const text = await new Promise<string>((resolve) => {
    execFile(program, ['-p'], { timeout: askMs, maxBuffer: 1 << 26, env: { ...process.env, LC_ALL: 'C' } }, (_, out) => resolve(out ?? '')); // prettier-ignore
  });
  return parseLoaderCache(text);
}
