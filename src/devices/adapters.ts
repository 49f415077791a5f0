/** The graphics adapters that this machine reports. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { platform } from 'node:os';

export interface Adapter {
  readonly name: string;
  readonly memoryBytes?: number;
  /** The driver's version, where a program reports it. */
  readonly driver?: string;
}

const vendors: Readonly<Record<string, string>> = {
  '0x10de': 'NVIDIA',
  '0x1002': 'AMD',
  '0x8086': 'Intel',
  '0x1414': 'Microsoft',
};

/** Read from the kernel's files on Linux. Other systems report adapters only through programs ({@link askedAdapters}). */
export function adapters(): Adapter[] {
  if (platform() !== 'linux') return [];
  const nvidia = foldersOf('/proc/driver/nvidia/gpus').flatMap((gpu) => {
    const name = /^Model:\s*(.+)$/m.exec(textOf(`/proc/driver/nvidia/gpus/${gpu}/information`))?.[1];
    return name ? [{ name: name.startsWith('NVIDIA') ? name : `NVIDIA ${name}` }] : [];
  });
  const others = foldersOf('/sys/class/drm')
    .filter((name) => /^card\d+$/.test(name))
    .flatMap((card): Adapter[] => {
      const folder = `/sys/class/drm/${card}/device`;
      const vendor = textOf(`${folder}/vendor`);
      if (vendor === '' || (vendor === '0x10de' && nvidia.length > 0)) return [];
      const memoryBytes = Number(textOf(`${folder}/mem_info_vram_total`));
      const name = `${vendors[vendor] ?? `vendor ${vendor}`} ${textOf(`${folder}/device`)}`;
      return [{ name, ...(memoryBytes > 0 && { memoryBytes }) }];
    });
  return [...nvidia, ...others];
}

/** The bytes of the GPU with the most memory, which WebGPU takes; undefined where no size is reported. */
export async function cardMemory(): Promise<number | undefined> {
  const bytes = (await askedAdapters()).map(({ memoryBytes = 0 }) => memoryBytes);
  return Math.max(0, ...bytes) || undefined;
}

/** The driver's version, where there is a driver. */
export const nvidiaDriver = (): string => textOf('/proc/driver/nvidia/version').split('\n')[0];

/** The time limit for programs of the system, so that a program that hangs does not stop the check. */
const askMs = 15_000;

/**
 * {@link adapters} and what the system's and the drivers' own programs report: names on Windows and macOS, the memory of
 * NVIDIA's GPUs. These programs take seconds, so they run when a person asks for a check, never at a start.
 */
export async function askedAdapters(
  system: string = platform(),
  ask: (program: string, args: readonly string[]) => Promise<string> = answerOf,
): Promise<Adapter[]> {
  const nvidia = nvidiaAdapters(await ask('nvidia-smi', ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'])); // prettier-ignore
  const reported =
    system === 'win32'
      ? windowsAdapters(await ask('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', WINDOWS_QUESTION]))
      : system === 'darwin'
        ? macAdapters(await ask('system_profiler', ['SPDisplaysDataType', '-json']))
        : adapters();
  // Two programs may report one GPU; the driver's program knows its memory.
  const others = nvidia.length > 0 ? reported.filter(({ name }) => !/nvidia/i.test(name)) : reported;
  return [...nvidia, ...others];
}

const WINDOWS_QUESTION =
  '[Console]::OutputEncoding = [Text.Encoding]::UTF8; Get-CimInstance Win32_VideoController | Select-Object Name, AdapterRAM, DriverVersion | ConvertTo-Json -Compress'; // prettier-ignore

/** Reads lines such as `NVIDIA H100 80GB HBM3, 81559 MiB, 580.95.05`, one a GPU. */
export function nvidiaAdapters(output: string): Adapter[] {
  return output.split(/\r?\n/).flatMap((line): Adapter[] => {
    const match = /^\s*([^,]+),\s*(?:(\d+) MiB|\[N\/A\])\s*,\s*(\d+\.[\d.]+)\s*$/.exec(line);
    if (!match) return [];
    const name = match[1].startsWith('NVIDIA') ? match[1].trim() : `NVIDIA ${match[1].trim()}`;
    const memoryBytes = Number(match[2] ?? 0) * 2 ** 20;
    return [{ name, ...(memoryBytes > 0 && { memoryBytes }), driver: match[3] }];
  });
}

/** Windows' AdapterRAM has 32 bits: from 4 GB on it is too small, so such a value is left out. */
export function windowsAdapters(output: string): Adapter[] {
  return recordsOf(output).flatMap(({ Name, AdapterRAM, DriverVersion }): Adapter[] => {
    if (typeof Name !== 'string' || Name.trim() === '') return [];
    const memoryBytes = typeof AdapterRAM === 'number' && AdapterRAM > 0 && AdapterRAM < 4293918720 ? AdapterRAM : 0;
    const driver = typeof DriverVersion === 'string' && DriverVersion !== '' ? DriverVersion : undefined;
    return [{ name: Name.trim(), ...(memoryBytes > 0 && { memoryBytes }), ...(driver !== undefined && { driver }) }];
  });
}

/** Apple's own GPUs share the machine's memory, so no size is reported. */
export function macAdapters(output: string): Adapter[] {
  const [answer] = recordsOf(output);
  const displays: unknown = answer?.SPDisplaysDataType;
  return (Array.isArray(displays) ? displays : []).flatMap((display: Record<string, unknown> | null): Adapter[] => {
    const name = display?.sppci_model ?? display?._name;
    if (typeof name !== 'string' || name.trim() === '') return [];
    const memory = /^(\d+(?:\.\d+)?) ?(MB|GB)$/.exec(
      String(display!.spdisplays_vram ?? display!._spdisplays_vram ?? ''),
    );
    const memoryBytes = memory ? Number(memory[1]) * (memory[2] === 'GB' ? 2 ** 30 : 2 ** 20) : 0;
    return [{ name: name.trim(), ...(memoryBytes > 0 && { memoryBytes }) }];
  });
}

/** A program's JSON output: one object or a list; an empty list when it is not JSON. */
function recordsOf(output: string): Record<string, unknown>[] {
  try {
    const parsed: unknown = JSON.parse(output.replace(/^\uFEFF/, ''));
    return (Array.isArray(parsed) ? parsed : [parsed]).filter((one) => typeof one === 'object' && one !== null);
  } catch {
    return [];
  }
}

/** A program's output; empty where the program is missing, fails or takes too long. */
function answerOf(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const options = { timeout: askMs, windowsHide: true, maxBuffer: 1 << 22, killSignal: 'SIGKILL' } as const;
    execFile(program, [...args], options, (error, out) => resolve(error ? '' : out));
  });
}

function foldersOf(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
