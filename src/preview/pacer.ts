import { MedTextError } from '../base/errors';

/** Long enough for rows to be worth the pause, short enough that nobody who waits for a row notices. */
const STRETCH_MS = 12;

let awaited = 0;

/** Work that a person waits for: whatever rests meanwhile goes on when it is done. */
export async function atOnce<T>(work: Promise<T>): Promise<T> {
  awaited++;
  try {
    return await work;
  } finally {
    awaited--;
  }
}

/** Lets long work give way to requests: `if (pacer.isDue) await pacer.rest()`. */
export class Pacer {
  private since = performance.now();

  constructor(private readonly signal?: AbortSignal) {}

  get isDue(): boolean {
    return performance.now() - this.since > STRETCH_MS;
  }

  /** Errors: `CANCELLED`. */
  async rest(): Promise<void> {
    do {
      await new Promise((resolve) => setImmediate(resolve));
      throwIfAborted(this.signal);
    } while (awaited > 0);
    this.since = performance.now();
  }
}

/** Errors: `CANCELLED`. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new MedTextError('CANCELLED', 'Cancelled.');
}
