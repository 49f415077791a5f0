/**
 * Interactive requests go before work on whole files. Work on a file gives way between two of its batches, within one
 * process.
 */

/**
 * The largest number of examples in an interactive request. A hover asks for one example, or for the sentences around
 * it.
 */
export const SHORT_REQUEST = 256;

let short = 0;
let waiting: (() => void)[] = [];

/** Runs the work before the work of callers of {@link giveWay}. */
export async function withPrecedence<T>(work: () => Promise<T>): Promise<T> {
  short++;
  try {
    return await work();
  } finally {
    if (--short === 0) {
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake();
    }
  }
}

/** Lets waiting requests start, and waits for those that have precedence. */
export async function giveWay(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  while (short > 0) await new Promise<void>((wake) => waiting.push(wake));
}
