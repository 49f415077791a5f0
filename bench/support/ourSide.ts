/** What a measured process of ours needs: the clock of a step, its own peak memory, and turns on stdin. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

export interface Measured {
  /** The middle of the measured steps. */
  readonly secondsPerStep: number;
  /** Processor time used, of what the threads could have used; well below 1 tells of a disturbed run. */
  readonly cpuShare: number;
  readonly peakRssBytes: number;
}

/**
 * The process's side of a benchmark: says that it is warm, runs `step` for every line on stdin, answers with the
 * seconds it took, and at the end of stdin prints the report. reference/common.py does the same.
 * @param step may give the seconds of what is measured, where that is not all it does
 */
export async function serveTurns(
  threads: number,
  step: (index: number) => Promise<number | void>,
  report: () => object = () => ({}),
): Promise<void> {
  const seconds: number[] = [];
  let cpuSeconds = 0;
  say({ ready: true });
  for await (const _ of createInterface({ input: process.stdin })) {
    const cpu = process.cpuUsage();
    const started = performance.now();
    const own = await step(seconds.length);
    seconds.push(own ?? (performance.now() - started) / 1000);
    const used = process.cpuUsage(cpu);
    cpuSeconds += (used.user + used.system) / 1e6;
    say({ seconds: seconds.at(-1) });
  }
  const total = seconds.reduce((sum, s) => sum + s, 0);
  const measured: Measured = {
    secondsPerStep: median(seconds),
    cpuShare: cpuSeconds / (total * threads),
    peakRssBytes: peakRssBytes(),
  };
  say({ ...measured, ...report() });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The most memory this process has held (VmHWM); where there is no /proc, the system's own figure. */
function peakRssBytes(): number {
  try {
    return Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
