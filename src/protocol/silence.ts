import { durationText } from '../base/durationText';
import type { Translate } from '../base/translate';
import { number, object, oneOf, type Checked } from './check';

/**
 * A child process that gives no sign of life. `frozen`: none of its threads runs, because the process was paused or the
 * machine has no memory left. `blocked`: its main thread has been inside one call for longer than work explains.
 */
export const silence = object({ kind: oneOf('frozen', 'blocked'), seconds: number });
export type Silence = Checked<typeof silence>;

/** The message about a silent training, for the notification and the Training view: what it means and what to do. */
export function trainingSilenceText(name: string, { kind, seconds }: Silence, t: Translate): string {
  const duration = durationText(seconds, t);
  return kind === 'frozen'
    ? t('The process that trains {0} has made no progress for {1}: it was paused, or the memory has run out. Wait for it, or stop it now and resume from its last checkpoint.', name, duration) // prettier-ignore
    : t('{0} has been in one step for {1}, far longer than its steps before. Wait for it, or stop it now and resume from its last checkpoint.', name, duration); // prettier-ignore
}
