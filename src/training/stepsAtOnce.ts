/** How many steps a run takes: a run cannot be interrupted, so it lasts about as long as a person waits for Stop. */

/** What progress and Stop wait for, at most, as far as it is known. */
const TARGET_MS = 2000;

export class StepsAtOnce {
  private wanted = 1;

  /** Steps of the next run. */
  get count(): number {
    return this.wanted;
  }

  /**
   * After a run: at most twice as many next time, since what a run costs besides its steps (parameters and moments come
   * and go) is not known apart.
   * @param isFirst of its session, where kernels are loaded and memory is taken: it says nothing of the next
   */
  ran(steps: number, milliseconds: number, isFirst: boolean): void {
    const scaled = Math.floor((steps * TARGET_MS) / Math.max(milliseconds, 1));
    if (isFirst) this.wanted = Math.min(steps, Math.max(1, scaled));
    else this.wanted = Math.max(1, Math.min(2 * Math.max(steps, this.wanted), scaled));
  }

  /** When what a step costs has changed. */
  startOver(): void {
    this.wanted = 1;
  }
}
