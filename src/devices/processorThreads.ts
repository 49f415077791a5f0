import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/**
 * The threads that a training takes where nobody says how many: one for each physical core that this process may use. Told
 * to the runtime and kept with the run, since the last digits of its sums depend on their number.
 * @param cpus the kernel's folder of processors
 * @returns undefined where the system does not tell (Windows): the runtime's own choice, the same on the same machine
 */
export function processorThreads(
  platform: string = process.platform,
  cpus = '/sys/devices/system/cpu',
): number | undefined {
  // No Mac that the runtime is built for has two threads a core.
  if (platform === 'darwin') return availableParallelism();
  if (platform !== 'linux') return undefined;
  try {
    const processors = readdirSync(cpus).filter((name) => /^cpu\d+$/.test(name));
    const cores = processors.flatMap((name) => siblingsOf(join(cpus, name)));
    return Math.max(1, Math.min(new Set(cores).size || Infinity, availableParallelism()));
  } catch {
    return availableParallelism();
  }
}

/** What tells a core apart: the processors that share it. Empty for one that is switched off. */
function siblingsOf(processor: string): string[] {
  try {
    return [readFileSync(join(processor, 'topology/thread_siblings_list'), 'utf8').trim()];
  } catch {
    return [];
  }
}
