/**
 * The output of a command: results on stdout; progress, remarks and errors on stderr. All output passes through `Screen`,
 * because names, labels and texts of untrusted files may contain terminal control characters. `Screen` removes them.
 */
import type { WriteStream } from 'node:tty';
import { cutTo, terminalSafeJson, withoutControls } from '../base/plainText';
import { bar, clip, displayWidth, duration, integer } from './terminal';

export interface ScreenOptions {
  readonly json: boolean;
  readonly stdout?: NodeJS.WritableStream;
  readonly stderr?: NodeJS.WritableStream;
  readonly env?: NodeJS.ProcessEnv;
}

/** The shortest time between two drawings of the bar, and between two progress lines without a terminal. */
const DRAW_MS = 100;
const TELL_MS = 15_000;
/** The limit at which lines are cut. */
const MAX_LINE_LENGTH = 20_000;

/** A part of a line that a terminal shows in bold. */
export class Bold {
  constructor(readonly text: string) {}
}

/** A line of a result as one text or as parts. */
export type Line = string | readonly (string | Bold)[];

/** Prints lines and a progress bar. It clears the bar before it prints a line. */
export class Screen {
  readonly json: boolean;
  private readonly stdout: NodeJS.WritableStream;
  private readonly stderr: NodeJS.WritableStream & Partial<WriteStream>;
  private readonly isTerminal: boolean;
  private readonly hasColour: boolean;
  private drawn = '';
  private drawnAt = 0;
  private toldAt = performance.now();

  constructor(options: ScreenOptions) {
    const env = options.env ?? process.env;
    this.json = options.json;
    this.stdout = options.stdout ?? process.stdout;
    this.stderr = (options.stderr ?? process.stderr) as typeof this.stderr;
    this.isTerminal = this.stderr.isTTY === true && env.TERM !== 'dumb';
    this.hasColour = this.isTerminal && !env.NO_COLOR; // no-color.org: set and not empty
  }

  /** Prints lines of the result for people; nothing with --json. */
  print(...lines: readonly Line[]): void {
    if (this.json) return;
    this.clearBar();
    for (const line of lines) {
      const parts = typeof line === 'string' ? [line] : line;
      this.stdout.write(`${parts.map((part) => (part instanceof Bold ? this.bold(part) : safe(part))).join('')}\n`);
    }
  }

  /** Prints the result or one report as JSON, for programs; nothing without --json. */
  printJson(value: unknown): void {
    if (!this.json) return;
    this.clearBar();
    this.stdout.write(`${terminalSafeJson(JSON.stringify(value))}\n`);
  }

  /** Prints a remark to stderr. */
  note(line: string): void {
    this.clearBar();
    this.stderr.write(`${safe(line)}\n`);
  }

  /**
   * Shows progress: a bar on a terminal, a line every 15 seconds elsewhere.
   * @param share the share that is done, in [0, 1]
   */
  progress(share: number, about: string): void {
    const text = safe(about);
    const now = performance.now();
    if (!this.isTerminal) {
      if (now - this.toldAt < TELL_MS) return;
      this.toldAt = now;
      this.stderr.write(`${(100 * share).toFixed(0).padStart(3)} %  ${text}\n`);
      return;
    }
    if (this.drawn !== '' && share < 1 && now - this.drawnAt < DRAW_MS) return;
    this.drawnAt = now;
    // The last column stays free because some terminals wrap after writing it.
    const columns = Math.max(20, (this.stderr.columns ?? 80) - 1);
    const barColumns = Math.min(30, Math.max(0, columns - displayWidth(text) - 9));
    const filled = barColumns >= 8 ? this.dim(`${bar(share, barColumns)}`) + ' ' : '';
    const rest = columns - (filled === '' ? 0 : barColumns + 1);
    const line = filled + clip(`${(100 * share).toFixed(0).padStart(3)} %  ${text}`, rest);
    this.stderr.write(`\r\x1b[2K${line}`);
    this.drawn = line;
  }

  clearBar(): void {
    if (this.drawn === '') return;
    this.stderr.write('\r\x1b[2K');
    this.drawn = '';
  }

  private bold({ text }: Bold): string {
    const shows = this.hasColour && (this.stdout as Partial<WriteStream>).isTTY;
    return shows ? `\x1b[1m${safe(text)}\x1b[22m` : safe(text);
  }

  private dim(text: string): string {
    return this.hasColour ? `\x1b[36m${text}\x1b[39m` : text;
  }
}

function safe(line: string): string {
  return withoutControls(cutTo(MAX_LINE_LENGTH, line));
}

/** A progress callback for a number of items, which shows their rate and the time left. */
export function countProgress(screen: Screen, noun: string): (done: number, total: number | null) => void {
  let startedAt: number | undefined;
  let first = 0;
  return (done, total) => {
    const now = performance.now();
    // Rates are measured from the first report on, because the time before it includes loading.
    if (startedAt === undefined) [startedAt, first] = [now, done];
    const rate = (done - first) / ((now - startedAt) / 1000);
    const rateText = rate > 0 && Number.isFinite(rate) ? `  ${integer(rate)} ${noun}/s` : '';
    if (total === null) return screen.progress(0, `${integer(done)} ${noun}${rateText}`);
    const left = rate > 0 && done < total ? `  ${duration((total - done) / rate)} left` : '';
    screen.progress(total > 0 ? done / total : 1, `${integer(done)} of ${integer(total)} ${noun}${rateText}${left}`);
  };
}
