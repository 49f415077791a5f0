/** Identifies a process. Its number is not enough: numbers are used again, and every container has a process 1. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  readonly pid: number;
  /** The start of the process: on Linux the boot and the clock ticks since then, elsewhere milliseconds since 1970. */
  readonly start: string;
  /** The machine; on Linux with the PID namespace, of which each container has its own. */
  readonly host: string;
}

/** Starts within this many milliseconds count as equal: systems other than Linux give whole seconds. */
const TOLERANCE_MS = 5000;

let own: ProcessIdentity | undefined;

export function thisProcess(): ProcessIdentity {
  own ??= {
    pid: process.pid,
    start: process.platform === 'linux' ? (linuxStart('self') ?? '') : String(Math.round(performance.timeOrigin)),
    host: hostName(),
  };
  return own;
}

/** The process that started this one: of an editor's trainer its window. */
export const parentProcess = (): Pick<ProcessIdentity, 'pid'> & Partial<ProcessIdentity> => ({
  pid: process.ppid,
  // Elsewhere it costs a process of its own to ask.
  ...(process.platform === 'linux' && { start: linuxStart(process.ppid) ?? '' }),
});

/**
 * Whether the process still runs; undefined for a process of another machine or container, which cannot be seen from here.
 * A part of the identity that is missing (an earlier version wrote a number only) is no reason to call the process dead.
 */
export function isProcessAlive({
  pid,
  start,
  host,
}: Pick<ProcessIdentity, 'pid'> & Partial<ProcessIdentity>): boolean | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  if (host !== undefined && host !== thisProcess().host) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return process.platform === 'linux' ? isSameOnLinux(pid, start) : isSameByTime(pid, start);
}

function isSameOnLinux(pid: number, start: string | undefined): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The process has ended, and its parent has not collected it.
    if (/^[ZX]/.test(afterName(stat))) return false;
  } catch (error) {
    // The process has ended since the last look, or is hidden from other users.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
  }
  const now = linuxStart(pid);
  return !start || now === undefined || now === start;
}

function isSameByTime(pid: number, start: string | undefined): boolean {
  const began = Number(start || NaN);
  const now = Number.isFinite(began) ? startOf(pid) : NaN;
  return !Number.isFinite(now) || Math.abs(now - began) <= TOLERANCE_MS;
}

/** Reads field 22, `starttime`, of proc_pid_stat(5). Clock ticks begin anew at a boot. */
function linuxStart(pid: number | 'self'): string | undefined {
  try {
    const ticks = afterName(readFileSync(`/proc/${pid}/stat`, 'utf8')).split(' ')[19];
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${ticks}`;
  } catch {
    return undefined;
  }
}

/** The fields from the third on. The name in the second may contain anything, brackets and spaces too. */
const afterName = (stat: string): string => stat.slice(stat.lastIndexOf(')') + 2);

/** The start in milliseconds since 1970; NaN where the system does not say. */
function startOf(pid: number): number {
  const run = (program: string, ...parameters: string[]): string =>
    execFileSync(program, parameters, {
      encoding: 'utf8',
      timeout: 10_000,
      windowsHide: true,
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    if (process.platform !== 'win32') return Date.parse(`${run('ps', '-o', 'lstart=', '-p', String(pid))} UTC`);
    const ticks = `[DateTimeOffset]::new((Get-Process -Id ${pid}).StartTime).ToUnixTimeMilliseconds()`;
    return Number(run('powershell.exe', '-NoProfile', '-NonInteractive', '-Command', ticks) || NaN);
  } catch {
    return NaN;
  }
}

function hostName(): string {
  if (process.platform !== 'linux') return hostname();
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}
