/**
 * Strangers' files are read in processes that can be killed, within a budget of time and memory. The readers say here when
 * they are at work on which file; a thread beside them (`watchThread.ts`) adds up what that takes and ends the process when
 * it is more than the budget: neither a regular expression nor a native call nor the collector of garbage can be
 * interrupted otherwise. Where no thread runs (tests, the extension host), nothing is watched.
 */

/** The budget of a file up to 10 MB, and what each further byte adds. */
interface Budget {
  readonly seconds: number;
  readonly secondsPerMegabyte: number;
  readonly megabytes: number;
  /** Bytes of memory for each byte of the file. */
  readonly bytesPerByte: number;
}

/**
 * THE TABLE. Real files take a small part of it: a checkpoint of 400 MB is read in seconds in its own size of memory, a
 * corpus of 1 GB in one to two minutes. The rest is for slow disks and busy machines.
 */
const FILE_BUDGETS = {
  /** Configurations, vocabularies, recipes, lists of labels. */
  text: { seconds: 20, secondsPerMegabyte: 1, megabytes: 1500, bytesPerByte: 20 },
  weights: { seconds: 20, secondsPerMegabyte: 0.5, megabytes: 1500, bytesPerByte: 4 },
  /** ONNX models, which are read, transformed and prepared as a whole. */
  graph: { seconds: 20, secondsPerMegabyte: 1, megabytes: 1500, bytesPerByte: 10 },
  data: { seconds: 20, secondsPerMegabyte: 1, megabytes: 1500, bytesPerByte: 6 },
  /** A tokenizer at work; the size is that of the texts. */
  tokens: { seconds: 20, secondsPerMegabyte: 30, megabytes: 1500, bytesPerByte: 100 },
} as const satisfies Record<string, Budget>;

export type FileKind = keyof typeof FILE_BUDGETS;

export interface FileBudget {
  readonly seconds: number;
  readonly megabytes: number;
}

const SMALL_BYTES = 10e6;

/** Multiplies all budgets, for a very slow disk. */
export const budgetVariable = 'MEDTEXT_READ_BUDGET';

/** The time and memory that reading a file of this kind and size may take. */
function budgetOf(kind: FileKind, sizeBytes: number, factor = 1): FileBudget {
  const { seconds, secondsPerMegabyte, megabytes, bytesPerByte } = FILE_BUDGETS[kind];
  const more = Math.max(0, sizeBytes - SMALL_BYTES) / 1e6;
  return {
    seconds: Math.ceil(factor * (seconds + secondsPerMegabyte * more)),
    megabytes: Math.ceil(factor * (megabytes + bytesPerByte * more)),
  };
}

/** How many files are watched at once; a further one is not watched. */
export const SLOTS = 64;
/** A slot's bytes: active (int32), length of the name (int32), then float64: used ms, ms, grown bytes, bytes. */
export const SLOT_BYTES = 2048;
const NAME_AT = 64;
const NAME_BYTES = SLOT_BYTES - NAME_AT;

/** The memory that readers and the thread share. */
export const slots = new SharedArrayBuffer(SLOTS * SLOT_BYTES);
const HEADS = Array.from({ length: SLOTS }, (_, slot) => new Int32Array(slots, slot * SLOT_BYTES, 2));
const NUMBERS = Array.from({ length: SLOTS }, (_, slot) => new Float64Array(slots, slot * SLOT_BYTES + 8, 4));
const owners: (FileWatch | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
let factor = 1;

/** The watched process calls this before it reads. */
export function scaleBudgets(text: string | undefined): void {
  const value = Number(text);
  factor = text !== undefined && value > 0 && Number.isFinite(value) ? value : 1;
}

/** The time and memory that one file takes, over all the calls that read it. */
export class FileWatch {
  private slot: number | undefined;
  private depth = 0;
  private usedMs = 0;
  private grownBytes = 0;

  constructor(
    private readonly kind: FileKind,
    private readonly path: string,
    private readonly sizeBytes: number,
    /** Whether each call has a budget of its own, for work that is done again and again. */
    private readonly isPerCall = false,
  ) {}

  /** Does a piece of the work on the file, now or until the promise is settled. */
  during<T>(work: () => T): T {
    this.enter();
    let result: T;
    try {
      result = work();
    } catch (error) {
      this.leave();
      throw error;
    }
    if (result instanceof Promise) return result.finally(() => this.leave()) as T;
    this.leave();
    return result;
  }

  /** Gives the same items. The reader's time between two items counts as work on the file; the caller's time does not. */
  async *iterate<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    const iterator = items[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.during(() => iterator.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }

  private enter(): void {
    if (this.depth++ > 0) return;
    if (this.slot === undefined || owners[this.slot] !== this) this.slot = this.takeSlot();
    if (this.slot === undefined) return;
    if (this.isPerCall) {
      NUMBERS[this.slot][0] = 0;
      NUMBERS[this.slot][2] = 0;
    }
    Atomics.store(HEADS[this.slot], 0, 1);
  }

  private leave(): void {
    if (--this.depth > 0 || this.slot === undefined) return;
    Atomics.store(HEADS[this.slot], 0, 0);
  }

  private takeSlot(): number | undefined {
    const free = owners.findIndex((owner) => owner === undefined || owner.depth === 0);
    if (free < 0) return undefined;
    owners[free]?.evicted();
    owners[free] = this;
    const head = HEADS[free];
    const numbers = NUMBERS[free];
    const { written } = new TextEncoder().encodeInto(this.path, new Uint8Array(slots, free * SLOT_BYTES + NAME_AT, NAME_BYTES)); // prettier-ignore
    head[1] = written;
    const { seconds, megabytes } = budgetOf(this.kind, this.sizeBytes, factor);
    numbers.set([this.usedMs, seconds * 1000, this.grownBytes, megabytes * 1e6]);
    return free;
  }

  /** Another file takes the slot; the time and memory of the first still count. */
  private evicted(): void {
    [this.usedMs, , this.grownBytes] = NUMBERS[this.slot!];
    this.slot = undefined;
  }
}
