import { metricMeasured } from '../protocol/evaluation';
import { usualMetric } from '../protocol/tasks';
import type { RunMetric } from './runStore';

/** Of the metrics on the test data the one that chose the model, or where there was nothing to choose by, the usual one. */
export function testMetric(test: unknown, chosenBy: string | undefined): RunMetric | undefined {
  const metrics = (test ?? {}) as Readonly<Record<string, unknown>>;
  const name = chosenBy ?? metricMeasured(metrics) ?? usualMetric(undefined);
  const value = metrics[name];
  return typeof value === 'number' ? { name, value } : undefined;
}
