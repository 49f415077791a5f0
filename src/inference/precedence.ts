/** What a person waits for goes before whole files: between two batches of these, in one process. */

/** Examples that are answered while somebody looks: a hover asks for one, or for the sentences around it. */
export const SHORT_REQUEST = 256;

let short = 0;
let waiting: (() => void)[] = [];

/** Does the work before that of whoever gives way. */
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

/** Lets requests in that have arrived, and waits for those that have precedence. */
export async function giveWay(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  while (short > 0) await new Promise<void>((wake) => waiting.push(wake));
}
