import { sep } from 'node:path';
import { MedTextError } from '../base/errors';

/**
 * Asks again, once, when the process has ended itself for a file that this request does not name: who was waiting beside a
 * file made to do harm gets the answer from the next process.
 */
export async function unlessForOtherFile<T>(about: unknown, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof MedTextError) || error.code !== 'BUDGET' || names(about, overrunFile(error))) throw error;
    // First everybody hears of the end; what was open is then being opened once more.
    await new Promise((turn) => setImmediate(turn));
    return ask();
  }
}

/** The file for which the process ended itself. */
export function overrunFile({ detail }: MedTextError): string {
  return String(detail.file);
}

/** Whether the file, or a folder that it lies in, stands anywhere in the value. */
export function names(value: unknown, file: string): boolean {
  if (typeof value === 'string') return value !== '' && (file === value || file.startsWith(value.endsWith(sep) ? value : `${value}${sep}`)); // prettier-ignore
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((item) => names(item, file));
}
