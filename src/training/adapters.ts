/** The graphics adapters that this machine tells of. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { platform } from 'node:os';

export interface Adapter {
  readonly name: string;
  readonly memoryBytes?: number;
}

const vendors: Readonly<Record<string, string>> = {
  '0x10de': 'NVIDIA',
  '0x1002': 'AMD',
  '0x8086': 'Intel',
  '0x1414': 'Microsoft',
};

/** From the kernel's files on Linux; other systems do not tell without their own programs. */
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

/** The driver's version, where there is one. */
export const nvidiaDriver = (): string => textOf('/proc/driver/nvidia/version').split('\n')[0];

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
