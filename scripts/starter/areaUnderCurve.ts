import { ranks } from '../../src/tasks/metrics';

/** The area under the ROC curve: the probability that a pair with label 1 has a higher score than one with label 0 (Mann-Whitney, ties count half). */
export function areaUnderCurve(scores: readonly number[], labels: readonly number[]): number {
  const rank = ranks(scores);
  const positives = labels.filter((label) => label === 1).length;
  const sum = labels.reduce((total, label, i) => total + (label === 1 ? rank[i] : 0), 0);
  return (sum - (positives * (positives + 1)) / 2) / (positives * (labels.length - positives));
}
