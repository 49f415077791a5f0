import { count, flag, object, text, type Checked } from './check';

/** The file by which a window or a program asks the training of a run's folder to stop. The training removes the file. */
export const STOP_FILE = '.stop';

/** `pid` is the process that is asked. A process that takes the run over later ignores the request. */
const stopRequest = object(
  { pid: count },
  {
    processStart: text,
    host: text,
    /** The training ends at once, without finishing its step and without a checkpoint. */
    now: flag,
  },
);
export type StopRequest = Checked<typeof stopRequest>;

/** The request in a file's text; undefined for any other text. */
export function stopRequestIn(json: string): StopRequest | undefined {
  try {
    return stopRequest(JSON.parse(json), STOP_FILE);
  } catch {
    return undefined;
  }
}
