/** The graphics adapters that this machine tells of. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { platform } from 'node:os';

export interface Adapter {
  readonly name: string;
  readonly memoryBytes?: number;
  /** Its version, where a program tells it. */
  readonly driver?: string;
}

const vendors: Readonly<Record<string, string>> = {
  '0x10de': 'NVIDIA',
  '0x1002': 'AMD',
  '0x8086': 'Intel',
  '0x1414': 'Microsoft',
};

/** From the kernel's files on Linux; other systems do not tell without their own programs ({@link askedAdapters}). */
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

/** Of the GPU with the most memory, which is the one that WebGPU takes; undefined where nobody tells. */
export async function cardMemory(): Promise<number | undefined> {
  const bytes = (await askedAdapters()).map(({ memoryBytes = 0 }) => memoryBytes);
  return Math.max(0, ...bytes) || undefined;
}

/** The driver's version, where there is one. */
export const nvidiaDriver = (): string => textOf('/proc/driver/nvidia/version').split('\n')[0];

/** For programs of the system: one that hangs shall not hold up a check. */
const askMs = 15_000;

/**
 * As {@link adapters}, with what the system's and the drivers' own programs tell besides: names on Windows and macOS, the
 * memory of NVIDIA's cards. They take seconds: asked when a person has the machine checked, never at a start.
 */
export async function askedAdapters(
  system: string = platform(),
  ask: (program: string, args: readonly string[]) => Promise<string> = answerOf,
): Promise<Adapter[]> {
  const nvidia = nvidiaAdapters(await ask('nvidia-smi', ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'])); // prettier-ignore
  const told =
    system === 'win32'
      ? windowsAdapters(await ask('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', WINDOWS_QUESTION]))
      : system === 'darwin'
        ? macAdapters(await ask('system_profiler', ['SPDisplaysDataType', '-json']))
        : adapters();
  // Of one card two programs may tell: the driver's knows the memory.
  const others = nvidia.length > 0 ? told.filter(({ name }) => !/nvidia/i.test(name)) : told;
  return [...nvidia, ...others];
}

const WINDOWS_QUESTION =
  '[Console]::OutputEncoding = [Text.Encoding]::UTF8; Get-CimInstance Win32_VideoController | Select-Object Name, AdapterRAM, DriverVersion | ConvertTo-Json -Compress'; // prettier-ignore

/** `NVIDIA H100 80GB HBM3, 81559 MiB, 580.95.05`, a line a GPU. */
export function nvidiaAdapters(output: string): Adapter[] {
  return output.split(/\r?\n/).flatMap((line): Adapter[] => {
    const match = /^\s*([^,]+),\s*(?:(\d+) MiB|\[N\/A\])\s*,\s*(\d+\.[\d.]+)\s*$/.exec(line);
    if (!match) return [];
    const name = match[1].startsWith('NVIDIA') ? match[1].trim() : `NVIDIA ${match[1].trim()}`;
    const memoryBytes = Number(match[2] ?? 0) * 2 ** 20;
    return [{ name, ...(memoryBytes > 0 && { memoryBytes }), driver: match[3] }];
  });
}

/** Windows' AdapterRAM has 32 bits: from 4 GB on it says less than there is, so that such an answer is left out. */
export function windowsAdapters(output: string): Adapter[] {
  return recordsOf(output).flatMap(({ Name, AdapterRAM, DriverVersion }): Adapter[] => {
    if (typeof Name !== 'string' || Name.trim() === '') return [];
    const memoryBytes = typeof AdapterRAM === 'number' && AdapterRAM > 0 && AdapterRAM < 4293918720 ? AdapterRAM : 0;
    const driver = typeof DriverVersion === 'string' && DriverVersion !== '' ? DriverVersion : undefined;
    return [{ name: Name.trim(), ...(memoryBytes > 0 && { memoryBytes }), ...(driver !== undefined && { driver }) }];
  });
}

/** The memory of Apple's own chips is the machine's, and not told. */
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

/** A program's JSON: one object or a list; nothing when it is none. */
function recordsOf(output: string): Record<string, unknown>[] {
  try {
    const parsed: unknown = JSON.parse(output.replace(/^\uFEFF/, ''));
    return (Array.isArray(parsed) ? parsed : [parsed]).filter((one) => typeof one === 'object' && one !== null);
  } catch {
    return [];
  }
}

/** What a program prints; nothing where there is no such program, it fails or takes too long. */
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
