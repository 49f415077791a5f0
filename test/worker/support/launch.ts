import { join } from 'node:path';
import { logTo } from '../../../src/base/log';
import { chooseRuntime } from '../../../src/worker/runtime';
import type { WorkerLaunch } from '../../../src/worker/workerProcess';

/** Forks a TypeScript file of this folder, as the extension forks a bundle. */
export function launchOf(file: string, lines: string[] = [], env: Record<string, string> = {}): WorkerLaunch {
  return {
    entry: join(__dirname, file),
    runtime: chooseRuntime(''),
    execArgv: ['--require', 'tsx/cjs'],
    env,
    log: logTo((level, message) => lines.push(`${level} ${message}`)),
  };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 15_000,
): Promise<void> {
  for (const end = Date.now() + timeoutMs; Date.now() < end;) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`timed out: ${what}`);
}
