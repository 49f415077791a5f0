/** The report of a process that ends itself because a file took more than its budget. The parent process reads it. */
import { MedTextError, words } from './errors';
import { budgetVariable } from './fileWatch';

/** A bound on characters, longer than any report with the beats before it. */
const MAX_REPORT_LENGTH = 100_000;

/** Collects what comes through the pipe of beats: dots, and at most one line of JSON. */
export class OverrunReport {
  private text = '';

  add(chunk: string): void {
    this.text = `${this.text}${chunk}`.replace(/^\.+/, '').slice(0, MAX_REPORT_LENGTH);
  }

  /** The BUDGET error with the file, what it took and what it may take; undefined when the process ended otherwise. */
  error(): MedTextError | undefined {
    const line = /\{.*\}/.exec(this.text)?.[0];
    if (line === undefined) return undefined;
    try {
      const { file, what, seconds, megabytes } = JSON.parse(line) as Record<string, unknown>;
      const limit = what === 'time' ? words`${Number(seconds)} s` : words`${Number(megabytes)} MB of memory`;
      return new MedTextError(
        'BUDGET',
        words`Reading ${String(file)} was stopped: it took more than ${limit}, the limit for a file of its size. The file may be malicious. If you trust it, set ${budgetVariable} to 2 or more, which multiplies the limits.`,
        { file: String(file), what, seconds, megabytes },
      );
    } catch {
      return undefined;
    }
  }
}
