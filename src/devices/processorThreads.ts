import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/**
 * The number of threads of a training where nobody sets it: one for each physical core that this process may use. The run
 * keeps it, since the last digits of the runtime's sums depend on it.
 * @param cpus the kernel's folder of CPUs
 * @returns undefined where the system does not say (Windows): the runtime chooses, the same on the same machine
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

/** Identifies a core by the CPUs that share it. Empty for one that is switched off. */
function siblingsOf(processor: string): string[] {
  try {
    return [readFileSync(join(processor, 'topology/thread_siblings_list'), 'utf8').trim()];
  } catch {
    return [];
  }
}
