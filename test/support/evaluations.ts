import type { ClassificationReport } from '../../src/protocol/evaluation';

/** A complete report on one row and two classes, for tests that read some of its fields. */
export function classificationOf(fields: Partial<ClassificationReport> = {}): ClassificationReport {
  const score = { precision: 1, recall: 1, f1: 1, support: 1 };
  return {
    rows: 1,
    loss: 0,
    accuracy: 1,
    accuracyInterval: [0.2, 1],
    majorityBaseline: 1,
    microF1: 1,
    macroF1: 1,
    macroF1Interval: [1, 1],
    perClass: { '0': score, '1': { ...score, support: 0 } },
    confusionMatrix: [
      [1, 0],
      [0, 0],
    ],
    labels: ['0', '1'],
    ...fields,
  };
}
