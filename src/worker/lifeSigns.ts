import type { Silence } from '../protocol/silence';

export interface SilenceLimits {
  /** Longest pause between two beats of the watching thread, which no work can hold up. */
  readonly frozenMs: number;
  /** Longest time in one call of the runtime that is taken for work, whatever came before. */
  readonly blockedMs: number;
}

/** The thread beats every two seconds; the first training step of a large encoder may take minutes. */
export const usualSilenceLimits: SilenceLimits = { frozenMs: 15_000, blockedMs: 600_000 };

const longestTickMs = 2000;

/**
 * Tells work from a hang. A child has two voices: a thread that beats whatever the child does, and the main thread,
 * which is silent for as long as one call of the runtime lasts. The main thread may be silent for ten times its longest
 * silence so far, but for `blockedMs` in any case. Pure; the caller gives the time.
 */
export class LifeSigns {
  private beatSilenceMs: number | undefined;
  private mainSilenceMs = 0;
  private longestMs = 0;
  private current: Silence | undefined;

  constructor(
    private readonly limits: SilenceLimits,
    /** Called when a silence begins, and with undefined when it has ended. */
    private readonly onChange: (silence: Silence | undefined) => void,
  ) {}

  /** A beat of the child's second thread. A child that never beats is judged by its main thread alone. */
  beat(): void {
    this.beatSilenceMs = 0;
    this.judge();
  }

  /** Anything that the child's main thread said. */
  message(): void {
    this.longestMs = Math.max(this.longestMs, this.mainSilenceMs);
    this.mainSilenceMs = 0;
    this.judge();
  }

  /** @param elapsedMs since the last tick; more than a moment means that this process itself was held up or asleep */
  tick(elapsedMs: number): void {
    const counted = Math.min(elapsedMs, longestTickMs);
    if (this.beatSilenceMs !== undefined) this.beatSilenceMs += counted;
    this.mainSilenceMs += counted;
    this.judge();
  }

  private judge(): void {
    const { frozenMs, blockedMs } = this.limits;
    const beatMs = this.beatSilenceMs ?? 0;
    const kind =
      beatMs > frozenMs
        ? 'frozen'
        : this.mainSilenceMs > Math.max(blockedMs, 10 * this.longestMs)
          ? 'blocked'
          : undefined;
    if (kind === this.current?.kind) return;
    this.current = kind && {
      kind,
      seconds: Math.round((kind === 'frozen' ? beatMs : this.mainSilenceMs) / 1000),
    };
    this.onChange(this.current);
  }
}
