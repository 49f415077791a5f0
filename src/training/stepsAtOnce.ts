/** How many steps a run takes: a run cannot be interrupted, so it lasts about as long as a person waits for Stop. */

/** What progress and Stop wait for. */
const TARGET_MS = 2000;

/**
 * A run costs its steps, and something besides them: parameters and moments come and go. Both are told apart by runs of
 * different counts; where what is besides them takes most of the target, the steps are given as much time again.
 */
export class StepsAtOnce {
  private wanted = 1;
  private last: { readonly steps: number; readonly milliseconds: number } | undefined;
  private overheadMs = 0;

  /** Steps of the next run. */
  get count(): number {
    return this.wanted;
  }

  /** @param isFirst of its session, where kernels are loaded and memory is taken: it says nothing of the next */
  ran(steps: number, milliseconds: number, isFirst: boolean): void {
    if (isFirst) return;
    const { last } = this;
    if (last && last.steps !== steps) {
      const stepMs = Math.max(0, (milliseconds - last.milliseconds) / (steps - last.steps));
      this.overheadMs = Math.max(0, milliseconds - steps * stepMs);
    }
    this.last = { steps, milliseconds };
    const overheadMs = Math.min(this.overheadMs, milliseconds);
    const stepMs = Math.max((milliseconds - overheadMs) / steps, 0.01);
    const target = Math.max(TARGET_MS, 2 * overheadMs);
    // At most twice as many at a time: what was measured of few steps says little of many. At first it is not known what
    // is besides the steps, hence never fewer than two.
    this.wanted = Math.max(2, Math.min(2 * steps, Math.floor((target - overheadMs) / stepMs)));
    if (milliseconds > TARGET_MS && overheadMs < TARGET_MS / 2 && steps <= 2) this.wanted = 1;
  }

  /** When what a step costs has changed. */
  startOver(): void {
    this.wanted = 1;
    this.last = undefined;
    this.overheadMs = 0;
  }
}
