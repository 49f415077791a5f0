import { metricMeasured } from '../protocol/evaluation';
import { usualMetric } from '../protocol/tasks';
import type { RunMetric } from './runStore';

/** The metric on the test data to show: the one that chose the model, or the task's usual one where nothing chose. */
export function testMetric(test: unknown, chosenBy: string | undefined): RunMetric | undefined {
  const metrics = (test ?? {}) as Readonly<Record<string, unknown>>;
  const name = chosenBy ?? metricMeasured(metrics) ?? usualMetric(undefined);
  const value = metrics[name];
  return typeof value === 'number' ? { name, value } : undefined;
}
