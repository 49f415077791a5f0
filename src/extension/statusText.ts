import { durationText } from '../base/durationText';
import type { Translate } from '../base/translate';
import { choiceText, computingText, deviceText, lostDeviceText } from '../protocol/deviceWords';
import { evaluationProgressText, preparationText } from '../protocol/runWords';
import type { TrainingState } from './trainingService';

/** What the status bar says; undefined when nothing runs. */
export function statusText(
  { phase, report, silence, preparing, evaluating }: TrainingState,
  t: Translate,
): string | undefined {
  if (phase === 'idle') return undefined;
  if (silence) return t('The training does not respond');
  if (phase === 'stopping') return t('Stopping after this step…');
  if (!report) return preparing ? preparationText(preparing, t) : t('Training starts…');
  if (evaluating) return evaluationProgressText(evaluating, t);
  const percent = Math.floor((100 * report.step) / Math.max(1, report.totalSteps));
  const parts = [`${percent} %`, `${t('loss')} ${report.loss.toFixed(3)}`, durationText(report.secondsLeft, t)];
  return [...parts, ...(report.device ? [deviceText(report.device, t)] : [])].join(' · ');
}

/** The particulars: how far, how fast, on what, and why on nothing else. */
export function statusTooltip(state: TrainingState, t: Translate): string {
  const { request, report, chosenDevice, lostDevice } = state;
  const lines = [request?.name ?? ''];
  const device = report?.device ?? chosenDevice?.device;
  if (report) {
    lines.push(t('Step {0} of {1}, epoch {2}', report.step, report.totalSteps, report.epoch.toFixed(2)));
    lines.push(t('{0} examples a second', report.examplesPerSecond.toFixed(1)));
  }
  if (device !== undefined) lines.push(t('Device: {0}', computingText(device, precisionOf(state), t)));
  if (lostDevice !== undefined) lines.push(lostDeviceText(lostDevice, device ?? '', t));
  if (chosenDevice) lines.push('', t('Self-test of this machine’s devices:'), ...choiceText(chosenDevice, t));
  return lines.join('\n');
}

function precisionOf({ request }: TrainingState): string | undefined {
  const precision = (request?.recipe.train as { precision?: unknown } | undefined)?.precision;
  return typeof precision === 'string' ? precision : undefined;
}
