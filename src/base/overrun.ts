/** What a process says when it ends itself because a file took more than its budget, read by the one that started it. */
import { MedTextError, words } from './errors';
import { budgetVariable } from './fileWatch';

/** Longer than any report, beats included that came before it. */
const MAX_REPORT_LENGTH = 100_000;

/** Gathers what comes through the pipe of beats: dots, and at most one line of JSON. */
export class OverrunReport {
  private text = '';

  add(chunk: string): void {
    this.text = `${this.text}${chunk}`.replace(/^\.+/, '').slice(0, MAX_REPORT_LENGTH);
  }

  /** BUDGET with the file, what it took and what it may take; undefined when the process ended otherwise. */
  error(): MedTextError | undefined {
    const line = /\{.*\}/.exec(this.text)?.[0];
    if (line === undefined) return undefined;
    try {
      const { file, what, seconds, megabytes } = JSON.parse(line) as Record<string, unknown>;
      const limit = what === 'time' ? words`${Number(seconds)} s` : words`${Number(megabytes)} MB of memory`;
      return new MedTextError(
        'BUDGET',
        words`${String(file)} was given up: reading it took more than ${limit}, the most that a file of its size may take. It may be made to do harm. If it is not, set ${budgetVariable} to 2 or more, which multiplies what files may take.`,
        { file: String(file), what, seconds, megabytes },
      );
    } catch {
      return undefined;
    }
  }
}
