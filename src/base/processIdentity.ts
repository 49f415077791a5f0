/** Which process it was: numbers of processes are given again, and in a container every first one has the number 1. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  readonly pid: number;
  /** When it began: on Linux the boot and the clock ticks since then, elsewhere milliseconds since 1970. */
  readonly start: string;
  /** The machine; on Linux with the namespace that the number is of, which each container has its own of. */
  readonly host: string;
}

/** Starts that are this near are one: systems but Linux tell whole seconds. */
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

/**
 * Whether that process is still at work; undefined where it is another machine's or container's, which this one cannot
 * see into. What is not known of it (an earlier version wrote a number only) is no reason to call it dead.
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
    // Ended, and waiting for a parent that does not ask.
    if (/^[ZX]/.test(afterName(stat))) return false;
  } catch (error) {
    // Ended since it was asked, or hidden from other users.
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

/** proc_pid_stat(5): field 22, `starttime`; a boot's ticks begin anew. */
function linuxStart(pid: number | 'self'): string | undefined {
  try {
    const ticks = afterName(readFileSync(`/proc/${pid}/stat`, 'utf8')).split(' ')[19];
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${ticks}`;
  } catch {
    return undefined;
  }
}

/** From field 3 on: the name before may hold anything, brackets and spaces too. */
const afterName = (stat: string): string => stat.slice(stat.lastIndexOf(')') + 2);

/** Milliseconds since 1970; NaN where the system does not say. */
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
