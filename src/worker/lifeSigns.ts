import type { Silence } from '../protocol/silence';

export interface SilenceLimits {
  /** The longest pause between two beats of the watching thread, which work does not block. */
  readonly frozenMs: number;
  /** The time in one call of the runtime that always counts as work. */
  readonly blockedMs: number;
}

/** The usual limits. The watching thread beats every two seconds, and the first step of a large encoder may take minutes. */
export const usualSilenceLimits: SilenceLimits = { frozenMs: 15_000, blockedMs: 600_000 };

const longestTickMs = 2000;

/**
 * Tells work from a hang. A child gives two signs: beats of a second thread, and messages of the main thread, which is silent
 * during a call of the runtime. The main thread may be silent for ten times its longest silence so far, and for `blockedMs` in
 * any case. The caller passes the time.
 */
export class LifeSigns {
  private beatSilenceMs: number | undefined;
  private mainSilenceMs = 0;
  private longestMs = 0;
  private current: Silence | undefined;

  constructor(
    private readonly limits: SilenceLimits,
    /** Called when a silence begins, and with undefined when the silence ends. */
    private readonly onChange: (silence: Silence | undefined) => void,
  ) {}

  /** Records a beat of the child's second thread. A child without beats is judged by its main thread only. */
  beat(): void {
    this.beatSilenceMs = 0;
    this.judge();
  }

  /** Records a message of the child's main thread. */
  message(): void {
    this.longestMs = Math.max(this.longestMs, this.mainSilenceMs);
    this.mainSilenceMs = 0;
    this.judge();
  }

  /** @param elapsedMs the time since the last tick; a long time means that this process itself was blocked or asleep */
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
