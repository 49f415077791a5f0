/** Rate and time left of a training. The first steps are left out: a graph's first runs are slower than its later ones. */
export class StepClock {
  private static readonly SKIPPED = 2;
  /** Recent steps weigh more, since lengths and the machine's load change. */
  private static readonly DECAY = 0.98;
  private steps = 0;
  private weight = 0;
  private examples = 0;
  private seconds = 0;
  private pausedSeconds = 0;
  private lastMs: number;

  constructor(
    private readonly totalSteps: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.lastMs = nowMs();
  }

  stepDone(examples: number): void {
    this.stepsDone([examples]);
  }

  /** Steps that were computed at once: each took its share of the time. @param examples of each */
  stepsDone(examples: readonly number[]): void {
    const now = this.nowMs();
    const seconds = (now - this.lastMs) / 1000 / examples.length;
    this.lastMs = now;
    for (const count of examples) {
      this.steps++;
      // Until there are better ones, slow first steps are what is known.
      const decay = this.steps <= StepClock.SKIPPED + 1 ? 0 : StepClock.DECAY;
      this.weight = this.weight * decay + 1;
      this.examples = this.examples * decay + count;
      this.seconds = this.seconds * decay + seconds;
    }
  }

  /** Evaluating and saving: not part of the rate, but of the time left. */
  async pause<T>(work: () => Promise<T>): Promise<T> {
    const start = this.nowMs();
    try {
      return await work();
    } finally {
      this.lastMs = this.nowMs();
      this.pausedSeconds += (this.lastMs - start) / 1000;
    }
  }

  get examplesPerSecond(): number {
    return this.seconds > 0 ? this.examples / this.seconds : 0;
  }

  get secondsLeft(): number {
    const perStep = this.seconds / this.weight + this.pausedSeconds / this.steps;
    return (this.totalSteps - this.steps) * perStep;
  }
}
