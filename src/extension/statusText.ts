import { durationText } from '../base/durationText';
import type { Translate } from '../base/translate';
import type { TrainingState } from './trainingService';

/** What the status bar says; undefined when nothing runs. */
export function statusText({ phase, report, silence }: TrainingState, t: Translate): string | undefined {
  if (phase === 'idle') return undefined;
  if (silence) return t('The training does not answer');
  if (phase === 'stopping') return t('Stopping after this step…');
  if (!report) return t('Training starts…');
  const percent = Math.floor((100 * report.step) / Math.max(1, report.totalSteps));
  return `${percent} % · ${t('loss')} ${report.loss.toFixed(3)} · ${durationText(report.secondsLeft, t)}`;
}
