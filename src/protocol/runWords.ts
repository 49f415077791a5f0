import type { Translate } from '../base/translate';
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

/** What a person calls a metric that reports name `macroF1`. */
export function metricText(metric: string, t: Translate): string {
  const names: Readonly<Record<string, string>> = {
    accuracy: t('accuracy'),
    macroF1: t('macro F1'),
    microF1: t('micro F1'),
    binaryF1: t('binary F1'),
    pearson: t('Pearson'),
    spearman: t('Spearman'),
    mse: t('mean squared error'),
    mae: t('mean absolute error'),
    loss: t('validation loss'),
  };
  return Object.hasOwn(names, metric) ? names[metric] : metric;
}
