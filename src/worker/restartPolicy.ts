/** Decides whether a crashed process may be started again: not after repeated crashes. The caller passes the time. */
export class RestartPolicy {
  private crashes: number[] = [];

  constructor(
    private readonly maxCrashes = 3,
    private readonly windowMs = 5 * 60_000,
  ) {}

  crashed(nowMs: number): void {
    this.crashes = [...this.crashes, nowMs].filter((time) => nowMs - time < this.windowMs);
  }

  mayStart(nowMs: number): boolean {
    return this.crashes.filter((time) => nowMs - time < this.windowMs).length < this.maxCrashes;
  }

  /** Forgets earlier crashes, because a person asked for the restart. */
  reset(): void {
    this.crashes = [];
  }
}
