/**
 * Training runs in a second process whose C library hands out memory in huge pages (src/base/hugePages.ts): a step took
 * 1.3 to 2 times less. glibc reads the setting once, when a process starts, and so the loader does with the place of the
 * CUDA libraries (src/base/gpuRuntime.ts), for every command that runs a model: hence a process of its own. It shares
 * this one's terminal, and this one does nothing but pass on what happens.
 */
import { spawn } from 'node:child_process';
import { gpuRuntimeVariables } from '../base/gpuRuntime';
import { hugePages, memoryTunables } from '../base/hugePages';
import type { ExitCode } from './commandLine';

/** A person who sets it gets one process. */
const OFF = 'MEDTEXT_NO_RESPAWN';
/** Set in the second process. */
const MARK = 'MEDTEXT_RESPAWNED';

/** What a command's second process is started with, beside what this one was; empty: none is needed. */
export function respawnVariables(
  kind: 'training' | 'scoring',
  env: NodeJS.ProcessEnv = process.env,
  platform: string = process.platform,
): Record<string, string> {
  if (platform !== 'linux' || env[OFF] === '1') return {};
  const memory = kind === 'training' && !env[memoryTunables] ? hugePages(platform) : {};
  return { ...memory, ...gpuRuntimeVariables(env) };
}

/**
 * Runs this very command again, with these variables, and gives its exit code. The first interruption asks it to stop,
 * the second kills it.
 */
export function respawn(variables: Readonly<Record<string, string>>): Promise<ExitCode> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...variables, [MARK]: '1' },
  });
  let interruptions = 0;
  // A terminal sends Ctrl-C to both processes, `kill` to one: the child obeys this message alone, so it counts right.
  const onSignal = (): void => {
    if (++interruptions > 1) child.kill('SIGKILL');
    else if (child.connected) child.send('stop', () => undefined);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      for (const signal of signals) process.off(signal, onSignal);
      settle();
    };
    child.once('error', (error) => end(() => reject(error)));
    child.once('exit', (code) => end(() => resolve((code ?? (interruptions > 0 ? 130 : 1)) as ExitCode)));
  });
}

/**
 * In the second process: `stop` is called when the first one is interrupted. When the first one is gone, nobody is left
 * to be told how it ends, and the process ends; a run goes on from its last checkpoint.
 * @returns whether this is the second process: a Ctrl-C is then the first one's business
 */
export function obeyParent(stop: () => void): boolean {
  if (!process.send || process.env[MARK] !== '1') return false;
  process.on('message', (message) => {
    if (message === 'stop') stop();
  });
  process.on('disconnect', () => process.exit(130));
  process.channel?.unref();
  return true;
}
