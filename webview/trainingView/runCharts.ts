import type { Translate } from '../../src/base/translate';
import { metricText } from '../../src/protocol/runWords';
import type { ShownRun } from '../../src/protocol/trainingView';
import type { Charts, SeriesLook } from '../shared/chart';
import { lossCurves, metricCurves, metricsOf } from './curves';

export interface ChartChoices {
  /** The metric that the person chose. */
  readonly metric?: string;
  readonly smoothing: number;
}

/** The name of the metric that is drawn: the person's choice if the run has this metric, otherwise the run's first. */
export function shownMetric(run: ShownRun, { metric }: Pick<ChartChoices, 'metric'>): string | undefined {
  const metrics = metricsOf(run);
  return metric !== undefined && metrics.includes(metric) ? metric : metrics[0];
}

/** Draws a run's losses and the chosen metric into the charts `loss` and `metric`. */
export function showRun(
  charts: Pick<Charts<'loss' | 'metric'>, 'show'>,
  run: ShownRun,
  choices: ChartChoices,
  t: Translate,
): void {
  const stepWord = (step: number): string => t('Step {0}', step);
  const losses: SeriesLook[] = [
    { label: t('one step'), color: '--train', width: 1, opacity: 0.3 },
    { label: t('training loss'), color: '--train', width: 2 },
    { label: t('validation loss'), color: '--check', width: 2, dashed: true, points: 5 },
  ];
  charts.show('loss', lossCurves(run, choices.smoothing), losses, stepWord);
  const metric = shownMetric(run, choices);
  if (metric === undefined) return;
  const values: SeriesLook[] = [
    { label: metricText(metric, t), color: '--check', width: 2, points: 5 },
    { label: t('best'), color: '--good', width: 0, points: 10 },
  ];
  charts.show('metric', metricCurves(run, metric), values, stepWord);
}
