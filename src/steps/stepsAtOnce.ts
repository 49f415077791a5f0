/** How many steps a run takes: a run cannot be interrupted, so it lasts about as long as a person waits for Stop. */

/** What progress and Stop wait for. */
const TARGET_MS = 2000;

interface Run {
  readonly steps: number;
  readonly milliseconds: number;
}

/**
 * A run costs its steps, and something besides them: parameters and moments come and go. Runs of different counts tell
 * them apart; where what is besides the steps takes most of the target, the steps are given as much time again.
 */
export class StepsAtOnce {
  private wanted = 1;
  /** The latest run of the fewest steps. */
  private fewest: Run | undefined;
  private stepMs: number | undefined;
  private overheadMs = 0;

  /** Steps of the next run. */
  get count(): number {
    return this.wanted;
  }

  /** @param isFirst of its session, where kernels are loaded and memory is taken: it says nothing of the next */
  ran(steps: number, milliseconds: number, isFirst: boolean): void {
    if (isFirst) return;
    // Counts that lie close together say more of the machine's moods than of a step.
    if (this.fewest && steps >= 1.5 * this.fewest.steps) {
      this.stepMs = Math.max(0.1, (milliseconds - this.fewest.milliseconds) / (steps - this.fewest.steps));
      this.overheadMs = Math.max(0, milliseconds - steps * this.stepMs);
    }
    if (!this.fewest || steps <= this.fewest.steps) this.fewest = { steps, milliseconds };
    this.wanted = Math.max(1, Math.min(2 * steps, this.stepsThatFit(milliseconds)));
  }

  private stepsThatFit(milliseconds: number): number {
    // Two are tried once, although the first may have taken the whole target: it may all be besides the step.
    if (this.stepMs === undefined) return milliseconds <= 2 * TARGET_MS ? 2 : 1;
    const target = Math.max(TARGET_MS, 2 * this.overheadMs);
    return Math.floor((target - this.overheadMs) / this.stepMs);
  }

  /** When what a step costs has changed. */
  startOver(): void {
    this.wanted = 1;
    this.fewest = undefined;
    this.stepMs = undefined;
    this.overheadMs = 0;
  }
}
