/** Settings of the C library's allocator. glibc reads them once, when a process starts. */
export const memoryTunables = 'GLIBC_TUNABLES';

/**
 * The environment of a process that trains, on platforms where it has an effect; empty elsewhere. The runtime's own
 * arena is off (src/inference/session.ts), so that every buffer of a step is a malloc. With pages of 4 KB the kernel
 * spends much of a step providing and clearing pages.
 */
export function hugePages(platform: string = process.platform): Record<string, string> {
  // Huge pages, and freed memory is kept for the next step: to return it to the system and take it back cost
  // 0.9 s of kernel time a step of BERT-base. All threads share one heap, since each further heap keeps unused memory.
  const settings = ['hugetlb=1', 'arena_max=1', 'mmap_max=0', 'trim_threshold=17179869184'];
  const tunables = settings.map((setting) => `glibc.malloc.${setting}`).join(':');
  return platform === 'linux' ? { [memoryTunables]: tunables } : {};
}
