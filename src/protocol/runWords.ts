import { durationText } from '../base/durationText';
import type { Translate } from '../base/translate';
import { translated } from '../base/words';
import { metricTitle } from './tasks';
import type { EvaluationProgress } from './trainer';
import type { RunPhase } from './trainingView';

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

/** How far the evaluation is that the training waits for. */
export function evaluationProgressText({ split, done, total, secondsLeft }: EvaluationProgress, t: Translate): string {
  const left = durationText(secondsLeft, t);
  return split === 'test'
    ? t('Testing: {0} of {1} rows, {2} left', done, total, left)
    : t('Evaluating: {0} of {1} rows, {2} left', done, total, left);
}

/** What a person calls a metric that reports name `macroF1`. */
export function metricText(metric: string, t: Translate): string {
  const title = metricTitle(metric);
  return title ? translated(title, t) : metric;
}

/** What a part of a loss of several forward passes is called. */
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
