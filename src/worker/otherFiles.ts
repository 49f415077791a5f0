import { sep } from 'node:path';
import { MedTextError } from '../base/errors';

/**
 * Sends a request once more if the process has ended itself for a file that the request does not name. So one harmful file
 * does not fail the requests on other files.
 */
export async function unlessForOtherFile<T>(about: unknown, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof MedTextError) || error.code !== 'BUDGET' || names(about, overrunFile(error))) throw error;
    // The next turn lets every listener handle the end and begin to reopen what was open.
    await new Promise((turn) => setImmediate(turn));
    return ask();
  }
}

/** The path of the file for which the process ended itself. */
export function overrunFile({ detail }: MedTextError): string {
  return String(detail.file);
}

/** Whether the value contains the file's path or the path of a folder above it. */
export function names(value: unknown, file: string): boolean {
  if (typeof value === 'string') return value !== '' && (file === value || file.startsWith(value.endsWith(sep) ? value : `${value}${sep}`)); // prettier-ignore
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((item) => names(item, file));
}
