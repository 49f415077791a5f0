/** Measures a download: bytes, rate and time left. */

export interface TransferProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Over the last seconds; 0 until there is something to measure. */
  readonly bytesPerSecond: number;
  /** Null while the rate is not known. */
  readonly secondsLeft: number | null;
  readonly filesDone: number;
  readonly files: number;
}

const WINDOW_MS = 10_000;
const SHORTEST_MS = 500;

/** Sums the positions of several files. What was there before counts as done, but not for the rate. */
export class TransferMeter {
  private readonly positions: number[];
  private filesDone = 0;
  /** Bytes that came over the network, at the times they were looked at. */
  private received = 0;
  private samples: { readonly atMs: number; readonly received: number }[] = [];

  constructor(
    private readonly sizes: readonly number[],
    private readonly now: () => number = () => performance.now(),
  ) {
    this.positions = sizes.map(() => 0);
  }

  /** @param isReceived whether the bytes since the last call came over the network just now */
  moved(file: number, position: number, isReceived: boolean): void {
    if (isReceived) this.received += Math.max(0, position - this.positions[file]);
    this.positions[file] = position;
  }

  ended(file: number): void {
    this.positions[file] = this.sizes[file];
    this.filesDone++;
  }

  progress(): TransferProgress {
    const atMs = this.now();
    this.samples.push({ atMs, received: this.received });
    while (this.samples.length > 2 && this.samples[1].atMs <= atMs - WINDOW_MS) this.samples.shift();
    const [first] = this.samples;
    const elapsedMs = atMs - first.atMs;
    const bytesPerSecond = elapsedMs >= SHORTEST_MS ? (1000 * (this.received - first.received)) / elapsedMs : 0;
    const doneBytes = this.positions.reduce((sum, position) => sum + position, 0);
    const totalBytes = this.sizes.reduce((sum, size) => sum + size, 0);
    const secondsLeft = bytesPerSecond > 0 ? (totalBytes - doneBytes) / bytesPerSecond : null;
    return { doneBytes, totalBytes, bytesPerSecond, secondsLeft, filesDone: this.filesDone, files: this.sizes.length };
  }
}
