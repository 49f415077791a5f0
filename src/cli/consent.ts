/** The question before a download. */
import { createInterface } from 'node:readline/promises';
import { MedTextError } from '../base/errors';
import type { Context } from './commandLine';
import { bytes } from './terminal';

/** Whether a person can be asked: stdin is a terminal and the output is not JSON. */
export function canAsk({ screen }: Pick<Context, 'screen'>): boolean {
  return !screen.json && process.stdin.isTTY === true;
}

/**
 * Asks "Download 409 MB? [y/N]".
 * @throws MedTextError CANCELLED for Ctrl-C or Ctrl-D.
 */
export async function consentsToDownload(sizeBytes: number, { screen, signal }: Context): Promise<boolean> {
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  signal.addEventListener('abort', abort, { once: true });
  // On a terminal readline receives Ctrl-C and Ctrl-D before the process does.
  asking.once('SIGINT', abort);
  asking.once('close', abort);
  try {
    const answer = await asking.question(`Download ${bytes(sizeBytes)}? [y/N] `, { signal: stop.signal });
    if (/^y(es)?$/i.test(answer.trim())) return true;
    screen.note('Nothing was downloaded.');
    return false;
  } catch (error) {
    throw stop.signal.aborted ? new MedTextError('CANCELLED', 'Nothing was downloaded.') : error;
  } finally {
    signal.removeEventListener('abort', abort);
    asking.close();
  }
}
