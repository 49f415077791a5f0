import { durationText } from '../base/durationText';
import type { Translate } from '../base/translate';
import { translated } from '../base/words';
import { metricTitle } from './tasks';
import type { EvaluationProgress, PreparationProgress } from './trainer';
import type { RunPhase, RunPlace } from './trainingView';

export function phaseText(phase: RunPhase, t: Translate): string {
  const words: Readonly<Record<RunPhase, string>> = {
    starting: t('starting'),
    running: t('running'),
    stopping: t('stopping'),
    finished: t('finished'),
    stopped: t('stopped'),
    interrupted: t('interrupted'),
    failed: t('failed'),
  };
  return words[phase];
}

/** One sentence on where a run trains that another window or program has started. */
export function placeText({ program, machine }: RunPlace, t: Translate): string {
  if (machine !== undefined) {
    return program === 'terminal'
      ? t('It trains in a terminal on {0}.', machine)
      : t('It trains in the editor on {0}.', machine);
  }
  if (program === 'terminal') return t('It trains in a terminal.');
  return program === 'window' ? t('It trains in another window.') : t('It trains without a window.');
}

/** Where a run trains, in a few words beside its name. */
export function placeWord({ program, machine }: RunPlace, t: Translate): string {
  if (machine !== undefined) return t('on {0}', machine);
  if (program === 'terminal') return t('in a terminal');
  return program === 'window' ? t('in another window') : t('without a window');
}

/** The progress of preparing the corpus, for which the training waits. */
export function preparationText({ doneBytes, totalBytes, secondsLeft }: PreparationProgress, t: Translate): string {
  const percent = Math.floor((100 * doneBytes) / Math.max(1, totalBytes));
  return t('Preparing the texts: {0} %, {1} left', percent, durationText(secondsLeft, t));
}

/** The progress of an evaluation, for which the training waits. */
export function evaluationProgressText({ split, done, total, secondsLeft }: EvaluationProgress, t: Translate): string {
  const left = durationText(secondsLeft, t);
  return split === 'test'
    ? t('Testing: {0} of {1} rows, {2} left', done, total, left)
    : t('Evaluating: {0} of {1} rows, {2} left', done, total, left);
}

/** The name for people of a metric such as `macroF1`. */
export function metricText(metric: string, t: Translate): string {
  const title = metricTitle(metric);
  return title ? translated(title, t) : metric;
}

/** The name for people of one part of a loss. */
export function lossPartText(part: string, t: Translate): string {
  const names: Readonly<Record<string, string>> = {
    plain: t('Loss of the labels'),
    noise: t('Divergence under noise'),
    adversarial: t('Adversarial loss'),
    divergence: t('Divergence of the passes'),
    masked: t('Loss of masked tokens'),
    shuffled: t('Loss of shuffled tokens'),
    sentence: t('Loss of sentence order'),
    masked_accuracy: t('Accuracy on masked tokens'),
    shuffled_accuracy: t('Accuracy on shuffled tokens'),
    sentence_accuracy: t('Accuracy on sentence order'),
  };
  return Object.hasOwn(names, part) ? names[part] : part;
}

export function testMetricText(metric: string, t: Translate): string {
  return metric === 'loss' ? t('Test loss') : t('Test {0}', metricText(metric, t));
}
