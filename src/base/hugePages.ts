/** The C library's settings for memory; glibc reads them once, when a process starts. */
export const memoryTunables = 'GLIBC_TUNABLES';

/**
 * The environment that a process which trains is started with, where it has an effect; empty elsewhere. The runtime's
 * own arena is off (src/inference/session.ts), so that every buffer of a step is a malloc: in pages of 4 KB the kernel
 * spends much of a step handing them out and clearing them.
 */
export function hugePages(platform: string = process.platform): Record<string, string> {
  // Huge pages, and memory that a step frees is kept for the next one: returned to the system and taken back, it
  // cost 0.9 s of kernel time a step of BERT-base. In one heap for all threads: each of several keeps its own holes.
  const settings = ['hugetlb=1', 'arena_max=1', 'mmap_max=0', 'trim_threshold=17179869184'];
  const tunables = settings.map((setting) => `glibc.malloc.${setting}`).join(':');
  return platform === 'linux' ? { [memoryTunables]: tunables } : {};
}
