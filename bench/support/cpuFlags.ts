import { readFileSync } from 'node:fs';

/** What a CPU computes in one instruction, as far as figures depend on it, by Linux' names; none elsewhere. */
const NAMES = ['avx2', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_bf16', 'amx_int8'];

export function cpuFlags(): readonly string[] {
  try {
    const found = new Set(/^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1].trim().split(' '));
    return NAMES.filter((name) => found.has(name));
  } catch {
    return [];
  }
}
