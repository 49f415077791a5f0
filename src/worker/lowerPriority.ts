import { constants, setPriority } from 'node:os';

/**
 * For a process that wants every core for hours: it has the machine when nobody else wants it. Linux sets the priority of
 * the calling thread alone, and threads that it makes inherit it; macOS and Windows set that of the process.
 */
export function lowerPriority(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Some containers forbid it: the process runs as everything else does.
  }
}
