import { ranks } from '../../src/tasks/metrics';

/** The probability that a pair of label 1 has the higher score (Mann-Whitney, ties by half). */
export function areaUnderCurve(scores: readonly number[], labels: readonly number[]): number {
  const rank = ranks(scores);
  const positives = labels.filter((label) => label === 1).length;
  const sum = labels.reduce((total, label, i) => total + (label === 1 ? rank[i] : 0), 0);
  return (sum - (positives * (positives + 1)) / 2) / (positives * (labels.length - positives));
}
